import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import hinge_step, lines, step
from conformance import Conformance
from keras import layers as kl

from tfgan_zoo import SNGAN, latent, layers, random
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator

SHAPE, CLASSES = (8, 8, 1), 5


def small_networks(num_classes):
    """Each layer that a ResNet of the family has, once."""
    z, label = keras.Input([6]), keras.Input([], dtype="int64")
    x = kl.Reshape([4, 4, 8])(kl.Dense(4 * 4 * 8)(z))
    x = layers.ConditionalBatchNormalization(num_classes)(x, label) if num_classes else layers.batch_normalization()(x)
    x = kl.Conv2D(1, 3, padding="same")(kl.UpSampling2D()(kl.ReLU()(x)))
    generator = keras.Model([z, label] if num_classes else z, kl.Activation("tanh", dtype="float32")(x))

    image = keras.Input(SHAPE)
    x = kl.LeakyReLU()(layers.Conv2D(8, 3, strides=2, normalization=layers.SpectralNorm(), name="conv")(image))
    phi = keras.ops.sum(kl.Activation("linear", dtype="float32")(x), axis=[1, 2])
    logits = layers.Dense(1, normalization=layers.SpectralNorm(), use_bias=False, dtype="float32", name="psi")(phi)
    if num_classes:
        logits = kl.Add(dtype="float32")([logits, layers.Projection(num_classes, dtype="float32")(phi, label)])
    return generator, keras.Model([image, label] if num_classes else image, logits)


class TestSNGAN(Conformance):
    num_classes = CLASSES

    def make(self):
        return SNGAN(*small_networks(self.num_classes), num_classes=self.num_classes, n_dis=2)

    def batch(self, count, rng):
        image = rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)
        return {"image": image, "label": rng.integers(0, CLASSES, count)}


class Unlabelled(TestSNGAN):
    num_classes = 0

    def batch(self, count, rng):
        return super().batch(count, rng)["image"]


def test_a_sample_grid_with_labels_shows_each_sample_beside_a_picture_of_its_label():
    model, batch = TestSNGAN().make(), TestSNGAN().batch(6, np.random.default_rng(0))
    columns = model.preview(batch)
    np.testing.assert_array_equal(columns["of this label"], batch["image"])
    every = latent.of_every_label(model.generator, np.zeros([6, 6], np.float32), CLASSES)
    assert len(every) == CLASSES and columns["sample"].shape == every["4"].shape == (6, *SHAPE)


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z, y) = a z + b_y, D(x, y) = w x + c_y; fakes have labels of their own, new ones for the generator's step.
    g, d = np.array([0.8, 0.3, -0.5, 0.1]), np.array([0.6, -0.4, 0.9, 0.2])
    x, label = np.array([0.5, -1.0, 2.5, 2.0, -0.5, 1.0, 0.3, -2.0]), np.array([0, 1, 2, 1, 2, 1, 1, 2])
    model = SNGAN(lines(g), lines(d), num_classes=3, n_dis=2)
    with random.stream(model.seed):
        draws = [(random.integers([4], 3).numpy(), np.float64(random.normal([4, 1]))[:, 0]) for _ in range(3)]
    moved, logs = step(model, {"image": x[:, None], "label": label})

    after, of_g, d_loss, g_loss = hinge_step(g, d, [(x[i::2], label[i::2]) for i in range(2)], draws)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], of_g, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], [d_loss, g_loss], rtol=1e-5)


def test_without_labels_it_trains_and_its_export_takes_noise_alone(tmp_path):
    Unlabelled().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    Unlabelled().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


def spectral_layers(model):
    return [layer for layer in model.layers if isinstance(getattr(layer, "normalization", None), layers.SpectralNorm)]


def test_every_kernel_of_the_discriminator_has_singular_value_one_and_none_of_the_generator_is_normalized(
    record_property,
):
    generator = sn_resnet_generator(SHAPE, latent_dim=6, width=8, num_classes=CLASSES)
    discriminator = sn_resnet_discriminator(SHAPE, width=8, num_classes=CLASSES)
    with_kernel = [layer for layer in discriminator.layers if hasattr(layer, "kernel")]
    assert spectral_layers(discriminator) == with_kernel and len(with_kernel) == 3 + 2 * 2 + 2
    assert spectral_layers(generator) == []
    largest = []
    for layer in with_kernel:
        for _ in range(150):
            layer.normalized_kernel(training=True)
        matrix = np.reshape(layer.normalized_kernel(), [-1, layer.kernel.shape[-1]])
        largest.append(np.linalg.svd(matrix, compute_uv=False)[0])
    record_property("largest difference of sigma(W / sigma(W)) and 1", np.abs(np.array(largest) - 1).max())
    np.testing.assert_allclose(largest, 1.0, atol=1e-3)


def test_a_step_makes_one_power_iteration_for_each_of_its_calls_of_the_discriminator():
    model = TestSNGAN().compiled(lambda: keras.optimizers.SGD(0.0))
    conv = model.discriminator.get_layer("conv")
    matrix, u = np.reshape(conv.kernel, [-1, 8]), np.array(conv.u)
    TestSNGAN().train(model, 1)
    for _ in range(2 * 2 + 1):  # real and fake for each of two discriminator steps, one for the generator
        u = matrix.T @ (matrix @ u)
        u /= np.linalg.norm(u)
    np.testing.assert_allclose(conv.u, u, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.abs(model.discriminator.get_layer("psi").u), [[1.0]], rtol=1e-6)


def test_without_its_embedding_the_projection_discriminator_is_the_unconditional_one():
    plain, projecting = (sn_resnet_discriminator(SHAPE, width=8, num_classes=n) for n in (0, CLASSES))
    projection = projecting.get_layer("projection")
    weights = iter(plain.weights)
    for weight in projecting.weights:
        if not any(weight is own for own in projection.weights):
            weight.assign(next(weights))
    image, label = tf.random.stateless_normal([5, *SHAPE], [0, 0]), tf.range(CLASSES, dtype=tf.int64)
    assert np.abs(projecting([image, label]) - plain(image)).min() > 1e-3
    projection.kernel.assign(tf.zeros_like(projection.kernel))
    np.testing.assert_array_equal(projecting([image, label]), plain(image))


def test_the_discriminator_of_cifar10_has_the_parameters_of_the_published_one():
    # Counted from the published code: 3x3 layers and the 1x1 shortcuts of blocks 1 and 2, all with bias; psi; V.
    def conv(size, a, b):
        return size * size * a * b + b

    first = conv(3, 3, 128) + conv(3, 128, 128) + conv(1, 3, 128)
    blocks = 6 * conv(3, 128, 128) + conv(1, 128, 128)
    for num_classes in (0, 10):
        network = sn_resnet_discriminator((32, 32, 3), width=128, num_classes=num_classes)
        count = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
        assert count == first + blocks + 128 + num_classes * 128


def test_five_discriminator_steps_are_the_default_as_in_the_paper():
    model = SNGAN(*small_networks(0))
    assert model.n_dis == model.minibatches == 5


def test_a_label_that_is_none_is_refused_at_serving():
    function, _ = TestSNGAN().make().signatures()["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="label must be from 0 to 4"):
        function(tf.zeros([1, 6]), tf.constant([5], tf.int64))
