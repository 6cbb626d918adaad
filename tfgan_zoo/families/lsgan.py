"""LSGAN: "Least Squares Generative Adversarial Networks", Mao, Li, Xie, Lau, Wang and Smolley, ICCV 2017.
arXiv 1611.04076.

Follows equation 2 with the targets of equation 9, or those of equation 8. Departs from the paper in nothing known; its
equation numbers are from memory, its two codings from others' accounts of it.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, signatures


class LSGAN(base.GenerativeModel):
    """A GAN whose discriminator fits one number to real images and another to fakes, by least squares.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [B, H, W, C] in [-1, 1].

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `image [B, H, W, C] -> logits [B, 1]`, no sigmoid.
        coding: the paper's (a, b, c): what the discriminator should say of fakes, of real images, and what the
            generator wants it to say of fakes. (0, 1, 1) is equation 9. With b - c = 1 and b - a = 2, as in
            (-1, 1, 0), equation 8, the generator minimises a Pearson chi^2 divergence (section 3.2).
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import LSGAN
        from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
        from tfgan_zoo.optimizers import Adam

        model = LSGAN(dcgan_generator((8, 8, 1), width=8), dcgan_discriminator((8, 8, 1), width=8))
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, coding=(0.0, 1.0, 1.0), seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = latent.Prior(generator.input_shape[-1])
        self.coding = tuple(coding)

    def train_step(self, real):
        a, b, c = self.coding
        fake = self.generator(self.prior.like(real), training=True)
        with tf.GradientTape() as tape:
            d_loss = losses.lsgan_discriminator_loss(
                self.discriminator(real, training=True), self.discriminator(fake, training=True), a, b
            )
        self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake = self.generator(self.prior.like(real), training=True)
            g_loss = losses.lsgan_generator_loss(self.discriminator(fake, training=True), c)
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss)

    def preview(self, real):
        return latent.preview(self.generator, self.prior, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.generator, self.discriminator, self.prior)
