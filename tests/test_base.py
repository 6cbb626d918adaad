import tempfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from ordered import unordered

from tfgan_zoo import ProGAN, adaptive, augment, base, growing, random, replicas
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.growing import growing_discriminators, progan_generators
from tfgan_zoo.optimizers import Adam

X = np.array([[1.0], [2.0], [3.0], [6.0]], np.float32)  # mean 3


def times(weight):
    x = keras.Input([1])
    layer = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(weight))
    return keras.Model(x, layer(x))


class Linear(base.GenerativeModel):
    """loss = mean(d g x), of which `player` updates its own factor; g = 2 and d = 3 to begin with."""

    def __init__(self, player="g_optimizer"):
        networks = {"generator": times(2.0), "discriminator": times(3.0)}
        super().__init__(networks, {"g_optimizer": ["generator"], "d_optimizer": ["discriminator"]}, seed=1)
        self.player, self.eager = player, []

    def train_step(self, x):
        self.eager.append(tf.executing_eagerly())
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.cast(self.discriminator(self.generator(x)), tf.float32))
        self.minimize(loss, tape, getattr(self, self.player))
        return self.track(loss=loss, noise=tf.reduce_mean(random.uniform(tf.shape(x))))

    def weights_now(self):
        return [float(self.generator.weights[0].numpy().item()), float(self.discriminator.weights[0].numpy().item())]


def compiled(strategy=None, player="g_optimizer", **kwargs):
    with (strategy or tf.distribute.get_strategy()).scope():
        model = Linear(player)
        model.compile(g_optimizer=keras.optimizers.SGD(0.1), d_optimizer=keras.optimizers.SGD(0.1), **kwargs)
    return model


def fit(model, *batches):
    """Trains a step on each batch; returns the losses that callbacks see."""
    seen = []
    dataset = tf.data.Dataset.from_tensor_slices(np.concatenate(batches)).batch(len(batches[0]), drop_remainder=True)
    look = keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: seen.append(dict(logs)))
    model.fit(dataset, steps_per_epoch=len(batches), verbose=0, shuffle=False, callbacks=[look])
    return seen


@pytest.fixture(params=[1, 2])
def strategy(request):
    """One device, then two replicas."""
    return None if request.param == 1 else request.getfixturevalue("two_replicas")


def test_a_step_follows_the_gradient_of_the_mean_over_all_replicas(strategy):
    model = compiled(strategy)
    (logs,) = fit(model, X)
    np.testing.assert_allclose(logs["loss"], 2 * 3 * 3)
    np.testing.assert_allclose(model.weights_now(), [2 - 0.1 * 3 * 3, 3])  # d loss / d g = 3 mean(x)


def test_each_optimizer_trains_its_own_roles_only(strategy):
    model = compiled(strategy, "d_optimizer")
    fit(model, X)
    np.testing.assert_allclose(model.weights_now(), [2, 3 - 0.1 * 2 * 3])
    assert [int(model.g_optimizer.iterations.numpy()), int(model.d_optimizer.iterations.numpy())] == [0, 1]


def test_an_overflow_on_any_replica_skips_the_step_and_halves_the_loss_scale_and_the_next_step_is_exact(strategy):
    keras.config.set_dtype_policy("mixed_float16")
    model = compiled(strategy)
    small = X / 16
    fit(model, np.concatenate([small[:2], X[:2] + 7]))  # 8 and 9 times the loss scale are no float16 numbers
    np.testing.assert_array_equal(model.weights_now(), [2, 3])
    assert float(model.g_optimizer.dynamic_scale.numpy()) == 2.0**14
    assert int(model.g_optimizer.inner_optimizer.iterations.numpy()) == 0
    assert int(model.step.numpy()) == 1

    fit(model, small)
    np.testing.assert_allclose(model.weights_now(), [2 - 0.1 * 3 * 3 / 16, 3], rtol=1e-6)
    assert float(model.g_optimizer.dynamic_scale.numpy()) == 2.0**14
    assert int(model.g_optimizer.inner_optimizer.iterations.numpy()) == 1
    assert int(model.step.numpy()) == 2


def test_the_replicas_agree_after_an_overflow_on_one_of_them(two_replicas):
    keras.config.set_dtype_policy("mixed_float16")
    model = compiled(two_replicas)
    fit(model, np.concatenate([X[:2] / 16, X[:2] + 7]), X / 16)
    copies = two_replicas.experimental_local_results(model.generator.weights[0].value)
    np.testing.assert_allclose([c.numpy().item() for c in copies], 2 - 0.1 * 3 * 3 / 16, rtol=1e-6)


def test_one_execution_of_three_steps_counts_three_and_returns_their_mean(strategy):
    model = compiled(strategy, steps_per_execution=3)
    (logs,) = fit(model, X / 3, X * 2 / 3, X)  # means 1, 2, 3; so g goes 2, 1.7, 1.1, 0.2
    np.testing.assert_allclose(logs["loss"], np.mean([2 * 3 * 1, 1.7 * 3 * 2, 1.1 * 3 * 3]), rtol=1e-6)
    np.testing.assert_allclose(model.weights_now(), [0.2, 3], rtol=1e-5)
    assert int(model.step.numpy()) == 3


