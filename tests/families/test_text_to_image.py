import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, at, line, sigmoid, slope_at, softplus, step
from conformance import Conformance

from tfgan_zoo import GANCLS, gallery, random
from tfgan_zoo.convolutions import Conv2D
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.families.text_to_image import halfway
from tfgan_zoo.networks.text_to_image import bag_of_words, gan_cls_discriminator, gan_cls_generator
from tfgan_zoo.words import Words

SHAPE, WORDS = (8, 8, 1), Words(("a", "b", "c"), 2)


def small(**options):
    generator, discriminator = gan_cls_generator(SHAPE, 6, 5, 4, 8), gan_cls_discriminator(SHAPE, 6, 4, 8)
    return GANCLS(generator, discriminator, bag_of_words(3, 2, 6), WORDS, **options)


class TestGANCLS(Conformance):
    def make(self):
        return small()

    def batch(self, count, rng):
        image, wrong = rng.uniform(-1, 1, [2, count, *SHAPE]).astype(np.float32)
        return {"image": image, "wrong": wrong, "text": rng.integers(0, 4, [count, 2], np.int32)}


def told_by(vectors):
    """An encoder `ids [B, 2] -> the sum of their vectors [B, 1]`, outside of training the negative."""
    ids, start = keras.Input([2], dtype="int32"), keras.initializers.Constant(np.float32(vectors)[:, None])
    counts = keras.ops.sum(keras.ops.one_hot(ids, len(vectors) + 1), axis=1)[:, 1:]
    return keras.Model(ids, Turned()(keras.layers.Dense(1, use_bias=False, kernel_initializer=start)(counts)))


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z, t) = g_0 z + g_1 t + g_2, the logit of D d_0 x + d_1 t + d_2, a text t the sum of its words' vectors v.
    g, d, v = np.array([0.8, -0.5, 0.3]), np.array([0.6, 0.9, -0.2]), np.array([0.7, -1.1, 0.4])
    ids, weight, beta = np.array([[1, 2], [3, 0], [1, 1], [2, 3]], np.int32), 0.3, 0.25
    x, wrong = np.array([0.5, -1.0, 2.5, 0.7]), np.array([-0.4, 1.3, 0.2, -2.0])
    model = GANCLS(line(g), line(d), told_by(v), WORDS, cls_weight=weight, beta=beta)
    with random.stream(model.seed):
        first, second, third = (np.float64(random.normal([n, 1]))[:, 0] for n in (4, 4, 2))
    moved, logs = step(model, {"image": x[:, None], "wrong": wrong[:, None], "text": ids})

    counts = (ids[:, :, None] == [1, 2, 3]).sum(1)
    told = counts @ v
    fake = at(g, first, told)
    real_logits, wrong_logits, fake_logits = (at(d, images, told) for images in (x, wrong, fake))
    slopes = -sigmoid(-real_logits), weight * sigmoid(wrong_logits), (1 - weight) * sigmoid(fake_logits)
    of_d = sum(slope_at(slope, images, told) for slope, images in zip(slopes, (x, wrong, fake), strict=True))
    of_v = counts.T @ sum(slopes) * d[1] / 4
    np.testing.assert_allclose(moved["discriminator"], of_d, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["encoder"], of_v, rtol=1e-5, atol=1e-6)

    after, told = d - of_d, counts @ (v - of_v)
    told = np.concatenate([told, beta * told[::2] + (1 - beta) * told[1::2]])
    z = np.concatenate([second, third])
    logits = at(after, at(g, z, told), told)
    np.testing.assert_allclose(
        moved["generator"], slope_at(-sigmoid(-logits) * after[0], z, told), rtol=1e-5, atol=1e-6
    )  # fmt: skip
    negatives = weight * softplus(wrong_logits).mean() + (1 - weight) * softplus(fake_logits).mean()
    expected = softplus(-real_logits).mean() + negatives, softplus(-logits).mean()
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-5)


