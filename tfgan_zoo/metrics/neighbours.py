"""Fidelity and diversity by nearest neighbours.

"Improved Precision and Recall Metric for Assessing Generative Models", Kynkaanniemi et al. 2019 (arXiv 1904.06991), and
"Reliable Fidelity and Diversity Metrics for Generative Models", Naeem et al. 2020 (arXiv 2002.09797).
"""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks

BLOCK = 2**24  # numbers: 128 MiB in float64


def prdc(real, fake, *, k_precision=3, k_density=5):
    """Precision and recall with k = 3, density and coverage with k = 5, the values of the papers.

    Each sample has a ball that reaches its k-th nearest neighbour among the other samples of its own set.

    - precision: share of fakes in at least one ball of a real; recall: the same with the sets exchanged;
    - density: balls of reals that a fake lies in, mean over the fakes, divided by k (it can exceed 1);
    - coverage: share of reals whose ball holds at least one fake.

    The rim belongs to the ball, as in NVIDIA's code; the `prdc` package leaves it out, which shows only where distances
    are equal. Distances are float64, from centred features by |x|^2 + |y|^2 - 2 x.y, in blocks: besides the
    features there are never more than a few blocks of 128 MiB.

    Args:
        real: `[N, D]`, more than k.
        fake: `[M, D]`, more than k.
        k_precision: k of precision and recall.
        k_density: k of density and coverage.

    Returns:
        `{"precision": ..., "recall": ..., "density": ..., "coverage": ...}`.

    Raises:
        InputError: not two finite matrices of one D, or not more features than k.
    """
    real, fake = checks.features(real, fake)
    if min(k_precision, k_density) < 1 or max(k_precision, k_density) >= min(len(real), len(fake)):
        raise InputError(
            f"{len(real)} real and {len(fake)} fake features with k = {k_precision} and {k_density}; expected k >= 1 "
            "and more features than k: give more images or a smaller k"
        )
    centre = real.mean(axis=0, dtype=np.float64)
    real_ball, real_density_ball = _radii(real, centre, [k_precision, k_density])  # [N] each
    (fake_ball,) = _radii(fake, centre, [k_precision])  # [M]
    precise, recalled, covered, inside = np.zeros(len(fake), bool), [], [], 0
    for rows, distances in _distances(real, fake, centre):  # [R, M]
        precise |= (distances <= real_ball[rows, None]).any(axis=0)
        recalled.append((distances <= fake_ball).any(axis=1))
        within = distances <= real_density_ball[rows, None]
        covered.append(within.any(axis=1))
        inside += np.count_nonzero(within)
    return {
        "precision": float(precise.mean()),
        "recall": float(np.concatenate(recalled).mean()),
        "density": float(inside / (k_density * len(fake))),
        "coverage": float(np.concatenate(covered).mean()),
    }


def _radii(points, centre, ks):
    """Squared distance of each point to its k-th nearest other, for each k."""
    nearest = []
    for rows, distances in _distances(points, points, centre):
        distances[np.arange(len(distances)), np.arange(len(points))[rows]] = np.inf
        nearest.append(np.partition(distances, [k - 1 for k in ks], axis=1)[:, [k - 1 for k in ks]])
    return np.concatenate(nearest).T


def _distances(points, others, centre):
    """Blocks of rows of the squared distances: `(slice, [R, M] float64)`."""
    height = max(1, BLOCK // max(len(others), points.shape[1]))
    width = max(1, BLOCK // points.shape[1])
    for top in range(0, len(points), height):
        rows = slice(top, min(top + height, len(points)))
        x = points[rows] - centre  # float64, as the centre is
        distances = np.empty([len(x), len(others)])
        for left in range(0, len(others), width):
            y = others[left : left + width] - centre
            distances[:, left : left + width] = np.sum(y * y, axis=1) - 2 * (x @ y.T)
        distances += np.sum(x * x, axis=1, keepdims=True)
        yield rows, np.maximum(distances, 0.0, out=distances)
