"""LAPGAN: "Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks", Denton, Chintala, Szlam and
Fergus, NIPS 2015. arXiv 1506.05751.

The formulas of sections 2 and 3 were seen in summaries that quote them, without their numbers: coefficients
h_k = I_k - u(I_k+1), sampling I_k = u(I_k+1) + G_k(z_k, u(I_k+1)), a discriminator that is given h and l and adds them
before its first layer. The networks at the end are the published code's for CIFAR-10
(github.com/facebookarchive/eyescream), noise uniform in [-1, 1] and the generators' non-saturating objective likewise.
Departs from them in that
- all levels are trained in one step, on the pyramids of the same images; they share no weight, loss or gradient: each
  is trained as if alone;
- the discriminators see every image as real and, its residual generated, as fake, where the paper tosses a coin (the
  code halves each batch), and their loss is the sum of the means over real and over fake images, where the code has one
  mean over both: twice its gradient;
- the kernels of d and u are the simplest of their kind: which ones the paper has was not seen (the code has Torch's
  image.scale);
- a sample is clipped to [-1, 1] in the end.
"""

import keras
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import base, latent, layers, losses, signatures
from tfgan_zoo.errors import InputError


def down(image):
    """d: blurs by a box of 2x2 pixels and takes every second: [B, H, W, C] -> [B, H/2, W/2, C]."""
    return keras.ops.average_pool(image, 2, 2)


def up(image):
    """u: expands and smooths, bilinearly: [B, H, W, C] -> [B, 2H, 2W, C]."""
    height, width = image.shape[1:3]
    return keras.ops.image.resize(image, (2 * height, 2 * width), "bilinear")


def pyramid(image, levels):
    """The Laplacian pyramid of images [B, H, W, C], from fine to coarse.

    Args:
        image: H and W a multiple of 2**(levels - 1).
        levels: 1 or more.

    Returns:
        Per level what its networks work with: `(l_k, h_k)`, the low-pass image u(I_k+1) and the residual I_k - l_k; for
        the coarsest the image `(I_K,)`.
    """
    parts = []
    for _ in range(levels - 1):
        coarse = down(image)
        low = up(coarse)
        parts.append((low, image - low))
        image = coarse
    return [*parts, (image,)]


def reconstruct(coarsest, residual, levels):
    """The inverse of `pyramid`, from coarse to fine: I_k = u(I_k+1) + h_k.

    Args:
        coarsest: I_K, [B, h, w, C].
        residual: `(k, l_k) -> h_k`, of the data or drawn by G_k.
        levels: as in `pyramid`.

    Returns:
        I_0, [B, H, W, C].
    """
    image = coarsest
    for k in reversed(range(levels - 1)):
        low = up(image)
        image = low + residual(k, low)
    return image


