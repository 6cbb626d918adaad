from tests.mutations import of


def edits():
    edit = of("pixel_vae")
    kl = "kl = tf.reduce_mean(likelihoods.kl_to_standard_normal(mean, 2.0 * log_deviation))"
    of_bound = "return given - likelihoods.kl_to_standard_normal(mean, 2.0 * log_deviation)"
    drawn = "z = mean + noise * tf.exp(log_deviation)\n            reconstruction"
    ratio = "log_deviation + 0.5 * tf.square(noise) - 0.5 * tf.square(z)"
    return [
        edit("the likelihood minimised", "reconstruction = -tf.reduce_mean", "reconstruction = tf.reduce_mean"),
        edit(
            "the likelihood summed over the batch",
            "reconstruction = -tf.reduce_mean",
            "reconstruction = -tf.reduce_sum",
        ),
        edit("without the KL divergence", "reconstruction + weight * kl", "reconstruction"),
        edit("the KL divergence turned", "reconstruction + weight * kl", "reconstruction - weight * kl"),
        edit("its weight ignored", "reconstruction + weight * kl", "reconstruction + kl"),
        edit("its weight begins at 0", "tf.float32) + 1.0) /", "tf.float32)) /"),
        edit("its weight rises for good", "/ self.kl_steps, 1.0)", "/ self.kl_steps, 2.0)"),
        edit("another rise", "kl_steps=10_000", "kl_steps=1_000"),
        edit("the deviation taken for the variance", kl, kl.replace("2.0 * ", "")),
        edit("the KL divergence of no mean", kl, kl.replace("(mean, 2", "(0.0 * mean, 2")),
        edit("the KL divergence summed over the batch", kl, kl.replace("reduce_mean", "reduce_sum")),
        edit("the mean in place of a draw", drawn, drawn.replace("mean + noise * tf.exp(log_deviation)", "mean")),
        edit("the deviation is its logarithm", drawn, drawn.replace("tf.exp(log_deviation)", "log_deviation")),
        edit(
            "no gradient through the code",
            "self.log_p(numbers, z, training=True)",
            "self.log_p(numbers, tf.stop_gradient(z), training=True)",
        ),
        edit("the encoder outside of training", "self.law(numbers, training=True)", "self.law(numbers)"),
        edit("the decoder outside of training", "self.log_p(numbers, z, training=True)", "self.log_p(numbers, z)"),
        edit("the encoder sees the grey picture", "self.law(numbers, training=True)", "self.law(real, training=True)"),
        edit(
            "the encoder sees values from 0",
            "said = self.encoder(autoregressive.picture(numbers, self.levels), training",
            "said = self.encoder(numbers, training",
        ),
        edit(
            "mean and deviation exchanged", 'said["mean"], said["log_deviation"]', 'said["log_deviation"], said["mean"]'
        ),
        edit("black and white by the nearest alone", "self.levels, self.binarize)\n", 'self.levels, "threshold")\n'),
        edit("the bound plus the KL divergence", of_bound, of_bound.replace("given -", "given +")),
        edit("weights without p(z)", ratio, ratio.removesuffix(" - 0.5 * tf.square(z)")),
        edit("weights without q(z|x)", ratio, "- 0.5 * tf.square(z)"),
        edit("the sum of the weights", " - math.log(len(noise))", ""),
        edit("the gap without shuffling", "tf.roll(z, 1, 0)", "z"),
        edit(
            "the deviation served as its logarithm",
            '"code_deviation": tf.exp(log_deviation)',
            '"code_deviation": log_deviation',
        ),
        edit(
            "the code turned before it is decoded",
            "self.encode, lambda told: told[",
            "self.encode, lambda told: -told[",
        ),
        edit(
            "the same numbers whatever the seed",
            "with random.stream(given[-1]):",
            "with random.stream(0):",
            file="signatures.py",
        ),
        edit(
            "other numbers for each picture",
            'with random.stream(seed, shared=True):\n            return {"generated": decode',
            'with random.stream(seed):\n            return {"generated": decode',
            file="signatures.py",
        ),
    ]
