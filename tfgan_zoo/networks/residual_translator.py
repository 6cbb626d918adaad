"""CycleGAN's generator: "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks", Zhu, Park,
Isola, Efros, ICCV 2017, arXiv 1703.10593, appendix 7.2; after Johnson, Alahi, Fei-Fei 2016, arXiv 1603.08155.

c7s1-64, d128, d256, R256 x 9, u128, u64, c7s1-3: two halvings, residual blocks at a quarter of the size, two
doublings. Reflection padding, instance normalisation, weights N(0, 0.02) (7.1). The normalisation has no scale and no
offset, as in the authors' later PyTorch code (from memory); their first, in Lua, has both, the scale from N(1, 0.02).
"""

import keras
from keras import layers as kl

from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.layers import InstanceNormalization, ReflectionPadding2D, normal_002
from tfgan_zoo.networks import sizes


def residual_translator_generator(image_shape, out_channels=None, width=64, blocks=None):
    """`image [B, H, W, C] -> image [B, H, W, out_channels]` in [-1, 1], float32.

    Args:
        image_shape: (H, W, C); H and W multiples of 4, at least 8. Any C.
        out_channels: channels of the output; the input's unless given.
        width: channels of the first layer.
        blocks: residual blocks; unless given the paper's 9, or 6 where the smaller side is below 256
            pixels.

    Raises:
        InputError: an image size that does not fit.
    """
    sizes.divided(image_shape, 4, least=8)
    if blocks is None:
        blocks = 9 if min(image_shape[:2]) >= 256 else 6

    # The biases before a norm are the published network's and do nothing: instance normalisation takes them away.
    image = keras.Input(image_shape)
    x = _norm_relu(_conv(ReflectionPadding2D(3)(image), width, 7))  # [B, H, W, width]
    for n in (2 * width, 4 * width):
        x = _norm_relu(Conv2D(n, 3, 2, "same", kernel_initializer=normal_002())(x))  # [B, h/2, w/2, n]
    for _ in range(blocks):
        y = _norm_relu(_conv(ReflectionPadding2D(1)(x), 4 * width, 3))
        y = InstanceNormalization(affine=False)(_conv(ReflectionPadding2D(1)(y), 4 * width, 3))
        x = kl.Add()([x, y])  # [B, H/4, W/4, 4 * width]
    for n in (2 * width, width):
        # "same" here is the transpose of "same" above: the half-pixel shifts of the two cancel.
        x = _norm_relu(Conv2DTranspose(n, 3, 2, "same", kernel_initializer=normal_002())(x))  # [B, 2h, 2w, n]
    x = _conv(ReflectionPadding2D(3)(x), out_channels or image_shape[2], 7)  # [B, H, W, out_channels]
    return keras.Model(image, kl.Activation("tanh", dtype="float32")(x), name="residual_translator_generator")


def _conv(x, channels, kernel):
    return Conv2D(channels, kernel, kernel_initializer=normal_002())(x)


def _norm_relu(x):
    return kl.ReLU()(InstanceNormalization(affine=False)(x))