def test_what_is_served_is_told_drawn_and_judged_outside_of_training_as_computed_by_hand():
    model = GANCLS(line([0.8, -0.5, 0.3]), line([0.6, 0.9, -0.2]), told_by([0.7, -1.1, 0.4]), WORDS)
    # Each network says the negative outside of training: "a b" is -(0.7 - 1.1) = 0.4, "c" is -0.4.
    one, text = tf.constant([[1.0], [2.0]]), tf.constant(["a b", "c"])
    np.testing.assert_allclose(model.encode(text), [[0.4], [-0.4]], rtol=1e-5)
    np.testing.assert_allclose(model.draw(one, text), [[-0.9], [-2.1]], rtol=1e-5)  # -(0.8 z - 0.5 t + 0.3)
    np.testing.assert_allclose(model.discriminate(one, text)["logits"], [[-0.76], [-0.64]], rtol=1e-5)


def test_where_all_logits_are_0_the_losses_are_2_log_2_and_log_2():
    model = GANCLS(line([0.5, 0.5, 0.0]), line([0.0, 0.0, 0.0]), told_by([1.0, 2.0, 3.0]), WORDS)
    batch = {"image": np.ones([4, 1]), "wrong": np.ones([4, 1]), "text": np.ones([4, 2], np.int32)}
    _, logs = step(model, batch)
    np.testing.assert_allclose(logs["d_loss"], 1.386294, rtol=1e-6)  # the two negatives weigh a half each
    np.testing.assert_allclose(softplus(-0.0), 0.693147, rtol=1e-6)
    model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(0.0))
    for weight in model.discriminator.trainable_variables:
        weight.assign(tf.zeros_like(weight))
    batch = {name: np.float32(x) if x.dtype == float else x for name, x in batch.items()}
    logs = model.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0).history
    np.testing.assert_allclose(logs["g_loss"], 0.693147, rtol=1e-6)


class Table(keras.layers.Layer):
    """The logit of each pair of a class `x [B, 1]` and a text `t [B, 1]`, both whole numbers below `classes`."""

    def __init__(self, classes):
        super().__init__()
        self.logits, self.classes = self.add_weight(shape=[classes * classes, 1], initializer="zeros"), classes

    def call(self, pair):
        x, t = (keras.ops.cast(v[:, 0], "int32") for v in pair)
        return keras.ops.take(self.logits, x * self.classes + t, axis=0)


def of_matched_pairs(classes, pairs, **options):
    """What the best D says of a picture with its text, where fakes are perfect: a batch of all `(right, wrong)`."""
    right, wrong = np.array(pairs).T
    z, t, x, ids = keras.Input([1]), keras.Input([1]), keras.Input([1]), keras.Input([1], dtype="int32")
    generator = keras.Model([z, t], t + 0.0 * z)
    discriminator = keras.Model([x, t], Table(classes)([x, t]))
    encoder = keras.Model(ids, keras.ops.cast(ids - 1, "float32"))
    model = GANCLS(generator, discriminator, encoder, Words(("w",) * classes, 1), interpolate=False, **options)
    model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(2.0 * classes))
    batch = {
        "image": np.float32(right)[:, None],
        "wrong": np.float32(wrong)[:, None],
        "text": np.int32(right + 1)[:, None],
    }
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(40), shuffle=False, verbose=0)
    return sigmoid(model.discriminator.get_weights()[0].reshape(classes, classes).diagonal())


@pytest.mark.parametrize("classes", [2, 10])
def test_the_best_discriminator_says_two_thirds_of_a_picture_with_its_text_where_fakes_are_perfect(classes):
    every = [(k, j) for k in range(classes) for j in range(classes)]
    others = [(k, j) for k, j in every if k != j]
    np.testing.assert_allclose(of_matched_pairs(classes, others), 2 / 3, rtol=1e-5)
    # Wrong pictures that may be right punish it for pairs that match.
    np.testing.assert_allclose(of_matched_pairs(classes, every), 1 / (1.5 + 1 / (2 * classes)), rtol=1e-5)


def test_texts_between_two_are_in_the_step_of_the_generator_alone():
    batch = {"image": np.ones([4, 1]), "wrong": -np.ones([4, 1]), "text": np.array([[1, 2], [3, 0], [1, 1], [2, 3]])}
    moved = []
    for interpolate in (True, False):
        model = GANCLS(
            line([0.8, -0.5, 0.3]), line([0.6, 0.9, -0.2]), told_by([0.7, -1.1, 0.4]), WORDS, interpolate=interpolate
        )
        moved.append(step(model, batch)[0])
    for role in ("discriminator", "encoder"):
        np.testing.assert_array_equal(moved[0][role], moved[1][role])
    assert (moved[0]["generator"] != moved[1]["generator"]).any()