def test_every_step_of_an_execution_draws_its_own_numbers(strategy):
    expected = []
    for step in range(6):
        with random.stream(1, step):
            expected.append(np.mean(random.uniform([4, 1])))
    logs = fit(compiled(strategy, steps_per_execution=3), *[X] * 6)
    np.testing.assert_allclose([x["noise"] for x in logs], np.mean(np.reshape(expected, [2, 3]), 1), rtol=1e-6)


@pytest.mark.parametrize("options", [{"run_eagerly": True}, {"run_eagerly": True, "steps_per_execution": 3}])
def test_an_eager_step_computes_the_same_op_by_op(options):
    model = compiled(**options)
    fit(model, X / 3, X * 2 / 3, X)
    np.testing.assert_allclose(model.weights_now(), [0.2, 3], rtol=1e-5)
    assert model.eager == [True] * 3


class Sometimes(Linear):
    """In every second step the other player follows the mean of noise and of all replicas' rows, too."""

    def train_step(self, x):
        logs = super().train_step(x)
        told = self.when(random.step() % 2 == 0, self.other, x)
        return logs | self.track(told=told, after=tf.reduce_mean(random.uniform(tf.shape(x))))

    def other(self, x):
        noise = random.uniform(tf.shape(x))
        with tf.GradientTape() as tape:
            everything = replicas.gather(tf.cast(self.discriminator(x), tf.float32))
            loss = tf.reduce_mean(everything) + 0.0 * tf.reduce_mean(noise)
        self.minimize(loss, tape, self.d_optimizer, missing_is_zero=True)
        return tf.reduce_mean(noise)


@pytest.mark.parametrize("options", [{}, {"jit_compile": True}, {"steps_per_execution": 4}])
def test_what_is_done_in_some_steps_is_not_done_in_the_others(strategy, options):
    if strategy and "jit_compile" in options:
        pytest.skip("XLA takes one replica")

    def trained(strategy, **options):
        with (strategy or tf.distribute.get_strategy()).scope():
            model = Sometimes()
            model.compile(g_optimizer=keras.optimizers.SGD(0.1), d_optimizer=keras.optimizers.SGD(0.1), **options)
        return model, fit(model, X, X, X, X)

    model, logs = trained(strategy, **options)
    # mean(x) = 3: the slope of mean(d x); two updates of four steps.
    np.testing.assert_allclose(model.weights_now()[1], 3 - 2 * 0.1 * 3, rtol=1e-5)
    assert [int(o.iterations.numpy()) for o in (model.g_optimizer, model.d_optimizer)] == [4, 2]
    alone, told = trained(None)
    np.testing.assert_allclose(model.weights_now(), alone.weights_now(), rtol=1e-5)
    if "steps_per_execution" not in options:
        for name in ("told", "after", "noise"):
            np.testing.assert_allclose([e[name] for e in logs], [e[name] for e in told], rtol=1e-5)
        assert [e["told"] > 0 for e in logs] == [True, False, True, False]
        assert len({e[name] for e in told for name in ("after", "noise")}) == 8


def test_a_variable_that_a_loss_does_not_depend_on_has_the_gradient_zero_where_asked():
    model = compiled()
    model.compile(g_optimizer=keras.optimizers.Adam(0.1), d_optimizer=keras.optimizers.SGD(0.1))
    with random.stream(0):
        model.train_step(tf.constant(X))
    momentum = model.g_optimizer._momentums[0]
    before = float(momentum.numpy().item())
    with tf.GradientTape() as tape:
        loss = tf.constant(0.0)
    model.minimize(loss, tape, model.g_optimizer, missing_is_zero=True)
    np.testing.assert_allclose(momentum.numpy().item(), 0.9 * before, rtol=1e-5)


def test_xla_computes_the_same_step():
    model = compiled(jit_compile=True, steps_per_execution=3)
    (logs,) = fit(model, X / 3, X * 2 / 3, X)
    np.testing.assert_allclose(logs["loss"], 8.7, rtol=1e-6)
    np.testing.assert_allclose(model.weights_now(), [0.2, 3], rtol=1e-5)
    assert not any(model.eager)


def test_xla_with_two_replicas_is_refused(two_replicas):
    model = compiled(two_replicas, jit_compile=True)
    with pytest.raises(ValueError, match="jit_compile=True works with one replica"):
        fit(model, X)


