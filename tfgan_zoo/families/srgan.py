"""SRGAN: "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network", Ledig, Theis, Huszar,
Caballero, Cunningham, Acosta, Aitken, Tejani, Totz, Wang and Shi, CVPR 2017. arXiv 1609.04802.

Follows equations 2 to 6: SRResNet is trained by the mean squared error (4), SRGAN from there on by a content loss, (4)
or that of VGG's features (5), and 1e-3 of the adversarial loss (6). Departs from the paper in that
- low-resolution pictures come in [-1, 1], as all pictures here do; the network takes them to the paper's [0, 1];
- they are made by a bicubic filter alone, without the Gaussian filter before it that section 2 speaks of;
- D's loss is the sum of its means over real and over made pictures, equation 2 as it stands;
- what is served and measured is clipped to [-1, 1]; in training nothing is;
- equation 5 divides by the pixels of a map of features alone, and so it is done here; public programs often divide by
  its channels, too. The factor 1/12.75 of the features presumes VGG's published weights, on pixels of 0 to 255;
- the total variation loss, which the paper has with other features of VGG only, is left out.
Which layers the networks have was seen in public programs that follow figure 4 (`networks/srresnet.py`).
"""

import tensorflow as tf

from tfgan_zoo import base, losses, signatures


def feature_loss(real, fake, scale):
    """Equation 5 of features `[B, h, w, c]` times `scale`: the squared distance at a place, mean over places."""
    difference = scale * (tf.cast(real, tf.float32) - tf.cast(fake, tf.float32))
    return tf.reduce_mean(tf.reduce_sum(tf.square(difference), axis=-1))


class _Upscaler(base.GenerativeModel):
    """What both models show and serve: pictures of any size, some times larger."""

    def __init__(self, networks, trains, seed):
        super().__init__(networks, trains, seed=seed)
        low, high = self.generator.input_shape, self.generator.output_shape
        self.scale, self.image_shape = high[1] // low[1], low[1:]
        self.sizes = signatures.any_size(self.generator)

    def upscale(self, image):
        return tf.clip_by_value(self.generator(image, training=False), -1.0, 1.0)

    def preview(self, batch):
        low, high = batch["image"], batch["target"]
        bicubic = tf.clip_by_value(tf.image.resize(low, high.shape[1:3], "bicubic", antialias=True), -1.0, 1.0)
        on_images, _ = self.signatures()["serving_default"]
        made = on_images(tf.convert_to_tensor(low))["generated"]
        return {"input": low, "bicubic": bicubic, "output": made, "target": high}

    def signatures(self):
        on_images, on_files = signatures.image_to_image(self.upscale, self.image_shape, self.sizes, scale=self.scale)
        return {"serving_default": on_images, "upscale_bytes": on_files}


class SRResNet(_Upscaler):
    """Super-resolution by the mean squared error alone: high PSNR, soft edges.

    Compile with `g_optimizer`; `train_step` takes `{"image", "target"}`, pictures [B, H, W, C] and
    [B, scale * H, scale * W, C] in [-1, 1].

    Args:
        generator: `image [B, H, W, C] -> image [B, scale * H, scale * W, C]`. It serves any size if nothing in it is
            bound to one.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import SRResNet
        from tfgan_zoo.networks.srresnet import srresnet_generator
        from tfgan_zoo.optimizers import Adam

        model = SRResNet(srresnet_generator((4, 4, 1), width=4, blocks=1))
        model.compile(g_optimizer=Adam(1e-4))
        high = np.random.uniform(-1, 1, [16, 16, 16, 1]).astype("float32")
        model.fit({"image": high[:, ::4, ::4], "target": high}, batch_size=4, verbose=0)
        generated = model(high[:2])["generated"]  # [2, 64, 64, 1]
    """

    def __init__(self, generator, *, seed=0):
        super().__init__({"generator": generator}, {"g_optimizer": ["generator"]}, seed)

    def train_step(self, batch):
        with tf.GradientTape() as tape:
            mse = losses.l2(batch["target"], self.generator(batch["image"], training=True))  # equation 4
        self.minimize(mse, tape, self.g_optimizer)
        return self.track(mse=mse)


class SRGAN(_Upscaler):
    """Super-resolution by a content loss and a discriminator; begins with the generator of a trained `SRResNet`.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes `{"image", "target"}` as `SRResNet`'s does.

    Args:
        generator: as of `SRResNet`.
        discriminator: `image [B, scale * H, scale * W, C] -> logits [B, 1]`.
        features: None, for the mean squared error as the content loss; or `image -> [features [B, h, w, c], ...]`, such
            as `base.as_function(vgg_features(weights, ["block5_conv4"]))`, the paper's VGG54. With several, their
            losses are added.
        feature_scale: of the features (section 2.2.1).
        adversarial_weight: of the adversarial loss (equation 3).
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import SRGAN
        from tfgan_zoo.networks.srresnet import srgan_discriminator, srresnet_generator
        from tfgan_zoo.optimizers import Adam

        model = SRGAN(srresnet_generator((4, 4, 1), width=4, blocks=1), srgan_discriminator((16, 16, 1), width=4))
        model.compile(g_optimizer=Adam(1e-4), d_optimizer=Adam(1e-4))
        high = np.random.uniform(-1, 1, [16, 16, 16, 1]).astype("float32")
        model.fit({"image": high[:, ::4, ::4], "target": high}, batch_size=4, verbose=0)
        generated = model(high[:2])["generated"]  # [2, 64, 64, 1]
    """

    def __init__(
        self, generator, discriminator, *, features=None, feature_scale=1 / 12.75, adversarial_weight=1e-3, seed=0
    ):  # fmt: skip
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.features, self.feature_scale, self.adversarial_weight = features, feature_scale, adversarial_weight

    def train_step(self, batch):
        low, real = batch["image"], batch["target"]
        with tf.GradientTape() as g_tape:
            fake = self.generator(low, training=True)

        with tf.GradientTape() as d_tape:  # equation 2
            d_loss = losses.non_saturating_discriminator_loss(
                self.discriminator(real, training=True), self.discriminator(fake, training=True)
            )
        self.minimize(d_loss, d_tape, self.d_optimizer)

        with g_tape:
            g_loss = losses.non_saturating_generator_loss(self.discriminator(fake, training=True))  # equation 6
            content = self.content_loss(real, fake)
            total = content + self.adversarial_weight * g_loss  # equation 3
        self.minimize(total, g_tape, self.g_optimizer)

        return self.track(d_loss=d_loss, g_loss=g_loss, content=content)

    def content_loss(self, real, fake):
        if self.features is None:
            return losses.l2(real, fake)  # equation 4
        pairs = zip(self.features(real), self.features(fake), strict=True)
        return sum(feature_loss(a, b, self.feature_scale) for a, b in pairs)
