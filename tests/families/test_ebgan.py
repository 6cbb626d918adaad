import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, noise, slope_at, step
from conformance import Conformance

from tfgan_zoo import EBGAN
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.ebgan import autoencoder, convolutional_autoencoder, energy, margin_loss, pulling_away
from tfgan_zoo.networks.dcgan import dcgan_generator


def _make(margin=6.0):
    networks = dcgan_generator((8, 8, 1), latent_dim=6, width=8), autoencoder((8, 8, 1), width=8, code_dim=5)
    return EBGAN(*networks, margin=margin)


class TestEBGAN(Conformance):
    def make(self):
        return _make()

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


class TestConvolutionalEBGAN(Conformance):
    def make(self):
        keras.utils.set_random_seed(1)
        discriminator = convolutional_autoencoder((8, 8, 1), width=4)
        for weight in discriminator.trainable_variables:  # from the paper's N(0, 0.002) little comes through at first
            if weight.path.endswith("kernel"):
                weight.assign(50.0 * weight)
        return EBGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), discriminator, margin=6.0)

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def test_a_margin_that_would_teach_nothing_is_refused():
    with pytest.raises(InputError, match="margin 0.0: expected more than 0"):
        _make(margin=0.0)


def test_the_energy_is_the_norm_of_the_reconstruction_error_of_each_example():
    image = tf.constant([[1.0, 0.0, 0.0], [0.5, 0.5, 0.5]])[:, :, None, None]
    reconstruction = tf.constant([[0.0, 2.0, 2.0], [0.5, 0.5, 0.5]])[:, :, None, None]
    with tf.GradientTape() as tape:
        tape.watch(reconstruction)
        value = energy(image, reconstruction)
    np.testing.assert_allclose(value, [3.0, 0.0], rtol=1e-6)
    slope = tape.gradient(value, reconstruction)[:, :, 0, 0]
    np.testing.assert_allclose(slope, [[-1 / 3, 2 / 3, 2 / 3], [0, 0, 0]], rtol=1e-6)  # finite where the error is 0


def test_losses_by_hand():
    real, fake = tf.constant([1.0, 4.0]), tf.constant([0.5, 2.0, 7.0])
    np.testing.assert_allclose(margin_loss(real, fake, 5.0), 2.5 + (4.5 + 3.0 + 0.0) / 3, rtol=1e-6)


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z) = a z + b. D reconstructs x as w x + c: its energy is |(w - 1) x + c|. Its code (x, 1) has the angle atan(x).
    g, d, x = np.array([0.8, 0.3]), np.array([0.4, 0.2]), np.array([0.5, -1.0, 2.0, 0.7])
    point = keras.Input([1])
    code = keras.ops.concatenate([point, 0.0 * point + 1.0], axis=-1)
    model = EBGAN(line(g), keras.Model(point, [line(d)(point), code]), margin=0.4)
    z, last = noise(model, 4, draws=2)
    moved, logs = step(model, x[:, None])

    real_off, fake = at(d, x) - x, at(g, z)
    fake_off = at(d, fake) - fake
    inside = np.abs(fake_off) < 0.4
    assert 0 < inside.sum() < 4
    after = d - slope_at(np.sign(real_off), x) + slope_at(np.sign(fake_off) * inside, fake)
    fake = at(g, last)
    off = at(after, fake) - fake
    between = np.arctan(fake)[:, None] - np.arctan(fake)
    pt = (np.sum(np.cos(between) ** 2) - 4) / (4 * 3)
    of_pt = 2 / 3 * np.sum(-np.sin(2 * between), axis=1) / (1 + fake**2)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    slope = np.sign(off) * (after[0] - 1) + 0.1 * of_pt
    np.testing.assert_allclose(moved["generator"], slope_at(slope, last), rtol=1e-5, atol=1e-6)
    real_energy, fake_energy = np.abs(real_off).mean(), np.abs(fake_off).mean()
    d_loss = real_energy + np.maximum(0, 0.4 - np.abs(fake_off)).mean()
    names = "d_loss", "g_loss", "pt", "real_energy", "fake_energy"
    expected = d_loss, np.abs(off).mean(), pt, real_energy, fake_energy
    np.testing.assert_allclose([logs[name] for name in names], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ([[1.0, 2.0], [3.0, 6.0], [0.1, 0.2]], 1.0),  # equal but for their length
        ([[1.0, 2.0], [-2.0, -4.0]], 1.0),  # opposite: the cosine is squared
        ([[3.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 1.0]], 0.0),
        ([[1.0, 0.0], [1.0, 1.0], [0.0, 5.0]], (0.5 + 0.0 + 0.5) / 3),
        ([[0.0, 0.0], [1.0, 1.0]], 0.0),  # a code of zeros has no direction
    ],
)
def test_the_pulling_away_term_is_the_mean_squared_cosine_of_two_codes(code, value):
    np.testing.assert_allclose(pulling_away(tf.constant(code)), value, atol=1e-6)
    as_map = tf.reshape(tf.constant(code), [len(code), 1, 1, -1])  # a convolutional encoder's
    np.testing.assert_allclose(pulling_away(as_map), value, atol=1e-6)


