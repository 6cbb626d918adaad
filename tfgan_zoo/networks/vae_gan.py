"""The networks of VAE/GAN: "Autoencoding beyond pixels using a learned similarity metric", Larsen et al., ICML 2016,
arXiv 1512.09300, as the published code has them for pictures of 64x64.

Kernels are 5x5. Where batch normalisation follows there is no bias; in the decoder's dense layer each unit is
normalised by itself. How the code makes maps larger was not seen: transposed convolutions of stride 2 do it here, and
weights start as Keras starts them.
"""

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.networks import sizes


def vae_gan_encoder(image_shape, latent_dim=128, widths=(64, 128, 256), units=1024):
    """`image [B, H, W, C] -> {"mean" [B, latent_dim], "log_variance" [B, latent_dim]}`, float32.

    Args:
        image_shape: (H, W, C); H and W multiples of 2 to the number of `widths`.
        latent_dim: length of a code.
        widths: channels of the convolutions, each of stride 2.
        units: of the dense layer; the code has 1024, the paper 2048 (from memory).

    Raises:
        InputError: an image size that does not fit.
    """
    sizes.divided(image_shape, 2 ** len(widths))
    image = x = keras.Input(image_shape)
    for width in widths:
        x = kl.ReLU()(layers.batch_normalization()(Conv2D(width, 5, 2, "same", use_bias=False)(x)))
    x = kl.ReLU()(layers.batch_normalization()(kl.Dense(units, use_bias=False)(kl.Flatten()(x))))
    said = {name: _wide(kl.Dense(latent_dim, name=name)(x)) for name in ("mean", "log_variance")}
    return keras.Model(image, said, name="vae_gan_encoder")


def vae_gan_decoder(image_shape, latent_dim=128, widths=(256, 128, 32)):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32.

    Args:
        image_shape, latent_dim: as of `vae_gan_encoder`.
        widths: channels of the layers that double both sides; the dense map before them has as many as the first.

    Raises:
        InputError: an image size that does not fit.
    """
    height, breadth = sizes.divided(image_shape, 2 ** len(widths))
    z = keras.Input([latent_dim])
    x = kl.Dense(height * breadth * widths[0], use_bias=False)(z)
    x = kl.Reshape([height, breadth, widths[0]])(kl.ReLU()(layers.batch_normalization()(x)))
    for width in widths:
        x = kl.ReLU()(layers.batch_normalization()(Conv2DTranspose(width, 5, 2, "same", use_bias=False)(x)))
    x = Conv2D(image_shape[2], 5, 1, "same")(x)
    return keras.Model(z, kl.Activation("tanh", dtype="float32")(x), name="vae_gan_decoder")


def vae_gan_discriminator(image_shape, widths=(32, 128, 256, 256), units=512):
    """`image [B, H, W, C] -> {"logits" [B, 1], "features" [B, h, w, channels]}`, float32.

    The features are what the last convolution says before its batch normalisation.

    Args:
        image_shape: (H, W, C); H and W multiples of 2 to the number of `widths` but one.
        widths: channels of the convolutions; all have stride 2 but the first.
        units: of the dense layer.

    Raises:
        InputError: an image size that does not fit.
    """
    sizes.divided(image_shape, 2 ** (len(widths) - 1))
    image = keras.Input(image_shape)
    features = x = Conv2D(widths[0], 5, 1, "same", activation="relu")(image)
    for width in widths[1:]:
        features = Conv2D(width, 5, 2, "same", use_bias=False)(x)
        x = kl.ReLU()(layers.batch_normalization()(features))
    x = kl.ReLU()(layers.batch_normalization()(kl.Dense(units, use_bias=False)(kl.Flatten()(x))))
    said = {"logits": _wide(kl.Dense(1, name="logits")(x)), "features": _wide(features)}
    return keras.Model(image, said, name="vae_gan_discriminator")


def _wide(x):
    return kl.Activation("linear", dtype="float32")(x)
