import numpy as np
import pytest

from tfgan_zoo.data import batches
from tfgan_zoo.data.columns import Data
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics.flicker import flicker, of_translators


def clip(*values):
    """A clip `[1, T, 1, 1, 1]` of one pixel."""
    return np.reshape(np.array(values, np.float64), [1, -1, 1, 1, 1])


def test_what_is_wrong_in_all_frames_does_not_flicker_and_what_comes_and_goes_does():
    target = clip(0.0, 0.5, 1.0)
    np.testing.assert_allclose(flicker(target + 0.3, target), [0.0], atol=1e-12)
    np.testing.assert_allclose(flicker(target + clip(0.3, -0.1, 0.3), target), [0.4])  # |-0.4| and |0.4|
    np.testing.assert_allclose(flicker(clip(0.0, 0.0, 0.0), target), [0.5])  # standing still is flicker, too
    two = np.concatenate([target + 0.3, target + clip(0.3, -0.1, 0.3)])
    np.testing.assert_allclose(flicker(two, np.concatenate([target] * 2)), [0.0, 0.4], atol=1e-12)


@pytest.mark.parametrize(
    ("made", "target"), [((1, 3, 2, 2, 1), (1, 2, 2, 2, 1)), ((3, 2, 2, 1),) * 2, ((1, 1, 2, 2, 1),) * 2]
)
def test_what_are_no_clips_of_one_shape_is_one_clear_line(made, target):
    with pytest.raises(InputError, match=r"^clips of the shapes .* expected \[B, T, H, W, C\] twice, T of 2 or more$"):
        flicker(np.zeros(made), np.zeros(target))


def data(test_is_paired):
    """Clips of one pixel: a is 0, 51, 102 and 204, 153, 102 of 255, b is 51 more."""
    a = np.array([[0, 51, 102], [204, 153, 102]], np.uint8).reshape(2, 3, 1, 1, 1)
    examples = batches.from_arrays({"a": (a, "bicubic"), "b": (a + 51, "bicubic")})
    return Data("x", "frames", examples.columns, examples, examples, "x", "none", test_is_paired=test_is_paired)


def test_translators_and_predictors_are_scored_on_all_held_out_clips_beside_doing_nothing():
    translators = {"a_to_b": lambda x: x + 0.4, "b_to_a": lambda x: x}
    found = of_translators(data(True), translators, {"a": lambda x: 2 * x[:, 1] - x[:, 0], "b": lambda x: x[:, 0]})
    expected = {
        "l1_a_to_b": 0.0, "flicker_a_to_b": 0.0, "l1_b_to_a": 0.4, "flicker_b_to_a": 0.0,
        "l1_identity": 0.4, "flicker_identity": 0.0,
        "next_a": 0.0, "next_a_copy": 0.4, "next_b": 0.8, "next_b_copy": 0.4,
    }  # fmt: skip
    assert list(found) == list(expected)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), atol=1e-6)


def test_where_nobody_knows_the_pairs_predictors_alone_are_scored():
    found = of_translators(data(False), {"a_to_b": lambda x: x}, {"a": lambda x: x[:, 1]})
    np.testing.assert_allclose([found.pop("next_a"), found.pop("next_a_copy")], [0.4, 0.4], rtol=1e-6)
    assert found == {}
