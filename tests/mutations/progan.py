from tests.mutations import of


def edits():
    edit = of("progan")
    total = "total = d_loss + self.gp_weight * gp + self.drift_weight * drift"
    pair, drift = "judged(real), judged(fake)", "tf.reduce_mean(tf.square(real_logits))"
    whole, g_loss = (
        "training=training) / 2**self.stage.times",
        "losses.wasserstein_generator_loss(judged(made()))",
    )
    update = "averages.update(self.average, self.generator, self.decay)"
    g_step, d_step = "self.minimize(g_loss, tape, self.g_optimizer)", "self.minimize(total, tape, self.d_optimizer)"
    faded = "(1.0 - alpha) * doubled(halved(image)) + alpha * image"
    served = "image = self.average(self.stage.given(z, alpha), training=training)"
    return [
        edit("D: real and fake swapped", pair, "judged(fake), judged(real)"),
        edit("the penalty dropped", total, total.replace(" + self.gp_weight * gp", "")),
        edit("the penalty's sign flipped", total, total.replace("+ self.gp", "- self.gp")),
        edit("lambda = 1 by default", "gp_weight=10.0", "gp_weight=1.0"),
        edit("the drift dropped", total, total.replace(" + self.drift_weight * drift", "")),
        edit("the drift of fakes", drift, drift.replace("real", "fake")),
        edit("the drift of the mean", drift, "tf.square(tf.reduce_mean(real_logits))"),
        edit("the penalty in the level's own pixels", whole, "training=training)"),
        edit("the penalty's slope divided twice", whole, whole.replace("2**", "4**")),
        edit(
            "D: fakes of the average",
            "return self.generator(self.stage.given(self.prior",
            "return self.average(self.stage.given(self.prior",
        ),
        edit("G: the sign flipped", g_loss, f"-{g_loss}"),
        edit("G: judged outside of training", g_loss, g_loss.replace("made())", "made(), False)")),
        edit("G: made outside of training", "alpha), training=True)", "alpha), training=False)"),
        edit("the average not updated", f"        {update}\n", ""),
        edit("the average after G's step", f"        {update}\n", "", g_step, f"{g_step}\n        {update}"),
        edit("the average keeps 0.99 by default", "decay=0.999", "decay=0.99"),
        edit(
            "G before D",
            f"        {d_step}\n",
            "        of_d = tape\n",
            g_step,
            f"{g_step}\n        {d_step.replace('tape', 'of_d')}",
        ),
        edit("real pictures not faded", "self.stage.real(image, alpha)\n\n", "self.stage.real(image, None)\n\n"),
        edit(
            "the fade of real pictures turned round",
            faded,
            "alpha * doubled(halved(image)) + (1.0 - alpha) * image",
            file="growing.py",
        ),
        edit(
            "alpha from 1 to 0",
            "return tf.clip_by_value(tf.cast(step - self.begin",
            "return 1.0 - tf.clip_by_value(tf.cast(step - self.begin",
            file="growing.py",
        ),
        edit(
            "alpha from the beginning of the run",
            "tf.cast(step - self.begin, tf.float32)",
            "tf.cast(step, tf.float32)",
            file="growing.py",
        ),
        edit("G itself is served", served, served.replace("average", "generator")),
        edit("what is served is small", "return self.stage.whole(tf.clip", "return (tf.clip"),
        edit(
            "what is served is not clipped",
            "self.stage.whole(tf.clip_by_value(image, -1.0, 1.0))",
            "self.stage.whole(image)",
        ),
        edit(
            "real pictures are judged whole",
            "self.stage.given(self.stage.real(image, alpha), alpha)",
            "self.stage.given(image, alpha)",
        ),
    ]
