import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, sigmoid, softplus, step
from conformance import Conformance

from tfgan_zoo import AAE, losses, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.aae import KINDS
from tfgan_zoo.metrics.mmd import two_sample_test
from tfgan_zoo.networks.aae import aae_decoder, aae_encoder, cluster_heads
from tfgan_zoo.networks.mlp import mlp_discriminator

SHAPE, CLASSES = (8, 8, 1), 3


def small(kind, heads=False):
    has_y = kind in ("semi_supervised", "clustering")
    return AAE(
        aae_encoder(SHAPE, 2, CLASSES if has_y else 0, [8]),
        aae_decoder(SHAPE, 2, 0 if kind == "basic" or heads else CLASSES, [8]),
        mlp_discriminator((2,), [8]),
        mlp_discriminator((CLASSES,), [8]) if has_y else None,
        cluster_heads(CLASSES, 2, 1.0) if heads else None,
        kind=kind,
    )


class TestAAE(Conformance):
    def make(self):
        return small("semi_supervised")

    def batch(self, count, rng):
        pictures = {name: np.float32(rng.uniform(-1, 1, [count, *SHAPE])) for name in ("image", "unlabelled")}
        return pictures | {"label": rng.integers(0, CLASSES, count)}


class Basic(TestAAE):
    def make(self):
        return small("basic")

    def batch(self, count, rng):
        return super().batch(count, rng)["image"]


class Supervised(TestAAE):
    def make(self):
        return small("supervised")


class Clustering(TestAAE):
    def make(self):
        return small("clustering")


class Heads(TestAAE):
    def make(self):
        return small("clustering", heads=True)


@pytest.mark.parametrize("kind", [Basic, Supervised, Clustering, Heads])
def test_the_other_kinds_train_and_are_served(kind, tmp_path):
    kind().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    kind().test_calling_it_and_predict_answer_as_serving_default_and_its_names_are_known()
    kind().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


# --- a step by hand: every network is one dense layer, and turns the sign outside of training


POINTS = np.array([[0.5, -0.8], [-1.0, 0.3], [0.9, 0.6], [-0.2, -0.4]])
OTHERS = np.array([[0.1, 0.7], [-0.6, -0.9], [0.8, -0.3], [0.4, 0.2]])
LABELS = np.array([2, 0, 1, 2])
STYLE = np.array([[0.7, -0.4], [0.2, 0.9]])
WEIGHTS = {
    "encoder": (np.column_stack([STYLE, [[0.5, -0.3, 0.2], [-0.6, 0.8, 0.1]]]), np.array([0.1, -0.3, 0.2, -0.1, 0.3])),
    "decoder": (np.array([[0.8, -0.5], [0.6, 1.1], [0.3, -0.2], [-0.4, 0.5], [0.9, 0.1]]), np.array([0.2, -0.1])),
    "discriminator": (np.array([[0.9], [-0.7]]), np.array([0.3])),
    "category_discriminator": (np.array([[1.2], [-0.8], [0.4]]), np.array([-0.2])),
    "heads": (np.array([[0.5, -1.0], [1.5, 0.4], [-2.0, 0.3]]), np.zeros(0)),
}


def dense(kernel, bias):
    start = keras.initializers.Constant
    kernel = np.float32(kernel)
    if not len(bias):
        return keras.layers.Dense(kernel.shape[1], use_bias=False, kernel_initializer=start(kernel))
    return keras.layers.Dense(
        kernel.shape[1], kernel_initializer=start(kernel), bias_initializer=start(np.float32(bias))
    )


def weights_of(kind, heads):
    """Those of `WEIGHTS` that a model of this kind has."""
    has_y, told = kind in ("semi_supervised", "clustering"), kind != "basic" and not heads
    (encoding, shift), (decoding, offset) = WEIGHTS["encoder"], WEIGHTS["decoder"]
    codes = 5 if has_y else 2
    kept = {
        "encoder": (encoding[:, :codes], shift[:codes]),
        "decoder": (decoding[: 5 if told else 2], offset),
        "discriminator": WEIGHTS["discriminator"],
    }
    kept |= {"category_discriminator": WEIGHTS["category_discriminator"]} if has_y else {}
    return kept | ({"heads": WEIGHTS["heads"]} if heads else {})


