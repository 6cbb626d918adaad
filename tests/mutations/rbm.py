from tests.mutations import of


def edits():
    edit = of("rbm")
    below = {"file": "layers.py"}
    loss = "tf.reduce_mean(self.energy(image)) - tf.reduce_mean(self.energy(tf.stop_gradient(made)))"
    free = "-tf.linalg.matvec(visible, self.visible_bias) - of_hidden"
    chains, walk = "self.chains.pictures.assign(made)", "self.walk(self.chains.pictures, steps)"
    hidden, white = "tf.cast(of_hidden < self.hidden_means(image), tf.float32)", "white = of_visible < tf.sigmoid("
    return [
        edit("the sign flipped", f"loss = {loss}", f"loss = -({loss})"),
        edit("without the negative phase", loss, "tf.reduce_mean(self.energy(image))"),
        edit("half the negative phase", loss, loss.replace("- tf", "- 0.5 * tf")),
        edit("the negative phase of data", loss, loss.replace("stop_gradient(made)", "stop_gradient(image)")),
        edit("the free energy without the visible biases", free, "-of_hidden", **below),
        edit("the free energy without the hidden units", free, free.replace(" - of_hidden", ""), **below),
        edit("the hidden units' sign flipped", free, free.replace("- of_hidden", "+ of_hidden"), **below),
        edit(
            "the hidden units by their logits",
            "tf.math.softplus(self.hidden_logits(visible))",
            "tf.nn.relu(self.hidden_logits(visible))",
            **below,
        ),
        edit("the hidden units without their biases", "self.kernel) + self.hidden_bias", "self.kernel)", **below),
        edit(
            "the visible units without their biases",
            "transpose_b=True) + self.visible_bias",
            "transpose_b=True)",
            **below,
        ),
        edit(
            "pixels of -1 and 1 taken for units",
            "kl.Rescaling(0.5, 0.5,",
            "kl.Rescaling(1.0, 0.0,",
            file="networks/rbm.py",
        ),
        edit("the chains forget where they were", chains, "made"),
        edit("the chains start anew at black pixels", walk, "self.walk(-tf.ones_like(self.chains.pictures), steps)"),
        edit("the chains start at the data", "if self.chains is None:", "if True:"),
        edit(
            "one Gibbs step, whatever k",
            "for of_hidden, of_visible in steps:",
            "for of_hidden, of_visible in steps[:1]:",
        ),
        edit("hidden units not drawn", hidden, "self.hidden_means(image)"),
        edit("hidden units drawn the other way", hidden, hidden.replace("<", ">")),
        edit("visible units drawn the other way", white, white.replace("<", ">")),
        edit("visible units cut, not drawn", white, white.replace("of_visible", "0.5")),
        edit("data not drawn, but cut", "likelihoods.draw_binary(base.image_of(batch))", "seen(base.image_of(batch))"),
        edit("the pseudo-likelihood of one pixel, not N", "-count * tf.math", "-tf.math"),
        edit(
            "the pseudo-likelihood's sign flipped",
            "self.energy(image) - self.energy(flipped)",
            "self.energy(flipped) - self.energy(image)",
        ),
        edit(
            "the pseudo-likelihood of the first pixel alone",
            "tf.cast(pixel % count, tf.int32)",
            "0 * tf.cast(pixel, tf.int32)",
        ),
        edit("a sample draws the same in every step", "random.stream(key, number):", "random.stream(key, 0 * number):"),
        edit("a sample of one step", "last = (self.sample_steps if steps is None else steps) - 1", "last = 0"),
        edit("a sample hangs on no seed", "random.integers([1], 2**23)[0]", "tf.constant(5, tf.int64)"),
        edit("the served energy of grey pixels", "self.energy(seen(image))}", "self.energy(image)}"),
        edit("reconstructed from grey pixels", "self.hidden_means(seen(image))", "self.hidden_means(image)"),
        edit("decoded to [0, 1]", "2.0 * tf.sigmoid(logits) - 1.0", "tf.sigmoid(logits)"),
        edit("weights start nearer to 0", "4.0 * math.sqrt(6.0", "math.sqrt(6.0", **below),
        edit("another k", "gibbs_steps=15", "gibbs_steps=1"),
        edit("chains that start white", "-tf.ones([count", "tf.ones([count"),
    ]
