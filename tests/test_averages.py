from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import DCGAN, averages, base, layers
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.optimizers import Adam
from tfgan_zoo.run import callbacks

DECAY = 0.75
RECIPES = Path(__file__).resolve().parent.parent / "recipes"


def network():
    x = keras.Input([4])
    y = layers.Dense(3, normalization=layers.SpectralNorm())(layers.batch_normalization()(x))
    return keras.Model(x, layers.Dense(1, normalization=layers.WeightNorm())(y))


class Regression(base.GenerativeModel):
    """The one line that a family's `train_step` has, after an ordinary update."""

    def __init__(self):
        generator = network()
        super().__init__({"generator": generator, "average": averages.copy(generator)}, {"g_optimizer": ["generator"]})

    def train_step(self, x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(tf.cast(self.generator(x, training=True), tf.float32) - 1.0))
        self.minimize(loss, tape, self.g_optimizer)
        averages.update(self.average, self.generator, DECAY)
        return self.track(loss=loss)


def compiled(strategy=None, **kwargs):
    keras.utils.set_random_seed(1)
    with (strategy or tf.distribute.get_strategy()).scope():
        model = Regression()
        model.compile(g_optimizer=keras.optimizers.SGD(0.05), **kwargs)
    return model


def train(model, steps):
    x = np.random.default_rng(0).normal(size=[8 * steps, 4]).astype(np.float32)
    model.fit(tf.data.Dataset.from_tensor_slices(x).batch(8, drop_remainder=True), shuffle=False, verbose=0)
    return model


def test_the_average_is_the_geometric_series_of_the_weights_and_statistics_are_the_last():
    model = compiled()
    history = [model.generator.get_weights()]
    for _ in range(3):
        train(model, 1)
        history.append(model.generator.get_weights())
    factors = [DECAY**3, *((1 - DECAY) * DECAY ** (3 - i) for i in (1, 2, 3))]
    for i, (average, weight) in enumerate(zip(model.average.weights, model.generator.weights, strict=True)):
        series = sum(f * h[i] for f, h in zip(factors, history, strict=True))
        expected = series if weight.trainable else history[-1][i]
        np.testing.assert_allclose(average.numpy(), expected, rtol=1e-5, atol=1e-6, err_msg=weight.path)
        assert np.abs(average.numpy() - history[0][i]).max() > 1e-4, weight.path
    assert [w.path.split("/")[-1] for w in model.generator.non_trainable_weights] == [
        "moving_mean",
        "moving_variance",
        "u",
    ]


def test_a_copy_begins_with_the_weights_answers_alike_and_trains_nothing():
    original = network()
    original.layers[2].bias.assign([1.0, 2.0, 3.0])
    copy, x = averages.copy(original), np.ones([2, 4], np.float32)
    np.testing.assert_array_equal(copy(x), original(x))
    assert copy.trainable_weights == [] and len(original.trainable_weights) == 7
    assert not {id(w) for w in copy.weights} & {id(w) for w in original.weights}


@pytest.mark.parametrize("decay, kept", [(0.0, 0.0), (1.0, 1.0), (tf.constant(0.25), 0.25)])
def test_the_decay_is_what_is_kept(decay, kept):
    original = network()
    average = averages.copy(original)
    for weight in original.weights:
        weight.assign(weight + 1.0)
    averages.update(average, original, decay)
    for mean, weight in zip(average.weights, original.weights, strict=True):
        expected = weight.numpy() - (kept if weight.trainable else 0.0)
        np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-6, atol=1e-6)


