"""SAGAN: "Self-Attention Generative Adversarial Networks", Zhang, Goodfellow, Metaxas and Odena, ICML 2019.
arXiv 1805.08318.

Self-attention (`layers.SelfAttention`, eq. 1-3) and spectral normalisation in both networks, trained by the hinge loss
(eq. 4) with one discriminator step per generator step and a learning rate for each. The attention follows the formulas
of the ICML text; equation and section numbers are from memory. Departs from the published code
(github.com/brain-research/self-attention-gan)
- as `layers.SelfAttention` says, and in the initial weights (`networks.sn_resnet`);
- in that the vectors u of the power iteration move at every call of a network in training; there only where the
  discriminator sees real images;
- in the recipe's beta_2 of Adam, the paper's 0.9, where the code leaves TensorFlow's 0.999.
"""

import tensorflow as tf

from tfgan_zoo import adaptive, base, latent, losses, random, signatures


class SAGAN(base.GenerativeModel):
    """A GAN with attention between all places of an image, and balanced steps of two learning rates.

    Compile with `g_optimizer` and `d_optimizer`, the second with the larger learning rate; `train_step` takes images
    [B, H, W, C] in [-1, 1], or with labels `{"image", "label"}`, label int64 [B].

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1]; with labels `[z, label [B]] -> image`.
        discriminator: `image [B, H, W, C] -> logits [B, 1]`; with labels `[image, label [B]] -> logits`. Both are
            spectrally normalised and have attention, as those of `networks.sn_resnet`.
        num_classes: labels are 0 ... num_classes - 1; 0: no labels.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import SAGAN
        from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator
        from tfgan_zoo.optimizers import Adam

        options = {"num_classes": 3, "attention": 8}
        networks = sn_resnet_generator((16, 16, 1), 4, 4, **options), sn_resnet_discriminator((16, 16, 1), 4, **options)
        model = SAGAN(*networks, num_classes=3)
        model.compile(g_optimizer=Adam(1e-4, 0.0, 0.9), d_optimizer=Adam(4e-4, 0.0, 0.9))
        images, labels = np.random.uniform(-1, 1, [16, 16, 16, 1]).astype("float32"), np.arange(16) % 3
        model.fit({"image": images, "label": labels}, batch_size=4, verbose=0)
        z = model.prior.array(2, np.random.default_rng(0))
        generated = model({"z": z, "label": np.array([0, 2])})["generated"]  # [2, 16, 16, 1]
    """

    def __init__(self, generator, discriminator, *, num_classes=0, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = latent.Prior(generator.inputs[0].shape[-1])
        self.num_classes = num_classes

    def generate(self, label, count):
        return self.generator(base.given(self.prior.draw(count), label), training=True)

    def train_step(self, batch):
        real, label = base.image_and_label(batch)
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
