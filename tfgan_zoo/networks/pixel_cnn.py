"""PixelCNNs: networks of p(image) = prod_i p(x_i | x_1 ... x_(i-1)), of one code or of none.

`pixel_cnn`: van den Oord, Kalchbrenner and Kavukcuoglu 2016, arXiv 1601.06759 (seen second-hand), its blocks sized as
in a public program, pytorch-generative. `gated_pixel_cnn`: van den Oord et al. 2016, arXiv 1606.05328 (its equation 2
for the gates), laid out as the decoder of PixelVAE's published program (1611.05013): a first layer of 7x7 without a
residual, then layers of two stacks, then two gates of 1x1.

Departs from that program in that a row that lies above the picture keeps what the layers before made of it; there each
layer sees zeros. Its last vertical gate, which leads nowhere, is left out.
"""

import keras
from keras import layers as kl

from tfgan_zoo import autoregressive, layers
from tfgan_zoo.errors import InputError
from tfgan_zoo.masked_layers import Gate, MaskedConv2D
from tfgan_zoo.networks import sizes


def pixel_cnn(image_shape, width=32, blocks=15, *, kernel=3, first_kernel=7, levels=2):
    """`image [B, H, W, C] -> logits [B, H, W, ...]`, float32, as `autoregressive` has them: masked convolutions alone.

    A convolution with mask A, `blocks` residual blocks (1x1 to half the width, one of `kernel` with mask B, 1x1 back),
    two of 1x1. It has a blind spot: rows above are seen only so far to the right as the layers lead there.

    Args:
        image_shape: (H, W, C), of any sides.
        width: channels, the paper's 2h; a multiple of twice the colours.
        blocks: how many residual blocks.
        kernel, first_kernel: sides of the kernels of the blocks and of the first layer, odd.
        levels: of each colour of a pixel.

    Raises:
        InputError: an image shape, kernel or width that does not fit.
    """
    sizes.sides(image_shape)
    colours = image_shape[2]
    _check(width, 2 * colours, "twice the colours", kernel, first_kernel)

    def convolve(x, channels, side, mask="B"):
        return MaskedConv2D(channels, side, mask, colours)(x)

    image = keras.Input(image_shape)
    x = convolve(image, width, first_kernel, "A")
    for _ in range(blocks):
        y = convolve(kl.ReLU()(x), width // 2, 1)
        y = convolve(kl.ReLU()(y), width // 2, kernel)
        x = kl.Add()([x, convolve(kl.ReLU()(y), width, 1)])
    x = convolve(kl.ReLU()(x), width, 1)
    x = convolve(kl.ReLU()(x), autoregressive.logits_per_colour(levels) * colours, 1)
    return keras.Model(image, _wide(x), name="pixel_cnn")


def gated_pixel_cnn(
    image_shape,
    width=16,
    layers_=12,
    *,
    kernel=5,
    first_kernel=7,
    levels=2,
    code_dim=0,
    code_maps=0,
    normalization=None,
):
    """`image [B, H, W, C] -> logits [B, H, W, ...]`, or `[image, code [B, code_dim]] -> logits`, float32.

    A vertical stack sees all rows above, a horizontal one its own row up to the pixel and what the vertical one says of
    those above: no pixel is out of sight but by distance. Each layer adds `kernel` // 2 pixels to how far it looks.

    Args:
        image_shape: (H, W, C), of any sides.
        width: channels of each stack; a multiple of the colours.
        layers_: how many layers follow the first one; 0 leaves that alone.
        kernel, first_kernel: sides of the kernels of these layers and of the first one, odd.
        levels: of each colour of a pixel.
        code_dim: length of the code; 0: none.
        code_maps: how the gates are told the code: 0, by one bias per channel, the same at each pixel; else it is made
            so many maps as large as the picture, of which each gate makes a bias for each pixel.
        normalization: of all kernels, `layers.WeightNorm()` or such, or None.

    Raises:
        InputError: an image shape, kernel or width that does not fit.
    """
    height, breadth = sizes.sides(image_shape)
    colours = image_shape[2]
    _check(width, colours, "the colours", kernel, first_kernel)
    image = keras.Input(image_shape)
    code = keras.Input([code_dim]) if code_dim else None
    maps = code
    if code_maps:
        maps = kl.Reshape([height, breadth, code_maps])(_dense(height * breadth * code_maps, normalization)(code))

    def convolve(x, channels, side, mask):
        return MaskedConv2D(channels, side, mask, colours, normalization)(x)

    def gate(x):
        """A gate of `2 width` maps, to which the code is added."""
        if code_maps:
            x = kl.Add()([x, convolve(maps, 2 * width, 1, "rows")])
        elif code_dim:
            x = kl.Add()([x, kl.Reshape([1, 1, 2 * width])(_dense(2 * width, normalization)(maps))])
        return Gate()(x)

    def layer(vertical, horizontal, side, masks, last):
        vertical = convolve(vertical, 2 * width, side, masks[0])
        told = convolve(vertical, 2 * width, 1, "rows")
        own = convolve(horizontal, 2 * width, (1, side), masks[1])
        return None if last else gate(vertical), convolve(gate(kl.Add()([own, told])), width, 1, "B")

    vertical, horizontal = layer(image, image, first_kernel, ("above", "A"), not layers_)
    for i in range(layers_):
        vertical, more = layer(vertical, horizontal, kernel, ("rows", "B"), i == layers_ - 1)
        horizontal = kl.Add()([horizontal, more])
    for _ in range(2):
        horizontal = gate(convolve(horizontal, 2 * width, 1, "B"))
    x = convolve(horizontal, autoregressive.logits_per_colour(levels) * colours, 1, "B")
    return keras.Model([image, code] if code_dim else image, _wide(x), name="gated_pixel_cnn")


def _dense(units, normalization):
    if not normalization:
        return kl.Dense(units)
    return layers.Dense(units, normalization=normalization, kernel_initializer="glorot_uniform")


def _wide(x):
    return kl.Activation("linear", dtype="float32")(x)


def _check(width, multiple, of_what, *kernels):
    if width % multiple:
        near = -(-width // multiple) * multiple
        raise InputError(f"width {width}: expected a multiple of {multiple}, {of_what}, like {near}")
    if not all(side % 2 for side in kernels):
        raise InputError(f"kernels of {' and '.join(map(str, kernels))}: expected odd sides")
