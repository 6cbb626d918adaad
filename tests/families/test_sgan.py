import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, at, line, sigmoid, slope_at, softplus, step, weights_of
from conformance import Conformance

from tfgan_zoo import SGAN, layers, losses, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.sgan import logit_of_real, unsupervised_loss
from tfgan_zoo.networks.sgan import noisy_classifier, softplus_generator

SHAPE, CLASSES = (8, 8, 1), 3


def small(minibatch=0, reference=0, **kwargs):
    generator = softplus_generator(SHAPE, 4, [6], reference=reference)
    return SGAN(generator, noisy_classifier(SHAPE, CLASSES, [8, 5], minibatch=minibatch), **kwargs)


class TestSGAN(Conformance):
    def make(self):
        return small()

    def batch(self, count, rng):
        names = ("image", "unlabelled", "matched")
        pictures = {name: rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32) for name in names}
        return pictures | {"label": rng.integers(0, CLASSES, count)}


class WithAllOptions(TestSGAN):
    def make(self):
        return small(minibatch=4, reference=5, objective="saturating", g_steps=2, real_target=0.9, history_weight=0.1)


def test_with_all_options_it_trains_alike_on_replicas_and_resumes(two_replicas):
    WithAllOptions().test_two_replicas_make_the_update_that_one_makes(two_replicas)
    WithAllOptions().test_a_restart_halfway_ends_with_the_same_bits()


# --- a step by hand: G(z) = a z + b; D has one feature h = t x + u and three logits, lines of it


def classifier(trunk, heads):
    x, constant = keras.Input([1]), keras.initializers.Constant
    start = {"kernel_initializer": constant(trunk[0]), "bias_initializer": constant(trunk[1])}
    h = keras.layers.Dense(1, **start)(x)
    start = {"kernel_initializer": constant(heads[:1]), "bias_initializer": constant(heads[1])}
    said = keras.layers.Dense(3, **start)(h)
    return keras.Model(x, {"features": Turned()(h), "class_logits": Turned()(said)})


class Said:
    """What D of these weights says of x, and gradients of mean losses in its weights and in x."""

    def __init__(self, d, x):
        self.t, self.w, self.x = d[0], d[2:5], x
        self.h = d[0] * x + d[1]
        self.logits = self.h[:, None] * d[2:5] + d[5:8]
        z = np.exp(self.logits).sum(1)
        self.lse, self.softmax = np.log(z), np.exp(self.logits) / z[:, None]

    def gradient(self, slope):
        of_h = slope @ self.w
        return np.concatenate(
            [[np.mean(of_h * self.x), np.mean(of_h)], np.mean(slope * self.h[:, None], 0), np.mean(slope, 0)]
        )


def of_d(d, image, label, unlabelled, fake, weight=1.0, target=1.0):
    """Losses, and the gradient of L_sup + weight L_unsup."""
    known, real, fake = (Said(d, x) for x in (image, unlabelled, fake))
    supervised = np.mean(known.lse - known.logits[range(len(label)), label])
    of_real = target * softplus(-real.lse) + (1 - target) * softplus(real.lse)
    unsupervised = (of_real.mean() + softplus(fake.lse).mean()) / 2
    gradient = known.gradient(known.softmax - np.eye(3)[label])
    gradient += weight * real.gradient((sigmoid(real.lse) - target)[:, None] / 2 * real.softmax)
    gradient += weight * fake.gradient(sigmoid(fake.lse)[:, None] / 2 * fake.softmax)
    return supervised, unsupervised, gradient


