"""What the metrics take: arrays of the right shape, finite and in range. Anything else is an `InputError`."""

import numpy as np

from tfgan_zoo.errors import InputError

COLOURS = {1: "grey", 3: "RGB", 4: "RGBA"}  # by the number of channels


def matrix(values, name, columns="D"):
    """`values` as a finite array `[N, columns]`, N at least 1. Its dtype is kept, so that nothing large is copied."""
    values = np.asarray(values)
    if values.ndim != 2 or 0 in values.shape:
        raise InputError(f"{name} has the shape {list(values.shape)}; expected [N, {columns}], none of them 0")
    if not (np.isfinite(values.min()) and np.isfinite(values.max())):  # a NaN is passed on by both
        raise InputError(f"{name} has values that are not finite; expected numbers only: look at what made them")
    return values


def features(real, fake):
    """`real [N, D]` and `fake [M, D]`, finite."""
    real, fake = matrix(real, "real"), matrix(fake, "fake")
    if real.shape[1] != fake.shape[1]:
        raise InputError(
            f"real has {real.shape[1]} features and fake has {fake.shape[1]}; expected the same: use one extractor"
        )
    return real, fake


def images(values, name="images"):
    """`values` as a float32 array `[B, H, W, C]` in [-1, 1]."""
    values = np.asarray(values, np.float32)
    if values.ndim != 4 or 0 in values.shape:
        raise InputError(f"{name} have the shape {list(values.shape)}; expected [B, H, W, C], none of them 0")
    low, high = values.min(), values.max()
    if not (low >= -1.001 and high <= 1.001):  # so written, NaN is out of range too
        raise InputError(f"{name} have values from {low:.4g} to {high:.4g}; expected [-1, 1]: scale or clip them")
    return values
