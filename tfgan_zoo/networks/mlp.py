"""Fully connected networks for points `[dim]` and small images `[H, W, C]`, which are flattened inside.

Networks for points compute in float32 whatever the precision policy: bfloat16 near 2 has steps of 1/64, which is the
width of a mode of the ring.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers


def mlp_generator(shape, latent_dim, widths=(256, 256), activation="relu", initializer=None):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1] by a tanh, or `-> point [B, dim]`, linear; float32.

    Args:
        shape: (H, W, C) of any size, or (dim,) for points.
        latent_dim: length of z.
        widths: of the hidden layers.
        activation: of the hidden layers, a name that Keras knows.
        initializer: None for Keras' own (Glorot), or a function that makes a new initializer for each kernel.
    """
    dtype = _dtype(shape)
    z = x = keras.Input([latent_dim])
    for width in widths:
        x = kl.Dense(width, activation, kernel_initializer=_make(initializer), dtype=dtype)(x)
    x = kl.Dense(math.prod(shape), kernel_initializer=_make(initializer), dtype=dtype)(x)  # [B, H W C]
    x = kl.Activation("linear" if len(shape) == 1 else "tanh", dtype="float32")(x)
    return keras.Model(z, kl.Reshape(shape, dtype="float32")(x), name="mlp_generator")


def mlp_discriminator(shape, widths=(256, 256), activation="relu", initializer=None, *, pieces=1, dropout=(), scale=1):
    """`image [B, H, W, C] or point [B, dim] -> logits [B, 1]`, float32.

    Args:
        shape, activation, initializer: as in `mlp_generator`.
        widths: of the hidden layers.
        pieces: more than 1 makes the hidden units maxout units (Goodfellow et al. 2013, arXiv 1302.4389): the largest
            of so many linear functions, and no activation.
        dropout: rates, one before each layer, that of the logits included; none if empty.
        scale: what inputs are multiplied with first.
    """
    dtype = _dtype(shape)
    inputs = keras.Input(shape)
    x = kl.Flatten(dtype=dtype)(inputs)
    if scale != 1:
        x = kl.Rescaling(scale, dtype=dtype)(x)
    rates = dropout or (0.0,) * (len(widths) + 1)
    for width, rate in zip(widths, rates[:-1], strict=True):
        x = _dropped(x, rate, dtype)
        if pieces > 1:
            x = kl.Dense(width * pieces, kernel_initializer=_make(initializer), dtype=dtype)(x)
            x = keras.ops.max(kl.Reshape([width, pieces], dtype=dtype)(x), axis=-1)  # [B, width]
        else:
            x = kl.Dense(width, activation, kernel_initializer=_make(initializer), dtype=dtype)(x)
    x = kl.Dense(1, kernel_initializer=_make(initializer), dtype=dtype, name="logits")(_dropped(x, rates[-1], dtype))
    return keras.Model(inputs, kl.Activation("linear", dtype="float32")(x), name="mlp_discriminator")


def _dropped(x, rate, dtype):
    return layers.Dropout(rate, dtype=dtype)(x) if rate else x


def _make(initializer):
    return initializer() if initializer else "glorot_uniform"


def _dtype(shape):
    return "float32" if len(shape) == 1 else None
