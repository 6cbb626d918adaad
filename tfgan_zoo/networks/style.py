"""The mapping network of the style-based generators, and style mixing: Karras et al. 2019, arXiv 1812.04948, sections 2
and 3.1; 2020, arXiv 1912.04958, which has the same ones.
"""

import keras
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import layers, random


def mapping_network(latent_dim=512, style_dim=512, depth=8, width=None, rate=0.01):
    """`z [B, latent_dim] -> w [B, style_dim]`, float32: z to length sqrt(latent_dim), then dense layers and LeakyReLU.

    Args:
        latent_dim: length of z.
        style_dim: length of w.
        depth: dense layers, 1 or more.
        width: of those before the last; None: `style_dim`.
        rate: the learning rate multiplier of all of them, see `layers.EqualizedRate`.
    """
    z = keras.Input([latent_dim])
    x = layers.PixelNorm()(z)
    for units in [width or style_dim] * (depth - 1) + [style_dim]:
        x = layers.Dense(units, normalization=layers.EqualizedRate(rate=rate))(x)
        x = kl.LeakyReLU(0.2)(x)
    return keras.Model(z, kl.Activation("linear", dtype="float32")(x), name="mapping_network")


def mixed(first, second, depth, mixing, used=None):
    """`w [B, depth, dim]`: all `first`'s, or with probability `mixing` `second`'s from a random layer on.

    One crossover for the batch, and the same on every replica: two draws of the step's `random.stream`.

    Args:
        first, second: styles `[B, dim]`.
        depth: how many styles the generator takes.
        mixing: a probability.
        used: the crossover is from 1 to `used` - 1; None: `depth`.
    """
    chance, place = random.uniform([], same=True), random.uniform([], 1.0, float(used or depth), same=True)
    crossover = tf.where(chance < mixing, tf.cast(place, tf.int32), depth)
    return tf.where((tf.range(depth) < crossover)[:, None], first[:, None], second[:, None])
