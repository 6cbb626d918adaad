from tests.mutations import logistic, noise, of, order


def edits():
    edit = of("dcgan")
    g_loss = "losses.non_saturating_generator_loss(self.discriminator(fake, training=True))"
    prior = 'latent.Prior(generator.input_shape[-1], "uniform")'
    return [
        *[m for m in noise(edit, g_loss) if m.what != "z of another law"],
        edit("z of another law", prior, "latent.Prior(generator.input_shape[-1])"),
        edit("z within another bound", prior, 'latent.Prior(generator.input_shape[-1], "uniform", 0.5)'),
        *logistic(edit),
        order(edit),
        edit("G: minimax", "losses.non_saturating_generator_loss", "losses.minimax_generator_loss"),
    ]
