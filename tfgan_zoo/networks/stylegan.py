"""The synthesis network of "A Style-Based Generator Architecture for Generative Adversarial Networks", Karras, Laine
and Aila, CVPR 2019, arXiv 1812.04948, section 2; it grows as ProGAN's (`networks.growing`).

Details that the paper leaves open are the published code's: a blur by (1, 2, 1) after each convolution that follows an
enlargement, noise with a strength per channel, after it the bias, no style where colours are made.
"""

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.networks import sizes
from tfgan_zoo.networks.growing import levels_of, to_colours, widths


def stylegan_syntheses(image_shape, style_dim=512, width=512, wide=4):
    """`w [B, layers, style_dim] -> image [B, h, w, C]`, float32, linear at their end: a `Level` for each size.

    Two layers with a style for each size; w has those of the whole picture, of which a smaller level uses the first: 18
    for 1024x1024, 8 for 32x32. Calls draw noise, see `layers.PixelNoise`.

    Args:
        image_shape: (H, W, C) of the whole picture, H and W halving together until the smaller one is 4 to 7.
        style_dim: length of a style.
        width, wide: as of `networks.growing.progan_generators`.

    Returns:
        A list of `networks.growing.Level`, the smallest first.

    Raises:
        InputError: an image size that does not halve to 4 to 7 pixels.
    """
    (height, breadth), _ = sizes.halvings(image_shape)
    channels, colours = widths(image_shape, width, wide), image_shape[2]
    w = keras.Input([2 * len(channels), style_dim])
    x = _styled(layers.LearnedConstant((height, breadth, channels[0]))(w), w, 0)
    x = _styled(_conv(channels[0])(x), w, 1)
    pictures = [to_colours(colours)(x)]
    for level, number in enumerate(channels[1:], 1):
        x = layers.Blur()(_conv(number)(kl.UpSampling2D()(x)))
        x = _styled(x, w, 2 * level)
        x = _styled(_conv(number)(x), w, 2 * level + 1)
        pictures.append(to_colours(colours)(x))
    return levels_of(w, pictures, "stylegan_synthesis")


def _styled(x, w, layer):
    """Noise, bias, LeakyReLU, AdaIN."""
    x = layers.Bias()(layers.PixelNoise()(x))
    return layers.AdaIN(layer)(kl.LeakyReLU(0.2)(x), w)


def _conv(channels):
    return layers.Conv2D(channels, 3, normalization=layers.EqualizedRate(), use_bias=False)
