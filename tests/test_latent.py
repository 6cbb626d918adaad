import numpy as np

from tfgan_zoo import latent


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

    pictures = latent.strips(as_image, z)
    walk, terms = pictures["interpolation"], pictures["arithmetic"]
    assert len(walk) == 8 and all(column.shape == (8, 1, 1, 1) for column in walk.values())
    np.testing.assert_array_equal(walk["0"][:, 0, 0, 0], z[:8, 0])
    np.testing.assert_array_equal(walk["7"][:, 0, 0, 0], z[8:, 0])
    assert list(terms) == ["a", "b", "c", "a - b + c"]
    np.testing.assert_allclose(terms["b"][:, 0, 0, 0], [6, 8, 10, 8])
    np.testing.assert_allclose(terms["a - b + c"][3, 0, 0, 0], 2 - 8 + 14)


def test_every_label_is_drawn_for_the_same_noise():
    z = np.arange(6, dtype=np.float32).reshape(3, 2)
    columns = latent.of_every_label(lambda inputs: inputs[0].sum(1) + 100 * inputs[1], z, 4)
    assert list(columns) == ["0", "1", "2", "3"]
    np.testing.assert_array_equal(columns["2"], [201, 205, 209])
