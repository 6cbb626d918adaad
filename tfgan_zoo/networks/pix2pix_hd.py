"""The networks of pix2pixHD, Wang et al., CVPR 2018, arXiv 1711.11585, section 3: the global generator G1, the local
enhancer G2, the discriminators of several scales, the encoder of instances.

Layers, paddings and weights N(0, 0.02) are those of the published code, as facts: 3x3 convolutions of stride 2 and
their transposes are padded alike on both sides, so that the half-pixel shifts of the two cancel. Instance normalisation
has no scale and no offset; the biases before it do nothing and are the published networks'.
"""

import keras
from keras import layers as kl

from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.errors import InputError
from tfgan_zoo.layers import HalvingAverage, InstanceNormalization, ReflectionPadding2D, normal_002
from tfgan_zoo.networks import sizes

FEATURES = "features"  # of the layer of G1 that the enhancer adds to its own


def global_generator(image_shape, out_channels=None, width=64, downs=4, blocks=9):
    """G1: `image [B, H, W, C] -> image [B, H, W, out_channels]` in [-1, 1], float32. `features_of` it is what G2 takes.

    Args:
        image_shape: (H, W, C); both sides multiples of 2**downs, at least twice that: instance normalisation makes 0 of
            a single pixel. Any C.
        out_channels: channels of the output; the input's unless given.
        width: channels of the first layer, doubled per halving.
        downs: how often both sides are halved.
        blocks: residual blocks at the smallest size.

    Raises:
        InputError: an image size that does not fit.
    """
    _check(image_shape, downs)
    image = keras.Input(image_shape)
    x = _ends(image, width, downs)
    for _ in range(blocks):
        x = _block(x, width * 2**downs)
    for i in reversed(range(downs)):
        x = _up(x, width * 2**i, name=None if i else FEATURES)  # [B, H / 2**i, W / 2**i, width * 2**i]
    return keras.Model(image, _picture(x, out_channels or image_shape[2]), name="global_generator")


def features_of(generator):
    """`image [B, H, W, C] -> features [B, H, W, width]`: a `global_generator` without its last layer, its weights."""
    return keras.Model(generator.input, generator.get_layer(FEATURES).output, name="global_features")


def local_enhancer(image_shape, out_channels=None, width=32, blocks=3):
    """G2: `[image [B, H, W, C], features [B, H/2, W/2, 2 * width]] -> image [B, H, W, out_channels]`, float32.

    The features are those of a `global_generator` of twice the width, on the image at half the size.

    Args:
        image_shape: (H, W, C); both sides even, at least 4. Any C.
        out_channels: channels of the output, in [-1, 1]; the input's unless given.
        width: channels of the first layer.
        blocks: residual blocks, at half the size.

    Raises:
        InputError: an image size that does not fit.
    """
    _check(image_shape, 1)
    height, breadth = sizes.sides(image_shape)
    image, features = keras.Input(image_shape), keras.Input([height // 2, breadth // 2, 2 * width])
    x = kl.Add()([_ends(image, width, 1), features])
    for _ in range(blocks):
        x = _block(x, 2 * width)
    x = _up(x, width)
    return keras.Model([image, features], _picture(x, out_channels or image_shape[2]), name="local_enhancer")


def multiscale_discriminator(image_shape, condition_channels, width=64, layers=3, scales=3):
    """`[condition, image] -> [[features, ..., logits], ...]`, float32: a discriminator per scale, the finest first.

    Each is of 4x4 convolutions padded by 2: `layers` of stride 2, one of stride 1, then the logits, one per patch; with
    3 it sees 70x70 pixels of what it is given. That is the pair at full size, then averaged down by 2 (141 pixels of
    the picture), by 4 (283). `features` are all but the logits, `layers + 1` of them.

    Args:
        image_shape: (H, W, C); both sides 2**scales or more. Any C.
        condition_channels: channels of what the image has to fit to.
        width: channels of the first layer; doubled per layer, up to 8 times.
        layers: how many convolutions have stride 2.
        scales: how many discriminators.

    Raises:
        InputError: an image too small for so many scales, or no layer or scale.
    """
    height, breadth = sizes.sides(image_shape)
    if layers < 1 or scales < 1 or min(height, breadth) < 2**scales:
        raise InputError(
            f"image size {height}x{breadth} with {layers} patch layers and {scales} scales: expected 1 or more of each,"
            f" and images of {2**scales}x{2**scales} or more; take fewer scales or larger images"
        )
    condition, image = keras.Input([height, breadth, condition_channels]), keras.Input(image_shape)
    pair = kl.Concatenate()([condition, image])
    judged = []
    for scale in range(scales):
        pair = HalvingAverage()(pair) if scale else pair
        judged.append(_judge(pair, width, layers))
    return keras.Model([condition, image], judged, name="multiscale_discriminator")


def instance_encoder(image_shape, features=3, width=16, downs=4):
    """E: `image [B, H, W, C] -> features [B, H, W, features]` in [-1, 1], float32, to be averaged over each instance.

    Args:
        image_shape: as of `global_generator`.
        features: numbers per pixel.
        width: channels of the first layer, doubled per halving.
        downs: how often both sides are halved.

    Raises:
        InputError: an image size that does not fit.
    """
    generator = global_generator(image_shape, features, width, downs, blocks=0)
    return keras.Model(generator.input, generator.output, name="instance_encoder")


def _check(image_shape, downs):
    height, breadth = sizes.sides(image_shape)
    step = 2**downs
    if downs < 1 or height % step or breadth % step or min(height, breadth) < 2 * step:
        near = sizes.multiples_near(max(height, 2 * step), max(breadth, 2 * step), step)
        raise InputError(
            f"image size {height}x{breadth}: expected multiples of {step}, at least {2 * step}, for {downs} halvings,"
            f" like {near}"
        )


def _judge(x, width, layers):
    """The features of one discriminator, and its logits."""
    judged = []
    for i in range(layers + 1):
        x = _conv(kl.ZeroPadding2D(2)(x), width * min(2**i, 8), 4, 2 if i < layers else 1)
        x = kl.LeakyReLU(negative_slope=0.2)(_norm(x) if i else x)
        judged.append(x)
    judged.append(_conv(kl.ZeroPadding2D(2)(x), 1, 4))
    return [kl.Activation("linear", dtype="float32")(y) for y in judged]


def _ends(image, width, downs):
    """The first layers of a generator: 7x7, then the halvings."""
    x = kl.ReLU()(_norm(_conv(ReflectionPadding2D(3)(image), width, 7)))
    for i in range(1, downs + 1):
        x = kl.ReLU()(_norm(_conv(kl.ZeroPadding2D(1)(x), width * 2**i, 3, 2)))
    return x


def _block(x, channels):
    y = kl.ReLU()(_norm(_conv(ReflectionPadding2D(1)(x), channels, 3)))
    return kl.Add()([x, _norm(_conv(ReflectionPadding2D(1)(y), channels, 3))])


def _up(x, channels, name=None):
    x = Conv2DTranspose(channels, 3, 2, "valid", kernel_initializer=normal_002())(x)  # [B, 2h + 1, 2w + 1, channels]
    return kl.ReLU(name=name)(_norm(kl.Cropping2D(((1, 0), (1, 0)))(x)))


def _picture(x, channels):
    return kl.Activation("tanh", dtype="float32")(_conv(ReflectionPadding2D(3)(x), channels, 7))


def _conv(x, channels, kernel, stride=1):
    return Conv2D(channels, kernel, stride, kernel_initializer=normal_002())(x)


def _norm(x):
    return InstanceNormalization(affine=False)(x)
