"""The mapping network of the style-based generators: Karras et al. 2019, arXiv 1812.04948, section 2; 2020, arXiv
1912.04958, which has the same one.
"""

import keras
from keras import layers as kl

from tfgan_zoo import layers


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