OPTIONS = [
    {},
    {"matching": "l1", "unsupervised_weight": 0.5},
    {"objective": "saturating", "real_target": 0.9, "g_steps": 2},
    {"objective": "non_saturating"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(map(str, options.values())) or "default")
def test_a_step_moves_each_network_by_the_gradient_computed_by_hand(options):
    g = np.array([0.8, 0.3])
    d = np.array([0.9, -0.3, 0.6, -0.5, 0.7, 0.1, 0.2, -0.3])  # t, u, kernel, bias
    label, rng = np.array([0, 2, 1, 2]), np.random.default_rng(0)
    image, unlabelled, matched = rng.normal(size=[3, 4])
    model = SGAN(line(g), classifier(d[:2], d[2:].reshape(2, 3)), **options)
    steps = options.get("g_steps", 1)
    with random.stream(model.seed):
        first, *zs = [np.float64(random.uniform([4, 1], -1.0, 1.0))[:, 0] for _ in range(1 + steps)]
    columns = {"image": image, "unlabelled": unlabelled, "matched": matched}
    moved, logs = step(model, {name: x[:, None] for name, x in columns.items()} | {"label": label})

    weight, target = options.get("unsupervised_weight", 1.0), options.get("real_target", 1.0)
    supervised, unsupervised, gradient = of_d(d, image, label, unlabelled, at(g, first), weight, target)
    np.testing.assert_allclose(moved["discriminator"], gradient, rtol=1e-5, atol=1e-6)
    after, start = d - gradient, g
    np.testing.assert_allclose(model.average.get_weights()[0], after[0], rtol=1e-5)  # the first of an average is itself
    for z in zs:
        fake = at(g, z)
        said = Said(after, fake)
        if options.get("objective", "feature_matching") == "feature_matching":
            apart = np.mean(after[0] * fake) - np.mean(after[0] * matched)
            g_loss = abs(apart) if "matching" in options else apart**2
            of_fake = np.full(4, (np.sign(apart) if "matching" in options else 2 * apart) * after[0])
        else:
            saturating = options["objective"] == "saturating"
            g_loss = -softplus(said.lse).mean() if saturating else softplus(-said.lse).mean()
            of_lse = -sigmoid(said.lse) if saturating else -sigmoid(-said.lse)
            of_fake = of_lse * (said.softmax @ after[2:5]) * after[0]
        g = g - slope_at(of_fake, z)
    np.testing.assert_allclose(moved["generator"], start - g, rtol=1e-5, atol=1e-6)
    expected = supervised, unsupervised, g_loss
    np.testing.assert_allclose([logs[n] for n in ("supervised", "unsupervised", "g_loss")], expected, rtol=1e-5)


def test_historical_averaging_pulls_to_the_mean_of_all_past_weights_computed_by_hand():
    d, g = np.array([0.9, -0.3, 0.6, -0.5, 0.7, 0.1, 0.2, -0.3]), np.array([0.8, 0.3])
    rng = np.random.default_rng(0)
    batch = {name: rng.normal(size=[4, 1]) for name in ("image", "unlabelled", "matched")} | {"label": [0, 2, 1, 2]}
    plain = SGAN(line(g), classifier(d[:2], d[2:].reshape(2, 3)))
    pulled = SGAN(line(g), classifier(d[:2], d[2:].reshape(2, 3)), history_weight=0.25)
    past = {"generator": [], "discriminator": []}
    for number in range(3):
        for role, seen in past.items():  # the same start, so that the pull is all that differs
            seen.append(weights_of(getattr(pulled, role)))
            getattr(plain, role).set_weights(getattr(pulled, role).get_weights())
        plain.step.assign(number)
        moved_plain, _ = step(plain, batch)
        moved, _ = step(pulled, batch)
        seen = past["discriminator"]
        pull = 0.25 * 2 * (seen[-1] - np.mean(seen, axis=0))
        np.testing.assert_allclose(moved["discriminator"] - moved_plain["discriminator"], pull, atol=2e-6)
        assert number == 0 or np.abs(pull).max() > 1e-3
        for role, seen in past.items():
            everything = [*seen, weights_of(getattr(pulled, role))]
            kept = np.concatenate([np.ravel(w) for w in getattr(pulled, f"{role}_history").weights])
            np.testing.assert_allclose(kept, np.mean(everything, axis=0), rtol=1e-5, atol=1e-6)


# --- what the paper promises


LOGITS = np.random.default_rng(3).normal(0, 2, [6, 10])


def test_the_losses_are_those_of_a_softmax_over_the_classes_and_fake():
    label = np.arange(6)
    eleven = np.concatenate([LOGITS, np.zeros([6, 1])], 1)
    log_p = eleven - np.log(np.exp(eleven).sum(1, keepdims=True))
    log_d = -np.log1p(np.exp(-np.asarray(logit_of_real(LOGITS), np.float64)))
    # log p_{K+1}(y | x) = log p(y | x, real) + log D; p_{K+1}(fake) = 1 - D
    given_real = -float(losses.cross_entropy(LOGITS, label)) + log_d.mean()
    np.testing.assert_allclose(given_real, log_p[range(6), label].mean(), rtol=1e-5)
    np.testing.assert_allclose(sigmoid(-np.float64(logit_of_real(LOGITS))), np.exp(log_p[:, 10]), rtol=1e-5)
    z = np.exp(LOGITS).sum(1)
    fake = LOGITS[::-1] - 1.0
    of_fake = np.log1p(np.exp(fake).sum(1))
    expected = 0.5 * np.mean(-np.log(z / (z + 1))) + 0.5 * np.mean(of_fake)
    np.testing.assert_allclose(unsupervised_loss(LOGITS, fake), expected, rtol=1e-5)


def test_the_gradients_on_logits_are_in_the_ratio_of_the_softmax():
    real, fake = tf.constant(LOGITS, tf.float32), tf.constant(LOGITS[::-1] - 2.0, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = 6 * unsupervised_loss(real, fake)  # per example
    of_real, of_fake = tape.gradient(loss, [real, fake])
    d_real, d_fake = (sigmoid(np.float64(logit_of_real(x)))[:, None] for x in (real, fake))
    np.testing.assert_allclose(of_real, -0.5 * (1 - d_real) * np.float64(tf.nn.softmax(real)), rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(of_fake, 0.5 * d_fake * np.float64(tf.nn.softmax(fake)), rtol=1e-4, atol=1e-7)


def test_a_constant_added_to_all_logits_changes_the_unsupervised_loss_alone():
    label = np.arange(6)
    np.testing.assert_allclose(losses.cross_entropy(LOGITS + 3, label), losses.cross_entropy(LOGITS, label), rtol=1e-5)
    shifted, plain = (float(unsupervised_loss(LOGITS + c, LOGITS)) for c in (3, 0))
    lse = np.log(np.exp(LOGITS).sum(1))
    np.testing.assert_allclose(shifted - plain, 0.5 * np.mean(softplus(-lse - 3) - softplus(-lse)), rtol=1e-4)


@pytest.mark.parametrize("target", [1.0, 0.9])
def test_no_loss_or_gradient_overflows_at_logits_of_ten_thousand(target):
    logits = tf.constant([[1e4, -1e4], [-1e4, -1e4], [1e4, 1e4]], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = losses.cross_entropy(logits, [1, 0, 0]) + unsupervised_loss(logits, logits, target)
    assert np.isfinite(loss) and np.isfinite(tape.gradient(loss, logits)).all()
    np.testing.assert_allclose(losses.cross_entropy(logits[:1], [1]), 2e4)


def test_one_sided_smoothing_is_smallest_where_d_says_the_target_of_real_and_0_of_fakes():
    # alpha p / (p + q) at the optimum: 0.45 where p = q; on real data alone it is alpha.
    lse = tf.Variable(np.log(0.45 / 0.55))
    with tf.GradientTape() as tape:
        loss = unsupervised_loss(lse[None, None], lse[None, None], 0.9)
    np.testing.assert_allclose(tape.gradient(loss, lse), 0.0, atol=1e-6)
    one = tf.constant([[1.5]])
    expected = 0.5 * (0.9 * softplus(-1.5) + 0.1 * softplus(1.5) + softplus(1.5))
    np.testing.assert_allclose(unsupervised_loss(one, one, 0.9), expected, rtol=1e-6)


@pytest.mark.parametrize("norm", ["l2", "l1"])
def test_matched_features_have_no_gradient_where_the_means_of_the_batches_agree(norm):
    real = tf.constant([[1.0, 2.0], [3.0, -2.0]])
    fake = tf.Variable([[2.5, 1.0], [1.5, -1.0]])
    with tf.GradientTape() as tape:
        loss = losses.feature_matching(real, fake, norm)
    np.testing.assert_allclose([loss, *np.ravel(tape.gradient(loss, fake))], 0.0, atol=1e-6)
    apart = losses.feature_matching(real, fake + tf.constant([0.5, -0.2]), norm)
    np.testing.assert_allclose(apart, (0.5**2 + 0.2**2) / 2 if norm == "l2" else 0.35, rtol=1e-5)


def test_the_features_are_those_before_their_own_noise():
    network = noisy_classifier(SHAPE, CLASSES, [8, 5], input_noise=0.0, noise=0.5)
    one = noisy_classifier(SHAPE, CLASSES, [5], input_noise=0.0, noise=0.5)
    image = tf.constant(np.random.default_rng(0).uniform(-1, 1, [4, *SHAPE]), tf.float32)
    for model, same in ((one, True), (network, False)):  # the second has noise on the way to its last hidden layer
        with random.stream(0):
            noisy = model(image, training=True)
        plain = model(image, training=False)
        assert np.array_equal(noisy["features"], plain["features"]) == same
        assert not np.allclose(noisy["class_logits"], plain["class_logits"])
        assert np.min(plain["features"]) == 0.0


def test_what_is_served_is_the_average_of_the_weights():
    model = small()
    for weight in model.average.weights:
        weight.assign(0.5 * weight + 0.1)
    image = tf.constant(TestSGAN().batch(4, np.random.default_rng(0))["image"])
    expected = model.average(image, training=False)["class_logits"]
    served = model.signatures()
    said = served["classify"][0](image)
    np.testing.assert_array_equal(said["class_logits"], expected)
    odds = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    np.testing.assert_allclose(said["class_probabilities"], odds, rtol=1e-5)
    lse = np.log(np.exp(np.float64(expected)).sum(1, keepdims=True))
    np.testing.assert_allclose(served["discriminate"][0](image)["logits"], lse, rtol=1e-5)


def test_an_objective_or_norm_that_there_is_none_of_is_refused():
    for options in ({"objective": "wasserstein"}, {"matching": "l3"}):
        with pytest.raises(InputError, match="expected feature_matching, saturating, non_saturating, and l2 or l1"):
            small(**options)


def test_the_published_networks_have_its_parameters():
    generator, discriminator = softplus_generator((28, 28, 1)), noisy_classifier((28, 28, 1), 10)
    frozen = [w for w in discriminator.weights if w.path.endswith("/g") and not w.trainable]

    def size(weights):
        return sum(int(np.prod(w.shape)) for w in weights)

    assert size(discriminator.trainable_weights) == 1_538_770 and size(frozen) == 2_250
    assert size(generator.trainable_weights) == 694_568


def test_pictures_and_z_are_seen_between_0_and_1():
    for network in (softplus_generator(SHAPE, 64, [6]), noisy_classifier(SHAPE, CLASSES, [6])):
        (moved,) = (x for x in network.layers[:3] if isinstance(x, keras.layers.Rescaling))
        first = keras.Model(network.input, moved.output)
        given = np.linspace(-1, 1, 64, dtype=np.float32).reshape([1, *network.input_shape[1:]])
        np.testing.assert_allclose(np.ravel(first(given)), np.linspace(0, 1, 64), atol=1e-6)


def test_the_start_of_the_discriminator_has_unit_variance_under_its_noise_and_lengths_stay(record_property):
    network = noisy_classifier(SHAPE, CLASSES, [8, 5])
    image = tf.constant(np.random.default_rng(0).uniform(-1, 1, [500, *SHAPE]), tf.float32)
    layers.initialize_weight_norm(network, image, seed=4)
    normalized = [x for x in network.layers if isinstance(x, layers.Dense)]
    for layer in normalized:
        with random.stream(4):
            y = keras.Model(network.input, layer.output)(image, training=True).numpy()
        np.testing.assert_allclose(y.mean(0), 0.0, atol=1e-4)
        np.testing.assert_allclose(y.var(0), 1.0, rtol=1e-3)
        lengths = np.linalg.norm(layer.normalized_kernel(), axis=0)
        np.testing.assert_allclose(lengths, layer.g, rtol=1e-5)
    model = SGAN(softplus_generator(SHAPE, 4, [6]), network)
    before = [np.array(x.g) for x in normalized]
    model.compile(g_optimizer=keras.optimizers.Adam(0.01), d_optimizer=keras.optimizers.Adam(0.01))
    TestSGAN().train(model, 2)
    for layer, g in zip(normalized[:-1], before[:-1], strict=True):
        np.testing.assert_array_equal(layer.g, g)
    assert (np.array(normalized[-1].g) != before[-1]).all()
