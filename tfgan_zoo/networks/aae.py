"""The fully connected networks of "Adversarial Autoencoders", Makhzani, Shlens, Jaitly, Goodfellow and Frey, 2015,
arXiv 1511.05644: two hidden layers of 1000 ReLU, a linear code, sigmoid pixels.

The appendix was not seen: sizes and noise are those that others quote of it. Pictures are in [0, 1] there; here they
are in [-1, 1], and are moved inside. Its discriminators are `networks.mlp.mlp_discriminator`.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.networks import sizes


def aae_encoder(image_shape, latent_dim, num_classes=0, widths=(1000, 1000), initializer=None, *, noise=0.3):
    """`image [B, H, W, C] -> {"style" [B, latent_dim], "category" [B, num_classes]}`, float32; the latter are logits.

    Args:
        image_shape: (H, W, C) of any size.
        latent_dim: length of the style code.
        num_classes: of the logits; 0: no "category".
        widths: of the hidden layers.
        initializer: None for Keras' own (Glorot), or a function that makes a new initializer for each kernel.
        noise: standard deviation of the noise on pixels in [0, 1], in training.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    image = keras.Input(image_shape)
    x = kl.Rescaling(0.5, 0.5)(kl.Flatten()(image))  # [-1, 1] to [0, 1]
    x = layers.GaussianNoise(noise)(x) if noise else x
    for width in widths:
        x = kl.Dense(width, "relu", kernel_initializer=_make(initializer))(x)
    # One layer for both heads: no loss of one of them is without a gradient in the weights of the other.
    x = kl.Dense(latent_dim + num_classes, kernel_initializer=_make(initializer), name="code")(x)
    x = kl.Activation("linear", dtype="float32")(x)
    said = {"style": x[:, :latent_dim]} | ({"category": x[:, latent_dim:]} if num_classes else {})
    return keras.Model(image, said, name="aae_encoder")


def aae_decoder(image_shape, latent_dim, num_classes=0, widths=(1000, 1000), initializer=None):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32; with classes `[z, y [B, num_classes]] -> image`.

    Args:
        image_shape, latent_dim, widths, initializer: as of `aae_encoder`; where the code has the sigmoid of x, for
            pictures in [0, 1], here is tanh(x / 2).
        num_classes: length of y, a one-hot vector or probabilities; 0: there is none.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    z = x = keras.Input([latent_dim])
    y = keras.Input([num_classes]) if num_classes else None
    x = kl.Concatenate()([z, y]) if num_classes else x
    for width in widths:
        x = kl.Dense(width, "relu", kernel_initializer=_make(initializer))(x)
    x = kl.Dense(math.prod(image_shape), kernel_initializer=_make(initializer))(x)
    x = kl.Activation("tanh", dtype="float32")(kl.Rescaling(0.5, dtype="float32")(x))
    return keras.Model([z, y] if num_classes else z, kl.Reshape(image_shape, dtype="float32")(x), name="aae_decoder")


def cluster_heads(num_clusters, latent_dim, deviation=3.0):
    """`y [B, num_clusters] -> head [B, latent_dim]`, linear, without a bias: the matrix W_C, a row for each cluster.

    Args:
        num_clusters: length of y.
        latent_dim: of the style that a head is added to.
        deviation: of the normal law that rows start from.
    """
    y = keras.Input([num_clusters])
    start = keras.initializers.RandomNormal(stddev=deviation)
    heads = kl.Dense(latent_dim, use_bias=False, kernel_initializer=start, dtype="float32", name="heads")(y)
    return keras.Model(y, heads, name="cluster_heads")


def _make(initializer):
    return initializer() if initializer else "glorot_uniform"
