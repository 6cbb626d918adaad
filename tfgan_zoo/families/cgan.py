"""CGAN: "Conditional Generative Adversarial Nets", Mirza and Osindero, 2014. arXiv 1411.1784.

Follows equation 2: both networks are told the label y, and D sees each fake with the label it was made for. There is no
term for real images with a wrong label. The paper was not at hand; equation, networks and schedule are as others quote
them. Departs from equation 2 in the generator's objective: max log D(G(z|y)), the one of "Generative Adversarial
Networks" (arXiv 1406.2661), section 3, in place of min log(1 - D(G(z|y))). Where the labels of fakes come from is open
there; here they are those of the real minibatch, so that D learns nothing from how often a label comes. The paper
measures by Parzen windows, which are left out.
"""

import tensorflow as tf

from tfgan_zoo import base, latent, losses, signatures


class CGAN(base.GenerativeModel):
    """A GAN of labelled images whose networks are both told the label.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes `{"image", "label"}`, images [B, H, W, C] in
    [-1, 1], label int64 [B].

    Args:
        generator: `[z [B, latent_dim], label [B]] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `[image [B, H, W, C], label [B]] -> logits [B, 1]`, D = sigmoid(logits).
        num_classes: labels are 0 ... num_classes - 1.
        prior: the law of z, a `latent.Prior` of length latent_dim; None: uniform in [0, 1].
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import CGAN
        from tfgan_zoo.networks.cgan import cgan_discriminator, cgan_generator
        from tfgan_zoo.optimizers import Adam

        model = CGAN(cgan_generator((8, 8, 1), 3), cgan_discriminator((8, 8, 1), 3), num_classes=3)
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images, labels = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32"), np.arange(16) % 3
        model.fit({"image": images, "label": labels}, batch_size=4, verbose=0)
        z = model.prior.array(2, np.random.default_rng(0))
        generated = model({"z": z, "label": np.array([0, 2])})["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, num_classes, prior=None, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = prior or latent.Prior(generator.inputs[0].shape[-1], "uniform", low=0.0)
        self.num_classes = num_classes

    def train_step(self, batch):
        real, label = batch["image"], batch["label"]

        fake = self.generator([self.prior.like(real), label], training=True)
        with tf.GradientTape() as tape:
            d_loss = losses.non_saturating_discriminator_loss(
                self.discriminator([real, label], training=True), self.discriminator([fake, label], training=True)
            )
        self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake = self.generator([self.prior.like(real), label], training=True)
            g_loss = losses.non_saturating_generator_loss(self.discriminator([fake, label], training=True))
        self.minimize(g_loss, tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss)

    def preview(self, batch):
        return latent.preview(self.served("generator"), self.prior, batch, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior, self.num_classes)
