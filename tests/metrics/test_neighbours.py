import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import neighbours
from tfgan_zoo.metrics.neighbours import prdc

REAL = np.array([[0.0], [1.0], [3.0], [7.0]])  # nearest others at 1, 1, 2, 4; second nearest at 3, 2, 3, 6
FAKE = np.array([[0.5], [2.0], [20.0], [20.5]])  # nearest others at 1.5, 1.5, 0.5, 0.5; second at 19.5, 18, 18, 18.5


def test_points_on_a_line_are_counted_as_by_hand():
    # Balls of the reals, k = 1: [-1, 1], [0, 2], [1, 5], [3, 11]. 0.5 lies in two of them, 2 in two (once on a rim).
    # Balls of the fakes, k = 1: [-1, 2], [0.5, 3.5], [19.5, 20.5], [20, 21]: 0, 1 and 3 lie in one, 7 in none.
    assert prdc(REAL, FAKE, k_precision=1, k_density=1) == {
        "precision": 2 / 4,
        "recall": 3 / 4,
        "density": 4 / 4,
        "coverage": 3 / 4,
    }


def test_precision_and_density_have_a_k_each():
    # k = 2, reals: [-3, 3], [-1, 3], [0, 6], [1, 13]: 0.5 lies in three, 2 in all, 20 in none.
    assert prdc(REAL, FAKE, k_precision=1, k_density=2) == {
        "precision": 2 / 4,
        "recall": 3 / 4,
        "density": 7 / (2 * 4),
        "coverage": 4 / 4,
    }
    # k = 2, fakes: [-19, 20], [-16, 20], ...: every real lies in one.
    assert prdc(REAL, FAKE, k_precision=2, k_density=1)["recall"] == 1


def test_a_copy_is_perfect_and_far_samples_are_worthless():
    x = np.random.default_rng(0).standard_normal([100, 8])
    same = prdc(x, x)
    assert {name: same[name] for name in ("precision", "recall", "coverage")} == dict.fromkeys(
        ("precision", "recall", "coverage"), 1.0
    )
    assert same["density"] == pytest.approx(6 / 5)  # a ball of k = 5 holds its centre and 5 more
    assert prdc(x, x + 1000) == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}


def test_one_repeated_sample_is_precise_and_recalls_little():
    x = np.random.default_rng(1).standard_normal([100, 2])
    score = prdc(x, np.tile(x[:1], [100, 1]))
    assert score["precision"] == 1
    assert score["recall"] == 0.01  # only the real it copies
    assert score["coverage"] < 0.1


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(2)
    real, fake = rng.standard_normal([83, 5]), 0.8 * rng.standard_normal([71, 5])
    whole = prdc(real, fake)
    monkeypatch.setattr(neighbours, "BLOCK", 200)
    assert prdc(real, fake) == whole
    assert 0 < whole["recall"] < 1


def test_balls_far_from_the_origin_keep_their_size():
    shift = 2.0**20
    assert prdc(REAL + shift, FAKE + shift, k_precision=1, k_density=1) == prdc(REAL, FAKE, k_precision=1, k_density=1)


@pytest.mark.parametrize(("count", "k"), [(5, 5), (6, 0)])
def test_too_few_features_or_no_neighbours_are_refused(count, k):
    with pytest.raises(InputError, match=f"{count} real and 9 fake features"):
        prdc(np.ones([count, 2]), np.ones([9, 2]), k_density=k)