def test_a_weight_is_read_before_it_is_updated_in_the_graph_that_is_run_as_well():
    # With TensorFlow's default graph optimizers two reads of this step have no order: a bias of the discriminator could
    # be that of the next step for the penalty, now and then, and a resumed run came to other numbers.
    generators, discriminators = progan_generators((8, 8, 1), 3, 4), growing_discriminators((8, 8, 1), 4)
    discriminator = augment.wrap(discriminators[0].steady, ada=adaptive.Adaptive())
    model = ProGAN(generators[0].steady, discriminator, stage=growing.Stage(1))
    model.compile(g_optimizer=Adam(1e-3, 0.0, 0.99), d_optimizer=Adam(1e-3, 0.0, 0.99))
    found, reads = unordered(model, iter(tf.data.Dataset.from_tensors(tf.zeros([4, 8, 8, 1])).repeat()))
    assert not found and reads > 50


def test_compiling_again_takes_the_new_optimizer():
    model = compiled()
    fit(model, X)
    model.compile(g_optimizer=keras.optimizers.SGD(0.2), d_optimizer=keras.optimizers.SGD(0.2))
    fit(model, X)
    np.testing.assert_allclose(model.weights_now(), [2 - 0.1 * 9 - 0.2 * 9, 3], rtol=1e-5)
    assert int(model.step.numpy()) == 2


def test_compile_says_which_optimizers_it_takes():
    expected = "Linear.compile takes the optimizers d_optimizer, g_optimizer; got "
    with pytest.raises(TypeError, match=expected + "none"):
        Linear().compile()
    with pytest.raises(TypeError, match=expected + "g_optimizer"):
        Linear().compile(g_optimizer="sgd")
    with pytest.raises(TypeError, match=expected + "d_optimizer, g_optimizer, optimizer"):
        Linear().compile(g_optimizer="sgd", d_optimizer="sgd", optimizer="sgd")


def test_a_network_that_is_not_built_is_refused():
    networks = {"generator": times(1.0), "discriminator": keras.Sequential([keras.layers.Dense(1)])}
    with pytest.raises(ValueError, match="GenerativeModel: the discriminator is not built; call it"):
        base.GenerativeModel(networks, {})


def test_float16_optimizers_are_wrapped_once_and_others_not():
    assert isinstance(compiled().g_optimizer, keras.optimizers.SGD)
    keras.config.set_dtype_policy("mixed_float16")
    model = Linear()
    own = keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1), initial_scale=8.0)
    model.compile(g_optimizer=own, d_optimizer=keras.optimizers.SGD(0.1))
    assert model.g_optimizer is own
    assert isinstance(model.d_optimizer, keras.optimizers.LossScaleOptimizer)


def test_split_gives_every_nth_example_to_the_nth_minibatch():
    real = tf.reshape(tf.range(24), [12, 2])
    parts = base.split(real, 3)
    np.testing.assert_array_equal([p[:, 0] // 2 for p in parts], [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]])
    np.testing.assert_array_equal(parts[1][:, 1], [3, 9, 15, 21])


def test_the_minibatches_of_all_replicas_together_are_those_of_one_device():
    real = tf.range(12)
    together = [tf.concat(parts, 0) for parts in zip(base.split(real[:6], 3), base.split(real[6:], 3), strict=True)]
    np.testing.assert_array_equal(together, base.split(real, 3))


def test_split_keeps_static_shapes_inside_a_graph():
    traced = tf.function(lambda x: base.split(x, 2), input_signature=[tf.TensorSpec([None, 5])])
    assert [p.shape.as_list() for p in traced.get_concrete_function().outputs] == [[None, 5]] * 2


@pytest.mark.parametrize(
    "pixels",
    [
        np.full([4, 8, 8, 1], 255.0, np.float32),
        np.full([4, 8, 8, 1], -1.5, np.float32),
        np.full([4, 8, 8, 1], 255, np.uint8),
        np.full([4, 3, 8, 8, 1], 2.0, np.float16),
    ],
    ids=["0..255", "below -1", "bytes", "frames"],
)
@pytest.mark.parametrize("form", ["array", "dataset", "columns"])
def test_pictures_that_are_not_in_the_range_are_refused_before_the_first_step(pixels, form):
    model = compiled()
    given = {"image": pixels, "label": np.arange(4)} if form == "columns" else pixels
    given = given if form == "array" else tf.data.Dataset.from_tensor_slices(given).batch(4)
    with pytest.raises(InputError, match=r"^Linear.fit: the pictures 'image' are .* in \[-1, 1\]: divide 0..255 by"):
        model.fit(given, verbose=0)
    assert int(model.step.numpy()) == 0


def test_what_a_model_keeps_as_a_function_is_neither_checkpointed_nor_trained():
    judge = times(5.0)
    plain, model = Linear(), Linear()
    model.judge = base.as_function(judge)
    np.testing.assert_allclose(model.judge(X), 5 * X)
    assert len(model.variables) == len(plain.variables)
    reader = tf.train.load_checkpoint(tf.train.Checkpoint(model=model).write(tempfile.mkdtemp() + "/c"))
    assert not any("judge" in name for name in reader.get_variable_to_shape_map())
