"""The network of the restricted Boltzmann machine: one layer of weights between pixels and hidden units."""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.networks import sizes


def rbm_energy(image_shape, hidden=500):
    """`image [B, H, W, C] -> free energy [B]`, float32; pixels of -1 and 1 are units of 0 and 1.

    Args:
        image_shape: (H, W, C) of any size.
        hidden: how many hidden units there are.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    image = keras.Input(image_shape)
    visible = kl.Rescaling(0.5, 0.5, dtype="float32")(kl.Reshape([math.prod(image_shape)], dtype="float32")(image))
    return keras.Model(image, layers.RestrictedBoltzmann(hidden, name="units")(visible), name="rbm_energy")
