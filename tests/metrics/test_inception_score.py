import numpy as np
import pytest

from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.inception_score import inception_score


def test_sure_and_even_answers_score_the_number_of_classes():
    assert inception_score(np.tile(np.eye(5), [10, 1]), splits=2) == {"is": pytest.approx(5), "is_std": 0}


def test_uniform_and_unvaried_answers_score_one():
    assert inception_score(np.full([20, 4], 0.25))["is"] == pytest.approx(1)
    assert inception_score(np.tile([[0.0, 1.0, 0.0]], [20, 1]))["is"] == pytest.approx(1)


def test_two_leaning_answers_score_as_by_hand():
    rows = np.array([[0.9, 0.1], [0.1, 0.9]])
    divergence = 0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)
    assert inception_score(rows, splits=1)["is"] == pytest.approx(np.exp(divergence), rel=1e-12)


def test_parts_are_scored_alone():
    """The first half has two classes, the second one: scores 2 and 1."""
    rows = np.eye(2)[[0, 1, 0, 1, 0, 0, 0, 0]]
    assert inception_score(rows, splits=2) == {"is": pytest.approx(1.5), "is_std": pytest.approx(0.5)}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.full([20, 3], 1.0), "rows that miss 1 by up to 2"),
        (np.tile([[1.5, -0.5]], [20, 1]), "the least -0.5"),
        (np.full([9, 2], 0.5), "9 rows for 10 splits"),
        (np.full([9], 0.5), r"expected \[N, K\]"),
    ],
)
def test_what_is_no_probability_is_refused(rows, message):
    with pytest.raises(InputError, match=message):
        inception_score(rows)
