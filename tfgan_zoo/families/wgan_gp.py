"""WGAN-GP: "Improved Training of Wasserstein GANs", Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, NIPS 2017.
arXiv 1704.00028.

Follows Algorithm 1. No departures.
"""

import tensorflow as tf

from tfgan_zoo import gan, latent, losses, random, signatures


class WGANGP(gan.GAN):
    """Critic held near 1-Lipschitz by a penalty on its input gradient.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [n_critic * B, H, W, C] in [-1, 1], a
    minibatch for each critic step.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: the critic, `image [B, H, W, C] -> logits [B, 1]`. No batch norm (section 4).
        n_critic: critic steps per generator step.
        gp_weight: the paper's lambda.
        seed: see `gan.GAN`.
    """

    def __init__(self, generator, discriminator, *, n_critic=5, gp_weight=10.0, seed=0):
        super().__init__(**gan.two_players(generator, discriminator), seed=seed)
        self.latent_dim = generator.input_shape[-1]
        self.n_critic = self.minibatches = n_critic
        self.gp_weight = gp_weight

    def train_step(self, batch):
        z_shape = [tf.shape(batch)[0] // self.n_critic, self.latent_dim]

        for real in gan.split(batch, self.n_critic):  # lines 2-10
            fake = self.generator(random.normal(z_shape), training=True)
            with tf.GradientTape() as tape:
                d_loss = losses.wasserstein_discriminator_loss(
                    self.discriminator(real, training=True), self.discriminator(fake, training=True)
                )
                gp = losses.gradient_penalty(self.discriminator, real, fake)
                total = d_loss + self.gp_weight * gp
            self.minimize(total, tape, self.d_optimizer)

        with tf.GradientTape() as tape:  # lines 11-12
            fake = self.generator(random.normal(z_shape), training=True)
            g_loss = losses.wasserstein_generator_loss(self.discriminator(fake, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, gp=gp, g_loss=g_loss)

    def preview(self, real):
        return latent.preview(self.generator, random.normal, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.generator, self.discriminator, random.normal, self.latent_dim)
