"""Points of known density in one and two dimensions: a name -> `Data` that `batches.batches` reads.

Point number i is a function of i alone, so a resumed run sees what it would have seen. Modes take turns: point i is of
mode i modulo their number (`batches` shuffles). There are so many training points that none comes twice.
"""

import dataclasses

import numpy as np
import tensorflow as tf

from tfgan_zoo.data import batches, counted
from tfgan_zoo.data.columns import Column, Data
from tfgan_zoo.errors import InputError

TRAIN, TEST = 2**40, 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Points(Data):
    """Points `[dim]`, float32, of a mixture of isotropic Gaussians of equal weight: the column `point`.

    Attributes:
        modes: `[M, dim]`, the means.
        sigma: the standard deviation of each.
        shown: see `Data`.
    """

    modes: np.ndarray
    sigma: float
    shown: int = 1000

    def sample(self, count, key):
        """`count` points at once, `[count, dim]`, each of a random mode: a function of `key [2]`.

        Not those of `train`, which are functions of their number.
        """
        mode_key, noise_key = tf.unstack(tf.random.split(key))
        mode = tf.random.stateless_uniform([count], mode_key, 0, len(self.modes), tf.int32, alg="philox")
        noise = tf.random.stateless_normal([count, self.modes.shape[1]], noise_key, alg="philox")
        return tf.gather(self.modes.astype(np.float32), mode) + self.sigma * noise


def _gaussian():
    return np.array([[2.0]]), 0.5


def _ring():
    angles = 2 * np.pi * np.arange(8) / 8
    return 2.0 * np.stack([np.cos(angles), np.sin(angles)], axis=1), 0.02


def _grid():
    return np.stack(np.meshgrid(np.arange(-4.0, 5.0, 2.0), np.arange(-4.0, 5.0, 2.0)), axis=-1).reshape(-1, 2), 0.05


_SETS = {"toy:gaussian": _gaussian, "toy:ring": _ring, "toy:grid": _grid}


def is_toy(dataset):
    """Whether `dataset` is a name for `points`, known or not."""
    return str(dataset).startswith("toy:")


def points(dataset):
    """A toy data set; an element is one point.

    Args:
        dataset: `toy:gaussian` (one dimension, mean 2, standard deviation 0.5); `toy:ring` (8 Gaussians on a circle of
            radius 2, standard deviation 0.02; Unrolled GAN, arXiv 1611.02163, appendix A); `toy:grid` (25 Gaussians at
            -4, -2, 0, 2, 4 each way, standard deviation 0.05; that of VEEGAN, arXiv 1705.07761, as later papers give
            it: the text of either paper was not at hand).

    Raises:
        InputError: an unknown name.
    """
    if dataset not in _SETS:
        raise InputError(f"{dataset} is no toy data set; choose {', '.join(_SETS)}")
    modes, sigma = _SETS[dataset]()
    count, dim = modes.shape
    what = f"{count} Gaussians in 2 dimensions" if count > 1 else "a Gaussian in 1 dimension"
    train = _examples(modes, sigma, 0, TRAIN)
    return Points(
        name=dataset,
        kind="points",
        columns=train.columns,
        train=train,
        test=_examples(modes, sigma, 1, TEST),
        description=f"{dataset}: {what}, sigma {sigma}; training points without end, {TEST:,} held-out",
        licence="none needed: random numbers",
        modes=modes,
        sigma=sigma,
    )


def _examples(modes, sigma, split, count):
    means = modes.astype(np.float32)
    dim = means.shape[1]

    def load(i):
        return {"point": tf.gather(means, i % len(means)) + sigma * counted.normal(split, i, dim)}

    return batches.Examples({"point": Column(tf.TensorSpec([dim], tf.float32), None)}, (count,), load)