def test_the_pulling_away_term_and_its_gradient_are_of_the_codes_of_all_replicas(two_replicas):
    code = tf.constant(np.random.default_rng(0).normal(size=[6, 3]), tf.float32)

    def value_and_gradient(own):
        with tf.GradientTape() as tape:
            tape.watch(own)
            value = pulling_away(own)
        return value, tape.gradient(value, own)

    value, gradient = value_and_gradient(code)
    halves = two_replicas.experimental_distribute_values_from_function(
        lambda context: code[3 * context.replica_id_in_sync_group :][:3]
    )
    values, gradients = two_replicas.run(tf.function(value_and_gradient), args=(halves,))
    np.testing.assert_allclose(np.mean(two_replicas.experimental_local_results(values)), value, rtol=1e-5)
    gathered = np.concatenate([g.numpy() for g in two_replicas.experimental_local_results(gradients)])
    np.testing.assert_allclose(gathered / 2, gradient, rtol=1e-4, atol=1e-6)  # the objective is the mean over replicas


def test_a_fake_beyond_the_margin_gives_the_discriminator_no_gradient():
    network = autoencoder((8, 8, 1), width=8, code_dim=5)
    fake = tf.random.stateless_uniform([6, 8, 8, 1], [1, 2], -1.0, 1.0)
    energies = np.sort(energy(fake, network(fake)[0]))

    def gradient(margin, only=slice(None)):
        with tf.GradientTape() as tape:
            value = margin_loss(tf.zeros([1]), energy(fake, network(fake)[0])[only], margin)
        return [np.array(tf.convert_to_tensor(g)) for g in tape.gradient(value, network.trainable_variables)]

    for g in gradient(energies[0] - 1e-3):
        assert (g == 0).all()
    assert all((g != 0).any() for g in gradient(energies[-1] + 1e-3))
    # Between the third and the fourth, three of six count: half of what they give alone.
    middle = (energies[2] + energies[3]) / 2
    inside = np.flatnonzero(energy(fake, network(fake)[0]) < middle)
    with tf.GradientTape() as tape:
        alone = -tf.reduce_mean(tf.gather(energy(fake, network(fake)[0]), inside))
    for g, expected in zip(gradient(middle), tape.gradient(alone, network.trainable_variables), strict=True):
        np.testing.assert_allclose(g, expected / 2, rtol=1e-4, atol=1e-6)


def test_with_every_fake_beyond_the_margin_the_discriminator_makes_the_step_of_real_images_alone():
    model, real = _make(margin=1e-3), TestEBGAN().batch(4, np.random.default_rng(0))
    before = [np.array(v) for v in model.discriminator.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(energy(real, model.discriminator(real, training=True)[0]))
    expected = tape.gradient(loss, model.discriminator.trainable_variables)
    model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(1.0))
    model.fit(tf.data.Dataset.from_tensors(real), shuffle=False, verbose=0)
    for old, new, g in zip(before, model.discriminator.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(old - np.array(new), g, rtol=1e-3, atol=1e-6)


def test_what_is_served_as_logits_is_the_negative_energy():
    model, image = _make(), TestEBGAN().batch(3, np.random.default_rng(0))
    logits = model.signatures()["discriminate"][0](tf.constant(image))["logits"]
    reconstruction, code = model.discriminator(image, training=False)
    assert logits.shape == (3, 1) and code.shape == (3, 5)
    expected = -np.sqrt(((image - reconstruction.numpy()) ** 2).sum((1, 2, 3)))
    np.testing.assert_allclose(logits[:, 0], expected, rtol=1e-5)


def test_a_global_batch_of_one_image_is_refused_in_one_line():
    model = _make()
    model.compile(g_optimizer=keras.optimizers.SGD(), d_optimizer=keras.optimizers.SGD())
    images = tf.zeros([1, 8, 8, 1])
    with pytest.raises(InputError, match="^a global batch of 1 image has no other to be pulled away from; give a .+$"):
        model.fit(tf.data.Dataset.from_tensors(images), shuffle=False, verbose=0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="has no other to be pulled away from; give a batch of 2"):
        model.fit(tf.data.Dataset.from_tensor_slices(images).batch(4), shuffle=False, verbose=0)


def test_the_papers_autoencoder_is_three_convolutions_and_their_mirror_image():
    keras.utils.set_random_seed(0)
    network = convolutional_autoencoder((64, 64, 3))
    reconstruction, code = network.output_shape
    assert (reconstruction, code) == ((None, 64, 64, 3), (None, 8, 8, 256))
    kernels = [np.array(w) for w in network.trainable_variables if w.path.endswith("kernel")]
    down, up = [(4, 4, 3, 64), (4, 4, 64, 128), (4, 4, 128, 256)], [(4, 4, 128, 256), (4, 4, 64, 128), (4, 4, 3, 64)]
    assert [k.shape for k in kernels] == down + up
    np.testing.assert_allclose([k.std() for k in kernels], 0.002, rtol=0.05)
    assert not [x for x in network.layers if isinstance(x, keras.layers.Dense | keras.layers.LeakyReLU)]
    norms = 2 * 2 * (128 + 256 + 128 + 64) // 2
    assert sum(w.size for w in map(np.array, network.trainable_variables)) == sum(k.size for k in kernels) + norms + 67
