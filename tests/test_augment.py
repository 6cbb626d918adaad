import keras
import numpy as np
import pytest
import tensorflow as tf
from conformance import Conformance

from tfgan_zoo import DCGAN, augment, losses, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator

EVERYTHING = "color,translation,cutout"
PARTS = pytest.mark.parametrize("policy", ["color", "translation", "cutout", EVERYTHING])


def images(*shape, seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, shape), tf.float32)


# Real data is U[0, 1], fakes are U[shift, shift + 1]: without common support for a shift above 1.


def density(x, start, stddev):
    """Of U[start, start + 1] plus Gaussian noise, by upper tails only: exact where it is small."""
    away, scale = tf.abs(x - start - 0.5), stddev * np.sqrt(2)
    return (tf.math.erfc((away - 0.5) / scale) - tf.math.erfc((away + 0.5) / scale)) / 2


def jensen_shannon(shift, stddev):
    x = np.linspace(-6, 10, 160_001)
    p, q = density(x, 0, stddev).numpy(), density(x, shift, stddev).numpy()
    m = (p + q) / 2
    integrand = [np.where(a > 0, a * np.log(np.maximum(a, 1e-300) / np.maximum(m, 1e-300)), 0) / 2 for a in (p, q)]
    return np.trapezoid(np.sum(integrand, axis=0), x)


def test_instance_noise_gives_disjoint_laws_a_divergence_with_a_slope_and_the_generator_its_gradient(record_property):
    shift, stddev = 2.0, 0.5
    assert jensen_shannon(shift, 1e-3) == pytest.approx(np.log(2), abs=1e-6)  # disjoint: constant, no slope
    slope = (jensen_shannon(shift + 1e-3, stddev) - jensen_shannon(shift - 1e-3, stddev)) / 2e-3
    assert slope == pytest.approx(0.18826, rel=1e-3)

    def optimal_logits(x):
        return tf.math.log(density(x, 0, stddev)) - tf.math.log(density(x, shift, stddev))

    theta = tf.Variable(shift)
    with random.stream(0), tf.GradientTape() as tape:
        fake = theta + random.uniform([400_000, 1])
        logits = optimal_logits(tf.cast(augment.instance_noise(fake, stddev), tf.float64))
        loss = losses.minimax_generator_loss(logits)
    # At the optimal D, min-max's loss falls as 2 JSD does (1406.2661, theorem 1): its gradient is that of 2 JSD.
    gradient = float(tape.gradient(loss, theta))
    record_property("gradient", gradient)
    record_property("slope of 2 JSD", 2 * slope)
    np.testing.assert_allclose(gradient, 2 * slope, rtol=0.03)


def test_without_noise_the_optimal_discriminator_of_disjoint_laws_is_flat_where_there_is_data():
    def slope(stddev):
        x = tf.constant(np.linspace(2.1, 2.9, 9))
        with tf.GradientTape() as tape:
            tape.watch(x)
            p, q = density(x, 0, stddev), density(x, 2, stddev)
            d = p / (p + q)
        return float(tf.reduce_max(tf.abs(tape.gradient(d, x))))

    assert slope(0.5) == pytest.approx(0.15187, rel=1e-3) and slope(0.02) == pytest.approx(0.0, abs=1e-12)


def test_instance_noise_has_its_standard_deviation_and_is_annealed_to_nothing_by_the_step():
    x, layer = tf.zeros([64, 16, 16, 1]), augment.Augment(noise=0.4, noise_steps=100)
    for step, expected in ((0, 0.4), (25, 0.3), (100, 0.0), (250, 0.0)):
        with random.stream(0, step):
            assert np.std(layer(x, training=True)) == pytest.approx(expected, rel=0.02)
    with random.stream(0, 10**6):
        assert np.std(augment.Augment(noise=0.4)(x, training=True)) == pytest.approx(0.4, rel=0.02)


@PARTS
def test_augmentations_are_the_identity_when_not_training(policy):
    x = images(3, 8, 8, 3)
    np.testing.assert_array_equal(augment.Augment(0.5, None, policy)(x), x)
    plain = dcgan_discriminator((8, 8, 3), width=4)
    wrapped = augment.wrap(plain, noise=0.5, policy=policy)
    np.testing.assert_array_equal(wrapped(x), plain(x))
    with random.stream(0):
        assert np.abs(wrapped(x, training=True) - plain(x, training=True)).max() > 1e-5
    assert augment.wrap(plain) is plain
    assert [id(v) for v in wrapped.trainable_variables] == [id(v) for v in plain.trainable_variables]


