import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, sigmoid, softplus, step
from conformance import Conformance

from tfgan_zoo import InfoGAN, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.families.infogan import (
    categorical_information,
    continuous_information,
    sweep_category,
    sweep_continuous,
)
from tfgan_zoo.networks.infogan import infogan_discriminator, infogan_generator

SHAPE = (8, 8, 1)


def small(categories=(3,), continuous=2, learned=False, **kwargs):
    codes = {"categories": categories, "continuous": continuous}
    generator = infogan_generator(SHAPE, 4 + sum(categories) + continuous, width=2)
    discriminator = infogan_discriminator(SHAPE, **codes, width=2, learned_deviation=learned)
    return InfoGAN(generator, discriminator, **codes, **kwargs)


class TestInfoGAN(Conformance):
    still = ("bias",)  # batch normalisation takes most of them away: their gradients are 0 but for rounding

    def make(self):
        return small()

    def batch(self, count, rng):
        return {"image": rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32), "label": rng.integers(0, 5, count)}


class Several(TestInfoGAN):
    def make(self):
        return small((3, 2), 1, learned=True)


class CategoriesAlone(TestInfoGAN):
    def make(self):
        return small((3,), 0)


class NumbersAlone(TestInfoGAN):
    def make(self):
        return small((), 2, learned=True)


@pytest.mark.parametrize("kind", [Several, CategoriesAlone, NumbersAlone])
def test_several_codes_and_codes_of_one_kind_train_and_are_served(kind, tmp_path):
    kind().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    kind().test_calling_it_and_predict_answer_as_serving_default_and_its_names_are_known()
    kind().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


# --- a step by hand: G(z, c) = k (z, one-hot, number) + b, a trunk h = t x + u and every head a line of it


SIZES = {"logits": 1, "category": 3, "mean": 1, "log_deviation": 1}


def dense(units, kernel, bias):
    constant = keras.initializers.Constant
    return keras.layers.Dense(units, kernel_initializer=constant(kernel), bias_initializer=constant(bias))


def tiny(g, trunk, heads, learned, **kwargs):
    """An `InfoGAN` of points whose networks answer with the other sign outside of training."""
    v, x = keras.Input([5]), keras.Input([1])
    said = Turned()(dense(heads.shape[1], heads[:1], heads[1])(dense(1, trunk[0], trunk[1])(x)))
    names, places = list(SIZES)[: 3 + learned], np.cumsum([0, *SIZES.values()])
    outputs = {name: said[:, i:j] for name, i, j in zip(names, places, places[1:], strict=False)}
    generator = keras.Model(v, Turned()(dense(1, g[:5, None], g[5])(v)))
    return InfoGAN(generator, keras.Model(x, outputs), categories=(3,), continuous=1, **kwargs)


def draws(model, count):
    """(z, category, number) of both halves of the next step."""
    with random.stream(model.seed):
        for _ in range(2):
            z, category = random.uniform([count, 1], -1.0, 1.0), random.integers([count, 1], 3)
            yield np.float64(z)[:, 0], category.numpy()[:, 0], np.float64(random.uniform([count, 1], -1.0, 1.0))[:, 0]


def told(z, category, number):
    return np.column_stack([z, np.eye(3)[category], number])


