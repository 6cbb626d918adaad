"""Every metric against other libraries: values that `benchmarks/independent_metrics.py` stored with their versions."""

import pytest

from benchmarks import independent_metrics

ROWS = independent_metrics.stored()
# Absolute, where the other side (in SWD: this one) is not in double precision throughout, or loses digits where a
# covariance is singular: mpmath, which keeps them, is met like the rest.
LOOSE = {
    ("frechet singular", "scipy"): 2e-7,
    ("frechet singular", "torch-fidelity"): 2e-7,
    ("frechet singular", "torchmetrics"): 2e-7,
    ("precision", "torch-fidelity"): 3e-8,
    ("recall", "torch-fidelity"): 3e-8,
    ("swd_64", "POT"): 2e-5,
    ("swd_32", "POT"): 2e-5,
    ("swd_16", "POT"): 2e-5,
    ("psnr rgb", "torchmetrics"): 2e-6,
    ("psnr grey", "torchmetrics"): 2e-6,
    ("ssim rgb", "pytorch-msssim"): 1e-6,
    ("ssim grey", "pytorch-msssim"): 1e-6,
    ("ms_ssim rgb", "pytorch-msssim"): 1e-7,
    ("ms_ssim grey, 3 scales", "pytorch-msssim"): 1e-7,
}


@pytest.fixture(scope="module")
def ours():
    return independent_metrics.ours(independent_metrics.inputs())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['metric']}-{row['library']}")
def test_the_other_library_says_the_same(ours, row):
    tolerance = LOOSE.get((row["metric"], row["library"]), 1e-11)
    assert float(ours[row["metric"]]) == pytest.approx(row["value"], abs=tolerance, rel=0)


def test_every_metric_has_a_stored_value(ours):
    # "swd" is the mean of its levels.
    assert {row["metric"] for row in ROWS} == set(ours) - {"swd"}


def test_dictionaries_hold_plain_floats_for_json(ours):
    names = {"frechet", "kid", "kid_std", "precision", "density", "is", "is_std", "label_accuracy", "swd_16", "swd"}
    assert {type(ours[name]) for name in names} == {float}
