"""LSGAN: "Least Squares Generative Adversarial Networks", Mao, Li, Xie, Lau, Wang and Smolley, ICCV 2017.
arXiv 1611.04076.

Follows equation 2 with the targets of equation 9, or those of equation 8. The numbers of equations are from memory, the
two codings from others' accounts of the paper. The generator at the end is that of the published code
(github.com/xudonmao/LSGAN), which has the targets of equation 9. Departs from that code in that
- the generator's step sees other noise than the discriminator's, where the code has the same;
- losses are means over the batch, where the code has sums (under Adam that is the same, but for its epsilon);
- convolutions have no bias where batch normalisation follows, which would take it away;
- the discriminator is DCGAN's, with its initial weights: the code draws those of its convolutions from a truncated
  normal law, and starts the scales of batch normalisation at 1.
"""

import math

import keras
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import base, latent, layers, losses, signatures
from tfgan_zoo.networks import sizes


class LSGAN(base.GenerativeModel):
    """A GAN whose discriminator fits one number to real images and another to fakes, by least squares.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [B, H, W, C] in [-1, 1].

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `image [B, H, W, C] -> logits [B, 1]`, no sigmoid.
        coding: the paper's (a, b, c): what the discriminator should say of fakes, of real images, and what the
            generator wants it to say of fakes. (0, 1, 1) is equation 9. With b - c = 1 and b - a = 2, as in
            (-1, 1, 0), equation 8, the generator minimises a Pearson chi^2 divergence (section 3.2).
        prior: the law of z, a `latent.Prior` of length latent_dim; None: N(0, I).
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

    def __init__(self, generator, discriminator, *, coding=(0.0, 1.0, 1.0), prior=None, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        self.prior = prior or latent.Prior(generator.input_shape[-1])
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
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)


def vgg_generator(image_shape, latent_dim=1024, width=64):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32: the generator of the published code.

    3x3 transposed convolutions, one of stride 2 per doubling of the size and, but for the last two, another of stride
    1; one more to the picture. Batch normalisation and ReLU after each but the last. At 112x112 with width 64 that is
    256 channels at 7 pixels, twice 256 at 14 and at 28, 128 at 56, 64 at 112.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128,
            112x112. Any C.
        latent_dim: length of z.
        width: channels of the layer next to the picture; twice, then four times as many further away.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    channels = [width * min(2**i, 4) for i in range(times, -1, -1)]  # of the smallest map first

    z = keras.Input([latent_dim])
    x = kl.Dense(math.prod(base) * channels[0], use_bias=False, kernel_initializer=layers.normal_002())(z)
    x = _norm_relu(kl.Reshape([*base, channels[0]])(x))  # [B, H / 2**times, W / 2**times, channels[0]]
    for i in range(1, times + 1):
        x = _norm_relu(_deconv(channels[i], 2, use_bias=False)(x))  # [B, 2h, 2w, channels[i]]
        if i <= times - 2:
            x = _norm_relu(_deconv(channels[i], 1, use_bias=False)(x))
    x = _deconv(image_shape[2], 1, use_bias=True)(x)  # [B, H, W, C]
    return keras.Model(z, kl.Activation("tanh", dtype="float32")(x), name="vgg_generator")


def _norm_relu(x):
    return kl.ReLU()(layers.batch_normalization()(x))


def _deconv(channels, stride, use_bias):
    return kl.Conv2DTranspose(channels, 3, stride, "same", use_bias=use_bias, kernel_initializer=layers.normal_002())
