"""The networks of the VAE: "Auto-Encoding Variational Bayes", Kingma and Welling, ICLR 2014, arXiv 1312.6114.

Fully connected, one hidden layer of tanh units on each side in the paper: 500 of them for digits, 200 for faces. The
paper's weights start from N(0, 0.01), to be given as an initializer; without one they start as Keras has it.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo.networks import sizes


def vae_encoder(image_shape, latent_dim, widths=(500,), activation="tanh", initializer=None, *, deterministic=False):
    """`image [B, H, W, C] -> {"mean" [B, latent_dim], "log_variance" [B, latent_dim]}`, float32: a law of codes.

    Args:
        image_shape: (H, W, C) of any size.
        latent_dim: length of a code.
        widths: of the hidden layers.
        activation: of the hidden layers, a name that Keras knows.
        initializer: None for Keras' own (Glorot), or a function that makes a new initializer for each kernel.
        deterministic: leave "log_variance" out: each picture has one code, that of a plain auto-encoder.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    image = keras.Input(image_shape)
    x = _hidden(kl.Flatten()(image), widths, activation, initializer)
    heads = ("mean",) if deterministic else ("mean", "log_variance")
    said = {name: _head(kl.Dense(latent_dim, kernel_initializer=_make(initializer), name=name)(x)) for name in heads}
    return keras.Model(image, said, name="vae_encoder")


def vae_decoder(image_shape, latent_dim, widths=(500,), activation="tanh", initializer=None, *, law="bernoulli"):
    """`z [B, latent_dim] -> [B, H, W, C]`, float32: what says the law of x given z.

    Args:
        image_shape, latent_dim, widths, activation, initializer: as of `vae_encoder`.
        law: `bernoulli`: logits; `gaussian`: a mean in [-1, 1], by a tanh; `gaussian_with_variance`: `{"mean",
            "log_variance"}`, both of this shape.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    z = keras.Input([latent_dim])
    x = _hidden(z, widths, activation, initializer)

    def pixels(name, activation="linear"):
        flat = kl.Dense(math.prod(image_shape), kernel_initializer=_make(initializer), name=name)(x)
        return kl.Reshape(image_shape, dtype="float32")(kl.Activation(activation, dtype="float32")(flat))

    if law == "bernoulli":
        said = pixels("logits")
    else:
        said = pixels("mean", "tanh")
        said = {"mean": said, "log_variance": pixels("log_variance")} if law == "gaussian_with_variance" else said
    return keras.Model(z, said, name="vae_decoder")


def _hidden(x, widths, activation, initializer):
    for width in widths:
        x = kl.Dense(width, activation, kernel_initializer=_make(initializer))(x)
    return x


def _head(x):
    return kl.Activation("linear", dtype="float32")(x)


def _make(initializer):
    return initializer() if initializer else "glorot_uniform"