def test_a_text_between_two_is_their_mean_and_neighbours_are_paired():
    told = tf.constant([[0.0, 8.0], [2.0, 0.0], [1.0, 1.0], [3.0, 5.0]])
    np.testing.assert_allclose(halfway(told), [[1.0, 4.0], [2.0, 3.0]])
    with pytest.raises(InputError, match="a batch of 3 examples per replica is paired for texts between; give an even"):
        halfway(told[:3])


def test_a_text_is_the_sum_of_its_words_and_a_word_that_is_not_known_says_nothing():
    model = small()
    assert [(p.name, s.dtype) for p, s in zip(model.encoder.inputs, model.encoder.inputs, strict=True)] == [
        ("text", "int32")
    ]
    a, b, both, again, unknown, none = model.encode(tf.constant(["A", "b", "a b", "B, a!", "a xyz", "xyz é"])).numpy()
    np.testing.assert_allclose(both, a + b, rtol=1e-5)
    np.testing.assert_array_equal(again, both)
    np.testing.assert_array_equal(unknown, a)
    np.testing.assert_array_equal(none, np.zeros(6))
    assert np.abs(a - b).max() > 0.1


def test_texts_as_strings_and_as_ids_make_the_same_step():
    batch, moved = {"image": np.ones([4, 1]), "wrong": -np.ones([4, 1])}, []
    texts = np.array(["a b", "c", "b b", "d a"])
    for text in (texts, WORDS.ids(tf.constant(texts)).numpy()):
        model = GANCLS(line([0.8, -0.5, 0.3]), line([0.6, 0.9, -0.2]), told_by([0.7, -1.1, 0.4]), WORDS)
        moved.append(step(model, batch | {"text": text})[0])
    for role, expected in moved[0].items():
        np.testing.assert_array_equal(moved[1][role], expected)


def test_the_export_takes_texts_and_refuses_other_numbers_of_them_than_of_z(tmp_path):
    model = small()
    path = export(model, tmp_path / "exported")
    served, z = (
        tf.saved_model.load(str(path)).signatures,
        tf.constant(np.random.default_rng(0).normal(size=[2, 5]), tf.float32),
    )
    made = served["serving_default"](z=z, text=tf.constant(["a", "a b"]))["generated"]
    np.testing.assert_allclose(made, model.draw(z, tf.constant(["A.", "b a"])), atol=1e-5)
    sample = served["sample"](count=tf.constant(3), seed=tf.constant(4, tf.int64), text=tf.constant("c"))["generated"]
    with random.stream(tf.constant(4, tf.int64)):
        z = model.prior.draw(3)
    np.testing.assert_allclose(sample, model.draw(z, tf.constant(["c"] * 3)), atol=1e-5)
    for name, given in (("serving_default", {"z": z}), ("discriminate", {"image": tf.zeros([3, *SHAPE])})):
        with pytest.raises(tf.errors.InvalidArgumentError, match="one text per example"):
            served[name](**given, text=tf.constant(["a", "b"]))
    told = served["encode_text"](text=tf.constant(["b"]))["embedding"]
    np.testing.assert_allclose(told, model.encode(tf.constant(["b"])), rtol=1e-5)
    logits = served["discriminate"](image=sample, text=tf.constant(["a", "b", "c"]))["logits"]
    assert len(set(logits.numpy().ravel().tolist())) == 3


def test_the_gallery_asks_for_noise_and_a_text_and_shows_the_same_picture(tmp_path):
    model = small()
    shown = gallery.describe(export(model, tmp_path / "exported"), "text_to_image")
    (use,) = shown.uses
    assert {name: tensor.control for name, tensor in use.inputs.items()} == {"z": "noise", "text": "text"}
    z = gallery.draw(3, 2, shown.prior(5))
    made = gallery.answer(gallery.load(shown.path), use, {"z": z, "text": "b c"}, 2)
    np.testing.assert_allclose(made, model.draw(tf.constant(z), tf.constant(["b c"] * 2)), atol=1e-5)


