import types

import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import latent, pictures, random


@pytest.mark.parametrize(
    ("prior", "right"),
    [
        (latent.Prior(3), lambda shape: random.normal(shape)),
        (latent.Prior(3, "uniform", 2.0), lambda shape: random.uniform(shape, -2.0, 2.0)),
        (latent.Prior(3, "uniform", 1.0, low=0.0), lambda shape: random.uniform(shape, 0.0, 1.0)),
    ],
)
def test_z_is_the_next_draw_of_the_stream_by_the_law(prior, right):
    with random.stream(7, 2):
        z, like = prior.draw(5), prior.like({"image": tf.zeros([4, 8, 8, 1]), "label": tf.zeros([4])})
    with random.stream(7, 2):
        np.testing.assert_array_equal(z, right([5, 3]))
        np.testing.assert_array_equal(like, right([4, 3]))
    with random.stream(7, 2):
        prior.draw(5)
        np.testing.assert_array_equal(prior.like(tf.zeros([4, 2])), like)


def test_z_of_numpy_has_the_law():
    normal = latent.Prior(4).array(5000, np.random.default_rng(0))
    uniform = latent.Prior(4, "uniform", 0.5).array(5000, np.random.default_rng(0))
    assert normal.dtype == uniform.dtype == np.float32 and normal.shape == uniform.shape == (5000, 4)
    np.testing.assert_allclose([normal.mean(), normal.std()], [0, 1], atol=0.02)
    np.testing.assert_allclose([uniform.min(), uniform.max()], [-0.5, 0.5], atol=1e-3)
    np.testing.assert_allclose([uniform.mean(), uniform.std()], [0, 0.5 / np.sqrt(3)], atol=0.01)
    positive = latent.Prior(4, "uniform", low=0.0).array(5000, np.random.default_rng(0))
    np.testing.assert_allclose([positive.min(), positive.max(), positive.mean()], [0, 1, 0.5], atol=0.01)


LAWS = [latent.Prior(3), *(latent.Prior(3, "uniform", *ends) for ends in ((), (2.5,), (1.0, 0.0)))]


@pytest.mark.parametrize("prior", LAWS)
def test_a_law_that_is_written_down_is_read_again(prior):
    assert latent.Prior(3, **prior.described()) == prior


def test_an_unknown_law_is_refused():
    with pytest.raises(ValueError, match="^the law of z is 'cauchy'; expected normal or uniform$"):
        latent.Prior(3, "cauchy")


def test_a_preview_shows_as_many_samples_as_examples_of_the_same_z_each_time_and_of_their_labels():
    def generator(inputs, training):
        assert not training
        z, label = inputs if isinstance(inputs, list) else (inputs, 0)
        return tf.reshape(z[:, 0] + 100.0 * tf.cast(label, tf.float32), [-1, 1, 1, 1])

    prior, images = latent.Prior(2, "uniform"), np.zeros([3, 1, 1, 1], np.float32)
    with random.stream(5):
        z = prior.draw(3)[:, 0]
    shown = latent.preview(generator, prior, images, 5)
    assert list(shown) == ["sample"]
    np.testing.assert_allclose(shown["sample"][:, 0, 0, 0], z)
    shown = latent.preview(generator, prior, {"image": images, "label": np.array([2, 0, 1])}, 5)
    assert list(shown) == ["of this label", "sample"]
    np.testing.assert_array_equal(shown["of this label"], images)
    np.testing.assert_allclose(shown["sample"][:, 0, 0, 0], z + [200.0, 0.0, 100.0])


@pytest.mark.parametrize(("law", "spherical"), [("normal", True), ("uniform", False)])
def test_a_tour_walks_as_the_law_of_z_says(law, spherical):
    def generator(z):
        return np.asarray(z)[:, None, None, :1]

    model = types.SimpleNamespace(generator=generator, prior=latent.Prior(2, law), seed=3)
    with random.stream(3):
        z = model.prior.draw(16)
    expected = latent.strips(generator, z, spherical=spherical)["interpolation"]
    other = latent.strips(generator, z, spherical=not spherical)["interpolation"]
    walk = latent.tour(model)["interpolation"]
    np.testing.assert_array_equal(walk["3"], expected["3"])
    assert np.abs(walk["3"] - other["3"]).max() > 1e-3


