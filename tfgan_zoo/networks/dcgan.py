"""DCGAN: "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
Radford, Metz, Chintala, ICLR 2016, arXiv 1511.06434.

The guidelines of section 3: strided convolutions for pooling, batch normalisation in both networks except at G's
output and D's input, no hidden dense layers, ReLU and tanh in G, LeakyReLU in D; its slope 0.2 and weights N(0, 0.02)
are in section 4. Kernels are 5x5 with stride 2 (figure 1 and the published code), or of another size: WGAN's code has
4x4. The scales of batch normalisation start from N(1, 0.02), as in both codes. A convolution has a bias where no batch
normalisation follows.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks import sizes


def dcgan_generator(image_shape, latent_dim=100, width=64, *, kernel=5, num_classes=0):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32; with labels `[z, label [B]] -> image`.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128,
            96x160. Any C.
        latent_dim: length of z.
        width: channels of the last hidden layer, doubled with every halving of the size; figure 1 has 128.
        kernel: height and width of the kernels.
        num_classes: labels are 0 ... num_classes - 1, and stand beside z as one-hot vectors; 0: no labels.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    channels = width * 2 ** (times - 1)

    z, label = keras.Input([latent_dim], name="z"), keras.Input([], dtype="int64", name="label")
    x = kl.Concatenate()([z, layers.one_hot(label, num_classes)]) if num_classes else z
    x = kl.Dense(math.prod(base) * channels, use_bias=False, kernel_initializer=layers.normal_002())(x)
    x = kl.Reshape([*base, channels])(x)  # [B, H / 2**times, W / 2**times, channels]
    x = kl.ReLU()(_norm()(x))
    for i in reversed(range(times - 1)):
        x = _deconv(width * 2**i, kernel, use_bias=False)(x)  # [B, 2h, 2w, width * 2**i]
        x = kl.ReLU()(_norm()(x))
    x = _deconv(image_shape[2], kernel, use_bias=True)(x)  # [B, H, W, C]
    image = kl.Activation("tanh", dtype="float32")(x)
    return keras.Model([z, label] if num_classes else z, image, name="dcgan_generator")


def dcgan_discriminator(image_shape, width=64, normalization="batch", *, kernel=5, num_classes=0, outputs=1):
    """`image [B, H, W, C] -> logits [B, outputs]`, float32; with labels `[image, label [B]] -> logits`.

    Args:
        image_shape: (H, W, C), as the generator's.
        width: channels of the first layer, doubled with every halving of the size.
        normalization: "batch", or None: a gradient penalty needs a critic without (WGAN-GP, section 4).
        kernel: height and width of the kernels.
        num_classes: labels are 0 ... num_classes - 1, and stand beside the image as maps, one channel for each, which
            is 1 all over where it is the label; 0: no labels.
        outputs: how many numbers the last layer gives: 1, or the length of a code, for an encoder of this shape.

    Raises:
        InputError: an image size that does not fit, or an unknown normalization.
    """
    if normalization not in ("batch", None):
        raise InputError(f"normalization {normalization!r}: expected 'batch' or None")
    _, times = sizes.halvings(image_shape)

    image, label = keras.Input(image_shape, name="image"), keras.Input([], dtype="int64", name="label")
    x = image
    if num_classes:
        maps = kl.Reshape([1, 1, num_classes])(layers.one_hot(label, num_classes))
        x = kl.Concatenate()([image, kl.UpSampling2D(image_shape[:2])(maps)])  # [B, H, W, C + num_classes]
    for i in range(times):
        normalize = normalization == "batch" and i > 0
        x = _conv(width * 2**i, kernel, use_bias=not normalize)(x)  # [B, h/2, w/2, width * 2**i]
        if normalize:
            x = _norm()(x)
        x = kl.LeakyReLU(negative_slope=0.2)(x)
    x = kl.Flatten()(x)
    x = kl.Dense(outputs, kernel_initializer=layers.normal_002(), name="logits")(x)  # [B, outputs]
    logits = kl.Activation("linear", dtype="float32")(x)
    return keras.Model([image, label] if num_classes else image, logits, name="dcgan_discriminator")


def _norm():
    return layers.batch_normalization(gamma_initializer=layers.normal_1_002())


def _conv(channels, kernel, use_bias):
    return Conv2D(channels, kernel, 2, "same", use_bias=use_bias, kernel_initializer=layers.normal_002())


def _deconv(channels, kernel, use_bias):
    return Conv2DTranspose(channels, kernel, 2, "same", use_bias=use_bias, kernel_initializer=layers.normal_002())