def linear(kind, heads=False, **kwargs):
    """An `AAE` of points with these weights."""
    weights = weights_of(kind, heads)
    x, z, y = keras.Input([2]), keras.Input([2]), keras.Input([3])
    code = Turned()(dense(*weights["encoder"])(x))
    said = {"style": code[:, :2]} | ({"category": code[:, 2:]} if code.shape[1] > 2 else {})
    told = [z, y] if len(weights["decoder"][0]) > 2 else z
    joined = keras.ops.concatenate([z, y], 1) if len(weights["decoder"][0]) > 2 else z
    networks = [
        keras.Model(x, said),
        keras.Model(told, Turned()(dense(*weights["decoder"])(joined))),
        keras.Model(z, Turned()(dense(*weights["discriminator"])(z))),
    ]
    if "category_discriminator" in weights:
        networks.append(keras.Model(y, Turned()(dense(*weights["category_discriminator"])(y))))
    given = {"heads": keras.Model(y, dense(*weights["heads"])(y))} if heads else {}
    return AAE(*networks, kind=kind, **given, **kwargs)


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


class ByHand:
    """A step of SGD(1), phase by phase, on weights in float64."""

    def __init__(self, kind, heads, apart):
        self.kind, self.apart, self.heads = kind, apart, heads
        self.w = {role: [np.array(v, np.float64) for v in pair] for role, pair in weights_of(kind, heads).items()}
        self.has_y = "category_discriminator" in self.w

    def say(self, role, x):
        kernel, bias = self.w[role]
        return x @ kernel + (bias if len(bias) else 0.0)

    def gradient(self, x, slope):
        return x.T @ slope, slope.sum(0)

    def move(self, role, gradient):
        kernel, bias = self.w[role]
        self.w[role] = [kernel - gradient[0], bias - gradient[1][: len(bias)]]

    def codes(self, x, label):
        said = self.say("encoder", x)
        if self.has_y:
            return said[:, :2], softmax(said[:, 2:])
        return said, None if label is None else np.eye(3)[label]

    def of_encoder(self, x, of_z, of_y, y):
        if not self.has_y:
            return self.gradient(x, of_z)
        return self.gradient(x, np.column_stack([of_z, y * (of_y - (of_y * y).sum(1, keepdims=True))]))

    def reconstruct(self, x, label):
        z, y = self.codes(x, label)
        given = z + y @ self.w["heads"][0] if self.heads else z if y is None else np.column_stack([z, y])
        made = self.say("decoder", given)
        of_made = (made - x) / 4 / len(x)
        of_given = of_made @ self.w["decoder"][0].T
        of_z, of_y, nearness = of_given[:, :2], of_given[:, 2:], 0.0
        if self.heads:
            w = self.w["heads"][0]
            of_y, of_heads = of_given @ w.T, y.T @ of_given
            for i in range(3):
                for j in range(i):
                    between = np.linalg.norm(w[i] - w[j])
                    if between < self.apart:
                        nearness += self.apart - between
                        of_heads[i] -= (w[i] - w[j]) / between
                        of_heads[j] += (w[i] - w[j]) / between
            self.move("heads", (of_heads, np.zeros(0)))
        of_encoder = self.of_encoder(x, of_z, of_y, y)
        self.move("decoder", self.gradient(given, of_made))
        self.move("encoder", of_encoder)
        return ((made - x) ** 2).sum(1).mean() / 8, nearness

    def discriminate(self, role, prior, code):
        real, fake = self.say(role, prior), self.say(role, code)
        of_real, of_fake = (self.gradient(c, s / len(c)) for c, s in ((prior, -sigmoid(-real)), (code, sigmoid(fake))))
        self.move(role, [a + b for a, b in zip(of_real, of_fake, strict=True)])
        return softplus(-real).mean() + softplus(fake).mean()

    def fool(self, x, label):
        z, y = self.codes(x, label)
        said = self.say("discriminator", z)
        found, of_z, of_y = [softplus(-said).mean()], -sigmoid(-said) / len(x) @ self.w["discriminator"][0].T, 0.0
        if self.has_y:
            of_category = self.say("category_discriminator", y)
            found.append(softplus(-of_category).mean())
            of_y = -sigmoid(-of_category) / len(x) @ self.w["category_discriminator"][0].T
        self.move("encoder", self.of_encoder(x, of_z, of_y, y))
        return found

    def learn(self, x, label):
        q = softmax(self.say("encoder", x)[:, 2:])
        slope = np.column_stack([np.zeros([len(x), 2]), (q - np.eye(3)[label]) / len(x)])
        self.move("encoder", self.gradient(x, slope))
        return -np.log(q[range(len(x)), label]).mean()


