"""Inception score: "Improved Techniques for Training GANs", Salimans et al. 2016 (arXiv 1606.03498), section 4."""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks


def inception_score(probabilities, splits=10):
    """exp(E_x KL(p(y|x) || p(y))), p(y) the mean of p(y|x), in each of `splits` consecutive parts.

    Shuffle the samples first if they come in the order of their labels.

    Args:
        probabilities: `[N, K]`, rows that sum to 1; N at least `splits`.
        splits: 10 in the authors' code.

    Returns:
        `{"is": mean over the parts, "is_std": their standard deviation (divided by `splits`)}`; from 1 to K.

    Raises:
        InputError: not a matrix of probabilities, or fewer rows than parts.
    """
    probabilities = checks.matrix(probabilities, "probabilities", "K").astype(np.float64)
    off = np.abs(probabilities.sum(axis=1) - 1).max()
    if probabilities.min() < 0 or off > 1e-3:
        raise InputError(
            f"probabilities with the least {probabilities.min():.4g} and rows that miss 1 by up to {off:.4g}; expected "
            "rows of a softmax: apply it to logits"
        )
    if not 1 <= splits <= len(probabilities):
        raise InputError(f"{len(probabilities)} rows for {splits} splits; expected at least one each: give more images")
    scores = []
    for part in np.array_split(probabilities, splits):
        # A class no row has a share in adds nothing, and p log p is 0 at p = 0.
        ratio = np.divide(part, part.mean(axis=0), out=np.ones_like(part), where=part > 0)
        scores.append(np.exp(np.sum(part * np.log(ratio), axis=1).mean()))
    return {"is": float(np.mean(scores)), "is_std": float(np.std(scores))}