class ByHand:
    """What D and Q say of x, and the slopes of the losses in it."""

    def __init__(self, trunk, heads, x):
        self.trunk, self.heads, self.x = trunk, heads, x
        self.h = trunk[0] * x + trunk[1]
        self.said = self.h[:, None] * heads[0] + heads[1]
        self.logits = self.said[:, 0]

    def information(self, category, number, weights, learned, least):
        """The two bounds and minus the slope of their weighted sum in all that is said, per example."""
        logits, mean = self.said[:, 1:4], self.said[:, 4]
        q = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        wide = np.exp(self.said[:, 5]) if learned else np.ones(len(mean))
        deviation = wide + least if learned else wide
        of_category = np.mean(np.log(q[range(len(q)), category])) + np.log(3)
        log_n = -((number - mean) ** 2) / (2 * deviation**2) - np.log(deviation) - np.log(2 * np.pi) / 2
        slope = np.zeros_like(self.said)
        slope[:, 1:4] = weights[0] * (q - np.eye(3)[category])
        slope[:, 4] = -weights[1] * (number - mean) / deviation**2
        if learned:
            slope[:, 5] = -weights[1] * wide * ((number - mean) ** 2 / deviation**3 - 1 / deviation)
        return (of_category, np.mean(log_n) + np.log(2)), slope

    def gradient(self, slope):
        """Of a mean loss with this slope: of the trunk and the heads, one vector; and its slope in x."""
        of_h = slope @ self.heads[0]
        of_trunk = [np.mean(of_h * self.x), np.mean(of_h)]
        return np.concatenate([of_trunk, np.mean(slope * self.h[:, None], 0), np.mean(slope, 0)]), of_h * self.trunk[0]


@pytest.mark.parametrize(("learned", "weights"), [(False, (1.0, 1.0)), (True, (0.7, 0.3)), (True, (0.0, 0.0))])
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(learned, weights):
    g, trunk = np.array([0.8, 0.5, -0.4, 0.1, 0.6, 0.2]), np.array([0.9, -0.3])
    heads = np.array([[0.6, 0.5, -0.7, 0.3, 0.8, -0.2], [0.1, -0.2, 0.4, 0.3, -0.1, 0.2]])[:, : 5 + learned]
    x = np.array([0.5, -1.0, 2.5, 0.7])
    given = {} if weights == (1.0, 1.0) else {"category_weight": weights[0], "continuous_weight": weights[1]}
    model = tiny(g, trunk, heads, learned, **given)
    (z, category, number), last = draws(model, 4)
    moved, logs = step(model, {"image": x[:, None], "label": np.arange(4)})

    real, fake = (ByHand(trunk, heads, v) for v in (x, told(z, category, number) @ g[:5] + g[5]))
    _, slope = fake.information(category, number, weights, learned, 0.1)
    slope[:, 0] = sigmoid(fake.logits)
    of_real = np.zeros_like(slope)
    of_real[:, 0] = -sigmoid(-real.logits)
    gradient = fake.gradient(slope)[0] + real.gradient(of_real)[0]
    after = np.concatenate([trunk, *heads]) - gradient
    np.testing.assert_allclose(moved["discriminator"], gradient, rtol=1e-5, atol=1e-6)
    if weights == (0.0, 0.0):
        width = 5 + learned
        of_q = np.concatenate([moved["discriminator"][3 : 2 + width], moved["discriminator"][3 + width :]])
        np.testing.assert_array_equal(of_q, 0.0)  # promise: without lambda Q's heads learn nothing

    z, category, number = last
    v = told(z, category, number)
    fake = ByHand(after[:2], after[2:].reshape(2, -1), v @ g[:5] + g[5])
    information, slope = fake.information(category, number, weights, learned, 0.1)
    slope[:, 0] = -sigmoid(-fake.logits)
    of_x = fake.gradient(slope)[1]
    np.testing.assert_allclose(
        moved["generator"], [*np.mean(of_x[:, None] * v, 0), np.mean(of_x)], rtol=1e-5, atol=1e-6
    )
    d_loss = softplus(-real.logits).mean() + softplus(ByHand(trunk, heads, fake_of(g, model)).logits).mean()
    names = ("d_loss", "g_loss", "category_information", "continuous_information")
    expected = d_loss, softplus(-fake.logits).mean(), *information
    np.testing.assert_allclose([logs[name] for name in names], expected, rtol=1e-5)


def fake_of(g, model):
    """The points of the discriminator's step of step 0."""
    return told(*next(draws(model, 4))) @ g[:5] + g[5]


