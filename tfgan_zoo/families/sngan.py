"""SNGAN: "Spectral Normalization for Generative Adversarial Networks", Miyato, Kataoka, Koyama and Yoshida, ICLR 2018.
arXiv 1802.05957. With labels it is the GAN of "cGANs with Projection Discriminator", Miyato and Koyama, ICLR 2018,
arXiv 1802.05637.

The method is in the discriminator's layers (`layers.SpectralNorm`), trained by the hinge loss (eq. 16, 17) with n_dis
discriminator steps per generator step. Departs from the published code in that the generator's step comes after the
discriminator's, and is taken on as many fakes as theirs (the code takes twice as many).
"""

import tensorflow as tf

from tfgan_zoo import adaptive, base, latent, losses, random, signatures


class SNGAN(base.GenerativeModel):
    """A GAN whose discriminator divides each kernel by its largest singular value.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [n_dis * B, H, W, C] in [-1, 1], a minibatch
    for each discriminator step, or with labels `{"image", "label"}`, label int64 [n_dis * B].

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1]; with labels `[z, label [B]] -> image`.
        discriminator: `image [B, H, W, C] -> logits [B, 1]`; with labels `[image, label [B]] -> logits`. Its layers are
            spectrally normalised, as those of `networks.sn_resnet`.
        num_classes: labels are 0 ... num_classes - 1; 0: no labels.
        n_dis: discriminator steps per generator step.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import SNGAN
        from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator
        from tfgan_zoo.optimizers import Adam

        options = {"num_classes": 3}
        networks = sn_resnet_generator((8, 8, 1), 4, 4, **options), sn_resnet_discriminator((8, 8, 1), 4, **options)
        model = SNGAN(*networks, num_classes=3, n_dis=1)
        model.compile(g_optimizer=Adam(2e-4, 0.0, 0.9), d_optimizer=Adam(2e-4, 0.0, 0.9))
        images, labels = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32"), np.arange(16) % 3
        model.fit({"image": images, "label": labels}, batch_size=4, verbose=0)
        z = model.prior.array(2, np.random.default_rng(0))
        generated = model({"z": z, "label": np.array([0, 2])})["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, num_classes=0, n_dis=5, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = latent.Prior(generator.inputs[0].shape[-1])
        self.num_classes = num_classes
        self.n_dis = self.minibatches = n_dis

    def generate(self, label, count):
        return self.generator(base.given(self.prior.draw(count), label), training=True)

    def train_step(self, batch):
        for minibatch in base.split(batch, self.n_dis):
            real, label = base.image_and_label(minibatch)
            count = tf.shape(real)[0]
            fake_label = random.labels(count, self.num_classes)
            fake = self.generate(fake_label, count)
            with tf.GradientTape() as tape:
                real_logits, fake_logits = (
                    self.discriminator(base.given(real, label), training=True),
                    self.discriminator(base.given(fake, fake_label), training=True),
                )
                d_loss = losses.hinge_discriminator_loss(real_logits, fake_logits)
            self.minimize(d_loss, tape, self.d_optimizer)
            augmentation = adaptive.observe(self.discriminator, real_logits)

        fake_label = random.labels(count, self.num_classes)
        with tf.GradientTape() as tape:
            fake = self.generate(fake_label, count)
            logits = self.discriminator(base.given(fake, fake_label), training=True)
            g_loss = losses.hinge_generator_loss(logits)
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss, **augmentation)

    def preview(self, batch):
        return latent.preview(self.served("generator"), self.prior, batch, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior, self.num_classes)
