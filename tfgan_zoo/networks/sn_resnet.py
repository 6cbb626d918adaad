"""The ResNets of SNGAN, its projection discriminator and SAGAN: "Spectral Normalization for Generative Adversarial
Networks", Miyato, Kataoka, Koyama and Yoshida, ICLR 2018, arXiv 1802.05957; "cGANs with Projection Discriminator",
Miyato and Koyama, ICLR 2018, arXiv 1802.05637; "Self-Attention Generative Adversarial Networks", Zhang, Goodfellow,
Metaxas and Odena, ICML 2019, arXiv 1805.08318.

Two shapes, both read off the published code, not the papers' tables: of one width throughout (SNGAN's for CIFAR-10 at
32x32), or with twice the channels at each halving of the size (SAGAN's for ImageNet at 128x128). Another size adds or
drops resampling blocks. In the discriminator all layers are spectrally normalised, and features are summed over the
places; its last layer has no bias in SNGAN for CIFAR-10, and one in SAGAN. Initialisation is SNGAN's: 3x3 convolutions
inside blocks are uniform with He's gain over the mean of fan-in and fan-out, all else is Glorot uniform (SAGAN's code
has Glorot for all of them).
Departs from the code in the generator's biases: before batch normalisation they would do nothing, and are left out.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks import sizes


def sn_resnet_generator(
    image_shape, latent_dim=128, width=256, *, grow=False, num_classes=0, spectral=False, attention=None
):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32; with labels `[z, label [B]] -> image`.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128,
            96x160. Any C.
        latent_dim: length of z.
        width: channels of every layer, or with `grow` of those next to the picture.
        grow: twice the channels with each halving of the size.
        num_classes: labels are 0 ... num_classes - 1 and choose the scales of batch normalisation; 0: no labels.
        spectral: normalise the kernels of the generator too (SAGAN, section 3.2).
        attention: the smaller side of the map that self-attention follows, or None.

    Raises:
        InputError: an image size or a size for attention that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    channels = [width * 2**i if grow else width for i in reversed(range(times))]
    _check_attention(attention, [min(base) * 2**i for i in range(1, times + 1)])
    conv = _spectral_conv if spectral else _plain_conv
    dense = _spectral_dense if spectral else kl.Dense

    z, label = keras.Input([latent_dim], name="z"), keras.Input([], dtype="int64", name="label")

    def normalize(x):
        if num_classes:
            return layers.ConditionalBatchNormalization(num_classes)(x, label)
        return layers.batch_normalization()(x)

    x = dense(math.prod(base) * channels[0])(z)
    x = kl.Reshape([*base, channels[0]])(x)  # [B, H / 2**times, W / 2**times, channels[0]]
    for c in channels:
        x = _up_block(x, c, normalize, conv)  # [B, 2h, 2w, c]
        if min(x.shape[1:3]) == attention:
            x = layers.SelfAttention()(x)
    x = kl.ReLU()(layers.batch_normalization()(x))
    x = conv(image_shape[2], 3)(x)  # [B, H, W, C]
    image = kl.Activation("tanh", dtype="float32")(x)
    return keras.Model([z, label] if num_classes else z, image, name="sn_resnet_generator")


def sn_resnet_discriminator(image_shape, width=128, *, grow=False, num_classes=0, attention=None, bias=False):
    """`image [B, H, W, C] -> logits [B, 1]`, float32; with labels `[image, label [B]] -> logits` by projection.

    Args:
        image_shape: (H, W, C), as the generator's.
        width: channels of every layer, or with `grow` of the first block.
        grow: twice the channels with each halving of the size, down to the smallest; otherwise two halvings before that
            the size stays.
        num_classes: labels are 0 ... num_classes - 1; 0: no labels.
        attention: the smaller side of the map that self-attention follows, or None.
        bias: give the last layer a bias, as SAGAN's has one.

    Raises:
        InputError: an image size or a size for attention that does not fit.
    """
    _, times = sizes.halvings(image_shape)
    if grow:
        down, same = [width * 2**i for i in range(1, times)], [width * 2 ** (times - 1)]
    else:
        down, same = [width] * (times - 2), [width] * 2
    _check_attention(attention, [min(image_shape[:2]) // 2**i for i in range(1, 2 + len(down))])

    image, label = keras.Input(image_shape, name="image"), keras.Input([], dtype="int64", name="label")
    x = _first_block(image, width)  # [B, H/2, W/2, width]
    if min(x.shape[1:3]) == attention:
        x = layers.SelfAttention()(x)
    for c in down:
        x = _down_block(x, c)  # [B, h/2, w/2, c]
        if min(x.shape[1:3]) == attention:
            x = layers.SelfAttention()(x)
    for c in same:
        x = _same_block(x, c)
    x = kl.Activation("relu", dtype="float32")(x)
    phi = keras.ops.sum(x, axis=[1, 2])  # [B, c]
    logits = _spectral_dense(1, use_bias=bias, dtype="float32", name="psi")(phi)  # [B, 1]
    if num_classes:
        projected = layers.Projection(num_classes, dtype="float32", name="projection")(phi, label)
        logits = kl.Add(dtype="float32")([logits, projected])
    return keras.Model([image, label] if num_classes else image, logits, name="sn_resnet_discriminator")


def _check_attention(size, found):
    if size is not None and size not in found:
        raise InputError(f"attention at size {size}: expected the size of a layer, {', '.join(map(str, found))}")


def _up_block(x, channels, normalize, conv):
    # A 1x1 convolution commutes with resampling: done at the smaller size it costs a quarter.
    shortcut = kl.UpSampling2D()(conv(channels, 1, use_bias=False)(x))
    x = kl.ReLU()(normalize(x))
    x = conv(channels, 3, use_bias=False, kernel_initializer=_he())(kl.UpSampling2D()(x))
    x = kl.ReLU()(normalize(x))
    x = conv(channels, 3, use_bias=False, kernel_initializer=_he())(x)
    return kl.Add()([x, shortcut])


def _first_block(image, channels):
    # The "optimized" block: no activation before its first layer, which would clip the image itself.
    shortcut = _spectral_conv(channels, 1)(kl.AveragePooling2D(2)(image))
    x = _spectral_conv(channels, 3, kernel_initializer=_he())(image)
    x = _spectral_conv(channels, 3, kernel_initializer=_he())(kl.ReLU()(x))
    return kl.Add()([kl.AveragePooling2D(2)(x), shortcut])


def _down_block(x, channels):
    shortcut = _spectral_conv(channels, 1)(kl.AveragePooling2D(2)(x))
    return kl.Add()([kl.AveragePooling2D(2)(_residual(x, channels)), shortcut])


def _same_block(x, channels):
    return kl.Add()([_residual(x, channels), x])


def _residual(x, channels):
    x = _spectral_conv(channels, 3, kernel_initializer=_he())(kl.ReLU()(x))
    return _spectral_conv(channels, 3, kernel_initializer=_he())(kl.ReLU()(x))


def _spectral_conv(channels, size, **kwargs):
    return layers.Conv2D(channels, size, normalization=layers.SpectralNorm(), **kwargs)


def _spectral_dense(units, **kwargs):
    return layers.Dense(units, normalization=layers.SpectralNorm(), **kwargs)


def _plain_conv(channels, size, **kwargs):
    return Conv2D(channels, size, padding="same", **kwargs)


def _he():
    return keras.initializers.VarianceScaling(scale=2.0, mode="fan_avg", distribution="uniform")
