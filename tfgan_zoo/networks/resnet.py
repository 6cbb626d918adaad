"""WGAN-GP's CIFAR-10 ResNet: "Improved Training of Wasserstein GANs", Gulrajani et al., NeurIPS 2017,
arXiv 1704.00028, appendix F.

Pre-activation residual blocks, nearest-neighbour upsampling, mean pooling; batch normalisation in the generator only.
The width is the same at every size. At 32x32 these are the published networks; another size adds or drops resampling
blocks. Initialisation follows the published code: 3x3 convolutions inside blocks are uniform with He's gain over
the mean of fan-in and fan-out, all else is Glorot uniform.
Upsampling comes before the first convolution of a block, as in the code (the appendix says before the second).
Departs from the code in the generator's biases: before batch normalisation they would do nothing, and are left out.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D
from tfgan_zoo.networks import sizes


def resnet_generator(image_shape, latent_dim=128, width=128):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128,
            96x160. Any C.
        latent_dim: length of z.
        width: channels of every layer.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)

    z = keras.Input([latent_dim])
    x = kl.Dense(math.prod(base) * width)(z)
    x = kl.Reshape([*base, width])(x)  # [B, H / 2**times, W / 2**times, width]
    for _ in range(times):
        x = _up_block(x, width)  # [B, 2h, 2w, width]
    x = kl.ReLU()(layers.batch_normalization()(x))
    x = Conv2D(image_shape[2], 3, padding="same")(x)  # [B, H, W, C]
    return keras.Model(z, kl.Activation("tanh", dtype="float32")(x), name="resnet_generator")


def resnet_discriminator(image_shape, width=128):
    """`image [B, H, W, C] -> logits [B, 1]`, float32. No normalisation: each example's gradient is its own.

    Args:
        image_shape: (H, W, C), as the generator's.
        width: channels of every layer.

    Raises:
        InputError: an image size that does not fit.
    """
    _, times = sizes.halvings(image_shape)

    image = keras.Input(image_shape)
    x = _first_block(image, width)  # [B, H/2, W/2, width]
    for _ in range(times - 2):
        x = _block(x, width, downsample=True)  # [B, h/2, w/2, width]
    for _ in range(2):
        x = _block(x, width)
    x = kl.ReLU()(x)
    x = kl.GlobalAveragePooling2D()(x)  # [B, width]
    x = kl.Dense(1)(x)  # [B, 1]
    return keras.Model(image, kl.Activation("linear", dtype="float32")(x), name="resnet_discriminator")


def _up_block(x, width):
    # A 1x1 convolution commutes with resampling: done at the smaller size it costs a quarter.
    shortcut = kl.UpSampling2D()(Conv2D(width, 1, use_bias=False)(x))
    x = kl.ReLU()(layers.batch_normalization()(x))
    x = _conv3(width, use_bias=False)(kl.UpSampling2D()(x))
    x = kl.ReLU()(layers.batch_normalization()(x))
    x = _conv3(width, use_bias=False)(x)
    return kl.Add()([x, shortcut])


def _first_block(image, width):
    # The "optimized" block: no activation before its first layer, which would clip the image itself.
    shortcut = Conv2D(width, 1)(kl.AveragePooling2D(2)(image))
    x = _conv3(width)(image)
    x = _conv3(width)(kl.ReLU()(x))
    return kl.Add()([kl.AveragePooling2D(2)(x), shortcut])


def _block(x, width, downsample=False):
    shortcut = Conv2D(width, 1)(kl.AveragePooling2D(2)(x)) if downsample else x
    x = _conv3(width)(kl.ReLU()(x))
    x = _conv3(width)(kl.ReLU()(x))
    if downsample:
        x = kl.AveragePooling2D(2)(x)
    return kl.Add()([x, shortcut])


def _conv3(width, use_bias=True):
    he = keras.initializers.VarianceScaling(scale=2.0, mode="fan_avg", distribution="uniform")
    return Conv2D(width, 3, padding="same", use_bias=use_bias, kernel_initializer=he)