def test_labels_in_the_batch_are_not_looked_at():
    g, trunk, heads = np.linspace(-1, 1, 6), np.array([0.9, -0.3]), np.linspace(-1, 1, 12).reshape(2, 6)
    x = np.array([[0.5], [-1.0]])
    moved, _ = step(tiny(g, trunk, heads, True), x)
    for label in ([0, 1], [3, 3]):
        other, _ = step(tiny(g, trunk, heads, True), {"image": x, "label": np.array(label)})
        for role, gradient in moved.items():
            np.testing.assert_array_equal(other[role], gradient)


# --- the bounds


def test_the_bound_of_categories_is_ln_k_where_q_is_right_and_0_where_it_does_not_know():
    category = tf.constant([[2, 0], [9, 1], [0, 1]], tf.int64)
    right = 1e4 * tf.concat([tf.one_hot(category[:, 0], 10), tf.one_hot(category[:, 1], 2)], 1)
    np.testing.assert_allclose(categorical_information(right, category, (10, 2)), 2.302585 + np.log(2), rtol=1e-6)
    np.testing.assert_allclose(categorical_information(0 * right + 5.0, category, (10, 2)), 0.0, atol=1e-6)
    wrong = categorical_information(right[::-1], category, (10, 2))
    assert np.isfinite(wrong) and wrong < -1e3


