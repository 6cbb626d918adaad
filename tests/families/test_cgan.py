import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import lines, sigmoid, slope_at_lines, softplus, step
from conformance import Conformance

from tfgan_zoo import CGAN, latent, random
from tfgan_zoo.networks.cgan import cgan_discriminator, cgan_generator
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.optimizers import Adam, LinearDecay

SHAPE, CLASSES = (8, 8, 1), 3


class TestCGAN(Conformance):
    """With the paper's kind of networks, smaller; their dropout draws from the stream."""

    def make(self):
        generator = cgan_generator(SHAPE, CLASSES, 6, [8, 8, 16])
        return CGAN(generator, cgan_discriminator(SHAPE, CLASSES, [8, 4, 8], [3, 2, 2]), num_classes=CLASSES)

    def batch(self, count, rng):
        image = rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)
        return {"image": image, "label": rng.integers(0, CLASSES, count)}


def convolutional():
    networks = dcgan_generator(SHAPE, 6, 8, num_classes=CLASSES), dcgan_discriminator(SHAPE, 8, num_classes=CLASSES)
    return CGAN(*networks, num_classes=CLASSES)


EACH = pytest.mark.parametrize("make", [TestCGAN().make, convolutional], ids=["maxout", "convolutional"])


def test_the_convolutional_pair_trains_and_its_export_answers(tmp_path):
    class Convolutional(TestCGAN):
        def make(self):
            return convolutional()

    Convolutional().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    Convolutional().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z|y) = a z + b_y, D(x|y) = sigmoid(w x + c_y); fakes have the labels of the real images, z is uniform in [0, 1].
    g, d = np.array([0.8, 0.3, -0.5, 0.1]), np.array([0.6, -0.4, 0.9, 0.2])
    x, y = np.array([0.5, -1.0, 2.5, 0.7, -2.0]), np.array([0, 1, 2, 1, 0])
    model = CGAN(lines(g), lines(d), num_classes=3)
    with random.stream(model.seed):
        z, last = (np.float64(random.uniform([5, 1]))[:, 0] for _ in range(2))
    moved, logs = step(model, {"image": x[:, None], "label": y})

    fake = g[0] * z + g[1:][y]
    real_logits, fake_logits = (d[0] * images + d[1:][y] for images in (x, fake))
    slopes = slope_at_lines(-sigmoid(-real_logits), x, y, 3) + slope_at_lines(sigmoid(fake_logits), fake, y, 3)
    after = d - slopes
    logits = after[0] * (g[0] * last + g[1:][y]) + after[1:][y]
    np.testing.assert_allclose(moved["discriminator"], slopes, rtol=1e-5, atol=1e-6)
    expected = slope_at_lines(-sigmoid(-logits) * after[0], last, y, 3)
    np.testing.assert_allclose(moved["generator"], expected, rtol=1e-5, atol=1e-6)
    losses = softplus(-real_logits).mean() + softplus(fake_logits).mean(), softplus(-logits).mean()
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], losses, rtol=1e-5)


# A game of eight images and three labels. D's logits are a table, images are numbers, and G makes of z, uniform in
# [0, 1], image i of label y with the probability q(i|y).
P_Y = np.array([0.5, 0.3, 0.2])
P = np.array([[8, 6, 4, 2, 1, 1, 1, 1], [1, 2, 3, 4, 5, 4, 3, 2], [1, 1, 1, 1, 1, 1, 9, 9]]) / 24.0
Q = np.array([[3, 3, 3, 3, 3, 3, 3, 3], [2, 4, 6, 4, 2, 2, 2, 2], [9, 9, 1, 1, 1, 1, 1, 1]]) / 24.0


def table():
    """A discriminator `[image [B, 1], label [B]] -> logits [B, 1]` with a logit for each pair."""
    image, label = keras.Input([1]), keras.Input([], dtype="int64")
    cell = keras.ops.cast(keras.ops.reshape(image, [-1]), "int64") + 8 * label
    return keras.Model([image, label], keras.layers.Embedding(24, 1, embeddings_initializer="zeros")(cell))


def inverse_of(q):
    """A generator without weights: image i of label y where z is in the i-th cell of q(.|y), cells in order."""
    z, label = keras.Input([1]), keras.Input([], dtype="int64")
    ends = keras.ops.take(np.cumsum(q, axis=1).astype(np.float32)[:, :-1], label, axis=0)  # [B, 7]
    return keras.Model([z, label], keras.ops.sum(keras.ops.cast(z > ends, "float32"), axis=1, keepdims=True))


def value(logits, q):
    """V(D, G) by enumeration: E log D(x|y) + E log(1 - D(G(z|y)|y))."""
    return np.sum(P_Y[:, None] * (-P * softplus(-logits) - q * softplus(logits)))


def jensen_shannon(p, q):
    middle = (p + q) / 2
    return (np.sum(p * np.log(p / middle)) + np.sum(q * np.log(q / middle))) / 2


