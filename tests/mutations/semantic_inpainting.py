from tests.mutations import of


def edits():
    edit = of("semantic_inpainting")
    paper = 'return mask * tf.nn.avg_pool2d(1.0 - mask, window, 1, "SAME")'
    prior, step = "context - self.prior_weight * tf.math.softplus(logits[:, 0])", "z - self.learning_rate * step"
    context, kept = "tf.abs(made - image), axis=[1, 2, 3])", "best, least = kept(z, loss, best, least)"
    found = '"found": found, "generated": blend(found, image, mask)'
    g, blended = "self.generator(z, training=False)", "tf.where(mask > 0.0, image, tf.clip"
    return [
        edit("the weights of the authors' code", paper, paper.replace("1.0 - mask", "mask")),
        edit("the weights in the hole too", paper, paper.replace("mask * ", "")),
        edit("all that is known weighs 1", paper, "return mask"),
        edit("official: beyond the border nothing", '"SYMMETRIC")', '"CONSTANT")'),
        edit("official: mirrored without the border pixel", '"SYMMETRIC")', '"REFLECT")'),
        edit("windows of 5", "window=7,\n        iterations", "window=5,\n        iterations"),
        edit("a mean over pixels", f"tf.reduce_sum(weights * {context}", f"tf.reduce_mean(weights * {context}"),
        edit("the context squared", "tf.abs(made - image)", "tf.square(made - image)"),
        edit("without weights", "weights * tf.abs", "tf.abs"),
        edit("the prior's sign flipped", prior, prior.replace("-", "+")),
        edit("the prior non-saturating", prior, prior.replace("- self", "+ self").replace("(logits", "(-logits")),
        edit("lambda 0.03", "prior_weight=0.003", "prior_weight=0.03"),
        edit("uphill", step, step.replace("-", "+")),
        edit("plain gradient descent", step, "z - self.learning_rate * slope"),
        edit("momentum not corrected", "(m / (1.0 - BETA_1**t))", "m"),
        edit("the second moment not corrected", "tf.sqrt(v / (1.0 - BETA_2**t))", "tf.sqrt(v)"),
        edit("beta_1 0.5", "BETA_1, BETA_2, EPSILON = 0.9", "BETA_1, BETA_2, EPSILON = 0.5"),
        edit("z is not kept in its cube", f"tf.clip_by_value({step}, -1.0, 1.0)", step),
        edit("the last z, not the best", kept, "best, least = z, loss"),
        edit("the worst z", "better = loss < least", "better = loss > least"),
        edit("the z after the last step forgotten", "best, least = kept(z, self", "_, _ = kept(z, self"),
        edit("one iteration more", "i < iterations", "i <= iterations"),
        edit("the worst of the restarts", "tf.argmin(least", "tf.argmax(least"),
        edit("the restarts of other pictures", "tf.repeat(x, self.restarts, axis=0)",
             "tf.tile(x, [self.restarts, 1, 1, 1])"),
        edit("another z for each of a batch", "seed, shared=True", "seed"),
        edit("searched in training mode", f"made = {g}", f"made = {g.replace('False', 'True')}"),
        edit("judged in training mode", "(made, training=False)", "(made, training=True)"),
        edit("not blended", found, '"found": found, "generated": tf.where(mask > 0.0, image, found)'),
        edit("blended into what is known", blended, blended.replace("> 0.0", "< 1.0")),
        edit("the known pixels not kept", blended, blended.replace("image, tf", "0.9 * image, tf")),
        edit("the difference turned round", "source + _harmonic(image - source", "source - _harmonic(image - source"),
        edit("blended pixels not cut", "tf.clip_by_value(source + _harmonic(image - source, mask), -1.0, 1.0)",
             "source + _harmonic(image - source, mask)"),
        edit("four neighbours at the border too", "degree = _neighbours(tf.ones_like(mask[:1]))", "degree = 4.0"),
        edit("a rough solution", "TOLERANCE = 1e-6", "TOLERANCE = 1e-2"),
        edit("opposite borders coupled", "x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])",
             "x = tf.concat([x[:, -1:], x, x[:, :1]], 1)\n    x = tf.concat([x[:, :, -1:], x, x[:, :, :1]], 2)"),
        edit("any number of iterations", "signatures.iterations_in_range(iterations)", "iterations"),
    ]  # fmt: skip
