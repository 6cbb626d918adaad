"""Maximum mean discrepancy: "A Kernel Two-Sample Test", Gretton, Borgwardt, Rasch, Schölkopf and Smola, JMLR 2012 (its
text was not seen), with a Gaussian kernel: have codes the law of their prior?
"""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks


def two_sample_test(x, y, *, bandwidth, permutations=200, seed=0):
    """Unbiased squared MMD of two samples, with the kernel exp(-|a - b|^2 / (2 bandwidth^2)), and what chance would
    give.

    Under the hypothesis that both have one law, which rows are whose does not matter: the null are the values of random
    divisions of all rows. Memory goes with (N + M)^2.

    Args:
        x: `[N, D]`, N at least 2.
        y: `[M, D]`, M at least 2.
        bandwidth: of the kernel; on the scale of the data, such as the prior's standard deviation.
        permutations: divisions to draw.
        seed: of them.

    Returns:
        `{"mmd": ..., "mmd_by_chance": the 95th percentile of the null, "mmd_p": share of divisions whose value is as
        large or larger, the given one among them}`. The value can be below 0: that is what unbiased means.

    Raises:
        InputError: not two finite matrices of one D with 2 rows each; a bandwidth that is not above 0.
    """
    x, y = checks.features(x, y)
    if min(len(x), len(y)) < 2 or not bandwidth > 0 or permutations < 1:
        raise InputError(
            f"samples of {len(x)} and {len(y)} rows, bandwidth {bandwidth:g}, {permutations} permutations: expected 2 "
            "or more rows each, a bandwidth above 0 and 1 or more permutations"
        )
    kernel = gaussian_kernel(np.concatenate([x, y]).astype(np.float64), bandwidth)
    first = np.arange(len(kernel)) < len(x)
    rng = np.random.default_rng(seed)
    value = _unbiased(kernel, first)
    null = np.array([_unbiased(kernel, rng.permutation(first)) for _ in range(permutations)])
    return {
        "mmd": float(value),
        "mmd_by_chance": float(np.quantile(null, 0.95)),
        "mmd_p": float((1 + np.sum(null >= value)) / (1 + permutations)),
    }


def gaussian_kernel(rows, bandwidth):
    """exp(-|a - b|^2 / (2 bandwidth^2)) of all pairs of rows `[N, D]`: `[N, N]`."""
    squares = np.sum(rows**2, 1)
    distances = np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0)
    return np.exp(-distances / (2 * bandwidth**2))


def _unbiased(kernel, first):
    """Squared MMD of the rows that are `first` and the others, no row with itself; the kernel is 1 on its diagonal."""
    one, other = np.float64(first), np.float64(~first)
    n, m = one.sum(), other.sum()
    of_one, of_other = kernel @ one, kernel @ other
    within = (one @ of_one - n) / (n * (n - 1)) + (other @ of_other - m) / (m * (m - 1))
    return within - 2 * (one @ of_other) / (n * m)