class LAPGAN(base.GenerativeModel):
    """One GAN per level of a Laplacian pyramid: the coarsest draws an image, each finer one the detail to add.

    Compile with `g_optimizer` and `d_optimizer`, each for all levels; `train_step` takes images [B, H, W, C] in
    [-1, 1]. z is uniform in [-1, 1], that of all levels one vector, the finest level's first.

    Args:
        generators: from fine to coarse, one per level: `[low-pass image, z_k [B, n_k]] -> residual`, both
            [B, H_k, W_k, C]; the last `z_K [B, n_K] -> image` in [-1, 1].
        discriminators: likewise `[low-pass image, residual] -> logits [B, 1]`; the last `image -> logits`.
        seed: see `base.GenerativeModel`.

    Example:
        import numpy as np
        from tfgan_zoo import LAPGAN
        from tfgan_zoo.families.lapgan import level_discriminator, level_generator
        from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
        from tfgan_zoo.optimizers import Adam

        generators = level_generator((16, 16, 1), width=4), mlp_generator((8, 8, 1), latent_dim=4)
        model = LAPGAN(generators, [level_discriminator((16, 16, 1), width=4), mlp_discriminator((8, 8, 1))])
        model.compile(g_optimizer=Adam(2e-4, 0.5), d_optimizer=Adam(2e-4, 0.5))
        images = np.random.uniform(-1, 1, [16, 16, 16, 1]).astype("float32")
        model.fit(images, batch_size=4, verbose=0)
        generated = model(model.prior.array(2, np.random.default_rng(0)))["generated"]  # [2, 16, 16, 1]
    """

    def __init__(self, generators, discriminators, *, seed=0):
        players = {f"generator_{k}": g for k, g in enumerate(generators)}
        opponents = {f"discriminator_{k}": d for k, d in enumerate(discriminators)}
        super().__init__(
            networks=players | opponents,
            trains={"g_optimizer": list(players), "d_optimizer": list(opponents)},
            seed=seed,
        )
        self.levels = len(generators)
        self.generators, self.discriminators = list(generators), list(discriminators)
        self.latent_dims = [g.inputs[-1].shape[-1] for g in generators]
        self.prior = latent.Prior(sum(self.latent_dims), "uniform")

        # The chain of all levels as one network: what samples are drawn with, and what judges an image at each level.
        z = keras.Input([self.prior.dim])
        image = keras.Input(discriminators[0].inputs[0].shape[1:])
        judged = [d(_inputs(part)) for d, part in zip(discriminators, pyramid(image, self.levels), strict=True)]
        self.generator = keras.Model(z, self._chain(z), name="lapgan_generator")
        self.discriminator = keras.Model(image, keras.ops.concatenate(judged, axis=-1), name="lapgan_discriminator")

    def _split(self, z):
        return keras.ops.split(z, [sum(self.latent_dims[:k]) for k in range(1, self.levels)], axis=-1)

    def _chain(self, z):
        z = self._split(z)
        image = reconstruct(self.generators[-1](z[-1]), lambda k, low: self.generators[k]([low, z[k]]), self.levels)
        return keras.ops.clip(image, -1.0, 1.0)

    def fakes(self, real, z):
        """Of each level its networks' input with the residual generated, the coarse image being `real`'s."""
        *finer, coarsest = self.generators
        *noise, last = self._split(z)
        drawn = [(low, g([low, z_k], training=True)) for g, (low, _), z_k in zip(finer, real[:-1], noise, strict=True)]
        return [*drawn, (coarsest(last, training=True),)]

    def logits(self, parts):
        return [d(_inputs(part), training=True) for d, part in zip(self.discriminators, parts, strict=True)]

    def train_step(self, image):
        real = pyramid(image, self.levels)

        fake = self.fakes(real, self.prior.like(image))
        with tf.GradientTape() as tape:
            pairs = zip(self.logits(real), self.logits(fake), strict=True)
            d_losses = [losses.non_saturating_discriminator_loss(*pair) for pair in pairs]
            d_loss = tf.add_n(d_losses)  # no weight is in two of them
        self.minimize(d_loss, tape, self.d_optimizer)

        with tf.GradientTape() as tape:
            fake = self.fakes(real, self.prior.like(image))
            g_losses = [losses.non_saturating_generator_loss(logits) for logits in self.logits(fake)]
            g_loss = tf.add_n(g_losses)
        self.minimize(g_loss, tape, self.g_optimizer)

        each = {f"d_loss_{k}": loss for k, loss in enumerate(d_losses)}
        return self.track(**each, **{f"g_loss_{k}": loss for k, loss in enumerate(g_losses)})

    def preview(self, real):
        return latent.preview(self.served("generator"), self.prior, real, self.seed)

    def signatures(self):
        """`discriminate` gives [B, levels]: the logits of each level, of its part of the image's pyramid."""
        return signatures.noise_to_image(self.served("generator"), self.discriminator, self.prior)


def _inputs(part):
    return part[0] if len(part) == 1 else list(part)


def level_generator(image_shape, width=64):
    """`[low-pass image [B, H, W, C], z [B, H W]] -> residual [B, H, W, C]`, float32; z is one more plane of the image.

    Args:
        image_shape: (H, W, C) of any size.
        width: channels of both hidden layers.
    """
    height, wide, channels = image_shape
    low, z = keras.Input(image_shape), keras.Input([height * wide])
    x = kl.Concatenate()([low, kl.Reshape([height, wide, 1])(z)])  # [B, H, W, C + 1]
    x = kl.Conv2D(width, 7, padding="same", activation="relu")(x)
    x = kl.Conv2D(width, 7, padding="same", activation="relu")(x)
    x = kl.Conv2D(channels, 5, padding="same")(x)
    return keras.Model([low, z], kl.Activation("linear", dtype="float32")(x), name=f"lapgan_generator_{height}")


def level_discriminator(image_shape, width=64, dropout=0.5):
    """`[low-pass image, residual] -> logits [B, 1]`, float32; the first layer sees their sum.

    Args:
        image_shape: (H, W, C), at least 9x9.
        width: channels of both convolutions.
        dropout: before the last layer.

    Raises:
        InputError: an image too small for two 5x5 convolutions that are not padded.
    """
    if min(image_shape[:2]) < 9:
        raise InputError(
            f"a level of {image_shape[0]}x{image_shape[1]} pixels: expected 9 or more a side; take fewer levels"
        )
    low, residual = keras.Input(image_shape), keras.Input(image_shape)
    name = f"lapgan_discriminator_{image_shape[0]}"  # levels are parts of one network, whose parts have different names
    x = kl.Add(dtype="float32")([low, residual])
    x = kl.Conv2D(width, 5, activation="relu")(x)
    x = kl.Conv2D(width, 5, 2, activation="relu")(x)
    x = layers.Dropout(dropout)(kl.Flatten()(x))
    x = kl.Dense(1, name="logits")(x)
    return keras.Model([low, residual], kl.Activation("linear", dtype="float32")(x), name=name)
