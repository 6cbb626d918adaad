"""Laws of pictures and of codes: log-densities and divergences in nats, `[B]` float32, one number per example.

They are sums over pixels, or over the numbers of a code. A mean in place of one would change how a bound weighs its
terms. Pictures are in [-1, 1]; what is said of probabilities is said of (x + 1) / 2, which is in [0, 1].
"""

import math

import tensorflow as tf

from tfgan_zoo import random


def bernoulli(image, logits):
    """log p(x), each pixel white (1) with probability sigmoid(logits), else black (-1).

    Of grey pixels it is the cross-entropy with (x + 1) / 2: the mean over all ways to draw black and white from them,
    and not a log-likelihood of the grey picture.

    Args:
        image: `[B, ...]` in [-1, 1].
        logits: of the same shape.
    """
    white = 0.5 * (_f32(image) + 1.0)
    return -_sum(tf.nn.sigmoid_cross_entropy_with_logits(labels=white, logits=_f32(logits)))


def gaussian(x, mean, deviation):
    """log N(x; mean, deviation^2) of independent numbers, on the scale that they have: in [-1, 1] for pictures.

    On a scale of [0, 1] the same picture has log 2 less per pixel.

    Args:
        x, mean: `[B, ...]`.
        deviation: a number, or `[B, ...]`; above 0.
    """
    deviation = tf.convert_to_tensor(deviation, tf.float32)
    standardized = (_f32(x) - _f32(mean)) / deviation
    return _sum(-0.5 * tf.square(standardized) - tf.math.log(deviation) - 0.5 * math.log(2.0 * math.pi))


def standard_normal(z):
    """log N(z; 0, I)."""
    return gaussian(z, 0.0, 1.0)


def kl_to_standard_normal(mean, log_variance):
    """KL(N(mean, variance) || N(0, I)), Kingma and Welling 2014 (arXiv 1312.6114), appendix B with its sign turned.

    Args:
        mean, log_variance: `[B, dim]`; the logarithm of sigma squared, not of sigma.
    """
    mean, log_variance = _f32(mean), _f32(log_variance)
    return -0.5 * _sum(1.0 + log_variance - tf.square(mean) - tf.exp(log_variance))


def draw_binary(image):
    """Pictures of -1 and 1, each pixel 1 with probability (x + 1) / 2: the binarisation called dynamic.

    Raises:
        RuntimeError: no `random.stream` is open.
    """
    return tf.where(random.uniform(tf.shape(image), -1.0, 1.0) < _f32(image), 1.0, -1.0)


def _sum(x):
    return tf.reduce_sum(x, axis=list(range(1, x.shape.rank)))


def _f32(x):
    return tf.cast(x, tf.float32)