@pytest.mark.parametrize(("kind", "heads"), [*((kind, False) for kind in KINDS), ("clustering", True)])
def test_a_step_computed_by_hand(kind, heads):
    model, hand = linear(kind, heads, heads_apart=2.2), ByHand(kind, heads, 2.2)
    with random.stream(model.seed):
        z_prior = np.float64(random.normal([4, 2]))
        y_prior = np.eye(3)[random.integers([4], 3).numpy()]
    batch = {"image": POINTS, "label": LABELS} | ({"unlabelled": OTHERS} if kind == "semi_supervised" else {})
    x = OTHERS if kind == "semi_supervised" else POINTS
    label = LABELS if kind == "supervised" else None
    expected = {}
    expected["reconstruction"], nearness = hand.reconstruct(x, label)
    z, y = hand.codes(x, label)
    expected["d_loss"] = hand.discriminate("discriminator", z_prior, z)
    if hand.has_y:
        expected["category_d_loss"] = hand.discriminate("category_discriminator", y_prior, y)
    expected |= dict(zip(("g_loss", "category_g_loss"), hand.fool(x, label), strict=False))
    expected |= {"nearness": nearness} if heads else {}
    if kind == "semi_supervised":
        expected["label_loss"] = hand.learn(POINTS, LABELS)

    moved, logs = step(model, batch)
    assert logs.keys() == expected.keys() and moved.keys() == hand.w.keys()
    np.testing.assert_allclose([logs[name] for name in expected], list(expected.values()), rtol=1e-5)
    for role, before in weights_of(kind, heads).items():
        change = np.concatenate([np.ravel(a - b) for a, b in zip(before, hand.w[role], strict=True)])
        np.testing.assert_allclose(moved[role], change, rtol=2e-5, atol=2e-6, err_msg=role)


PHASES = {
    "reconstruction_optimizer": {"encoder", "decoder", "heads"},
    "d_optimizer": {"discriminator", "category_discriminator"},
    "g_optimizer": {"encoder"},
    "label_optimizer": {"encoder"},
}


@pytest.mark.parametrize("phase", PHASES)
def test_each_phase_moves_its_own_networks_alone(phase):
    model = linear("semi_supervised", heads=True, heads_apart=2.2)
    before = {role: getattr(model, role).get_weights() for role in model.roles}
    model.compile(**{name: keras.optimizers.SGD(1.0 if name == phase else 0.0) for name in model.trains})
    batch = {"image": np.float32(POINTS), "unlabelled": np.float32(OTHERS), "label": LABELS}
    model.fit(tf.data.Dataset.from_tensors(batch), verbose=0)
    moved = {
        role
        for role, old in before.items()
        if any(not np.array_equal(a, b) for a, b in zip(old, getattr(model, role).get_weights(), strict=True))
    }
    assert moved == PHASES[phase]


