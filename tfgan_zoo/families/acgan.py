"""AC-GAN: "Conditional Image Synthesis With Auxiliary Classifier GANs", Odena, Olah and Shlens, ICML 2017.
arXiv 1610.09585.

Follows section 3: D says whether an image is real (the source) and of which class it is; it learns the classes from
real images and from fakes. D maximises L_S + L_C, G maximises L_C - L_S. Read in the text of the submission to ICLR
2017, which does not number its equations. Departs from it in G's -L_S, which is the objective that does not saturate,
as in public implementations; and in that Gaussian noise on D's activations is left out.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, random, signatures


class ACGAN(base.GenerativeModel):
    """A GAN of labelled images whose discriminator is not told the label but has to tell it.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes `{"image", "label"}`, images [B, H, W, C] in
    [-1, 1], label int64 [B].

    Args:
        generator: `[z [B, latent_dim], label [B]] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `image [B, H, W, C] -> [logits [B, 1], class_logits [B, num_classes]]`, P(real) =
            sigmoid(logits), P(class) = softmax(class_logits).
        num_classes: labels are 0 ... num_classes - 1; those of fakes are equally likely.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import ACGAN
        from tfgan_zoo.networks.acgan import acgan_discriminator, acgan_generator
        from tfgan_zoo.optimizers import Adam

        model = ACGAN(acgan_generator((8, 8, 1), 3, 4, 8), acgan_discriminator((8, 8, 1), 3, 4), num_classes=3)
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images, labels = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32"), np.arange(16) % 3
        model.fit({"image": images, "label": labels}, batch_size=4, verbose=0)
        z = model.prior.array(2, np.random.default_rng(0))
        generated = model({"z": z, "label": np.array([0, 2])})["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, num_classes, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = latent.Prior(generator.inputs[0].shape[-1])
        self.num_classes = num_classes

    def train_step(self, batch):
        real, label = batch["image"], batch["label"]
        count = tf.shape(real)[0]

        fake_label = random.labels(count, self.num_classes)
        fake = self.generator([self.prior.draw(count), fake_label], training=True)
        with tf.GradientTape() as tape:
            real_logits, real_classes = self.discriminator(real, training=True)
            fake_logits, fake_classes = self.discriminator(fake, training=True)
            source_loss = losses.non_saturating_discriminator_loss(real_logits, fake_logits)  # -L_S
            class_loss = losses.cross_entropy(real_classes, label) + losses.cross_entropy(fake_classes, fake_label)
            d_loss = source_loss + class_loss  # -(L_S + L_C)
        self.minimize(d_loss, tape, self.d_optimizer)

        fake_label = random.labels(count, self.num_classes)
        with tf.GradientTape() as tape:
            fake = self.generator([self.prior.draw(count), fake_label], training=True)
            fake_logits, fake_classes = self.discriminator(fake, training=True)
            g_loss = losses.non_saturating_generator_loss(fake_logits)  # L_S
            g_loss += losses.cross_entropy(fake_classes, fake_label)  # -L_C
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss, class_loss=class_loss)

    def preview(self, batch):
        return latent.preview(self.served("generator"), self.prior, batch, self.seed)

    def signatures(self):
        """As `signatures.noise_to_image`; `discriminate` takes images alone and answers `class_logits` too."""
        served = signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior, self.num_classes)
        image = tf.TensorSpec([None, *self.discriminator.input_shape[1:]], tf.float32, name="image")
        return served | {"discriminate": (self.discriminate, [image])}

    def discriminate(self, image):
        logits, class_logits = self.discriminator(image, training=False)
        return {"logits": logits, "class_logits": class_logits}
