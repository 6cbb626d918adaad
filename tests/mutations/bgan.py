from tests.mutations import MADE, PAIR, PRIOR, SWAPPED, UNIFORM, given, logistic, of, order


def edits():
    edit = of("bgan")
    continuous = "continuous_generator_loss(self.discriminator(fake, training=True))"
    weights = "tf.nn.softmax(tf.cast(logits, tf.float32), axis=1)"
    pixels = "u < tf.cast(mean, tf.float32)[:, None], 1.0, -1.0"
    square, log_g = (
        "tf.reduce_mean(tf.square(tf.cast(fake_logits, tf.float32)))",
        "log_g = tf.reduce_sum(tf.math.log((1.0 + images * mean) / 2.0)",
    )
    value = "-tf.reduce_mean(tf.reduce_sum(weights * log_g, axis=1))"
    made = f"tape:\n            {MADE}"
    return [
        edit("D: real and fake swapped", PAIR, SWAPPED),
        edit("D: sees means in place of pixels", "fake = draw_pixels(fake, 1)[:, 0]", "fake = fake + 0.0"),
        edit(
            "D: the fakes made outside of training",
            f"{MADE}\n        if",
            f"{MADE.replace('True', 'False')}\n        if",
        ),
        *logistic(edit),
        edit("discrete G: the sign flipped", f"return {value}", f"return {value[1:]}"),
        edit("discrete G: weights not normalised", weights, "tf.exp(tf.cast(logits, tf.float32))"),
        edit("discrete G: weights over the batch", weights, weights.replace("axis=1", "axis=0")),
        edit("discrete G: weights the wrong way round", weights, weights.replace("logits", "-logits")),
        edit("discrete G: all weights equal", weights, weights.replace("logits", "0.0 * logits")),
        edit("discrete G: a mean over the samples", value, value.replace("reduce_sum", "reduce_mean")),
        edit("discrete G: log g of the other pixel", log_g, log_g.replace("1.0 + images", "1.0 - images")),
        edit("discrete G: log g a mean over pixels", log_g, log_g.replace("reduce_sum", "reduce_mean")),
        edit(
            "discrete G: judged outside of training",
            "tf.reshape(images, [-1, *mean.shape[1:]]), training=True",
            "tf.reshape(images, [-1, *mean.shape[1:]]), training=False",
        ),
        edit("the baseline ignored", "baseline=self.baseline)", "baseline=False)"),
        edit("the baseline always", "baseline=self.baseline)", "baseline=True)"),
        edit("one sample too many", "= pixels, samples, baseline", "= pixels, samples + 1, baseline"),
        edit("pixels the wrong way round", pixels, pixels.replace("1.0, -1.0", "-1.0, 1.0")),
        edit("continuous G: the sign flipped", f"g_loss = {continuous}", f"g_loss = -{continuous}"),
        edit("continuous G: halved", f"return {square}", f"return 0.5 * {square}"),
        edit("continuous G: not squared", square, square.replace("square", "abs")),
        edit(
            "continuous G: a gradient stopped at its images",
            continuous,
            continuous.replace("fake", "tf.stop_gradient(fake)"),
        ),
        edit(
            "the two kinds exchanged",
            'if self.pixels == "discrete":\n                g_loss',
            'if self.pixels != "discrete":\n                g_loss',
        ),
        edit("G: made outside of training", made, made.replace("True", "False")),
        edit("z of another law", PRIOR, UNIFORM),
        *given(edit, PRIOR),
        order(edit),
    ]
