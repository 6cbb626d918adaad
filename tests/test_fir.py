import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import fir


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def slowly(x, taps, pads, up=1, down=1, gain=1.0):
    """Zeros between the pixels, zeros around, a double loop over the taps, every `down`-th pixel: in float64."""
    count, height, width, channels = x.shape
    spread = np.zeros([count, height * up, width * up, channels])
    spread[:, ::up, ::up] = x
    padded = np.pad(spread, [(0, 0), pads, pads, (0, 0)])
    kernel = gain * np.outer(taps, taps) / np.sum(taps) ** 2
    rows, columns = (n - len(taps) + 1 for n in padded.shape[1:3])
    total = sum(kernel[i, j] * padded[:, i : i + rows, j : j + columns] for i, j in np.ndindex(len(taps), len(taps)))
    return total[:, ::down, ::down]


@pytest.mark.parametrize("jit", [False, True], ids=["plain", "xla"])
def test_filters_are_what_a_loop_over_their_taps_gives(jit):
    x = pictures(2, 6, 4, 3)
    compiled = {name: tf.function(getattr(fir, name), jit_compile=jit) for name in ("blur", "upsample", "downsample")}
    close = {"rtol": 0, "atol": 1e-12}
    np.testing.assert_allclose(compiled["blur"](x), slowly(x, [1, 2, 1], (1, 1)), **close)
    np.testing.assert_allclose(compiled["blur"](x, fir.BILINEAR), slowly(x, [1, 3, 3, 1], (2, 1)), **close)
    # After an up-convolution, and before a down-convolution of 3x3.
    after = compiled["blur"](x, fir.BILINEAR, (1, 1), 4.0)
    np.testing.assert_allclose(after, slowly(x, [1, 3, 3, 1], (1, 1), gain=4.0), **close)
    before = compiled["blur"](x, fir.BILINEAR, (2, 2))
    np.testing.assert_allclose(before, slowly(x, [1, 3, 3, 1], (2, 2)), **close)
    assert after.shape == [2, 5, 3, 3] and before.shape == [2, 7, 5, 3]
    np.testing.assert_allclose(compiled["upsample"](x), slowly(x, [1, 3, 3, 1], (2, 1), up=2, gain=4.0), **close)
    np.testing.assert_allclose(compiled["downsample"](x), slowly(x, [1, 3, 3, 1], (1, 1), down=2), **close)


def test_a_constant_stays_one_inside():
    x = np.full([1, 16, 12, 2], 0.7)
    for y in (
        fir.blur(x),
        fir.blur(x, fir.BILINEAR),
        fir.upsample(x),
        fir.downsample(x),
        fir.downsample(fir.upsample(x)),
    ):
        np.testing.assert_allclose(y[:, 2:-2, 2:-2], np.full([1, y.shape[1] - 4, y.shape[2] - 4, 2], 0.7), rtol=1e-12)


def test_enlarging_is_four_times_the_adjoint_of_shrinking_at_the_border_too():
    x, y = pictures(2, 4, 3, 2), pictures(2, 8, 6, 2, seed=1)
    np.testing.assert_allclose(np.vdot(fir.upsample(x), y), 4.0 * np.vdot(x, fir.downsample(y)), rtol=1e-12)


@pytest.mark.parametrize("name", ["blur", "upsample", "downsample"])
def test_filters_have_first_and_second_order_gradients(name):
    # f(x) = sum(w tanh(K x)): its gradient K^T (w (1 - t^2)), and that of the gradient's squared norm, by differences.
    x, direction = pictures(1, 4, 6, 2), pictures(1, 4, 6, 2, seed=2)

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.reduce_sum(tf.tanh(getattr(fir, name)(x)))
        return y, tape.gradient(y, x)

    def penalty(x):
        return tf.reduce_sum(tf.square(slope(x)[1]))

    for function in (lambda x: slope(x)[0]), penalty:
        start = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(start)
            value = function(start)
        ahead, behind = (function(tf.constant(x + step * direction)) for step in (1e-6, -1e-6))
        np.testing.assert_allclose(np.vdot(tape.gradient(value, start), direction), (ahead - behind) / 2e-6, rtol=1e-6)


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
def test_filters_keep_the_type_of_a_picture_and_take_any_batch_and_size(dtype):
    x = tf.cast(pictures(2, 6, 4, 3), dtype)

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3], dtype)])
    def all_of_them(x):
        return fir.blur(x), fir.upsample(x), fir.downsample(x)

    for y, expected in zip(all_of_them(x), (fir.blur(x), fir.upsample(x), fir.downsample(x)), strict=True):
        assert y.dtype == dtype and y.shape == expected.shape
        np.testing.assert_array_equal(tf.cast(y, tf.float32), tf.cast(expected, tf.float32))