@PARTS
def test_gradients_of_an_augmented_picture_are_those_of_finite_differences(policy):
    x, upstream = images(2, 8, 8, 2), images(2, 8, 8, 2, seed=1)

    def value(x):
        with random.stream(5):
            return tf.reduce_sum(augment.diff_augment(x, policy) * upstream)

    with tf.GradientTape() as tape:
        tape.watch(x)
        y = value(x)
    gradient = tape.gradient(y, x).numpy()
    assert np.abs(gradient).sum() > 1
    for place in [(0, 3, 4, 0), (1, 7, 0, 1), (0, 0, 0, 1)]:
        step = np.zeros(x.shape, np.float32)
        step[place] = 0.5  # each part is linear in the picture
        np.testing.assert_allclose(gradient[place], value(x + step) - value(x - step), atol=2e-4)


def test_translation_moves_each_picture_by_at_most_an_eighth_and_fills_with_zeros():
    x = images(200, 16, 24, 2).numpy()
    with random.stream(0):
        y = augment.translation(tf.constant(x)).numpy()
    padded, seen = np.pad(x, [(0, 0), (2, 2), (3, 3), (0, 0)]), set()
    for b in range(len(x)):
        moves = [
            (i, j)
            for i in range(5)
            for j in range(7)
            if np.allclose(y[b], padded[b, i : i + 16, j : j + 24], atol=1e-6)
        ]
        assert len(moves) == 1
        seen.update(moves)
    assert {i for i, _ in seen} == set(range(5)) and {j for _, j in seen} == set(range(7))


def test_cutout_zeroes_one_square_of_half_the_size_cut_off_at_the_border():
    with random.stream(0):
        gone = augment.cutout(tf.ones([300, 8, 12, 1])).numpy()[..., 0] == 0
    heights, widths = gone.any(2).sum(1), gone.any(1).sum(1)
    np.testing.assert_array_equal(gone.sum((1, 2)), heights * widths)  # a full rectangle
    assert set(heights) == {2, 3, 4} and set(widths) == {3, 4, 5, 6}


def test_color_shifts_then_scales_saturation_then_contrast():
    x = images(500, 4, 4, 3).numpy().astype(np.float64)
    with random.stream(0):
        y = augment.color(tf.constant(x, tf.float32)).numpy()
    with random.stream(0):
        shift, saturation, contrast = (
            random.uniform([500, 1, 1, 1], *bounds).numpy() for bounds in ((-0.5, 0.5), (0.0, 2.0), (0.5, 1.5))
        )
    expected = x + shift
    grey = expected.mean(3, keepdims=True)
    expected = grey + saturation * (expected - grey)
    mean = expected.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(y, mean + contrast * (expected - mean), atol=1e-5)


def test_a_labelled_discriminator_keeps_its_label():
    image, label = keras.Input([8, 8, 1]), keras.Input([], dtype="int64")
    score = keras.layers.Flatten()(image)[:, :1] + keras.ops.cast(label, "float32")[:, None]
    wrapped = augment.wrap(keras.Model([image, label], score), noise=0.1)
    np.testing.assert_allclose(wrapped([tf.zeros([2, 8, 8, 1]), tf.constant([1, 3], tf.int64)]), [[1.0], [3.0]])


def test_unknown_augmentations_are_refused_by_name():
    with pytest.raises(InputError, match="'flip': expected some of color, translation, cutout"):
        augment.Augment(policy="color,flip")
    with pytest.raises(InputError, match="-0.1"):
        augment.Augment(noise=-0.1)


class Augmented(Conformance):
    def make(self):
        discriminator = dcgan_discriminator((8, 8, 1), width=8, normalization=None)
        discriminator = augment.wrap(discriminator, noise=0.3, noise_steps=3, policy=EVERYTHING)
        return DCGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), discriminator)

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def test_an_augmented_family_makes_the_same_update_on_two_replicas(two_replicas):
    Augmented().test_two_replicas_make_the_update_that_one_makes(two_replicas)


def test_an_augmented_family_compiles_with_xla():
    Augmented().test_the_step_compiles_with_xla_and_computes_the_same()


def test_an_augmented_family_resumes_in_the_middle_of_annealing_with_the_same_bits():
    Augmented().test_a_restart_halfway_ends_with_the_same_bits()


def test_an_augmented_family_trains_in_half_precision_and_serves_plain_pictures(tmp_path):
    Augmented().test_mixed_precision_trains_float32_weights_and_serves_float32("mixed_bfloat16")
    keras.config.set_dtype_policy("float32")
    Augmented().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)
