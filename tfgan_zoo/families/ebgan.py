"""EBGAN: "Energy-based Generative Adversarial Network", Zhao, Mathieu and LeCun, ICLR 2017.
arXiv 1609.03126.

Follows equations 1 and 2 with the auto-encoder's energy of section 2.3 (equation 13) and the pulling-away term of
section 2.4 (equation 14) with its weight. The text of the appendix of settings was not seen:
`convolutional_autoencoder` is its auto-encoder from memory and by others' accounts. Departs from the paper in that
- the generator's step sees other noise than the discriminator's;
- `autoencoder`, the default of the recipe, ends in a vector where the paper's encoder ends in feature maps.
"""

import math

import keras
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import base, latent, layers, losses, replicas, signatures
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks import sizes


class EBGAN(base.GenerativeModel):
    """A GAN whose discriminator is an energy: how badly an auto-encoder of real images reconstructs this one.

    Compile with `g_optimizer` and `d_optimizer`; `train_step` takes images [B, H, W, C] in [-1, 1]; B over all replicas
    is 2 or more. Logs the two energies beside the losses: where `fake_energy` stays above the margin the discriminator
    learns from real images alone. `discriminate` serves the negative energy as its logits: larger is more like data,
    but 0 is no border between real and fake.

    Args:
        generator: `z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1].
        discriminator: `image [B, H, W, C] -> (reconstruction [B, H, W, C], code [B, ...])`, as `autoencoder` below.
        margin: the paper's m, in the units of `energy`, so it grows with the square root of the number of pixels.
        pt_weight: of the pulling-away term; 0 is the paper's EBGAN, 0.1 its EBGAN-PT.
        seed: see `base.GenerativeModel`.

    Raises:
        InputError: a margin that is not above 0; in training, a global batch of 1 image.

    Example:
        import numpy as np
        from tfgan_zoo import EBGAN
        from tfgan_zoo.families.ebgan import autoencoder
        from tfgan_zoo.networks.dcgan import dcgan_generator
        from tfgan_zoo.optimizers import Adam

        model = EBGAN(dcgan_generator((8, 8, 1), width=8), autoencoder((8, 8, 1), width=8), margin=2.0)
        model.compile(g_optimizer=Adam(5e-4, 0.5), d_optimizer=Adam(1e-3, 0.5))
        images = np.random.uniform(-1, 1, [16, 8, 8, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 8, 8, 1]
    """

    def __init__(self, generator, discriminator, *, margin, pt_weight=0.1, seed=0):
        super().__init__(**base.two_players(generator, discriminator), seed=seed)
        if not margin > 0:
            raise InputError(f"margin {margin}: expected more than 0, or fakes would not train the discriminator")
        self.prior = latent.Prior(generator.input_shape[-1])
        self.margin, self.pt_weight = margin, pt_weight

    def train_step(self, real):
        fake = self.generator(self.prior.like(real), training=True)
        with tf.GradientTape() as tape:
            real_energy = energy(real, self.discriminator(real, training=True)[0])
            fake_energy = energy(fake, self.discriminator(fake, training=True)[0])
            d_loss = margin_loss(real_energy, fake_energy, self.margin)
        self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake = self.generator(self.prior.like(real), training=True)
            reconstruction, code = self.discriminator(fake, training=True)
            g_loss = tf.reduce_mean(energy(fake, reconstruction))  # equation 2
            pt = pulling_away(code)
            total = g_loss + self.pt_weight * pt
        self.minimize(total, tape, self.g_optimizer)

        return self.track(
            d_loss=d_loss,
            g_loss=g_loss,
            pt=pt,
            real_energy=tf.reduce_mean(real_energy),
            fake_energy=tf.reduce_mean(fake_energy),
        )

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def logits(self, image, training):
        return -energy(image, self.discriminator(image, training=training)[0])[:, None]

    def signatures(self):
        return signatures.noise_to_image(self.served("generator"), self.logits, self.prior)


def energy(image, reconstruction):
    """||Dec(Enc(x)) - x||, equation 13: per example the Euclidean norm over all pixels and channels, [B] float32."""
    difference = tf.cast(reconstruction, tf.float32) - tf.cast(image, tf.float32)
    return losses.safe_sqrt(tf.reduce_sum(tf.square(difference), axis=list(range(1, difference.shape.rank))))


def margin_loss(real_energy, fake_energy, margin):
    """E[D(x)] + E[max(0, m - D(G(z)))], equation 1."""
    return tf.reduce_mean(real_energy) + tf.reduce_mean(tf.nn.relu(margin - fake_energy))


