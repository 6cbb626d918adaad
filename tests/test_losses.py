import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import losses, random

REAL = np.array([[0.0], [2.0]], "float32")
FAKE = np.array([[-1.0], [3.0]], "float32")


def softplus(x):
    return float(np.mean(np.log1p(np.exp(np.asarray(x, "float64")))))


PAIRED = [
    (losses.non_saturating_discriminator_loss, softplus(-REAL) + softplus(FAKE)),
    (losses.lsgan_discriminator_loss, 0.5 * (1 + 1) / 2 + 0.5 * (1 + 9) / 2),
    (losses.wasserstein_discriminator_loss, 1.0 - 1.0),
    (losses.hinge_discriminator_loss, (1 + 0) / 2 + (0 + 4) / 2),
]
UNPAIRED = [
    (losses.non_saturating_generator_loss, softplus(-FAKE)),
    (losses.minimax_generator_loss, -softplus(FAKE)),
    (losses.lsgan_generator_loss, 0.5 * (4 + 4) / 2),
    (losses.wasserstein_generator_loss, -1.0),
    (losses.hinge_generator_loss, -1.0),
]
ALL = [(f, (REAL, FAKE), expected) for f, expected in PAIRED] + [(f, (FAKE,), expected) for f, expected in UNPAIRED]
EACH = pytest.mark.parametrize("loss,logits,expected", ALL, ids=lambda p: getattr(p, "__name__", ""))


@EACH
def test_losses_equal_hand_computed_numbers(loss, logits, expected):
    assert float(loss(*logits)) == pytest.approx(expected, rel=1e-6)


@EACH
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_logits_give_a_float32_scalar(loss, logits, expected, dtype):
    value = loss(*[tf.cast(x, dtype) for x in logits])  # these logits are exact in both types
    assert value.dtype == tf.float32 and value.shape == ()
    assert float(value) == pytest.approx(expected, rel=1e-6)


@EACH
@pytest.mark.parametrize("dtype,huge", [("float32", 1e6), ("float16", 6e4), ("bfloat16", 1e6)])
def test_huge_logits_stay_finite_and_so_do_their_gradients(loss, logits, expected, dtype, huge):
    huge = [tf.cast(tf.constant([[-huge], [huge]]), dtype) for _ in logits]
    with tf.GradientTape() as tape:
        tape.watch(huge)
        value = loss(*huge)
    assert np.isfinite(float(value))
    assert all(np.isfinite(tf.cast(g, tf.float32)).all() for g in tape.gradient(value, huge))


def test_lsgan_targets_can_be_given():
    # -1, 1, 0 is the coding under which LSGAN minimises the Pearson chi^2 divergence (its eq. 8)
    assert float(losses.lsgan_discriminator_loss(REAL, FAKE, a=-1.0, b=1.0)) == pytest.approx(0.5 * (1 + 8))
    assert float(losses.lsgan_generator_loss(FAKE, c=0.0)) == pytest.approx(2.5)


def test_l1_is_the_mean_absolute_difference():
    assert float(losses.l1(REAL, FAKE)) == pytest.approx(1.0)
    assert losses.l1(tf.cast(REAL, tf.float16), tf.cast(FAKE, tf.bfloat16)).dtype == tf.float32


def linear_critic(slope, shape):
    weight = tf.fill([int(np.prod(shape)), 1], slope / np.sqrt(np.prod(shape)))
    return lambda x, training: tf.reshape(x, [tf.shape(x)[0], -1]) @ tf.cast(weight, tf.float32)


@pytest.mark.parametrize("shape", [(4,), (2, 2, 1), (4, 4, 4)])
@pytest.mark.parametrize("slope,expected", [(3.0, 4.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.25)])
def test_gradient_penalty_of_a_linear_critic_is_its_slope_less_one_squared(shape, slope, expected):
    real, fake = tf.random.normal([5, *shape]), tf.random.normal([5, *shape])
    with random.stream(0):
        assert float(losses.gradient_penalty(linear_critic(slope, shape), real, fake)) == expected


def test_gradient_penalty_interpolates_uniformly_with_one_number_per_example():
    seen = []

    def critic(x, training):
        seen.append(x.numpy())
        return tf.reduce_sum(x, [1, 2, 3])

    with random.stream(0):
        losses.gradient_penalty(critic, tf.ones([1000, 2, 2, 1]), tf.zeros([1000, 2, 2, 1]))
    epsilon = seen[0].reshape(1000, -1)
    assert (epsilon == epsilon[:, :1]).all()
    np.testing.assert_allclose(np.sort(epsilon[:, 0]), np.linspace(0, 1, 1000), atol=0.06)  # Kolmogorov-Smirnov 0.1 %


def test_gradient_penalty_has_finite_gradients_where_the_critic_is_flat():
    weight = tf.Variable(tf.zeros([4, 1]))
    with random.stream(0), tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(lambda x, training: x @ weight, tf.ones([3, 4]), tf.zeros([3, 4]))
    assert float(penalty) == 1.0
    np.testing.assert_array_equal(tape.gradient(penalty, weight), np.zeros([4, 1]))


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_safe_sqrt_is_the_root_and_has_slope_zero_at_zero(dtype):
    x = tf.constant([0.0, 4.0, 0.25, -1.0], dtype)
    with tf.GradientTape() as outer:
        outer.watch(x)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = losses.safe_sqrt(x)
        slope = tape.gradient(y, x)
    assert y.dtype == slope.dtype == dtype
    for got, expected in (y, [0, 2, 0.5, 0]), (slope, [0, 0.25, 1, 0]), (outer.gradient(slope, x), [0, -1 / 32, -2, 0]):
        np.testing.assert_allclose(tf.cast(got, tf.float32), expected, rtol=1e-6)


def test_gradient_penalty_pulls_the_slope_towards_one():
    weight = tf.Variable([[3.0], [0.0]])
    with random.stream(0), tf.GradientTape() as tape:
        penalty = losses.gradient_penalty(lambda x, training: x @ weight, tf.ones([3, 2]), tf.zeros([3, 2]))
    np.testing.assert_allclose(tape.gradient(penalty, weight), [[4.0], [0.0]], rtol=1e-6)  # 2 (3 - 1)


def test_gradient_penalty_of_a_half_precision_critic_is_float32():
    def critic(x, training):
        return tf.reduce_sum(tf.cast(x, tf.bfloat16), axis=1) * 1.5

    with random.stream(0):
        penalty = losses.gradient_penalty(critic, tf.ones([3, 4]), tf.zeros([3, 4]))
    assert penalty.dtype == tf.float32 and float(penalty) == 4.0  # four inputs of slope 1.5: norm 3
