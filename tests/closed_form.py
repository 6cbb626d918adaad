"""One-dimensional generators and laws whose divergences are known, for the tests of the papers' promises."""

import keras
import numpy as np


def affine(scale, shift):
    """A generator that returns scale * z + shift: N(shift, scale^2) for a normal z."""
    z = keras.Input([1])
    constant = keras.initializers.Constant
    layer = keras.layers.Dense(1, kernel_initializer=constant(scale), bias_initializer=constant(shift))
    return keras.Model(z, layer(z))


def normal(x, mean, deviation):
    """The density of N(mean, deviation^2) at x."""
    return np.exp(-0.5 * ((x - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))