def pulling_away(code):
    """1 / (N (N - 1)) sum_{i != j} cos(S_i, S_j)^2, equation 14, over the codes S of the whole global batch.

    A replica returns the mean of its own rows i, so that the mean over replicas is the term of all of them.

    Raises:
        InputError: one code alone; a `tf.errors.InvalidArgumentError` where that shows only when the step runs.
    """
    own = tf.cast(tf.reshape(code, [-1, math.prod(code.shape[1:])]), tf.float32)
    own = tf.math.l2_normalize(own, axis=1, epsilon=1e-12)
    every = replicas.gather(own)
    alone = "a global batch of 1 image has no other to be pulled away from; give a batch of 2 or more"
    if every.shape[0] == 1:
        raise InputError(alone)
    tf.debugging.assert_greater(tf.shape(every)[0], 1, alone)  # where the size is not known before the step runs
    squared = tf.square(tf.matmul(own, every, transpose_b=True))  # [B, N]
    itself = tf.square(tf.reduce_sum(tf.square(own), axis=1))  # cos(S_i, S_i)^2, 0 where the code is 0
    others = tf.cast(tf.shape(every)[0] - 1, tf.float32)
    return tf.reduce_mean(tf.reduce_sum(squared, axis=1) - itself) / others


def autoencoder(image_shape, width=32, code_dim=64):
    """`image [B, H, W, C] -> (reconstruction [B, H, W, C] in [-1, 1], code [B, code_dim])`, float32.

    Strided convolutions until the smaller side is 4 to 7 and one dense layer, then back up.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128,
            96x160. Any C.
        width: channels of the first layer, doubled with every halving of the size.
        code_dim: length of the code.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)

    image = x = keras.Input(image_shape)
    for i in range(times):
        x = _down(width * 2**i, use_bias=i == 0)(x)  # [B, h/2, w/2, width 2^i]
        if i > 0:
            x = layers.batch_normalization()(x)
        x = kl.LeakyReLU(negative_slope=0.2)(x)
    code = kl.Dense(code_dim, kernel_initializer=layers.normal_002(), name="code")(kl.Flatten()(x))  # [B, code_dim]
    code = kl.Activation("linear", dtype="float32")(code)

    channels = width * 2 ** (times - 1)
    x = kl.Dense(math.prod(base) * channels, use_bias=False, kernel_initializer=layers.normal_002())(code)
    x = kl.ReLU()(layers.batch_normalization()(kl.Reshape([*base, channels])(x)))
    for i in reversed(range(times - 1)):
        x = _up(width * 2**i, use_bias=False)(x)  # [B, 2h, 2w, width 2^i]
        x = kl.ReLU()(layers.batch_normalization()(x))
    x = _up(image_shape[2], use_bias=True)(x)  # [B, H, W, C]
    return keras.Model(image, [kl.Activation("tanh", dtype="float32")(x), code], name="autoencoder")


def convolutional_autoencoder(image_shape, width=64):
    """`image [B, H, W, C] -> (reconstruction [B, H, W, C] in [-1, 1], code [B, H/8, W/8, 4 * width])`, float32.

    The paper's, (64)4c2s-(128)4c2s-(256)4c2s and the same mirrored: the code is the last feature maps. Batch
    normalisation after each but the first and the last layer, ReLU after each but the last, weights N(0, 0.002). The
    tanh at its output is our own choice.

    Args:
        image_shape: (H, W, C); H and W multiples of 8.
        width: channels of the first layer.

    Raises:
        InputError: an image size that does not fit.
    """
    sizes.divided(image_shape, 8)

    image = keras.Input(image_shape)
    x = kl.ReLU()(_down(width, True, _normal_0002)(image))  # [B, H/2, W/2, width]
    for channels in (2 * width, 4 * width):
        x = kl.ReLU()(layers.batch_normalization()(_down(channels, False, _normal_0002)(x)))
    code = x  # [B, H/8, W/8, 4 * width]
    for channels in (2 * width, width):
        x = kl.ReLU()(layers.batch_normalization()(_up(channels, False, _normal_0002)(x)))
    x = _up(image_shape[2], True, _normal_0002)(x)  # [B, H, W, C]
    outputs = [kl.Activation("tanh", dtype="float32")(x), kl.Activation("linear", dtype="float32")(code)]
    return keras.Model(image, outputs, name="convolutional_autoencoder")


def _normal_0002():
    return keras.initializers.RandomNormal(stddev=0.002)


def _down(channels, use_bias, initializer=layers.normal_002):
    return kl.Conv2D(channels, 4, 2, "same", use_bias=use_bias, kernel_initializer=initializer())


def _up(channels, use_bias, initializer=layers.normal_002):
    return kl.Conv2DTranspose(channels, 4, 2, "same", use_bias=use_bias, kernel_initializer=initializer())
