from tests.mutations import D_STEP, G_STEP, of


def edits():
    edit = of("infogan")
    pair = "self.discriminator(real, training=True), self.discriminator(fake, training=True)"
    d_total, g_total = (
        "total = d_loss - self.weighted(self.information(fake_said, codes))",
        "total = g_loss - self.weighted(information)",
    )
    weighted = "self.category_weight * of_categories + self.continuous_weight * of_numbers"
    d_step, g_step = D_STEP.replace("d_loss", "total"), G_STEP.replace("g_loss", "total")
    drawn = "z, codes = self.prior.draw(count), self.draw_codes(count)\n"
    images = "self.generator(self.code(z, codes), training=True)"
    made, said = f"fake = {images}", f"said = self.discriminator({images}, training=True)"
    log_q = "-0.5 * tf.square((code - mean) / deviation) - tf.math.log(deviation) - 0.5 * math.log(2.0 * math.pi)"
    return [
        edit(
            "D: real and fake swapped",
            f"= {pair}",
            "= self.discriminator(fake, training=True), self.discriminator(real, training=True)",
        ),
        edit("D: real images judged outside of training", pair, pair.replace("True", "False", 1)),
        edit(
            "D: fakes judged outside of training",
            "self.discriminator(fake, training=True)",
            "self.discriminator(fake, training=False)",
        ),
        edit("D: fakes made outside of training", made, made.replace("True", "False")),
        edit("D: without the information", d_total, "total = d_loss"),
        edit("D: against the information", d_total, d_total.replace("- self", "+ self")),
        edit("D: the codes read off real images", d_total, d_total.replace("fake_said", "real_said")),
        edit("G: without the information", g_total, "total = g_loss"),
        edit("G: against the information", g_total, g_total.replace("- self", "+ self")),
        edit("G: the sign flipped", "g_loss = losses", "g_loss = -losses"),
        edit("G: judged outside of training", said, said.replace("True), training=True", "True), training=False")),
        edit("G: made outside of training", said, said.replace("codes), training=True", "codes), training=False")),
        edit(
            "G: a gradient stopped at its images",
            said,
            said.replace(images, f"tf.stop_gradient({images})"),
        ),
        edit("G: on the codes of D's step", f"{drawn}        with", "with"),
        edit(
            "G: against D as it was before its step",
            d_step,
            "d_tape, d_total = tape, total",
            g_step,
            f"{g_step}\n        {d_step.replace('tape', 'd_tape').replace('total', 'd_total')}",
        ),
        edit(
            "the weights of the codes exchanged",
            weighted,
            "self.continuous_weight * of_categories + self.category_weight * of_numbers",
        ),
        edit("the categories' weight ignored", weighted, weighted.replace("self.category_weight * ", "")),
        edit("the numbers' weight ignored", weighted, weighted.replace("self.continuous_weight * ", "")),
        edit("the entropy of the categories left out", "+ sum(map(math.log, sizes))", ""),
        edit("the entropy of the numbers left out", "+ code.shape[1] * math.log(2.0)", ""),
        edit(
            "a softmax over all codes together",
            "[tf.nn.log_softmax(part) for part in tf.split(tf.cast(logits, tf.float32), sizes, axis=1)]",
            "tf.split(tf.nn.log_softmax(tf.cast(logits, tf.float32)), sizes, axis=1)",
        ),
        edit("a softmax twice", "tf.nn.log_softmax(part) for", "tf.nn.log_softmax(tf.nn.softmax(part)) for"),
        edit("the Gaussian not squared", log_q, log_q.replace("tf.square(", "tf.abs(")),
        edit("the Gaussian without its deviation's logarithm", log_q, log_q.replace(" - tf.math.log(deviation)", "")),
        edit("the mean over the codes", "tf.reduce_mean(tf.reduce_sum(log_q, 1))", "tf.reduce_mean(log_q)"),
        edit("the deviation without its floor", "return self.least_deviation + tf.exp(", "return tf.exp("),
        edit("another floor", "least_deviation=0.1", "least_deviation=0.2"),
        edit("the learned deviation ignored", 'if "log_deviation" not in said:', "if True:"),
        edit("z of another law", 'width, "uniform")', "width)"),
        edit("numbers in [0, 1]", "self.continuous], -1.0, 1.0)", "self.continuous], 0.0, 1.0)"),
        edit(
            "codes before noise", "tf.concat([z, *one_hot, continuous], 1)", "tf.concat([*one_hot, continuous, z], 1)"
        ),
    ]