@pytest.mark.parametrize("q", [Q, P], ids=["apart", "equal"])
def test_the_best_discriminator_of_a_finite_game_is_that_of_each_label_and_its_value_the_divergences(
    q, record_property
):
    steps, count = 600, 2400
    model = CGAN(inverse_of(q), table(), num_classes=3)
    model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=Adam(LinearDecay(0.05, 200, steps), 0.5))
    # The data as it is: of 2,400 examples 2400 p(y) p(x|y) are of each pair. z is drawn.
    cells = np.repeat(np.arange(24), np.rint(count * P_Y[:, None] * P).astype(int).ravel())
    assert len(cells) == count
    batch = {"image": np.float32(cells % 8)[:, None], "label": cells // 8}
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(steps), shuffle=False, verbose=0)
    logits = np.float64(model.discriminator.get_weights()[0]).reshape(3, 8)

    best = np.log(P) - np.log(q)  # D* = p / (p + q)
    at_best = sum(p_y * (-2 * np.log(2) + 2 * jensen_shannon(*pair)) for p_y, *pair in zip(P_Y, P, q, strict=True))
    np.testing.assert_allclose(value(best, q), at_best, rtol=1e-12)
    np.testing.assert_allclose(sigmoid(logits), P / (P + q), atol=0.02)
    np.testing.assert_allclose(value(logits, q), at_best, atol=2e-3)
    if q is P:
        np.testing.assert_allclose(at_best, -1.386294, atol=1e-6)
    record_property("largest difference of D(x|y) and p/(p+q)", np.abs(sigmoid(logits) - P / (P + q)).max())
    record_property("V(D, G), and at the optimum", f"{value(logits, q):.6f}, {at_best:.6f}")


@EACH
def test_another_label_changes_the_picture_of_the_same_z_and_the_logit_of_the_same_picture(make):
    keras.utils.set_random_seed(1)
    model = make()
    z, image = tf.random.stateless_uniform([4, 6], [0, 0]), tf.random.stateless_uniform([4, *SHAPE], [0, 1], -1, 1)
    for network, x in ((model.generator, z), (model.discriminator, image)):
        first, second = (network([x, tf.fill([4], label)], training=False).numpy() for label in (0, 2))
        moved = np.abs(first - second).reshape(4, -1).max(axis=1)
        assert moved.min() > 1e-4 * np.abs(first).max()


@EACH
def test_labels_exchanged_together_with_their_rows_change_nothing(make):
    keras.utils.set_random_seed(1)
    model, order = make(), np.array([2, 0, 1])  # the class that was order[i] is called i
    other = keras.models.clone_model(model.generator), keras.models.clone_model(model.discriminator)
    z, image = tf.random.stateless_uniform([6, 6], [0, 0]), tf.random.stateless_uniform([6, *SHAPE], [0, 1], -1, 1)
    label = tf.constant(np.arange(6) % 3)
    for network, renamed, x in zip((model.generator, model.discriminator), other, (z, image), strict=True):
        for weight in network.trainable_weights:  # the first ones are too small to see much
            weight.assign_add(keras.random.normal(weight.shape, stddev=0.3))
        renamed.set_weights(network.get_weights())
        # Rows of the one kernel that the one-hot label meets: its own layer, or those behind what it stands beside.
        kernel = next(w for w in renamed.weights if w.path.endswith("kernel") and w.shape[-2] in (3, 6 + 3, 1 + 3))
        rows = kernel.numpy()
        rows[..., -3:, :] = rows[..., -3:, :][..., order, :]
        kernel.assign(rows)
        new = tf.gather(np.argsort(order), label)
        expected = network([x, label], training=False)
        np.testing.assert_allclose(renamed([x, new], training=False), expected, rtol=1e-5, atol=1e-6)
        assert np.abs(renamed([x, label], training=False) - expected).max() > 1e-2


def test_the_papers_networks_have_its_parameters():
    assert cgan_generator((28, 28, 1), 10).count_params() == 2_413_984
    assert cgan_discriminator((28, 28, 1), 10).count_params() == 1_224_351


def test_a_unit_is_the_largest_of_its_pieces_and_half_of_all_units_drop_out_in_training():
    network = cgan_discriminator((1, 2, 1), 2, [3, 2, 2], [4, 3, 2], dropout=0.0)
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=w.shape) for w in network.weights]
    network.set_weights(weights)
    image, label = rng.uniform(-1, 1, [5, 1, 2, 1]), np.array([0, 1, 1, 0, 1])
    (a, b, c, d, e, f, g, h), pixels = weights, image.reshape(5, 2) / 2 + 0.5

    def largest(x, kernel, bias, pieces):
        return (x @ kernel + bias).reshape(len(x), -1, pieces).max(axis=2)

    both = np.concatenate([largest(pixels, a, b, 4), largest(np.eye(2)[label], c, d, 3)], axis=1)
    expected = largest(both, e, f, 2) @ g + h
    np.testing.assert_allclose(network([np.float32(image), label]), expected, rtol=1e-4, atol=1e-5)
    for full in (cgan_generator((4, 4, 1), 2), cgan_discriminator((4, 4, 1), 2)):
        assert [layer.rate for layer in full.layers if type(layer).__name__ == "Dropout"] == [0.5] * 3


def test_z_is_uniform_between_0_and_1_unless_another_law_is_given():
    assert TestCGAN().make().prior == latent.Prior(6, "uniform", 1.0, low=0.0)
    given = latent.Prior(1)
    assert CGAN(lines([1.0, 0.0]), lines([1.0, 0.0]), num_classes=1, prior=given).prior is given


def test_a_sample_grid_shows_each_sample_beside_a_picture_of_its_label():
    model, batch = convolutional(), TestCGAN().batch(6, np.random.default_rng(0))
    columns = model.preview(batch)
    np.testing.assert_array_equal(columns["of this label"], batch["image"])
    tour = latent.tour(model)["labels"]
    assert len(tour) == CLASSES and tour["2"].shape == (4, *SHAPE)