# --- what it promises


def trained(kind, x, *, y=None, dim=2, classes=0, steps=1500, rate=0.003):
    """An `AAE` of points after training on all of them in each step: linear encoder and decoder, small judges."""
    keras.utils.set_random_seed(0)
    has_y = kind == "clustering"
    image, z, one_hot = keras.Input([x.shape[1]]), keras.Input([dim]), keras.Input([max(classes, 1)])
    hidden = keras.layers.Dense(32, "tanh")(image) if has_y else image
    said = {"style": keras.layers.Dense(dim)(hidden)}
    said |= {"category": keras.layers.Dense(classes)(hidden)} if has_y else {}
    told = [z, one_hot] if classes else z
    joined = keras.ops.concatenate(told, 1) if classes else z
    model = AAE(
        keras.Model(image, said),
        keras.Model(told, keras.layers.Dense(x.shape[1])(joined)),
        mlp_discriminator((dim,), [32], "tanh"),
        mlp_discriminator((classes,), [32], "tanh") if has_y else None,
        kind=kind,
    )
    falling = keras.optimizers.schedules.CosineDecay(rate, steps)
    model.compile(
        reconstruction_optimizer=keras.optimizers.Adam(falling),
        d_optimizer=keras.optimizers.Adam(3 * rate, 0.5),
        g_optimizer=keras.optimizers.Adam(falling, 0.5),
        steps_per_execution=100,
    )
    batch = np.float32(x) if y is None else {"image": np.float32(x), "label": y}
    data = tf.data.Dataset.from_tensors(batch).repeat()
    model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False)
    return model


def test_trained_on_a_gaussian_that_is_none_of_its_prior_its_codes_are_not_told_from_it(record_property):
    rng = np.random.default_rng(0)
    x = rng.standard_normal([1000, 2]) @ [[0.9, 0.5], [0.0, 0.4]] + [0.5, -0.8]
    prior = rng.standard_normal([1000, 2])
    start = two_sample_test(x, prior, bandwidth=1.0)
    assert start["mmd"] > 20 * start["mmd_by_chance"]
    model = trained("basic", x, steps=3000)
    code = model.encode(np.float32(x))["code"].numpy()
    found = two_sample_test(code, prior, bandwidth=1.0)
    for name, value in found.items():
        record_property(name, value)
    np.testing.assert_array_less(found["mmd"], found["mmd_by_chance"])


def test_told_the_label_its_codes_have_the_prior_over_all_classes():
    """Within each class is more than the objective asks for: the recipe measures it, as `classes_apart`."""
    rng = np.random.default_rng(0)
    label = np.arange(1000) % 2
    style = rng.standard_normal(1000)
    x = np.column_stack([0.5 * style, 1.6 * label - 0.8 + 0.2 * style])
    code = trained("supervised", x, y=label, dim=1, classes=2, steps=3000).encode(np.float32(x))["code"].numpy()
    found = two_sample_test(code, rng.standard_normal(code.shape), bandwidth=1.0)
    np.testing.assert_array_less(found["mmd"], found["mmd_by_chance"])


def test_clusters_are_all_used_and_each_point_is_surely_in_one():
    rng = np.random.default_rng(0)
    which = np.arange(800) % 4
    x = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])[which] * 0.8 + 0.05 * rng.standard_normal([800, 2])
    model = trained("clustering", x, dim=1, classes=4)
    q = model.classify(np.float32(x))["category_probabilities"].numpy().astype(np.float64)
    of_all = q.mean(0)
    np.testing.assert_allclose(-(of_all * np.log(of_all)).sum(), np.log(4), rtol=0.02)
    np.testing.assert_allclose(-(q * np.log(q + 1e-30)).sum(1).mean(), 0.0, atol=0.1)


