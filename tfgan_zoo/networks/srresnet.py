"""SRResNet, the generator of "Photo-Realistic Single Image Super-Resolution Using a Generative Adversarial Network",
Ledig et al., CVPR 2017, arXiv 1609.04802, and the discriminator of SRGAN: figure 4.

The figure was seen in public programs that follow it, and the parameters counted there. The paper gives low-resolution
pictures in [0, 1]; here they come in [-1, 1], and the generator takes them there before its first layer. Convolutions
have biases everywhere, under a batch norm too, where they do nothing. PReLU starts from a slope of 0.25 (He et al.
2015, arXiv 1502.01852), as in those programs.
"""

import keras
from keras import layers as kl

from tfgan_zoo.convolutions import Conv2D
from tfgan_zoo.errors import InputError
from tfgan_zoo.layers import PixelShuffle, batch_normalization
from tfgan_zoo.networks import sizes


def srresnet_generator(image_shape, scale=4, width=64, blocks=16):
    """`image [B, H, W, C] -> image [B, scale * H, scale * W, C]`, float32, in [-1, 1] as far as it has learned to be.

    Nothing in it is bound to H and W: its weights are those for any size.

    Args:
        image_shape: (H, W, C) of the small picture, any.
        scale: 2, 4, 8 ...: a pixel shuffle for each doubling.
        width: channels of all layers but the last.
        blocks: residual blocks, the paper's B.

    Raises:
        InputError: a scale that is no power of 2.
    """
    sizes.sides(image_shape)
    if scale < 2 or scale & (scale - 1):
        raise InputError(f"scale {scale}: expected a power of 2, as 2, 4 or 8")
    image = keras.Input(image_shape)
    x = kl.Rescaling(0.5, 0.5)(image)  # to [0, 1], section 3.2
    first = x = _prelu(_conv(x, width, 9))  # [B, H, W, width]
    for _ in range(blocks):
        y = _prelu(batch_normalization()(_conv(x, width)))
        x = kl.Add()([x, batch_normalization()(_conv(y, width))])
    x = kl.Add()([first, batch_normalization()(_conv(x, width))])
    for _ in range(scale.bit_length() - 1):
        x = _prelu(PixelShuffle(2)(_conv(x, 4 * width)))  # [B, 2h, 2w, width]
    x = _conv(x, image_shape[2], 9)  # [B, scale * H, scale * W, C]
    return keras.Model(image, kl.Activation("linear", dtype="float32")(x), name="srresnet_generator")


def srgan_discriminator(image_shape, width=64):
    """`image [B, H, W, C] -> logits [B, 1]`, float32.

    Eight 3x3 convolutions, each second one with stride 2 and padded alike on all sides, and two dense layers.

    Args:
        image_shape: (H, W, C) of the large picture; both sides 8 or more. Any C.
        width: channels of the first two layers; doubled per pair, up to 8 times. The dense layer has 16 times as many.

    Raises:
        InputError: an image size that does not fit.
    """
    height, breadth = sizes.sides(image_shape)
    if min(height, breadth) < 8:
        raise InputError(f"image size {height}x{breadth}: expected 8x8 or more")
    image = keras.Input(image_shape)
    x = _leaky(_conv(image, width))  # no batch norm on the first
    for i, channels in enumerate([width, *(width * n for n in (2, 2, 4, 4, 8, 8))]):
        # "same" would pad a convolution of stride 2 below and to the right alone.
        y = _conv(x, channels) if i % 2 else Conv2D(channels, 3, 2)(kl.ZeroPadding2D(1)(x))
        x = _leaky(batch_normalization()(y))  # at last [B, H / 16, W / 16, 8 * width], rounded up
    x = _leaky(kl.Dense(16 * width)(kl.Flatten()(x)))
    return keras.Model(image, kl.Activation("linear", dtype="float32")(kl.Dense(1)(x)), name="srgan_discriminator")


def _conv(x, channels, kernel=3):
    return Conv2D(channels, kernel, padding="same")(x)


def _prelu(x):
    return kl.PReLU(keras.initializers.Constant(0.25), shared_axes=[1, 2])(x)


def _leaky(x):
    return kl.LeakyReLU(negative_slope=0.2)(x)
