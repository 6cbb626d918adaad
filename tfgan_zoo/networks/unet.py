"""pix2pix's U-Net: "Image-to-Image Translation with Conditional Adversarial Networks", Isola, Zhu, Zhou, Efros,
CVPR 2017, arXiv 1611.07004, appendix 6.1.

Encoder C64-C128-C256-C512-C512-C512-C512-C512, decoder CD512-CD512-CD512-C512-C256-C128-C64 at 256x256, all 4x4 with
stride 2, weights N(0, 0.02) (6.2), scales of the normalisation N(1, 0.02) (published code). Another size has another
number of C512 layers; the innermost map is 1x1 where the size is a power of two.
As in the published code a skip carries what a layer gives *before* its activation, and the decoder's ReLU follows the
concatenation.
"""

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.networks import normalization as norms
from tfgan_zoo.networks import sizes


def unet_generator(
    image_shape, out_channels=None, width=64, normalization="batch", dropout=0.5, depth=None, *, affine=True
):
    """`image [B, H, W, C] -> image [B, H, W, out_channels]` in [-1, 1], float32.

    Args:
        image_shape: (H, W, C); H and W multiples of 2**depth; without a depth given, of 8. Any C.
        out_channels: channels of the output; the input's unless given.
        width: channels of the first layer.
        normalization: "batch" or "instance".
        dropout: rate in the first decoder layers (three from a depth of 7 on, one at least). It is the only noise z
            there is, so it is on when not training too (section 3.1): call inside a `random.stream`. With 0 there is
            none, and no stream is needed.
        depth: how often both sides halve, 2 or more; unless given as often as they can: 8 times at 256x256, whose
            innermost map is 1x1, and at 256x512 (1x2), 5 times at 96x64 (3x2).
        affine: give the normalisation a learned scale and offset. Without them, which only instance normalisation can
            be, the convolutions have biases, as in pix2pix's PyTorch code; those before a norm do nothing.

    Raises:
        InputError: an image size or a depth that does not fit, or an unknown normalization.
    """
    normalize = norms.normalization(normalization, affine)
    use_bias = normalization == "instance" and not affine
    depth = sizes.depth(image_shape, depth)
    channels = [width * min(2**i, 8) for i in range(depth)]
    noisy = min(3, max(1, depth - 4))

    image = keras.Input(image_shape)
    x = _down(channels[0], use_bias)(image)  # [B, H/2, W/2, width]; no norm on the first layer (6.1.1)
    skips = [x]
    for n in channels[1:-1]:
        x = normalize(_down(n, use_bias)(kl.LeakyReLU(negative_slope=0.2)(x)))  # [B, h/2, w/2, n]
        skips.append(x)
    # No norm on the innermost layer: at batch size 1 a single pixel would be normalised to zero (errata, 6.3).
    x = _down(channels[-1], use_bias)(
        kl.LeakyReLU(negative_slope=0.2)(x)
    )  # [B, H / 2**depth, W / 2**depth, channels[-1]]

    for i, (n, skip) in enumerate(zip(reversed(channels[:-1]), reversed(skips), strict=True)):
        x = normalize(_up(n, use_bias)(kl.ReLU()(x)))  # [B, 2h, 2w, n]
        if i < noisy:
            x = layers.Dropout(dropout, always=True)(x)
        x = kl.Concatenate()([x, skip])  # [B, 2h, 2w, 2n]
    x = _up(out_channels or image_shape[2], True)(kl.ReLU()(x))  # [B, H, W, out_channels]
    return keras.Model(image, kl.Activation("tanh", dtype="float32")(x), name="unet_generator")


def _down(channels, use_bias):
    return Conv2D(channels, 4, 2, "same", use_bias=use_bias, kernel_initializer=layers.normal_002())


def _up(channels, use_bias):
    return Conv2DTranspose(channels, 4, 2, "same", use_bias=use_bias, kernel_initializer=layers.normal_002())
