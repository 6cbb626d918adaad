"""pix2pix: "Image-to-Image Translation with Conditional Adversarial Networks", Isola, Zhu, Zhou and Efros, CVPR 2017.
arXiv 1611.07004.

Follows section 3 (equations 1, 3 and 4; 2 is an ablation). Departs from it in that
- a served or evaluated picture is normalised with batch norm's moving averages, not with the statistics of the test
  batch (section 3.3): its translation must not depend on its neighbours. Networks with instance norm that has a scale
  and an offset (`unet_generator(normalization="instance")`, `patchgan_discriminator(normalization="instance",
  affine=True)`) do what the paper's batch norm does at batch size 1, in training and in serving;
- served pictures all get the same dropout mask, for the same reason: the answer is a function of the picture.
"""

import tensorflow as tf

from tfgan_zoo import base, losses, random, signatures


class Pix2Pix(base.GenerativeModel):
    """A conditional GAN on pairs, with an L1 term.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes `{"image", "target"}`, pictures
    [B, H, W, C] and [B, H, W, C'] in [-1, 1].

    Args:
        generator: `source [B, H, W, C] -> image [B, H, W, C']`; its dropout is the noise z (section 3.1).
        discriminator: `[source, image] -> logits [B, h, w, 1]`, one per patch.
        l1_weight: the paper's lambda (equation 4).
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import Pix2Pix
        from tfgan_zoo.networks.patchgan import patchgan_discriminator
        from tfgan_zoo.networks.unet import unet_generator
        from tfgan_zoo.optimizers import Adam

        discriminator = patchgan_discriminator((8, 8, 1), width=8, layers=1, condition_channels=1)
        model = Pix2Pix(unet_generator((8, 8, 1), width=8), discriminator)
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit({"image": images, "target": -images}, batch_size=4, verbose=0)
        generated = model(images[:2])["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, l1_weight=100.0, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.l1_weight = l1_weight

    def train_step(self, batch):
        source, real = batch["image"], batch["target"]
        with tf.GradientTape() as g_tape:
            fake = self.generator(source, training=True)

        with tf.GradientTape() as d_tape:
            d_loss = 0.5 * losses.non_saturating_discriminator_loss(  # halved: section 3.3
                self.discriminator([source, real], training=True), self.discriminator([source, fake], training=True)
            )
        self.minimize(d_loss, d_tape, self.d_optimizer)

        with g_tape:
            g_loss = losses.non_saturating_generator_loss(self.discriminator([source, fake], training=True))
            l1 = losses.l1(real, fake)
            total = g_loss + self.l1_weight * l1  # equation 4
        self.minimize(total, g_tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss, l1=l1)

    def translate(self, source):
        with random.stream(self.seed, shared=True):
            return self.generator(source, training=False)

    def preview(self, batch):
        return {"input": batch["image"], "output": self.translate(batch["image"]), "target": batch["target"]}

    def signatures(self):
        shape, sizes = self.generator.input_shape[1:], signatures.any_size(self.generator)
        images, files = signatures.image_to_image(self.translate, shape, sizes)
        return {"serving_default": images, "translate_bytes": files}
