"""Whether conditional samples show what they were asked for."""

import numpy as np

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks


def label_accuracy(scores, labels):
    """Share of samples for which a classifier, trained on real data, says the label they were made for.

    Args:
        scores: the classifier's probabilities or logits `[N, K]`.
        labels: `[N]` integers from 0 to K - 1.

    Returns:
        `{"label_accuracy": ...}`.

    Raises:
        InputError: shapes that do not fit, labels that are not integers or not below K.
    """
    right, asked = right_of_each(scores, labels)
    return {"label_accuracy": float(right.sum() / asked.sum())}


def right_of_each(scores, labels):
    """`label_accuracy` class by class: arguments and errors are its own.

    Returns:
        `[2, K]` integers: of each label how many samples are told right, and how many there are.
    """
    scores, labels = checks.matrix(scores, "scores", "K"), np.asarray(labels)
    if labels.shape != (len(scores),):
        raise InputError(f"labels of shape {list(labels.shape)} for {len(scores)} rows of scores; expected one a row")
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= scores.shape[1]:
        raise InputError(
            f"labels from {labels.min()} to {labels.max()} ({labels.dtype}) for {scores.shape[1]} classes; expected "
            f"integers from 0 to {scores.shape[1] - 1}: use the classifier's classes"
        )
    classes = scores.shape[1]
    right = np.bincount(labels[scores.argmax(axis=1) == labels], minlength=classes)
    return np.stack([right, np.bincount(labels, minlength=classes)])