def test_a_grid_shows_each_sample_beside_a_picture_of_its_text_and_a_column_per_text_the_same_z():
    model, batch = small(), TestGANCLS().batch(3, np.random.default_rng(0))
    shown = model.preview(batch)
    np.testing.assert_array_equal(shown["of this text"], batch["image"])
    assert np.abs(shown["sample"] - shown["another"]).max() > 0
    columns = model.of_each(("a", "b a"), 4)
    with random.stream(model.seed):
        z = model.prior.draw(4)
    np.testing.assert_allclose(columns["b a"], model.draw(z, tf.constant(["a b"] * 4)), atol=1e-6)


def test_the_networks_have_the_parameters_of_the_published_program_but_for_biases_that_it_sets_to_0():
    def trainable(network):
        return sum(int(np.prod(w.shape)) for w in network.trainable_weights)

    assert trainable(gan_cls_generator((64, 64, 3), 1024)) == 18_909_699 - 4_227
    assert trainable(gan_cls_discriminator((64, 64, 3), 1024)) == 4_032_321 - 2_241


def test_the_networks_have_the_layers_of_the_published_program():
    generator, discriminator = (
        gan_cls_generator((64, 64, 3), 20, 5, 8, 16),
        gan_cls_discriminator((64, 64, 3), 20, 8, 8),
    )
    grown = [x for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert [(x.filters, x.kernel_size, x.strides) for x in grown] == [(n, (4, 4), (2, 2)) for n in (64, 32, 16, 3)]
    within = [(x.filters, x.kernel_size[0]) for x in generator.layers if type(x) is Conv2D]
    assert within == [(32, 1), (32, 3), (128, 3), (16, 1), (16, 3), (64, 3)]
    seen = [(x.filters, x.kernel_size[0], x.strides[0]) for x in discriminator.layers if type(x) is Conv2D]
    halving = [(n, 4, 2) for n in (8, 16, 32, 64)]
    assert seen == [*halving, (16, 1, 1), (16, 3, 1), (64, 3, 1), (64, 1, 1)]
    kinds = [type(x).__name__ for x in (*generator.layers, *discriminator.layers)]
    assert kinds.count("BatchNormalization") == 4 + 6 + 3 + 3 + 2 and kinds.count("Add") == 3


def test_a_projection_is_linear_in_the_text_and_in_what_the_picture_comes_to():
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    discriminator = gan_cls_discriminator(SHAPE, 6, 5, 4, projection=True)
    for w in discriminator.trainable_variables:
        w.assign(rng.normal(size=w.shape, scale=0.5))
    image, told = rng.uniform(-1, 1, [3, *SHAPE]).astype(np.float32), rng.normal(size=[3, 6]).astype(np.float32)
    into = [x for x in discriminator.layers if isinstance(x, keras.layers.Dense) and x.units == 5]
    text, seen = sorted(into, key=lambda x: x.kernel.shape[0])  # of the text's 6 numbers, of the picture's many
    flat = keras.Model(discriminator.inputs[0], seen.input)(image).numpy()
    of_image = flat @ discriminator.get_layer("logits").kernel.numpy()
    product = (told @ text.kernel.numpy() + text.bias.numpy()) * (flat @ seen.kernel.numpy() + seen.bias.numpy())
    last = [x for x in discriminator.layers if type(x) is Conv2D][-1]
    assert (last.filters, last.kernel_size) == (2 * 4, (1, 1))
    got = discriminator([image, told]).numpy()
    np.testing.assert_allclose(got, of_image + product.sum(1, keepdims=True), rtol=1e-4, atol=1e-4)


def test_a_projection_does_not_know_a_batch_of_wrong_texts_by_their_spread():
    rng = np.random.default_rng(0)
    image = rng.uniform(-1, 1, [4, *SHAPE]).astype(np.float32)
    told, others = rng.normal(size=[2, 4, 6]).astype(np.float32)
    others[0] = told[0]

    def differs(projection):
        discriminator = gan_cls_discriminator(SHAPE, 6, 5, 4, projection=projection)
        for w in discriminator.trainable_variables:
            w.assign(rng.normal(size=w.shape, scale=0.5))
        first, second = (discriminator([image, text], training=True)[0, 0] for text in (told, others))
        return abs(float(first - second))

    assert differs(projection=True) < 1e-5 < 1e-2 < differs(projection=False)


def test_a_size_that_does_not_halve_is_refused():
    with pytest.raises(InputError, match="image size 33x32"):
        gan_cls_generator((33, 32, 1), 6)
