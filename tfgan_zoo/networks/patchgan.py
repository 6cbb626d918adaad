"""PatchGAN: a discriminator that judges overlapping patches, one logit each. pix2pix, Isola et al., CVPR 2017,
arXiv 1611.07004, section 3.2.2 and appendix 6.1.2 (C64-C128-C256-C512 sees 70x70 pixels); CycleGAN, Zhu et al.,
ICCV 2017, arXiv 1703.10593, appendix 7.2, the same with instance normalisation.
"""

import keras
from keras import layers as kl

from tfgan_zoo.convolutions import Conv2D
from tfgan_zoo.errors import InputError
from tfgan_zoo.layers import normal_002
from tfgan_zoo.networks import normalization as norms
from tfgan_zoo.networks import sizes


def patchgan_discriminator(
    image_shape, width=64, layers=3, normalization="batch", condition_channels=None, *, affine=False
):
    """`image [B, H, W, C] -> logits [B, h, w, 1]`, float32; conditional: `[condition, image] -> logits`.

    4x4 convolutions: `layers` with stride 2, then two with stride 1, each padded by 1; h = H // 2**layers - 2, which
    is 30 for 256 pixels. `layers` of 1, 2, 3, 4 see patches of 16, 34, 70, 142 pixels. The strides are the published
    code's: stride 2 throughout, as 6.1 has it, would see 94 pixels where 70 are meant.

    Args:
        image_shape: (H, W, C); both sides 3 * 2**layers or more. Any C.
        width: channels of the first layer; doubled per layer, up to 8 times.
        layers: how many convolutions have stride 2.
        normalization: "batch" or "instance".
        condition_channels: channels of the image the judged one belongs to (pix2pix's input); None for no condition.
        affine: give instance normalisation a scale and an offset, as batch normalisation has them: then it is what the
            published pix2pix's batch normalisation does at batch size 1. Without them it is that of CycleGAN's PyTorch
            code (from memory); its Lua code has them.

    Raises:
        InputError: an image too small for `layers`, or an unknown normalization.
    """
    normalize = norms.normalization(normalization, affine)
    height, breadth = sizes.sides(image_shape)
    least = 3 * 2 ** max(layers, 1)
    if layers < 1 or min(height, breadth) < least:
        raise InputError(
            f"image size {height}x{breadth} with {layers} patch layers: expected 1 layer or more, and images of"
            f" {least}x{least} or more; take fewer layers or larger images"
        )
    # CycleGAN's PyTorch code keeps the biases that its instance normalisation takes away again: their gradient is zero.
    use_bias = normalization == "instance" and not affine

    image = x = keras.Input(image_shape)
    inputs = image
    if condition_channels is not None:
        condition = keras.Input([height, breadth, condition_channels])
        inputs = [condition, image]
        x = kl.Concatenate()(inputs)  # [B, H, W, condition_channels + C]
    x = kl.LeakyReLU(negative_slope=0.2)(_conv(x, width, 2, True))  # [B, H/2, W/2, width]; no norm on the first
    for i in range(1, layers + 1):
        x = _conv(x, width * min(2**i, 8), 2 if i < layers else 1, use_bias)
        x = kl.LeakyReLU(negative_slope=0.2)(normalize(x))
    x = _conv(x, 1, 1, True)  # [B, H/2**layers - 2, W/2**layers - 2, 1]
    return keras.Model(inputs, kl.Activation("linear", dtype="float32")(x), name="patchgan_discriminator")


def _conv(x, channels, stride, use_bias):
    # "same" would pad a 4x4 convolution of stride 1 on one side more than on the other.
    x = kl.ZeroPadding2D(1)(x)
    return Conv2D(channels, 4, stride, "valid", use_bias=use_bias, kernel_initializer=normal_002())(x)
