import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.optimizers import Adam

SHAPES = ([5, 3], [4])


def gradients(step):
    """Large and so small that epsilon counts."""
    rng = np.random.default_rng(step)
    return [(rng.normal(size=s) * 10.0 ** rng.integers(-9, 1, s)).astype(np.float32) for s in SHAPES]


def start():
    return [tf.Variable(np.linspace(-1, 1, np.prod(s)).reshape(s), dtype=tf.float32) for s in SHAPES]


def trained(optimizer, steps=6, jit_compile=False):
    variables = start()
    optimizer.build(variables)
    apply = tf.function(lambda *g: optimizer.apply(g, variables), jit_compile=jit_compile)
    for step in range(steps):
        apply(*gradients(step))
    return variables, optimizer.variables


def assert_same(ours, theirs):
    """To rounding: the kernel's 1 - beta_2 is a float32, 1.3e-5 off at 0.999; so is v, and the way of the weights."""
    (weights, slots), (expected_weights, expected_slots) = ours, theirs
    for mine, other in zip(slots, expected_slots, strict=True):
        np.testing.assert_allclose(mine, other, rtol=2e-5, err_msg=other.path)
    for mine, other, begin in zip(weights, expected_weights, start(), strict=True):
        way = np.abs(other - begin).max()
        np.testing.assert_allclose(mine, other, rtol=2e-7, atol=1e-5 * way)


SETTINGS = {
    "defaults": {},
    "beta_1 0.5": {"learning_rate": 2e-4, "beta_1": 0.5},
    "beta_1 0": {"beta_1": 0.0, "beta_2": 0.9},
    "epsilon": {"epsilon": 1e-3},
    "weight decay": {"weight_decay": 0.1},
    "clipnorm": {"clipnorm": 0.1},
    "global clipnorm": {"global_clipnorm": 0.1},
    "moving average": {"use_ema": True, "ema_overwrite_frequency": 4},
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_fused_update_is_that_of_keras_adam(setting):
    theirs = keras.optimizers.Adam(**{"epsilon": 1e-8} | SETTINGS[setting])
    assert_same(trained(Adam(**SETTINGS[setting])), trained(theirs))


def test_a_schedule_gives_each_step_its_learning_rate():
    def schedule():
        return keras.optimizers.schedules.PolynomialDecay(0.1, decay_steps=4, end_learning_rate=0.0)

    assert_same(trained(Adam(schedule())), trained(keras.optimizers.Adam(schedule(), epsilon=1e-8)))
    np.testing.assert_array_equal(trained(Adam(schedule()), 4)[0][0], trained(Adam(schedule()), 6)[0][0])


def test_the_first_step_is_the_learning_rate_in_the_direction_of_the_gradient():
    variable = tf.Variable([1.0, 1.0])
    Adam(0.01).apply([tf.constant([3.0, -0.2])], [variable])  # m / sqrt(v) = g / |g|
    np.testing.assert_allclose(variable, [0.99, 1.01], rtol=1e-5)


def test_epsilon_is_1e_8_beside_the_root_of_the_second_moment():
    variable, g = tf.Variable([1.0, 1.0, 1.0]), np.array([1e-8, -3e-8, 0.2])
    Adam(0.01).apply([tf.constant(g, tf.float32)], [variable])
    # m = 0.1 g and sqrt(v) = sqrt(0.001) |g| after one step, whose rate is 0.01 sqrt(0.001) / 0.1.
    root = np.sqrt(0.001)
    np.testing.assert_allclose(variable, 1 - 0.01 * root * g / (root * np.abs(g) + 1e-8), rtol=1e-6)


def below_the_root(gradients, weights, rate=0.01, beta_1=0.5, beta_2=0.999, epsilon=1e-8):
    """By hand: theta - rate m_hat / sqrt(v_hat + epsilon)."""
    m, v = np.zeros_like(weights), np.zeros_like(weights)
    for t, g in enumerate(gradients, start=1):
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        weights = weights - rate * (m / (1 - beta_1**t)) / np.sqrt(v / (1 - beta_2**t) + epsilon)
    return weights


@pytest.mark.parametrize("jit_compile", [False, True])
def test_below_the_root_epsilon_is_the_same_beside_every_steps_moments(jit_compile):
    weights, _ = trained(Adam(0.01, 0.5, below_root=True), jit_compile=jit_compile)
    for i, begin in enumerate(start()):
        expected = below_the_root([gradients(t)[i].astype(np.float64) for t in range(6)], begin.numpy().astype(float))
        np.testing.assert_allclose(weights[i], expected, atol=1e-6)
    beside, _ = trained(Adam(0.01, 0.5, epsilon=1e-4))
    assert np.abs(beside[0] - weights[0]).max() > 1e-3  # the gradients here are such that it matters


def test_xla_makes_the_same_update():
    theirs = keras.optimizers.Adam(0.01, 0.5, epsilon=1e-8)
    assert_same(trained(Adam(0.01, 0.5), jit_compile=True), trained(theirs))


@pytest.mark.parametrize("below_root", [False, True])
def test_two_replicas_update_by_the_sum_of_their_gradients(two_replicas, below_root):
    with two_replicas.scope():
        variables, optimizer = start(), Adam(0.01, 0.5, below_root=below_root)
        optimizer.build(variables)

    def apply(g):
        share = 0.25 + 0.5 * tf.cast(tf.distribute.get_replica_context().replica_id_in_sync_group, tf.float32)
        optimizer.apply([share * x for x in g], variables)  # 1/4 on the one, 3/4 on the other

    for step in range(3):
        tf.function(lambda g: two_replicas.run(apply, args=(g,)))(gradients(step))
    one = Adam(0.01, 0.5, below_root=True) if below_root else keras.optimizers.Adam(0.01, 0.5, epsilon=1e-8)
    assert_same((variables, optimizer.variables), trained(one, 3))


def test_a_sparse_gradient_counts_as_the_dense_one():
    table, dense = tf.Variable(tf.ones([4, 2])), tf.Variable(tf.ones([4, 2]))
    sparse = tf.IndexedSlices(tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([2, 2]), tf.constant([4, 2]))
    fused, other = Adam(0.1), keras.optimizers.Adam(0.1, epsilon=1e-8)
    for _ in range(2):
        fused.apply([sparse], [table])
        other.apply([tf.convert_to_tensor(sparse)], [dense])
    np.testing.assert_allclose(table, dense, rtol=1e-5)
    np.testing.assert_array_equal(table[:2], 1.0)


def test_amsgrad_is_refused():
    with pytest.raises(ValueError, match="no fused kernel; use keras.optimizers.Adam"):
        Adam(amsgrad=True)


def test_a_config_makes_the_same_optimizer_again():
    copy = Adam.from_config(Adam(0.02, 0.3, 0.8, 1e-5, below_root=True, clipnorm=2.0).get_config())
    assert type(copy) is Adam and copy.below_root
    settings = [float(copy.learning_rate), copy.beta_1, copy.beta_2, copy.epsilon, copy.clipnorm]
    np.testing.assert_allclose(settings, [0.02, 0.3, 0.8, 1e-5, 2.0], rtol=1e-6)