def test_two_replicas_average_as_one_does(two_replicas):
    one, two = train(compiled(), 3), train(compiled(two_replicas), 3)
    for expected, average in zip(one.average.weights, two.average.weights, strict=True):
        first, second = (part.numpy() for part in two_replicas.experimental_local_results(average.value))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_xla_averages_alike():
    for expected, average in zip(
        train(compiled(), 2).average.weights, train(compiled(jit_compile=True), 2).average.weights, strict=True
    ):
        np.testing.assert_allclose(average.numpy(), expected.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_averages_are_float32_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    model = compiled()
    start = model.average.layers[2].kernel.numpy()
    train(model, 1)
    new = model.generator.layers[2].kernel.numpy()
    assert {w.dtype for w in model.average.weights} == {"float32"}
    assert model.average.compute_dtype == model.generator.compute_dtype == policy.removeprefix("mixed_")
    expected = DECAY * start + (1 - DECAY) * new
    np.testing.assert_allclose(model.average.layers[2].kernel.numpy(), expected, rtol=1e-5, atol=1e-7)


def test_a_checkpoint_holds_the_average(tmp_path):
    model = train(compiled(), 2)
    path = tf.train.Checkpoint(model=model).write(str(tmp_path / "average"))
    restored = compiled()
    tf.train.Checkpoint(model=restored).read(path).assert_existing_objects_matched()
    for expected, average in zip(model.average.weights, restored.average.weights, strict=True):
        np.testing.assert_array_equal(average.numpy(), expected.numpy())


def test_the_corrected_decay_makes_the_moving_average_that_forgets_its_start():
    weights = np.random.default_rng(0).normal(size=40)
    for rate in (0.3, 1e-4):
        average, plain = 123.0, 0.0
        for step, weight in enumerate(weights):
            decay = float(averages.corrected(rate, tf.constant(step, tf.int64)))
            average = decay * average + (1 - decay) * weight
            plain = (1 - rate) * plain + rate * weight
            np.testing.assert_allclose(average, plain / (1 - (1 - rate) ** (step + 1)), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(averages.corrected(1e-4, 0), 0.0, atol=1e-6)
    np.testing.assert_allclose(averages.corrected(1e-4, 10**6), 1 - 1e-4, rtol=1e-7)


def test_the_squared_distance_is_that_of_trainable_weights_and_pulls_the_network_alone():
    one = network()
    past = averages.copy(one)
    for weight in one.trainable_weights:
        weight.assign_add(tf.fill(weight.shape, 0.5))
    with tf.GradientTape() as tape:
        distance = averages.squared_distance(past, one)
    count = sum(int(np.prod(w.shape)) for w in one.trainable_weights)
    np.testing.assert_allclose(distance, 0.25 * count, rtol=1e-5)
    for gradient in tape.gradient(distance, one.trainable_weights):
        np.testing.assert_allclose(gradient, 1.0, rtol=1e-4)


def test_copies_of_networks_that_share_layers_share_theirs_with_each_other_alone():
    x, other = keras.Input([4]), keras.Input([3])
    first, second = keras.layers.Dense(3), keras.layers.Dense(2)
    h = first(x)
    networks = keras.Model(x, second(h)), keras.Model([other, x], keras.layers.Add()([other, h]))
    one, two = averages.copies(networks)
    assert one.weights[0] is two.weights[0] and one.weights[0] is not first.kernel and not one.trainable_weights
    given = [np.ones([2, 3], np.float32), np.ones([2, 4], np.float32)]
    np.testing.assert_array_equal(one(given[1]), networks[0](given[1]))
    np.testing.assert_array_equal(two(given), networks[1](given))
    first.kernel.assign_add(np.ones([4, 3]))
    averages.update(one, networks[0], 0.5)
    np.testing.assert_allclose(two(given), networks[1](given) - 2.0, rtol=1e-6)


def served_by_average(rate):
    """A DCGAN whose average is served, after three steps, and the weights of its generator after each."""
    keras.utils.set_random_seed(0)
    model = DCGAN(dcgan_generator((8, 8, 1), 4, 4), dcgan_discriminator((8, 8, 1), 4))
    model.serve_average("generator", rate)
    model.compile(g_optimizer=Adam(1e-2, 0.5), d_optimizer=Adam(1e-2, 0.5))
    seen, images = [], np.random.default_rng(0).uniform(-1, 1, [4, 8, 8, 1]).astype(np.float32)
    for _ in range(3):
        model.fit(images, batch_size=4, verbose=0)
        seen.append([weight.numpy() for weight in model.generator.weights])
    return model, seen


def test_a_served_average_is_the_corrected_mean_of_the_weights_after_each_step():
    model, seen = served_by_average(0.25)
    shares = np.array([0.75**2, 0.75, 1.0]) / (0.75**2 + 0.75 + 1.0)
    for weight, mean, *each in zip(model.generator.weights, model.served("generator").weights, *seen, strict=True):
        expected = sum(share * one for share, one in zip(shares, each, strict=True)) if weight.trainable else each[-1]
        np.testing.assert_allclose(mean.numpy(), expected, rtol=1e-4, atol=1e-6)
    assert model.roles[-1] == "average_generator" and model.told["ema"]
    assert not DCGAN.told  # of this model alone


def test_what_is_shown_and_served_is_the_average_and_training_is_as_without_it():
    model, seen = served_by_average(0.25)
    z = np.random.default_rng(1).uniform(-1, 1, [2, 4]).astype(np.float32)
    expected = model.average_generator(z, training=False)
    np.testing.assert_array_equal(model(z)["generated"], expected)
    assert np.abs(expected - model.generator(z, training=False)).max() > 1e-3
    shown = model.preview(tf.zeros([2, 8, 8, 1]))["sample"]
    model.average_generator.set_weights(seen[0])
    assert np.abs(shown - model.preview(tf.zeros([2, 8, 8, 1]))["sample"]).max() > 1e-3
    without, same = served_by_average(0.0)
    assert without.averaged is None and without.served("generator") is without.generator
    for one, other in zip(seen[-1], same[-1], strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_without_an_average_can_begin_one_with_it(tmp_path):
    without, seen = served_by_average(0.0)
    tf.train.Checkpoint(model=without).write(str(tmp_path / "ckpt-3"))
    keras.utils.set_random_seed(5)
    model = DCGAN(dcgan_generator((8, 8, 1), 4, 4), dcgan_discriminator((8, 8, 1), 4))
    model.serve_average("generator", 0.25)
    callbacks.load_networks(model, tmp_path / "ckpt-3")
    for weight, *both in zip(seen[-1], model.generator.weights, model.average_generator.weights, strict=True):
        for one in both:
            np.testing.assert_array_equal(one.numpy(), weight)


def test_an_average_that_cannot_be_is_refused():
    model, _ = served_by_average(0.0)
    with pytest.raises(InputError, match="takes 1 of the new weights in a step: expected 0 or more, below 1"):
        model.serve_average("generator", 1.0)


@pytest.mark.parametrize("recipe", sorted(path.stem for path in RECIPES.glob("*.py")))
def test_a_recipe_offers_an_average_just_where_its_family_serves_one(recipe):
    offers = "serve_average" in (RECIPES / f"{recipe}.py").read_text()
    source = (RECIPES.parent / f"tfgan_zoo/families/{recipe}.py").read_text()

    def of(name):
        return source.partition(f"    def {name}(")[2].partition("\n    def ")[0]

    def serves(name):
        by = [helper for helper in ("generate", "draw") if f"self.{helper}(" in of(name)]
        return any("served(" in of(each) for each in (name, *by))

    assert offers == serves("preview") == serves("signatures")
