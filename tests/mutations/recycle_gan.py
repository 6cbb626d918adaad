from tests.mutations import of


def edits():
    edit = of("recycle_gan")
    recycle_a = "self.distance(a[2], self.generator_ba(fake_b[2], training=True))"
    recycle_b = "self.distance(b[2], self.generator_ab(fake_a[2], training=True))"
    judged_a, judged_b = (f"judged(self.discriminator_{x}, {x}, [*fake_{x}, next_{x}])" for x in "ab")
    next_frames = "next_a, next_b = following(self.predictor_a, a[:2]), following(self.predictor_b, b[:2])"
    pair = "losses.lsgan_discriminator_loss(*logits)"
    return [
        edit(
            "translated clips continued by the predictor of their own domain",
            "translated(self.generator_ab, self.predictor_b, a)",
            "translated(self.generator_ab, self.predictor_a, a)",
        ),
        edit(
            "b is translated by the wrong generator",
            "translated(self.generator_ba, self.predictor_a, b)",
            "translated(self.generator_ab, self.predictor_a, b)",
        ),
        edit(
            "the third frame translated, not predicted",
            "return [*fakes, following(predictor, fakes)]",
            "return together(generator, clip)",
        ),
        edit(
            "a gradient stopped between translation and prediction",
            "return [*fakes, following(predictor, fakes)]",
            "return [*fakes, following(predictor, [tf.stop_gradient(fake) for fake in fakes])]",
        ),
        edit(
            "the predictor is given the later frame first",
            "predictor(tf.concat(frames, axis=-1)",
            "predictor(tf.concat(frames[::-1], axis=-1)",
        ),
        edit(
            "clips backwards in time", "return tf.unstack(clips, axis=1)\n", "return tf.unstack(clips, axis=1)[::-1]\n"
        ),
        edit("recycle from a: to the second frame", recycle_a, recycle_a.replace("a[2]", "a[1]")),
        edit("recycle from a: by the wrong generator", recycle_a, recycle_a.replace("generator_ba", "generator_ab")),
        edit("recycle from b: of the second fake", recycle_b, recycle_b.replace("fake_a[2]", "fake_a[1]")),
        edit(
            "recycle from a through a stopped gradient",
            recycle_a,
            recycle_a.replace("fake_b[2]", "tf.stop_gradient(fake_b[2])"),
        ),
        edit("recycle from b outside of training", recycle_b, recycle_b.replace("True", "False")),
        edit("no recycle from a", "self.recycle_weights[0] * recycle_a", "0.0 * recycle_a"),
        edit(
            "the weights of recycling swapped",
            "self.recycle_weights = recycle_weights",
            "self.recycle_weights = recycle_weights[::-1]",
        ),
        edit("no prediction of b", "self.prediction_weights[1] * prediction_b", "0.0 * prediction_b"),
        edit("the prediction of a by its recycle weight", "self.prediction_weights[0]", "self.recycle_weights[0]"),
        edit("recycle weights 1 by default", "recycle_weights=(10.0, 10.0)", "recycle_weights=(1.0, 1.0)"),
        edit("prediction weights 1 by default", "prediction_weights=(10.0, 10.0)", "prediction_weights=(1.0, 1.0)"),
        edit("squares by default", 'distance="l1",', 'distance="l2",'),
        edit("squares in place of absolutes", 'if distance == "l1" else', 'if distance == "l2" else'),
        edit("predicted from the last two frames", next_frames, next_frames.replace("a[:2]", "a[1:]")),
        edit("predictors swapped", next_frames, next_frames.replace("_a, a[", "_b, a[").replace("_b, b[", "_a, b[")),
        edit("G: the factor 2 dropped", "return 2.0 * tf.add_n", "return tf.add_n"),
        edit("G: the sign flipped", "return 2.0 * tf.add_n", "return -2.0 * tf.add_n"),
        edit(
            "G: the prediction is not judged",
            "in together(discriminator, fakes)])",
            "in together(discriminator, fakes[:2])])",
        ),
        edit(
            "G: b is judged by the discriminator of a",
            "adversarial(self.discriminator_b, fake_b)",
            "adversarial(self.discriminator_a, fake_b)",
        ),
        edit(
            "G: a gradient stopped at fakes",
            "for logits in together(discriminator, fakes)]",
            "for logits in together(discriminator, [tf.stop_gradient(x) for x in fakes])]",
        ),
        edit(
            "networks called outside of training",
            "network(tf.concat(frames, axis=0), training=True)",
            "network(tf.concat(frames, axis=0), training=False)",
        ),
        edit("D: real and fake swapped", pair, "losses.lsgan_discriminator_loss(*logits[::-1])"),
        edit("D: not halved", f"tf.add_n([{pair}", f"tf.add_n([2.0 * {pair}"),
        edit("D of a: real frames of b", judged_a, judged_a.replace(", a,", ", b,")),
        edit("D of b: the fakes of a", judged_b, judged_b.replace("*fake_b", "*fake_a")),
        edit("D of a: the last frame translated twice", judged_a, judged_a.replace("next_a", "fake_a[2]")),
        edit("D: the prediction against the first frame", "[*real, real[-1]]", "[*real, real[0]]"),
        edit(
            "D on fakes of the translators after their step",
            "            d_loss = judged(self.discriminator_a",
            "            fake_b = translated(self.generator_ab, self.predictor_b, a)\n"
            "            d_loss = judged(self.discriminator_a",
        ),
        edit(
            "a to b served by the wrong generator",
            "return self.generator_ab(image, training=False)",
            "return self.generator_ba(image, training=False)",
        ),
        edit(
            "served in training",
            "tf.unstack(frames, axis=1), training=False)\n\n    def next_b",
            "tf.unstack(frames, axis=1), training=True)\n\n    def next_b",
        ),
        edit(
            "next of b served by the predictor of a",
            "following(self.predictor_b, tf.unstack",
            "following(self.predictor_a, tf.unstack",
        ),
    ]
