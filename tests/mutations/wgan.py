from tests.mutations import clipping, minibatches, noise, of


def edits():
    edit = of("wgan")
    return [
        *noise(edit, "losses.wasserstein_generator_loss(self.discriminator(fake, training=True))", indent=12),
        *minibatches(edit, "n_critic"),
        *clipping(edit),
        edit("n_critic = 1 by default", "n_critic=5", "n_critic=1"),
        edit("clip = 0.1 by default", "clip=0.01", "clip=0.1"),
        edit(
            "D: halved",
            "return tf.reduce_mean(_f32(fake_logits)) - tf.reduce_mean(_f32(real_logits))",
            "return 0.5 * (tf.reduce_mean(_f32(fake_logits)) - tf.reduce_mean(_f32(real_logits)))",
            file="losses.py",
        ),
    ]
