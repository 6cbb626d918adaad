"""DCGAN: "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
Radford, Metz and Chintala, ICLR 2016. arXiv 1511.06434.

The paper is an architecture (`networks/dcgan.py`, section 3), trained by Algorithm 1 of "Generative Adversarial
Networks" (arXiv 1406.2661). k = 1, the non-saturating objective and the bounds of z are not in its text; they are
those of the published code. Departs from that code in that a step updates both networks (it takes turns, with a batch
each) and has no weight decay.
"""

import tensorflow as tf

from tfgan_zoo import adaptive, base, latent, losses, signatures


class DCGAN(base.GenerativeModel):
    """All-convolutional generator and discriminator with batch normalisation.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [B, H, W, C] in [-1, 1].

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `image [B, H, W, C] -> logits [B, 1]`.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import DCGAN
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
        from tfgan_zoo.optimizers import Adam

        model = DCGAN(dcgan_generator((8, 8, 1), width=8), dcgan_discriminator((8, 8, 1), width=8))
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = latent.Prior(generator.input_shape[-1], "uniform")

    def train_step(self, real):
        fake = self.generator(self.prior.like(real), training=True)
        with tf.GradientTape() as tape:
            real_logits, fake_logits = self.discriminator(real, training=True), self.discriminator(fake, training=True)
            d_loss = losses.non_saturating_discriminator_loss(real_logits, fake_logits)
        self.minimize(d_loss, tape, self.d_optimizer)
        augmentation = adaptive.observe(self.discriminator, real_logits)

        with tf.GradientTape() as tape:
            fake = self.generator(self.prior.like(real), training=True)
            g_loss = losses.non_saturating_generator_loss(self.discriminator(fake, training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss, **augmentation)

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)