def test_where_categories_have_the_law_of_their_prior_the_best_logits_are_0():
    weights = tf.Variable(tf.zeros([3, 1]))
    with tf.GradientTape() as tape:
        said = tf.eye(3) @ weights  # each category once
        loss = losses.non_saturating_discriminator_loss(said, said)
    np.testing.assert_allclose(loss, 2 * np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(tape.gradient(loss, weights), np.zeros([3, 1]))


def test_heads_that_are_far_apart_cost_nothing():
    np.testing.assert_allclose(linear("clustering", True, heads_apart=1.0).nearness_of_heads(), 0.0)
    distances = [np.hypot(1.0, 1.4), np.hypot(2.5, 1.3), np.hypot(3.5, 0.1)]
    expected = sum(max(0.0, 3.0 - d) for d in distances)
    model = linear("clustering", True, heads_apart=3.0)
    np.testing.assert_allclose(model.nearness_of_heads(), expected, rtol=1e-6)


# --- what is served


@pytest.mark.parametrize("kind", ["supervised", "semi_supervised", "clustering"])
def test_a_label_changes_the_picture_of_a_code_and_an_unknown_one_is_refused(kind):
    model, z = small(kind), np.float32([[0.3, -0.8], [0.3, -0.8]])
    served = model.signatures()
    decode, specs = served["decode"]
    assert [s.name for s in specs] == ["z", "category" if kind == "clustering" else "label"]
    one, other = decode(tf.constant(z), tf.constant([0, 2], tf.int64))["generated"].numpy()
    assert np.abs(one - other).max() > 1e-3
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be from 0 to 2"):
        decode(tf.constant(z), tf.constant([0, 3], tf.int64))
    assert ("classify" in served) == (kind != "supervised")


def test_what_is_reconstructed_is_decoded_of_the_code_and_what_the_encoder_says():
    image = np.random.default_rng(0).uniform(-1, 1, [3, *SHAPE]).astype(np.float32)
    model = small("clustering", heads=True)
    said = model.encode(image)
    y = model.classify(image)["category_probabilities"]
    np.testing.assert_allclose(said["representation"], said["code"] + y @ model.heads.get_weights()[0], rtol=1e-5)
    np.testing.assert_allclose(model.reconstruct(image), model.decoder(said["representation"]), rtol=1e-5, atol=1e-6)
    told = small("supervised")
    label = np.array([0, 2, 1])
    np.testing.assert_allclose(
        told.reconstruct(image, label), told.decode(told.encode(image)["code"], label), rtol=1e-5, atol=1e-6
    )
    few = small("semi_supervised").classify(image)
    np.testing.assert_allclose(tf.nn.softmax(few["class_logits"]), few["class_probabilities"], rtol=1e-6)


def test_networks_that_do_not_fit_the_kind_are_refused():
    with pytest.raises(InputError, match=r"^kind is 'other'; expected basic, supervised, semi_supervised, clustering$"):
        AAE(aae_encoder(SHAPE, 2, 0, [8]), aae_decoder(SHAPE, 2, 0, [8]), mlp_discriminator((2,), [8]), kind="other")
    networks = aae_encoder(SHAPE, 2, 0, [8]), aae_decoder(SHAPE, 2, 0, [8]), mlp_discriminator((2,), [8])
    for kind in KINDS[1:]:
        with pytest.raises(InputError, match=f"^the networks do not fit the kind {kind}: "):
            AAE(*networks, kind=kind)
    with pytest.raises(InputError, match="^the networks do not fit the kind basic: "):
        AAE(*networks, heads=cluster_heads(3, 2))


@pytest.mark.parametrize(("kind", "counts"), [("semi", (1_806_020, 1_806_784, 1_013_001))])
def test_networks_of_the_papers_size_have_as_many_parameters_as_it_says(kind, counts):
    networks = (
        aae_encoder((28, 28, 1), 10, 10), aae_decoder((28, 28, 1), 10, 10), mlp_discriminator((10,), [1000, 1000])
    )  # fmt: skip
    assert tuple(network.count_params() for network in networks) == counts
