"""Layers that two or more families use. Images are `[B, H, W, C]`."""

import keras
import tensorflow as tf

from tfgan_zoo import random


class InstanceNormalization(keras.layers.Layer):
    """Each channel of each example to mean 0 and variance 1 over its pixels. Ulyanov et al. 2016, arXiv 1607.08022.

    Statistics are float32 whatever the compute dtype. They need one pass over the image: the mean and the mean square
    of x - k. With k = 0 these cancel when the mean is large against the spread; k, the mean of the first row, is near
    the mean (at worst sqrt(H) standard deviations off), and the result does not depend on it.

    Args:
        affine: learn a scale and an offset per channel (CycleGAN has none).
        epsilon: added to the variance.
    """

    def __init__(self, affine=True, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.affine = affine
        self.epsilon = epsilon

    def build(self, input_shape):
        if self.affine:
            channels = (input_shape[-1],)
            self.gamma = self.add_weight(name="gamma", shape=channels, initializer="ones", autocast=False)
            self.beta = self.add_weight(name="beta", shape=channels, initializer="zeros", autocast=False)

    def call(self, x):
        wide = tf.cast(x, tf.float32)
        wide -= tf.stop_gradient(tf.reduce_mean(wide[:, :1], axis=[1, 2], keepdims=True))
        mean = tf.reduce_mean(wide, axis=[1, 2], keepdims=True)  # [B, 1, 1, C]
        variance = tf.reduce_mean(tf.square(wide), axis=[1, 2], keepdims=True) - tf.square(mean)
        scale = tf.math.rsqrt(tf.nn.relu(variance) + self.epsilon)  # rounding can leave a variance below 0
        if self.affine:
            scale *= self.gamma
        offset = -mean * scale
        if self.affine:
            offset += self.beta
        return tf.cast(wide * scale + offset, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


class ReflectionPadding2D(keras.layers.Layer):
    """Mirrors `n` pixels over each border, the border pixel itself not repeated: [B, H, W, C] -> [B, H+2n, W+2n, C].

    Raises:
        ValueError: the image has no `n` pixels besides the border.
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = n

    def call(self, x):
        n = self.n
        return tf.pad(x, [[0, 0], [n, n], [n, n], [0, 0]], mode="REFLECT")


class Dropout(keras.layers.Layer):
    """Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).

    `keras.layers.Dropout` draws the same mask on every replica; here the mask comes from the open `random.stream`:
    another one per replica, and again the same after a resume.

    Args:
        rate: in [0, 1).
        always: drop when not training too: pix2pix's noise (section 3.1).

    Raises:
        RuntimeError: dropping outside a `random.stream`.
    """

    def __init__(self, rate, always=False, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout rate {rate} is not in [0, 1)")
        self.rate = rate
        self.always = always

    def call(self, x, training=False):
        if self.rate == 0 or not (training or self.always):
            return x
        keep = random.uniform(tf.shape(x)) >= self.rate
        return tf.ensure_shape(tf.where(keep, x / (1 - self.rate), tf.zeros([], x.dtype)), x.shape)

    # Without it Keras would trace `call` for the shape while a network is built, when no stream is open.
    def compute_output_shape(self, input_shape):
        return input_shape


def batch_normalization():
    """Batch normalisation over the *global* batch, so that one replica and eight make the same update.

    Keeps 0.9 of its running means, epsilon 1e-5: what the published Torch code of these papers has.
    """
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True)


def normal_002():
    """N(0, 0.02), the weights of DCGAN (section 4), pix2pix (6.2) and CycleGAN (7.1).

    A new one per layer: a single instance would give layers of one shape the same weights.
    """
    return keras.initializers.RandomNormal(mean=0.0, stddev=0.02)
