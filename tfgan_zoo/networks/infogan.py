"""The networks of InfoGAN for digits: "InfoGAN: Interpretable Representation Learning by Information Maximizing
Generative Adversarial Nets", Chen et al., NIPS 2016, arXiv 1606.03657, its appendix, as the published code has them.

Weights N(0, 0.02), scales of batch normalisation N(1, 0.02), and a bias in every layer, also where batch normalisation
takes it away again. The slope of the leaky units is the code's 0.01; the paper says 0.1. That code has pictures in
[0, 1]; here they are in [-1, 1], and the discriminator moves them there first: around a dark background, which is 0
then, the zeros at the border make no edge.
"""

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.networks import sizes

SLOPE = 0.01


def infogan_generator(image_shape, latent_dim=74, width=64):
    """`code [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32.

    Two dense layers, of 16 `width` units and of a map of a quarter of the size, and two transposed 4x4 convolutions of
    stride 2. Where the code has a sigmoid, for pictures in [0, 1], here is the tanh of half as much.

    Args:
        image_shape: (H, W, C); H and W multiples of 4.
        latent_dim: length of the code: noise and all that the generator is told.
        width: channels of the layer next to the picture; the dense map has twice as many.

    Raises:
        InputError: an image size that does not fit.
    """
    height, breadth = sizes.divided(image_shape, 4)
    z = x = keras.Input([latent_dim])
    for units in (16 * width, height * breadth * 2 * width):
        x = kl.ReLU()(_norm()(kl.Dense(units, kernel_initializer=layers.normal_002())(x)))
    x = kl.Reshape([height, breadth, 2 * width])(x)  # [B, H/4, W/4, 2 width]
    x = kl.ReLU()(_norm()(_deconv(width)(x)))  # [B, H/2, W/2, width]
    x = _deconv(image_shape[2])(x)  # [B, H, W, C]
    x = kl.Rescaling(0.5, dtype="float32")(x)
    return keras.Model(z, kl.Activation("tanh", dtype="float32")(x), name="infogan_generator")


def infogan_discriminator(image_shape, categories=(10,), continuous=2, width=64, *, learned_deviation=False):
    """`image [B, H, W, C] -> {"logits", "category", "mean", "log_deviation"}`, float32: D and Q on one trunk.

    Two 4x4 convolutions of stride 2 and a dense layer of 16 `width` units are the trunk. From there a dense layer leads
    to D's logits [B, 1], and one of 2 `width` units and another to all that Q says: the logits of all categories
    [B, sum], means and logarithms of standard deviations [B, continuous]. Heads of no size are left out.

    Args:
        image_shape: (H, W, C); H and W multiples of 4.
        categories: how many values each categorical code has.
        continuous: how many continuous codes there are.
        width: channels of the first layer; the second has twice as many.
        learned_deviation: have the head "log_deviation", for the continuous codes.

    Raises:
        InputError: an image size that does not fit.
    """
    height, breadth = sizes.divided(image_shape, 4)
    image = keras.Input(image_shape)
    x = kl.Rescaling(0.5, 0.5)(image)  # [-1, 1] to [0, 1]
    x = kl.LeakyReLU(negative_slope=SLOPE)(_conv(width)(x))  # [B, H/2, W/2, width]
    x = kl.LeakyReLU(negative_slope=SLOPE)(_norm()(_conv(2 * width)(x)))
    x = kl.Reshape([height * breadth * 2 * width])(x)
    trunk = _leaky(16 * width, x)
    of_q = _leaky(2 * width, trunk)
    heads = {"category": sum(categories), "mean": continuous, "log_deviation": continuous * learned_deviation}
    said = {"logits": _head("logits", 1, trunk)}
    said |= {name: _head(name, size, of_q) for name, size in heads.items() if size}
    return keras.Model(image, said, name="infogan_discriminator")


def _leaky(units, x):
    x = _norm()(kl.Dense(units, kernel_initializer=layers.normal_002())(x))
    return kl.LeakyReLU(negative_slope=SLOPE)(x)


def _head(name, units, x):
    x = kl.Dense(units, kernel_initializer=layers.normal_002(), name=name)(x)
    return kl.Activation("linear", dtype="float32")(x)


def _norm():
    return layers.batch_normalization(gamma_initializer=layers.normal_1_002())


def _conv(channels):
    return Conv2D(channels, 4, 2, "same", kernel_initializer=layers.normal_002())


def _deconv(channels):
    return Conv2DTranspose(channels, 4, 2, "same", kernel_initializer=layers.normal_002())