def test_the_bound_of_categories_is_below_the_information_by_the_kl_of_q_by_enumeration():
    # P(x | c) in eighths, so that as many rows stand for it exactly.
    eighths = np.array([[4, 2, 1, 1], [0, 3, 5, 0], [2, 2, 2, 2]])
    q = np.random.default_rng(0).dirichlet(np.ones(3), 4)  # Q(c | x)
    joint = eighths / 24
    posterior = joint / joint.sum(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        information = np.nansum(joint * np.log(posterior / (1 / 3)))
        gap = np.nansum(joint * np.log(posterior / q.T))
    rows = [(c, x) for c in range(3) for x in range(4) for _ in range(eighths[c, x])]
    category = tf.constant([[c] for c, _ in rows], tf.int64)
    logits = tf.constant([np.log(q[x]) + 0.7 * x for _, x in rows], tf.float32)  # what is added to all has no say
    np.testing.assert_allclose(categorical_information(logits, category, (3,)), information - gap, rtol=1e-5)
    assert gap > 0.1


@pytest.mark.parametrize(
    ("mean", "deviation", "bound"),
    [
        (1.0, 1.0, -0.225791),  # right, with the published code's deviation: the most there is
        (0.0, 1.0, -0.392458),
        (0.0, 3**-0.5, -0.176485),  # the best that knows nothing
        (1.0, 0.05, 2.769941),  # above the entropy ln 2, which is no ceiling
    ],
)
def test_the_bound_of_a_uniform_code_has_the_closed_form_of_a_gaussian_q(mean, deviation, bound):
    code = tf.constant((np.arange(20_000)[:, None] + 0.5) / 10_000 - 1, tf.float32)
    got = continuous_information(mean * code, tf.fill(code.shape, np.float32(deviation)), code)
    exact = np.log(2) - np.log(2 * np.pi) / 2 - np.log(deviation) - (1 - mean) ** 2 / (6 * deviation**2)
    np.testing.assert_allclose([got, exact], bound, atol=2e-5)


def test_the_bounds_of_several_codes_add_up():
    rng = np.random.default_rng(0)
    mean, deviation, code = (tf.constant(rng.uniform(0.5, 1.0, [7, 3]), tf.float32) for _ in range(3))
    each = [continuous_information(mean[:, i : i + 1], deviation[:, i : i + 1], code[:, i : i + 1]) for i in range(3)]
    np.testing.assert_allclose(continuous_information(mean, deviation, code), sum(each), rtol=1e-5)


def test_a_learned_deviation_has_a_floor_and_one_that_is_not_learned_is_1():
    said = {"mean": tf.zeros([1, 2]), "log_deviation": tf.constant([[-1e3, 0.0]])}
    np.testing.assert_allclose(small(learned=True, least_deviation=0.2).deviation(said), [[0.2, 1.2]], rtol=1e-6)
    np.testing.assert_array_equal(small().deviation({"mean": tf.zeros([1, 2])}), [[1.0, 1.0]])


def mlp(inputs, heads):
    x = keras.Input([inputs])
    h = keras.layers.Dense(32, "relu")(keras.layers.Dense(32, "relu")(x))
    return keras.Model(x, {name: keras.layers.Dense(size)(h) for name, size in heads.items()} if heads else None)


def test_on_four_modes_the_bound_nears_ln_4_with_lambda_1_and_not_without(record_property):
    rng, information = np.random.default_rng(0), {}
    corners = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
    points = (corners[rng.integers(0, 4, 25_600)] + 0.05 * rng.normal(size=[25_600, 2])).astype(np.float32)
    for weight in (1.0, 0.0):
        keras.utils.set_random_seed(1)
        v = keras.Input([6])
        x = keras.layers.Dense(2)(keras.layers.Dense(32, "relu")(keras.layers.Dense(32, "relu")(v)))
        discriminator = mlp(2, {"logits": 1, "category": 4})
        model = InfoGAN(keras.Model(v, x), discriminator, categories=(4,), continuous=0, category_weight=weight)
        adam = keras.optimizers.Adam
        model.compile(g_optimizer=adam(1e-3, 0.5), d_optimizer=adam(1e-3, 0.5), steps_per_execution=50)
        data = tf.data.Dataset.from_tensor_slices(points).batch(64, drop_remainder=True)
        model.fit(data, shuffle=False, verbose=0)  # 400 steps
        with random.stream(5):
            z, codes = model.prior.draw(1000), model.draw_codes(1000)
        said = model.discriminator(model.generate(z, codes), training=False)
        information[weight] = float(model.information(said, codes)[0])
        record_property(f"L_I, lambda {weight:g}", information[weight])
    np.testing.assert_allclose(information[1.0], (1.2 + np.log(4)) / 2, atol=(np.log(4) - 1.2) / 2)
    assert information[0.0] < 0.7


# --- networks, codes, what is served


def test_the_published_networks_have_its_parameters():
    generator, discriminator = (
        infogan_generator((28, 28, 1)),
        infogan_discriminator((28, 28, 1), learned_deviation=True),
    )

    def parameters(network):
        return sum(int(np.prod(w.shape)) for w in network.trainable_weights)

    alone = infogan_discriminator((28, 28, 1), (), 0)  # no head of Q uses what leads to them
    assert list(alone.output) == ["logits"]
    assert parameters(generator) == 6_652_481
    assert parameters(alone) == 6_559_169 and parameters(alone) - 1025 == 6_558_144  # the trunk
    assert parameters(discriminator) - parameters(alone) == 133_262


def test_the_published_networks_take_pictures_of_multiples_of_four():
    for build in infogan_generator, infogan_discriminator:
        with pytest.raises(InputError, match="image size 30x28: expected multiples of 4, like 28x28 or 32x28"):
            build((30, 28, 1))


@pytest.mark.parametrize(
    ("codes", "says"),
    [
        ({"categories": (), "continuous": 0}, "expected a code, of 2 or more"),
        ({"categories": (3, 1)}, "expected a code, of 2 or more"),
        ({"categories": (4,)}, "the discriminator's heads are .*; expected {'logits': 1, 'category': 4, 'mean': 2}"),
        ({"continuous": 0}, "the discriminator's heads are .*; expected {'logits': 1, 'category': 3}"),
    ],
)
def test_codes_that_do_not_fit_are_refused(codes, says):
    generator, discriminator = infogan_generator(SHAPE, 9, 2), infogan_discriminator(SHAPE, (3,), 2, 2)
    with pytest.raises(InputError, match=says):
        InfoGAN(generator, discriminator, **{"categories": (3,), "continuous": 2} | codes)
    with pytest.raises(
        InputError, match="the generator takes 5 numbers, of which 5 are codes; give it more, for noise"
    ):
        InfoGAN(infogan_generator(SHAPE, 5, 2), discriminator, categories=(3,), continuous=2)


def test_codes_are_drawn_by_their_laws_and_told_as_noise_one_hot_vectors_and_numbers():
    model = small((3, 2), 2)
    with random.stream(3):
        z, (category, continuous) = model.prior.draw(9000), model.draw_codes(9000)
    for column, size in zip(category.numpy().T, (3, 2), strict=True):
        counts = np.bincount(column, minlength=size)
        np.testing.assert_allclose(counts, 9000 / size, atol=5 * np.sqrt(9000 / size))
    for column in (*continuous.numpy().T, *z.numpy().T):
        counts, _ = np.histogram(column, bins=[-1, -0.5, 0, 0.5, 1])
        np.testing.assert_allclose(counts, 2250, atol=5 * np.sqrt(2250))
    told = model.code(z, (category, continuous)).numpy()
    np.testing.assert_array_equal(told[:, :4], z)
    np.testing.assert_array_equal(told[:, 4:7].argmax(1), category[:, 0])
    np.testing.assert_array_equal(told[:, 7:9].argmax(1), category[:, 1])
    np.testing.assert_array_equal(told[:, 4:9].sum(1), 2)
    np.testing.assert_array_equal(told[:, 9:], continuous)


def test_a_sweep_changes_one_code_and_nothing_else():
    model = small((3, 2), 2)
    with random.stream(0):
        z, (category, continuous) = model.prior.draw(5), model.draw_codes(5)
    columns = sweep_category(model, z, (category, continuous), which=1)
    assert list(columns) == ["0", "1"]
    for value, images in columns.items():
        told = np.column_stack([category[:, 0], np.full(5, int(value))])
        np.testing.assert_allclose(images, model.generate(z, (tf.constant(told), continuous)), atol=1e-6)
    columns = sweep_continuous(model, z, (category, continuous), which=1)
    assert list(columns) == ["-2", "-1", "0", "1", "2"]
    for value, images in columns.items():
        told = np.column_stack([continuous[:, 0], np.full(5, np.float32(value))])
        np.testing.assert_allclose(images, model.generate(z, (category, tf.constant(told))), atol=1e-6)
    shown = model.preview(np.zeros([6, *SHAPE], np.float32))
    assert list(shown) == ["0", "1", "2"] and shown["0"].shape == (6, *SHAPE)


def test_what_is_inferred_is_what_q_says_each_code_by_itself():
    model = small((3, 2), 2, learned=True)
    image = tf.constant(TestInfoGAN().batch(4, np.random.default_rng(0))["image"])
    said = model.discriminator(image, training=False)
    inferred = model.signatures()["infer_codes"][0](image)
    probabilities = inferred["category_probabilities"].numpy()
    np.testing.assert_allclose(probabilities[:, :3].sum(1), 1.0, rtol=1e-6)
    np.testing.assert_allclose(probabilities[:, 3:].sum(1), 1.0, rtol=1e-6)
    logits = said["category"].numpy()
    np.testing.assert_allclose(
        probabilities[:, 1] / probabilities[:, 0], np.exp(logits[:, 1] - logits[:, 0]), rtol=1e-5
    )
    np.testing.assert_array_equal(inferred["continuous_mean"], said["mean"])
    np.testing.assert_allclose(inferred["continuous_deviation"], 0.1 + np.exp(said["log_deviation"]), rtol=1e-6)


def test_a_category_that_there_is_none_of_is_refused_by_the_export(tmp_path):
    served = tf.saved_model.load(str(export(small(), tmp_path / "infogan"))).signatures["serving_default"]
    request = {"z": tf.zeros([1, 4]), "continuous": tf.zeros([1, 2])}
    assert served(**request, category=tf.constant([2], tf.int64))["generated"].shape == (1, *SHAPE)
    for category in (-1, 3):
        with pytest.raises(tf.errors.InvalidArgumentError, match="category must be from 0 to 2"):
            served(**request, category=tf.constant([category], tf.int64))
