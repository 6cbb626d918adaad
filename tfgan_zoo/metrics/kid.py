"""Kernel Inception distance: "Demystifying MMD GANs", Binkowski et al. 2018 (arXiv 1801.01401)."""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks


def kernel_distance(real, fake, *, subsets=100, subset_size=1000, seed=0):
    """Unbiased squared MMD with the kernel k(x, y) = (x.y / D + 1)^3, over random subsets; 100 of 1000 as in its code.

    The subsets are drawn from NumPy's `RandomState(seed)`, real before fake, without replacement within one: its stream
    is frozen, and torch-fidelity draws the same. The value can be below 0: that is what unbiased means.

    Args:
        real: `[N, D]`.
        fake: `[M, D]`.
        subsets: how many.
        subset_size: of each set; 2 or more, at most N and M.
        seed: of the subsets.

    Returns:
        `{"kid": mean over the subsets, "kid_std": their standard deviation (divided by `subsets`)}`. Not times 1000.

    Raises:
        InputError: not two finite matrices of one D, or fewer features than a subset takes.
    """
    real, fake = checks.features(real, fake)
    if subsets < 1 or not 2 <= subset_size <= min(len(real), len(fake)):
        raise InputError(
            f"{subsets} subsets of {subset_size} from {len(real)} real and {len(fake)} fake features; expected 1 or "
            "more subsets of 2 or more, no more than there are: give more images or a smaller subset_size"
        )
    rng = np.random.RandomState(seed)
    values = []
    for _ in range(subsets):
        x = real[rng.choice(len(real), subset_size, replace=False)].astype(np.float64)
        y = fake[rng.choice(len(fake), subset_size, replace=False)].astype(np.float64)
        values.append(_within(x) + _within(y) - 2 * _kernel(x, y).mean())
    return {"kid": float(np.mean(values)), "kid_std": float(np.std(values))}


def _kernel(x, y):
    return (x @ y.T / x.shape[1] + 1) ** 3


def _within(x):
    kernel = _kernel(x, x)
    return (kernel.sum() - np.trace(kernel)) / (len(x) * (len(x) - 1))  # no sample with itself
