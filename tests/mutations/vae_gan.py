from tests.mutations import of


def edits():
    edit = of("vae_gan")
    e_total, g_total, d_total = (
        "e_total = kl + reconstruction",
        "self.gamma * reconstruction - (1.0 - self.gamma) * d_loss",
        "d_total = d_turn * d_loss",
    )
    code = "code = mean + tf.exp(0.5 * log_variance) * noise"
    real, made, sample = (
        "of_real = self.discriminator(image, training=training)",
        "self.discriminator(self.decoder(code, training=training), training=training)",
        "self.discriminator(self.decoder(z, training=training), training=training)",
    )
    below = {"file": "likelihoods.py"}
    divergence = "-0.5 * _sum(1.0 + log_variance - tf.square(mean) - tf.exp(log_variance))"
    squares = "tf.reduce_sum(tf.square(difference), list(range(1, difference.shape.rank)))"
    return [
        edit("encoder: without the divergence", e_total, "e_total = reconstruction"),
        edit("encoder: without the reconstruction", e_total, "e_total = kl"),
        edit("encoder: gamma of the reconstruction", e_total, "e_total = kl + self.gamma * reconstruction"),
        edit("encoder: moved by the GAN too", e_total, f"{e_total} - d_loss"),
        edit("decoder: without gamma", g_total, g_total.replace("self.gamma * reconstruction", "reconstruction")),
        edit("decoder: the GAN whole", g_total, g_total.replace("(1.0 - self.gamma) * ", "")),
        edit("decoder: the GAN's sign flipped", g_total, g_total.replace("- (1.0", "+ (1.0")),
        edit("decoder: without its reconstruction", g_total, "-(1.0 - self.gamma) * d_loss"),
        edit(
            "decoder: the non-saturating loss",
            g_total,
            "self.gamma * reconstruction + (1.0 - self.gamma) * sum(map(losses.non_saturating_generator_loss, "
            "fake_logits))",
        ),
        edit("discriminator: moved by the reconstruction too", d_total, "d_total = d_turn * (d_loss + reconstruction)"),
        edit("discriminator: the sign flipped", d_total, "d_total = -d_turn * d_loss"),
        edit(
            "the turns exchanged",
            "d_turn, g_turn = self.turns(",
            "g_turn, d_turn = self.turns(",
        ),
        edit(
            "networks called outside of training", "self.terms(image, noise, z)", "self.terms(image, noise, z, False)"
        ),
        edit("no gradient into the codes", code, "code = tf.stop_gradient(mean + tf.exp(0.5 * log_variance) * noise)"),
        edit("log variance taken for log deviation", code, code.replace("0.5 * ", "")),
        edit("no noise in the codes", code, "code = mean + 0.0 * noise"),
        edit("reconstructions of samples", made, sample),
        edit("samples of codes", f"of_sample = {sample}", f"of_sample = {made}"),
        edit(
            "real and reconstructed swapped",
            real,
            f"of_real = {made}",
            f"of_reconstruction = {made}",
            "of_reconstruction = self.discriminator(image, training=training)",
        ),
        edit("reconstructions are no fakes", '(self.fakes == "both")', "False"),
        edit("reconstructions are always fakes", '(self.fakes == "both")', "True"),
        edit(
            "reconstructions count as real",
            "-losses.minimax_generator_loss(logits)",
            "losses.non_saturating_generator_loss(logits)",
        ),
        edit(
            "J: real and fake swapped",
            "discriminator_loss(real_logits, first)",
            "discriminator_loss(first, real_logits)",
        ),
        edit("a mean over the features", squares, squares.replace("reduce_sum", "reduce_mean")),
        edit("the features' loss not halved", "0.5 * tf.reduce_sum", "tf.reduce_sum"),
        edit("the features not squared", "tf.square(difference)", "tf.abs(difference)"),
        edit(
            "no gradient into what the features are compared with",
            "tf.cast(fake, tf.float32)\n",
            "tf.stop_gradient(tf.cast(fake, tf.float32))\n",
        ),
        edit("the divergence halved", divergence, divergence.replace("0.5", "0.25"), **below),
        edit("the gate: the discriminator learns while it wins", "d_learns = (real >= ", "d_learns = (real <= "),
        edit(
            "the gate: the decoder learns while it loses",
            "(fake <= equilibrium + margin)",
            "(fake >= equilibrium + margin)",
        ),
        edit("the gate: both rest", "learns | neither", "learns"),
        edit("the gate: the cost of real pictures of fakes", "softplus(-replicas", "softplus(replicas"),
        edit("the served code drawn", '{"code": mean,', '{"code": mean + 0.1,'),
        edit("the served deviation squared", '"code_deviation": tf.exp(0.5 * ', '"code_deviation": tf.exp(1.0 * '),
        edit("another gamma", "gamma=1e-6", "gamma=1e-3"),
        edit(
            "z of another law",
            "latent.Prior(decoder.input_shape[-1])",
            'latent.Prior(decoder.input_shape[-1], "uniform")',
        ),
    ]
