from tests.mutations import of


def edits():
    edit = of("pix2pix_hd")
    d_loss = "losses.lsgan_discriminator_loss(a[-1], b[-1])"
    g_loss = "tf.add_n([2.0 * losses.lsgan_generator_loss(scale[-1]) for scale in on_fake])"
    total = "total = g_loss + self.fm_weight * matching + self.vgg_weight * perceptual"
    matched = "losses.l1(tf.stop_gradient(a), b) for a, b in zip(x[:-1], y[:-1], strict=True)"
    fakes, encoded = "self.judge(source, real), self.judge(source, fake)", "self.encode(real, instance, training=True)"
    enhanced, coarse = "self.enhancer([given, coarse], training=training)", "self.generator(self.halve(given)"
    steps = "self.minimize(total, g_tape, self.g_optimizer)", "self.minimize(d_loss, d_tape, self.d_optimizer)"
    mean = "tf.gather(total, number) / tf.gather(count, number)"
    return [
        edit("D: real and fake swapped", d_loss, "losses.lsgan_discriminator_loss(b[-1], a[-1])"),
        edit("D: not halved", d_loss, f"2.0 * {d_loss}"),
        edit(
            "D: the mean over scales",
            f"tf.add_n([{d_loss} for a, b in pairs])",
            f"tf.add_n([{d_loss} for a, b in pairs]) / len(on_real)",
        ),
        edit(
            "D: the finest scale alone",
            f"tf.add_n([{d_loss} for a, b in pairs])",
            f"tf.add_n([{d_loss} for a, b in list(pairs)[:1]])",
        ),
        edit("D: features in place of logits", d_loss, d_loss.replace("-1", "0")),
        edit("G: halved", g_loss, g_loss.replace("2.0 * ", "")),
        edit("G: the mean over scales", f"g_loss = {g_loss}", f"g_loss = {g_loss} / len(on_fake)"),
        edit("G: the sign flipped", f"g_loss = {g_loss}", f"g_loss = -{g_loss}"),
        edit("G: wants what D calls a fake", g_loss, g_loss.replace("(scale[-1])", "(scale[-1], c=0.0)")),
        edit("features: not matched", total, total.replace("self.fm_weight * matching", "0.0 * matching")),
        edit("features: their weight 1", total, total.replace("self.fm_weight * matching", "matching")),
        edit("features: torn apart", total, total.replace("+ self.fm_weight", "- self.fm_weight")),
        edit(
            "features: matched by the fakes' stopped",
            matched,
            matched.replace("stop_gradient(a), b", "stop_gradient(b), a"),
        ),
        edit("features: real ones pulled too", matched, matched.replace("tf.stop_gradient(a)", "a")),
        edit("features: the logits too", matched, matched.replace("[:-1]", "")),
        edit("features: the first alone", matched, matched.replace("[:-1]", "[:1]")),
        edit("features: summed over layers", " / (len(x) - 1)\n", "\n"),
        edit("features: summed over scales", "return 4.0 * tf.add_n(each) / len(each)", "return 4.0 * tf.add_n(each)"),
        edit("features: a quarter", "return 4.0 * tf.add_n(each)", "return tf.add_n(each)"),
        edit("lambda = 1 by default", "fm_weight=10.0", "fm_weight=1.0"),
        edit("VGG: not weighed", total, total.replace("self.vgg_weight * perceptual", "perceptual")),
        edit("VGG: weight 1 by default", "vgg_weight=10.0", "vgg_weight=1.0"),
        edit("VGG: all layers alike", "weight * losses.l1(", "losses.l1("),
        edit(
            "VGG: a gradient stopped at the fakes",
            "losses.l1(tf.stop_gradient(a), b) for weight",
            "losses.l1(a, tf.stop_gradient(b)) for weight",
        ),
        edit("VGG: its deepest layer counts half", '"block5_conv1": 1.0', '"block5_conv1": 0.5'),
        edit("D: judges fakes as real", fakes, "self.judge(source, fake), self.judge(source, fake)"),
        edit("D: judged beside no edges", fakes, fakes.replace("source, fake", "0.0 * source, fake")),
        edit(
            "D: judges outside of training",
            "self.discriminator([condition, image], training=True)",
            "self.discriminator([condition, image], training=False)",
        ),
        edit("G: made outside of training", f"{encoded}, training=True)", f"{encoded}, training=False)"),
        edit("D: does not train", steps[1], ""),
        edit("E: of the fakes' input", encoded, encoded.replace("real", 'batch["image"]')),
        edit("E: outside of training", encoded, encoded.replace("True", "False")),
        edit(
            "E: not averaged",
            "instance_mean(self.encoder(target, training=training), instance)",
            "self.encoder(target, training=training)",
        ),
        edit(
            "E: gets no gradient",
            "total = tf.math.unsorted_segment_sum(flat,",
            "total = tf.math.unsorted_segment_sum(tf.stop_gradient(flat),",
        ),
        edit(
            "E: does not train",
            'for role in players if role != "generator" or not fix_global',
            'for role in players if role != "encoder" and (role != "generator" or not fix_global)',
        ),
        edit("instances: sums for means", mean, "tf.gather(total, number)"),
        edit(
            "instances: over the batch",
            "return place + pixels * tf.range(count)[:, None]",
            "return place + 0 * pixels * tf.range(count)[:, None]",
        ),
        edit("instances: not back in place", "tf.argsort(order), batch_dims=1", "order, batch_dims=1"),
        edit("G1: trains while it is held", 'role != "generator" or not fix_global', 'role != "generator" or True'),
        edit("G1: is held when it is not", 'role != "generator" or not fix_global', 'role != "generator"'),
        edit("G1: outside of training", f"{coarse}, training=training)", f"{coarse}, training=not training)"),
        edit("G1: of every second pixel", "self.halve(given)", "given[:, ::2, ::2]"),
        edit("G2: without what G1 gives", enhanced, enhanced.replace("coarse]", "0.0 * coarse]")),
        edit("G2: outside of training", enhanced, enhanced.replace("=training", "=not training")),
        edit(
            "the styles not given",
            "tf.concat([condition, style], axis=-1)",
            "tf.concat([condition, 0.0 * style], axis=-1)",
        ),
        edit(
            "edges: on one side alone",
            "tf.pad(down, [[0, 0], [i, 1 - i], [0, 0], [0, 0]]) for i in (0, 1)",
            "tf.pad(down, [[0, 0], [i, 1 - i], [0, 0], [0, 0]]) for i in (0, 0)",
        ),
        edit("edges: across alone", "beside += ", "beside = "),
        edit("edges: counted twice in a corner", "tf.reduce_max(tf.stack(beside)", "tf.reduce_sum(tf.stack(beside)"),
        edit("styles: of small instances too", "32 * count > 0.5 * ids.size", "32 * count > 0.0 * ids.size"),
        edit("styles: drawn for each pixel", "tf.gather(drawn, tf.gather(first, number), batch_dims=1)", "drawn"),
        edit("the pool counts the border", "return total / share", "return total", file="layers.py"),
    ]
