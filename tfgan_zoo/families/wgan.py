"""WGAN: "Wasserstein GAN", Arjovsky, Chintala and Bottou, ICML 2017. arXiv 1701.07875.

Follows Algorithm 1. Departs from it in nothing; its numbers were checked against a textbook's copy of the box. Clipping
takes every trainable weight of the critic, batch normalisation's scale and offset included, as the published code
(github.com/martinarjovsky/WassersteinGAN) does. Departs from that code in that
- the critic makes n_critic steps always; there it makes 100 for each of the generator's first 25 steps and for every
  500th. A step is one compiled program here, given the same number of minibatches each time: that number cannot change;
- weights are clipped after each critic step, as in the box, there before it.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, signatures


class WGAN(base.GenerativeModel):
    """Critic held Lipschitz, up to a constant, by clipping its weights.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [n_critic * B, H, W, C] in [-1, 1], a
    minibatch for each critic step.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: the critic, `image [B, H, W, C] -> logits [B, 1]`.
        n_critic: critic steps per generator step.
        clip: the paper's c; weights are in [-c, c] after every critic step.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import WGAN
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
        from keras.optimizers import RMSprop

        model = WGAN(dcgan_generator((8, 8, 1), width=8), dcgan_discriminator((8, 8, 1), width=8), n_critic=2)
        model.compile(g_optimizer=RMSprop(5e-5), d_optimizer=RMSprop(5e-5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=2 * 4, verbose=0)  # two minibatches of 4
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, n_critic=5, clip=0.01, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = latent.Prior(generator.input_shape[-1])
        self.n_critic = self.minibatches = n_critic
        self.clip = clip

    def train_step(self, batch):
        for real in base.split(batch, self.n_critic):  # lines 2-8
            fake = self.generator(self.prior.like(real), training=True)
            with tf.GradientTape() as tape:
                d_loss = losses.wasserstein_discriminator_loss(
                    self.discriminator(real, training=True), self.discriminator(fake, training=True)
                )
            self.minimize(d_loss, tape, self.d_optimizer)  # lines 5-6
            for weight in self.discriminator.trainable_variables:  # line 7
                weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))

        with tf.GradientTape() as tape:  # lines 9-11
            fake = self.generator(self.prior.like(real), training=True)
            g_loss = losses.wasserstein_generator_loss(self.discriminator(fake, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss)

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)
