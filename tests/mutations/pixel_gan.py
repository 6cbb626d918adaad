from tests.mutations import of


def edits():
    edit = of("pixel_gan")
    pair = "self.discriminator(drawn, training=True), self.discriminator(code, training=True)"
    nats = "self.log_p(numbers, self.code(image, training=True), training=True)"
    d_step, g_step = "self.minimize(d_loss, tape, self.d_optimizer)", "self.minimize(g_loss, tape, self.g_optimizer)"
    fake, again = (
        "drawn, code = self.draw_code(tf.shape(real)[0]), self.code(image, training=True)",
        ("            code = self.code(image, training=True)\n"),
    )
    twice = (
        f"{g_step}\n        with tf.GradientTape() as tape:\n            more = losses.non_saturating_generator_loss("
        "self.discriminator(self.code(image, training=True), training=True))\n"
        "        self.minimize(more, tape, self.g_optimizer)"
    )
    judged = "losses.non_saturating_generator_loss(self.discriminator(code, training=True))"
    return [
        edit("the likelihood minimised", "nats = -tf", "nats = tf"),
        edit("the likelihood summed over the batch", "nats = -tf.reduce_mean", "nats = -tf.reduce_sum"),
        edit(
            "no gradient from the decoder to the encoder",
            nats,
            nats.replace("self.code(image, training=True)", "tf.stop_gradient(self.code(image, training=True))"),
        ),
        edit("the encoder outside of training", nats, nats.replace("image, training=True", "image")),
        edit(
            "the decoder outside of training", nats, nats.replace(", training=True), training=True", ", training=True)")
        ),
        edit(
            "D: real and fake swapped",
            pair,
            "self.discriminator(code, training=True), self.discriminator(drawn, training=True)",
        ),
        edit("D: the prior judged outside of training", pair, pair.replace("True", "False", 1)),
        edit("D: codes judged outside of training", pair, pair.replace("code, training=True", "code, training=False")),
        edit("D: codes made outside of training", fake, fake.replace("True", "False")),
        edit(
            "D: codes of before the reconstruction",
            "        # Reconstruction phase.\n",
            "        code = self.code(image, training=True)\n",
            fake,
            "drawn = self.draw_code(tf.shape(real)[0])",
        ),
        edit("G: the sign flipped", f"g_loss = {judged}", f"g_loss = -{judged}"),
        edit("G: saturating", "non_saturating_generator_loss", "minimax_generator_loss"),
        edit(
            "G: no gradient to the encoder", judged, judged.replace("(code,", "(tf.stop_gradient(code) + 0.0 * code,")
        ),
        edit("G: judged outside of training", judged, judged.replace("True", "False")),
        edit("G: codes made outside of training", again, again.replace("True", "False")),
        edit(
            "G: against D as it was before its step",
            d_step,
            "d_tape = tape",
            g_step,
            f"{g_step}\n        {d_step.replace('tape', 'd_tape')}",
        ),
        edit(
            "G: trained twice",
            g_step,
            twice,
        ),
        edit(
            "the reconstruction leaves the encoder",
            '"r_optimizer": ["encoder", "decoder"]',
            '"r_optimizer": ["decoder"]',
        ),
        edit(
            "numbers before categories",
            'for name in ("category_probabilities", "code")',
            'for name in ("code", "category_probabilities")',
        ),
        edit(
            "logits in place of probabilities",
            'tf.nn.softmax(tf.cast(said["category"], tf.float32))',
            'tf.cast(said["category"], tf.float32)',
        ),
        edit(
            "categories drawn from all but the last",
            "random.integers([count], self.categories)",
            "random.integers([count], self.categories - 1)",
        ),
        edit("numbers of another law", "latent.Prior(self.dim)", 'latent.Prior(self.dim, "uniform")'),
        edit(
            "the encoder sees the grey picture",
            "image = autoregressive.picture(numbers, self.levels)\n\n",
            "image = real\n\n",
        ),
        edit("black and white by the nearest alone", "self.levels, self.binarize)\n", 'self.levels, "threshold")\n'),
        edit(
            "grey pictures encoded when serving",
            "image = autoregressive.picture(autoregressive.values(image, self.levels), self.levels)\n",
            "image = tf.identity(image)\n",
        ),
        edit(
            "any category is served", 'signatures.known(given[0], self.categories, given[-1], "category")', "given[0]"
        ),
    ]
