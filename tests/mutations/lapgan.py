from tests.mutations import logistic, of, order


def edits():
    edit = of("lapgan")
    pairs = "zip(self.logits(real), self.logits(fake), strict=True)"
    g_losses = "[losses.non_saturating_generator_loss(logits) for logits in self.logits(fake)]"
    of_d, drawn = "fake = self.fakes(real, self.prior.like(image))\n        with", "(low, g([low, z_k], training=True))"
    of_g = "tape:\n            fake = self.fakes(real, self.prior.like(image))"
    return [
        edit("D: real and fake swapped", pairs, "zip(self.logits(fake), self.logits(real), strict=True)"),
        edit("D: the finest level alone", "d_loss = tf.add_n(d_losses)", "d_loss = d_losses[0] + 0.0 * d_losses[1]"),
        edit("D: a mean over levels", "d_loss = tf.add_n(d_losses)", "d_loss = tf.add_n(d_losses) / 2.0"),
        edit("G: the coarsest level alone", "g_loss = tf.add_n(g_losses)", "g_loss = g_losses[-1] + 0.0 * g_losses[0]"),
        edit("G: a mean over levels", "g_loss = tf.add_n(g_losses)", "g_loss = tf.add_n(g_losses) / 2.0"),
        edit("G: the sign flipped", g_losses, g_losses.replace("[losses", "[-losses")),
        edit("G: minimax", "losses.non_saturating_generator_loss(logits)", "losses.minimax_generator_loss(logits)"),
        edit(
            "G: a gradient stopped at its images",
            "for logits in self.logits(fake)",
            "for logits in self.logits(tf.nest.map_structure(tf.stop_gradient, fake))",
        ),
        edit("G: judged with real residuals", "for logits in self.logits(fake)", "for logits in self.logits(real)"),
        edit("judged outside of training", "d(_inputs(part), training=True)", "d(_inputs(part), training=False)"),
        edit("drawn outside of training", drawn, drawn.replace("True", "False")),
        edit(
            "the coarsest drawn outside of training", "coarsest(last, training=True)", "coarsest(last, training=False)"
        ),
        edit("an image in place of its residual", drawn, "(low, low + g([low, z_k], training=True))"),
        edit("the low-pass image hidden from G", drawn, "(low, g([0.0 * low, z_k], training=True))"),
        edit("the low-pass image hidden from D", drawn, "(0.0 * low, g([low, z_k], training=True))"),
        edit("the real residual is the image", "parts.append((low, image - low))", "parts.append((low, image))"),
        edit("the residual's sign", "parts.append((low, image - low))", "parts.append((low, low - image))"),
        edit("d: every second pixel, not blurred", "coarse = down(image)", "coarse = image[:, ::2, ::2]"),
        edit(
            "the noise of levels in another order",
            "*noise, last = self._split(z)",
            "*noise, last = self._split(z[:, ::-1])",
        ),
        edit(
            "z of another law", 'latent.Prior(sum(self.latent_dims), "uniform")', "latent.Prior(sum(self.latent_dims))"
        ),
        edit(
            "G: on the noise of D's step",
            of_d,
            "z = self.prior.like(image)\n        fake = self.fakes(real, z)\n        with",
            of_g,
            "tape:\n            fake = self.fakes(real, z)",
        ),
        order(edit),
        *logistic(edit),
    ]
