"""The networks of AC-GAN: "Conditional Image Synthesis With Auxiliary Classifier GANs", Odena, Olah and Shlens, ICML
2017, arXiv 1610.09585.

Two generators, one discriminator. G for ImageNet at 128x128 is the paper's table, whose linear layer of 768 is read as
768 maps at 8x8, since four doublings of these make 128x128. G for 32x32 is that of a public reimplementation
(clvrai/ACGAN-PyTorch): a hidden layer of 384 and kernels of 4x4; the paper's own table for CIFAR-10 was not seen. D is
alike in both. Convolutions have no bias, as in that code. Weights start from N(0, 0.02), biases from 0. D's strided
layers are padded at the right and below only (TensorFlow's "same"), there on all sides. Left out: the Gaussian noise on
D's activations.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.networks import sizes


def acgan_generator(image_shape, num_classes, latent_dim=100, width=48):
    """`[z [B, latent_dim], label [B]] -> image [B, H, W, C]` in [-1, 1], float32; z and the one-hot label side by side.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128,
            96x160. Any C.
        num_classes: labels are 0 ... num_classes - 1.
        latent_dim: length of z.
        width: channels of the last hidden layer, doubled with every halving of the size and once more.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    inputs, x = _inputs(latent_dim, num_classes)
    x = kl.Dense(width * 2**times, kernel_initializer=layers.normal_002())(x)
    x = kl.Reshape([1, 1, width * 2**times])(x)
    x = _normalized(_deconv(width * 2 ** (times - 1), base, strides=1, padding="valid")(x))  # [B, *base, channels]
    for i in reversed(range(times - 1)):
        x = _normalized(_deconv(width * 2**i, 4)(x))  # [B, 2h, 2w, width * 2**i]
    x = _deconv(image_shape[2], 4)(x)  # [B, H, W, C]
    return keras.Model(inputs, kl.Activation("tanh", dtype="float32")(x), name="acgan_generator")


def acgan_imagenet_generator(image_shape, num_classes, latent_dim=100, widths=(768, 384, 256, 192)):
    """As `acgan_generator`, the one of the paper's table.

    Args:
        image_shape: (H, W, C); H and W are multiples of 2**len(widths). Any C.
        num_classes, latent_dim: as there.
        widths: channels of the maps before the picture; the first is of H / 2**len(widths), each other twice its size.

    Raises:
        InputError: an image size that does not fit.
    """
    base = sizes.divided(image_shape, 2 ** len(widths))
    inputs, x = _inputs(latent_dim, num_classes)
    x = kl.Dense(math.prod(base) * widths[0], "relu", kernel_initializer=layers.normal_002())(x)
    x = kl.Reshape([*base, widths[0]])(x)
    for channels in widths[1:]:
        x = _normalized(_deconv(channels, 5)(x))  # [B, 2h, 2w, channels]
    x = _deconv(image_shape[2], 5)(x)  # [B, H, W, C]
    return keras.Model(inputs, kl.Activation("tanh", dtype="float32")(x), name="acgan_imagenet_generator")


def _inputs(latent_dim, num_classes):
    z, label = keras.Input([latent_dim], name="z"), keras.Input([], dtype="int64", name="label")
    return [z, label], kl.Concatenate()([z, layers.one_hot(label, num_classes)])


def acgan_discriminator(image_shape, num_classes, width=16, dropout=0.5):
    """`image [B, H, W, C] -> [logits [B, 1], class_logits [B, num_classes]]`, float32.

    Args:
        image_shape: (H, W, C) of any size.
        num_classes: labels are 0 ... num_classes - 1.
        width: channels of the first layer, doubled in each of the five that follow; every second one halves the size.
        dropout: the share that drops out behind each of the six.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    image = x = keras.Input(image_shape, name="image")
    for i in range(6):
        x = Conv2D(
            width * 2**i, 3, 2 - i % 2, "same", use_bias=False, kernel_initializer=layers.normal_002()
        )(x)  # fmt: skip
        x = kl.LeakyReLU(negative_slope=0.2)(layers.batch_normalization()(x) if i else x)
        x = layers.Dropout(dropout)(x) if dropout else x
    x = kl.Flatten()(x)
    source = kl.Dense(1, kernel_initializer=layers.normal_002(), name="logits")(x)
    classes = kl.Dense(num_classes, kernel_initializer=layers.normal_002(), name="class_logits")(x)
    both = [kl.Activation("linear", dtype="float32")(logits) for logits in (source, classes)]
    return keras.Model(image, both, name="acgan_discriminator")


def _deconv(channels, kernel, strides=2, padding="same"):
    return Conv2DTranspose(
        channels, kernel, strides, padding, use_bias=False, kernel_initializer=layers.normal_002()
    )  # fmt: skip


def _normalized(x):
    return kl.ReLU()(layers.batch_normalization()(x))
