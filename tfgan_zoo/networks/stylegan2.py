"""The networks of "Analyzing and Improving the Image Quality of StyleGAN", Karras, Laine, Aittala, Hellsten, Lehtinen
and Aila, CVPR 2020, arXiv 1912.04958: configuration F, and E with half the `width`.

Read off the published code, by facts alone: kernels N(0, 1) times 1 / sqrt(fan_in) (`layers.EqualizedRate`), LeakyReLU
0.2 times sqrt(2), filters (1, 3, 3, 1) around every change of size. `networks.style` has the mapping network.

A modulated convolution is computed as x s -> convolution -> d: the same numbers as a kernel per example, whose grouped
convolution has no gradient on a CPU.
"""

import keras
from keras import layers as kl

from tfgan_zoo import fir, layers
from tfgan_zoo.networks import sizes


def stylegan2_synthesis(image_shape, style_dim=512, width=32, most=512):
    """`w [B, layers, style_dim] -> image [B, H, W, C]`, float32, linear: the generator with skips (figure 7).

    Two styled convolutions at each size but the smallest, which has one, and a layer to RGB, which has the style of the
    convolution after it: 2 layers per size, 18 for 1024x1024, 8 for 32x32. Calls draw noise: see `layers.PixelNoise`.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128.
        style_dim: length of a style.
        width: channels next to the picture; twice as many with each halving of the size.
        most: channels of any layer at most.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    w = keras.Input([2 * times + 2, style_dim], name="w")

    def styled(x, channels, layer, up=False):
        x = layers.ModulatedConv2D(channels, 3, up=up)(x, w[:, layer])
        return _activated(layers.PixelNoise(per_channel=False)(x))

    def to_rgb(x, layer):
        return layers.ModulatedConv2D(image_shape[2], 1, demodulate=False, dtype="float32")(x, w[:, layer])

    start = keras.initializers.RandomNormal(stddev=1.0)
    x = layers.LearnedConstant((*base, _channels(times, width, most)), start)(w)
    x = styled(x, _channels(times, width, most), 0)
    image = to_rgb(x, 1)
    for level in range(1, times + 1):
        channels = _channels(times - level, width, most)
        x = styled(x, channels, 2 * level - 1, up=True)  # [B, 2h, 2w, channels]
        x = styled(x, channels, 2 * level)
        image = kl.Add(dtype="float32")([layers.Upsample(dtype="float32")(image), to_rgb(x, 2 * level + 1)])
    return keras.Model(w, image, name="stylegan2_synthesis")


def stylegan2_discriminator(image_shape, width=32, most=512, group=4):
    """`image [B, H, W, C] -> logits [B, 1]`, float32: the residual discriminator (figure 7).

    All at the smallest size is computed in float32.

    Args:
        image_shape: (H, W, C), as of `stylegan2_synthesis`.
        width: channels next to the picture; twice as many with each halving of the size.
        most: channels of any layer at most.
        group: examples of which the deviation is told: see `layers.MinibatchDeviation`.

    Raises:
        InputError: an image size that does not fit.
    """
    _, times = sizes.halvings(image_shape)
    image = keras.Input(image_shape, name="image")
    x = _activated(_conv(_channels(0, width, most), 1)(image))
    for level in range(times):
        x = _residual_down(x, _channels(level, width, most), _channels(level + 1, width, most))
    last = _channels(times, width, most)
    x = layers.MinibatchDeviation(group, dtype="float32")(x)
    x = _activated(_conv(last, 3, dtype="float32")(x), dtype="float32")
    x = kl.Flatten(dtype="float32")(x)
    x = _activated(_dense(_channels(times + 1, width, most))(x), dtype="float32")
    return keras.Model(image, _dense(1)(x), name="stylegan2_discriminator")


def _channels(halvings, width, most):
    return min(width * 2**halvings, most)


def _residual_down(x, channels, wider):
    skip = layers.Blur(fir.BILINEAR, pads=(1, 1))(x)
    skip = _conv(wider, 1, strides=2, padding="valid", use_bias=False)(skip)  # [B, h/2, w/2, wider]
    x = _activated(_conv(channels, 3)(x))
    x = layers.Blur(fir.BILINEAR, pads=(2, 2))(x)
    x = _activated(_conv(wider, 3, strides=2, padding="valid")(x))
    return kl.Rescaling(0.5**0.5)(kl.Add()([x, skip]))


def _activated(x, **kwargs):
    return kl.Rescaling(2**0.5, **kwargs)(kl.LeakyReLU(0.2, **kwargs)(x))


def _conv(filters, size, **kwargs):
    return layers.Conv2D(filters, size, normalization=layers.EqualizedRate(gain=1.0), **kwargs)


def _dense(units):
    return layers.Dense(units, normalization=layers.EqualizedRate(gain=1.0), dtype="float32")
