from tests.mutations import of


def edits():
    edit = of("vae")
    loss = "self.kl_weight * kl - log_likelihood"
    terms, posterior = (
        "log_likelihood, kl = self.terms(image, noise, training=True)",
        "mean, log_variance = self.posterior(image, training)\n        if log_variance is None:",
    )
    z = "mean[:, None] + tf.exp(0.5 * log_variance)[:, None] * noise"
    log_q = "-0.5 * (tf.square(noise) + log_variance[:, None])"
    summed = "tf.reduce_sum(log_q + 0.5 * tf.square(z), 2)"
    divergence = "-0.5 * _sum(1.0 + log_variance - tf.square(mean) - tf.exp(log_variance))"
    below = {"file": "likelihoods.py"}
    return [
        edit("the divergence's sign flipped", loss, "-self.kl_weight * kl - log_likelihood"),
        edit("the likelihood's sign flipped", loss, "self.kl_weight * kl + log_likelihood"),
        edit("the divergence's weight ignored", loss, "kl - log_likelihood"),
        edit("the weight on both terms", loss, "self.kl_weight * (kl - log_likelihood)"),
        edit("networks called outside of training", terms, terms.replace("True", "False")),
        edit("the encoder called outside of training", posterior, posterior.replace("image, training", "image")),
        edit(
            "the decoder called outside of training",
            "self.prior.dim]), training=training)  # [B L, ...]",
            "self.prior.dim]), training=False)  # [B L, ...]",
        ),
        edit("no gradient into the codes", f"return {z}", f"return tf.stop_gradient({z})"),
        edit(
            "no gradient into the deviation", z, z.replace("0.5 * log_variance", "0.5 * tf.stop_gradient(log_variance)")
        ),
        edit("log variance taken for log deviation", z, z.replace("0.5 * ", "")),
        edit("no noise", z, "mean[:, None] + 0.0 * noise"),
        edit(
            "one noise for all samples",
            "noise)\n        log_likelihood",
            "noise[:, :1] + 0.0 * noise)\n        log_likelihood",
        ),
        edit(
            "samples summed, not averaged",
            "tf.reduce_mean(self.log_likelihood(image, z, training), 1)",
            "tf.reduce_sum(self.log_likelihood(image, z, training), 1)",
        ),
        edit("one sample, whatever L", "self.samples, self.prior.dim]", "1, self.prior.dim]"),
        edit("a mean over the pixels", "return tf.reduce_sum(x, axis", "return tf.reduce_mean(x, axis", **below),
        edit("a mean over the codes", summed, summed.replace("reduce_sum", "reduce_mean")),
        edit("the prior left out of the sampled divergence", summed, "tf.reduce_sum(log_q, 2)"),
        edit("the noise left out of log q", log_q, "-0.5 * (0.0 * noise + log_variance[:, None])"),
        edit("the deviation left out of log q", log_q, "-0.5 * tf.square(noise)"),
        edit(
            "the sampled divergence's sign flipped",
            "return log_likelihood, tf.reduce_mean(log_ratio(",
            "return log_likelihood, -tf.reduce_mean(log_ratio(",
        ),
        edit("the divergence halved", divergence, divergence.replace("0.5", "0.25"), **below),
        edit(
            "the divergence without its variance",
            divergence,
            divergence.replace(" - tf.exp(log_variance)", ""),
            **below,
        ),
        edit("the divergence from q to p", divergence, divergence.replace("tf.exp(log", "tf.exp(-log"), **below),
        edit("white where it is black", "0.5 * (_f32(image) + 1.0)", "0.5 * (1.0 - _f32(image))", **below),
        edit("pictures in [-1, 1] taken for probabilities", "0.5 * (_f32(image) + 1.0)", "_f32(image)", **below),
        edit("drawn black where it is white", "-1.0, 1.0) < _f32", "-1.0, 1.0) > _f32", **below),
        edit("drawn from another range", "tf.shape(image), -1.0, 1.0)", "tf.shape(image))", **below),
        edit(
            "never drawn, but cut",
            'if self.binarize == "dynamic" else self.seen(image)',
            "if False else self.seen(image)",
        ),
        edit("cut at white", "image > 0.0", "image > 0.5"),
        edit("the Gaussian's deviation not squared", "tf.square(standardized)", "tf.abs(standardized)", **below),
        edit("the Gaussian without the logarithm of its deviation", " - tf.math.log(deviation)", "", **below),
        edit("the Gaussian without its constant", " - 0.5 * math.log(2.0 * math.pi)", "", **below),
        edit("the deviation without its floor", "self.least_deviation + tf.exp(", "tf.exp("),
        edit("another floor", "least_deviation=0.01", "least_deviation=0.1"),
        edit("the deviation that is given ignored", "return said, self.deviation", "return said, 1.0"),
        edit("the decoder's decay twice", "0.5 * self.decoder_decay", "self.decoder_decay"),
        edit("the decay of the encoder", "for v in self.decoder.", "for v in self.encoder."),
        edit("importance weights inverted", "training) - log_ratio(", "training) + log_ratio("),
        edit(
            "the bound a mean of logarithms",
            "return log_mean_exp(one_by_one, 0)",
            "return tf.reduce_mean(one_by_one, 0)",
        ),
        edit("the bound a sum", " - math.log(x.shape[axis])", ""),
        edit(
            "the bound of grey pixels",
            "image = self.seen(tf.convert_to_tensor(image))",
            "image = tf.convert_to_tensor(image)",
        ),
        edit("decoded to the wrong scale", "tf.tanh(0.5 * ", "tf.tanh(1.0 * "),
        edit("the served code drawn", "self.posterior(self.seen(image))", "self.posterior(image)"),
        edit("the served deviation squared", '"code_deviation": tf.exp(0.5 * ', '"code_deviation": tf.exp(1.0 * '),
        edit(
            "z of another law",
            "latent.Prior(decoder.input_shape[-1])",
            'latent.Prior(decoder.input_shape[-1], "uniform")',
        ),
    ]
