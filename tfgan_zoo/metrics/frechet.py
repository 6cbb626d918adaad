"""Frechet distance: "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", Heusel et al.
2017 (arXiv 1706.08500). Only with features of the 2015 Inception graph may it be called FID.
"""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks


class Moments:
    """Count, mean and covariance of features that come in batches, in float64.

    Batches are merged by the update of Chan, Golub and LeVeque (1979) on centred sums, which loses no digits where the
    mean is large against the spread. Memory: two D x D matrices, whatever the count.
    """

    def __init__(self):
        self.count = 0
        self._mean = self._scatter = None  # [D]; sum of the outer products of deviations [D, D]

    def update(self, features):
        """Adds `features [B, D]`.

        Raises:
            InputError: not a finite matrix, or another D than before.
        """
        features = checks.matrix(features, "features").astype(np.float64)
        mean = features.mean(axis=0)
        centred = features - mean
        self._add(len(features), mean, centred.T @ centred)

    def merge(self, other):
        """Adds, in place, all that `other` has seen.

        Raises:
            InputError: another D.
        """
        if other.count:
            self._add(other.count, other._mean, other._scatter)

    @property
    def mean(self):
        """`[D]`."""
        self._need(1)
        return self._mean

    @property
    def covariance(self):
        """`[D, D]`, unbiased (divided by count - 1), as the authors' code has it."""
        self._need(2)
        return self._scatter / (self.count - 1)

    def _add(self, count, mean, scatter):
        if not self.count:
            self.count, self._mean, self._scatter = count, mean.copy(), scatter.copy()
            return
        if mean.shape != self._mean.shape:
            raise InputError(
                f"features of {len(mean)} numbers after {len(self._mean)}; expected as many: one extractor"
            )
        total, shift = self.count + count, mean - self._mean
        self._scatter += scatter + np.outer(shift, shift) * (self.count * count / total)
        self._mean += shift * (count / total)
        self.count = total

    def _need(self, count):
        if self.count < count:
            raise InputError(f"moments of {self.count} features; expected at least {count}: give more images")


def frechet_distance(a, b):
    """d^2 = |m_a - m_b|^2 + Tr(S_a + S_b - 2 (S_a S_b)^(1/2)): the square, as the authors' code has it.

    Tr (S_a S_b)^(1/2) is the sum of the square roots of the eigenvalues of S_a^(1/2) S_b S_a^(1/2), which has those of
    S_a S_b and is symmetric: `eigh` gives real ones, singular covariances (fewer images than features) included. What
    rounding puts below 0 is taken as 0. No epsilon is added to a diagonal. The rank is at most the lower count - 1, and
    no more eigenvalues are summed: those that should be 0 are 1e-16, and their roots 1e-8.

    Args:
        a, b: `Moments` of at least 2 features each, of one D.

    Raises:
        InputError: fewer than 2, or another D.
    """
    first, second = a.covariance, b.covariance
    if first.shape != second.shape:
        raise InputError(f"moments of {len(first)} and of {len(second)} numbers; expected as many: use one extractor")
    values, vectors = np.linalg.eigh(first)
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    product = root @ second @ root
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0.0))  # ascending
    trace_of_root = roots[-(min(a.count, b.count) - 1) :].sum()
    distance = np.sum((a.mean - b.mean) ** 2) + np.trace(first) + np.trace(second) - 2 * trace_of_root
    return float(max(distance, 0.0))
