"""Networks that grow level by level, those of all levels sharing their layers. "Progressive Growing of GANs for
Improved Quality, Stability, and Variation", Karras et al., ICLR 2018, arXiv 1710.10196, sections 2 and 4, table 2.

Levels are halvings of a picture, from the smallest, of 4 to 7 pixels, to the whole. Kernels are equalised
(`layers.EqualizedRate`) with the gain sqrt(2) of what a LeakyReLU follows, but for the three that the published code
has: sqrt(2) / 4 of G's first dense layer, 1 of the layers that give colours and of D's last.
"""

from typing import NamedTuple

import keras
from keras import layers as kl

from tfgan_zoo import averages, layers
from tfgan_zoo.networks import sizes


class Level(NamedTuple):
    """The networks of one level.

    Attributes:
        steady: `x -> y`, of it alone.
        fading: `[x, alpha [B, 1]] -> y`, between the level before, alpha 0, and it, alpha 1; None for the first.
    """

    steady: keras.Model
    fading: keras.Model | None


def heights(image_shape):
    """The heights of a picture (H, W, C) on all levels, the smallest first."""
    (height, _), times = sizes.halvings(image_shape)
    return [height * 2**level for level in range(times + 1)]


def widths(image_shape, width, wide):
    """Channels on each level: `width` on the first `wide` ones, then half as many on each further one."""
    return [max(1, width >> max(0, level - wide + 1)) for level in range(len(heights(image_shape)))]


def progan_generators(image_shape, latent_dim=512, width=512, wide=4):
    """`z [B, latent_dim] -> image [B, h, w, C]`, float32, linear at their end: a `Level` for each size, smallest first.

    Args:
        image_shape: (H, W, C) of the whole picture, H and W halving together until the smaller one is 4 to 7.
        latent_dim: length of z, which is normalised.
        width: channels of the smallest maps.
        wide: on how many levels maps have so many; then they halve with each. 4: up to 32x32.

    Raises:
        InputError: an image size that does not halve to 4 to 7 pixels.
    """
    (height, breadth), _ = sizes.halvings(image_shape)
    channels, colours = widths(image_shape, width, wide), image_shape[2]
    z = keras.Input([latent_dim])
    first = layers.EqualizedRate(2**0.5 / 4)
    x = layers.Dense(height * breadth * width, normalization=first, use_bias=False)(layers.PixelNorm()(z))
    x = kl.Reshape([height, breadth, width])(x)
    x = _normed(layers.Bias()(x))
    x = _normed(_conv(channels[0])(x))
    pictures = [to_colours(colours)(x)]
    for number in channels[1:]:
        x = kl.UpSampling2D()(x)
        for _ in range(2):
            x = _normed(_conv(number)(x))
        pictures.append(to_colours(colours)(x))
    return levels_of(z, pictures, "progan_generator")


def levels_of(x, pictures, name):
    """The `Level`s of a generator that makes `pictures` of its input `x`, one for each size, smallest first."""
    alpha, found = keras.Input([1]), []
    for level, picture in enumerate(pictures):
        size = "x".join(map(str, picture.shape[1:3]))
        fading = None
        if level:
            before = kl.UpSampling2D(dtype="float32")(pictures[level - 1])
            faded = layers.Fade(dtype="float32")([before, picture, alpha])
            fading = keras.Model([x, alpha], faded, name=f"{name}_{size}_fade")
        found.append(Level(keras.Model(x, picture, name=f"{name}_{size}"), fading))
    return found


def copied(levels):
    """The `Level`s of the averages of those of `levels`: copies that share their layers with each other, not with them.

    See `averages.copies`.
    """
    copies = iter(averages.copies([network for level in levels for network in level if network is not None]))
    return [Level(*(network and next(copies) for network in level)) for level in levels]


def growing_discriminators(image_shape, width=512, wide=4, *, group=4, blur=False):
    """`image [B, h, w, C] -> logits [B, 1]`, float32: a `Level` for each size, smallest first.

    Args:
        image_shape, width, wide: as of `progan_generators`.
        group: examples over which the deviation is taken before the last layers, see `layers.MinibatchDeviation`.
        blur: blur by (1, 2, 1) before the convolution that is halved, which then comes before its LeakyReLU, as
            StyleGAN's (1812.04948, its code).

    Raises:
        InputError: an image size that does not halve to 4 to 7 pixels.
    """
    (height, breadth), _ = sizes.halvings(image_shape)
    channels, colours = widths(image_shape, width, wide), image_shape[2]
    begins = [_Chain(_conv(number, 1), kl.LeakyReLU(0.2)) for number in channels]
    halving = [_Chain(_halving(of, below, blur)) for of, below in zip(channels[1:], channels[:-1], strict=True)]
    halve = kl.AveragePooling2D(2, dtype="float32")
    ends = _Chain(
        layers.MinibatchDeviation(group),
        _conv(channels[0]),
        kl.LeakyReLU(0.2),
        kl.Flatten(),
        layers.Dense(width, normalization=layers.EqualizedRate(), dtype="float32"),
        kl.LeakyReLU(0.2, dtype="float32"),
        layers.Dense(1, normalization=layers.EqualizedRate(1.0), dtype="float32", name="logits"),
    )
    alpha, found = keras.Input([1]), []
    for level in range(len(channels)):
        size = (height * 2**level, breadth * 2**level)
        name = f"growing_discriminator_{size[0]}x{size[1]}"
        image = keras.Input([*size, colours])

        def judged(x, below):
            for chain in reversed(halving[:below]):
                x = chain(x)
            return ends(x)

        x, fading = begins[level](image), None
        if level:
            new, old = halving[level - 1](x), begins[level - 1](halve(image))
            logits = judged(layers.Fade()([old, new, alpha]), level - 1)
            fading = keras.Model([image, alpha], logits, name=f"{name}_fade")
        found.append(Level(keras.Model(image, judged(x, level), name=name), fading))
    return found


class _Chain:
    """Layers one after the other."""

    def __init__(self, *parts):
        self.parts = parts

    def __call__(self, x):
        for part in self.parts:
            x = part(x)
        return x


def _halving(channels, below, blur):
    first, second, half = _Chain(_conv(channels), kl.LeakyReLU(0.2)), _conv(below), kl.AveragePooling2D(2)
    if blur:
        return _Chain(first, layers.Blur(), second, half, kl.LeakyReLU(0.2))
    return _Chain(first, second, kl.LeakyReLU(0.2), half)


def to_colours(channels):
    """A layer `[B, h, w, n] -> [B, h, w, channels]`, 1x1, linear, float32."""
    return layers.Conv2D(channels, 1, normalization=layers.EqualizedRate(1.0), dtype="float32")


def _conv(channels, size=3):
    return layers.Conv2D(channels, size, normalization=layers.EqualizedRate())


def _normed(x):
    return layers.PixelNorm()(kl.LeakyReLU(0.2)(x))
