"""WGAN-GP: "Improved Training of Wasserstein GANs", Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville, NIPS 2017.
arXiv 1704.00028.

Follows Algorithm 1, and departs from it in nothing unless `g_batches` is given. The published code
(github.com/igul222/improved_wgan_training) has, for CIFAR-10, a generator's step on two minibatches of fakes, which is
`g_batches=2`; its noise on the pixels is the recipe's.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, signatures


class WGANGP(base.GenerativeModel):
    """Critic held near 1-Lipschitz by a penalty on its input gradient.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [n_critic * B, H, W, C] in [-1, 1], a
    minibatch for each critic step.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: the critic, `image [B, H, W, C] -> logits [B, 1]`. No batch norm (section 4).
        n_critic: critic steps per generator step.
        gp_weight: the paper's lambda.
        g_batches: how many minibatches of fakes the generator's step is on.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import WGANGP
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
        from tfgan_zoo.optimizers import Adam

        model = WGANGP(dcgan_generator((8, 8, 1), width=8), dcgan_discriminator((8, 8, 1), 8, None), n_critic=2)
        model.compile(g_optimizer=Adam(1e-4, 0.0, 0.9), d_optimizer=Adam(1e-4, 0.0, 0.9))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=2 * 4, verbose=0)  # two minibatches of 4
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, n_critic=5, gp_weight=10.0, g_batches=1, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = latent.Prior(generator.input_shape[-1])
        self.n_critic = self.minibatches = n_critic
        self.gp_weight, self.g_batches = gp_weight, g_batches

    def train_step(self, batch):
        for real in base.split(batch, self.n_critic):  # lines 2-10
            fake = self.generator(self.prior.like(real), training=True)
            with tf.GradientTape() as tape:
                d_loss = losses.wasserstein_discriminator_loss(
                    self.discriminator(real, training=True), self.discriminator(fake, training=True)
                )
                gp = losses.gradient_penalty(self.discriminator, real, fake)
                total = d_loss + self.gp_weight * gp
            self.minimize(total, tape, self.d_optimizer)

        with tf.GradientTape() as tape:  # lines 11-12
            fake = self.generator(self.prior.draw(self.g_batches * tf.shape(real)[0]), training=True)
            g_loss = losses.wasserstein_generator_loss(self.discriminator(fake, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, gp=gp, g_loss=g_loss)

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)
