"""Mode coverage: how many Gaussians of a mixture a generator has found."""

import numpy as np

SAMPLES = 2500  # what VEEGAN draws


def coverage(samples, modes, sigma):
    """VEEGAN's protocol (Srivastava et al. 2017, arXiv 1705.07761, section 4), told from memory of its text.

    A sample is of high quality within 3 sigma of the nearest mode (Euclidean distance); a mode is found when it is the
    nearest of at least one such sample.

    Args:
        samples: `[N, dim]`; the protocol draws `SAMPLES`.
        modes: `[M, dim]`.
        sigma: standard deviation of a mode.

    Returns:
        `{"modes": how many are found, "high_quality": the share of such samples}`.
    """
    distance = np.linalg.norm(np.asarray(samples, np.float64)[:, None] - np.asarray(modes), axis=-1)  # [N, M]
    nearest = distance.argmin(axis=1)
    good = distance.min(axis=1) <= 3 * sigma
    return {"modes": float(len(np.unique(nearest[good]))), "high_quality": float(good.mean())}