def test_a_tour_of_a_model_with_labels_shows_each():
    model = types.SimpleNamespace(generator=lambda x: x[0].sum(1) + 100 * x[1], prior=latent.Prior(2), seed=3)
    model.num_classes = 3
    columns = latent.tour(model)["labels"]
    assert list(columns) == ["0", "1", "2"] and len(columns["1"]) == 4
    np.testing.assert_allclose(columns["2"] - columns["0"], 200.0, rtol=1e-5)


def test_a_straight_walk_has_its_ends_and_equal_steps():
    walk = latent.interpolate([[0.0, 2.0]], [[4.0, 0.0]], 5)
    np.testing.assert_allclose(walk[:, 0], [[0, 2], [1, 1.5], [2, 1], [3, 0.5], [4, 0]])


def test_a_spherical_walk_keeps_the_length_and_turns_by_equal_angles():
    walk = latent.interpolate([[3.0, 0.0]], [[0.0, 3.0]], 4, spherical=True)[:, 0]
    angles = np.deg2rad([0, 30, 60, 90])
    np.testing.assert_allclose(walk, 3 * np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6)


def test_a_spherical_walk_between_parallel_vectors_is_straight():
    walk = latent.interpolate([[1.0, 1.0]], [[3.0, 3.0]], 3, spherical=True)
    np.testing.assert_allclose(walk[1], [[2, 2]], atol=1e-6)


def test_arithmetic_averages_three_examples_of_each_term():
    a, b, c = np.full([3, 2], 5.0), np.array([[1.0, 0], [2, 0], [3, 0]]), np.full([3, 2], 1.0)
    np.testing.assert_allclose(latent.arithmetic(a, b, c), [[4.0, 6.0]])


def test_strips_draw_walks_between_the_two_halves_and_the_sum_of_the_first_nine():
    z = np.arange(32, dtype=np.float32).reshape(16, 2)

    def as_image(z):
        return np.asarray(z)[:, None, None, :1]

    drawn = latent.strips(as_image, z)
    walk, terms = drawn["interpolation"], drawn["arithmetic"]
    assert len(walk) == 8 and all(column.shape == (8, 1, 1, 1) for column in walk.values())
    np.testing.assert_array_equal(walk["0"][:, 0, 0, 0], z[:8, 0])
    np.testing.assert_array_equal(walk["7"][:, 0, 0, 0], z[8:, 0])
    assert list(terms) == ["a", "b", "c", "a - b + c"]
    np.testing.assert_allclose(terms["b"][:, 0, 0, 0], [6, 8, 10, 8])
    np.testing.assert_allclose(terms["a - b + c"][3, 0, 0, 0], 2 - 8 + 14)


def test_strips_of_large_pictures_are_drawn_by_few_at_once(monkeypatch):
    z, asked = np.arange(32, dtype=np.float32).reshape(16, 2), []

    def as_image(z):
        asked.append(len(z))
        return np.tile(np.asarray(z)[:, None, None, :1], [1, 2, 3, 1])

    whole = latent.strips(as_image, z)
    monkeypatch.setattr(pictures, "AT_ONCE", 3 * 2 * 3)
    asked.clear()
    few = latent.strips(as_image, z)
    assert asked == [4, 4, 4, 1] + [3, 3, 2] * 8
    tf.nest.map_structure(np.testing.assert_array_equal, few, whole)


def test_every_label_is_drawn_for_the_same_noise():
    z = np.arange(6, dtype=np.float32).reshape(3, 2)
    columns = latent.of_every_label(lambda inputs: inputs[0].sum(1) + 100 * inputs[1], z, 4)
    assert list(columns) == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(columns["2"], [201, 205, 209])


def test_an_attribute_is_the_mean_code_of_pictures_with_it_minus_that_of_those_without_and_is_added():
    codes = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 10.0], [4.0, 0.0]])
    vector = latent.attribute(codes, [True, False, True, False])
    np.testing.assert_allclose(vector, [-3.0, 4.0])
    columns = latent.with_attributes(lambda z: 2 * z, codes, {"bold": vector, "serif": -vector})
    assert list(columns) == ["reconstruction", "+ bold", "+ serif"]
    np.testing.assert_allclose(columns["reconstruction"], 2 * codes)
    np.testing.assert_allclose(columns["+ bold"], 2 * codes + [-6.0, 8.0])
    np.testing.assert_allclose(columns["+ serif"], 2 * codes - [-6.0, 8.0])
    for has_it in ([True] * 4, [False] * 4):
        with pytest.raises(ValueError, match="expected some and not all"):
            latent.attribute(codes, has_it)
