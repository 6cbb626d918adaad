import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import hinge_step, lines, step
from conformance import Conformance
from keras import layers as kl

from tfgan_zoo import SAGAN, latent, layers, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator

SHAPE, CLASSES = (8, 8, 1), 5


def small_networks(num_classes):
    """Each layer that a ResNet of the family has, once."""
    z, label = keras.Input([6]), keras.Input([], dtype="int64")
    x = kl.Reshape([4, 4, 8])(layers.Dense(4 * 4 * 8, normalization=layers.SpectralNorm())(z))
    x = layers.ConditionalBatchNormalization(num_classes)(x, label) if num_classes else layers.batch_normalization()(x)
    x = layers.Conv2D(1, 3, normalization=layers.SpectralNorm())(kl.UpSampling2D()(layers.SelfAttention()(x)))
    generator = keras.Model([z, label] if num_classes else z, kl.Activation("tanh", dtype="float32")(x))

    image = keras.Input(SHAPE)
    x = layers.SelfAttention()(layers.Conv2D(8, 3, strides=2, normalization=layers.SpectralNorm())(image))
    phi = keras.ops.sum(kl.Activation("relu", dtype="float32")(x), axis=[1, 2])
    logits = layers.Dense(1, normalization=layers.SpectralNorm(), use_bias=False, dtype="float32")(phi)
    if num_classes:
        logits = kl.Add(dtype="float32")([logits, layers.Projection(num_classes, dtype="float32")(phi, label)])
    return generator, keras.Model([image, label] if num_classes else image, logits)


class TestSAGAN(Conformance):
    num_classes = CLASSES

    def make(self):
        return SAGAN(*small_networks(self.num_classes), num_classes=self.num_classes)

    def batch(self, count, rng):
        image = rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)
        return {"image": image, "label": rng.integers(0, CLASSES, count)}


class Unlabelled(TestSAGAN):
    num_classes = 0

    def batch(self, count, rng):
        return super().batch(count, rng)["image"]


def test_a_sample_grid_with_labels_shows_each_sample_beside_a_picture_of_its_label():
    model, batch = TestSAGAN().make(), TestSAGAN().batch(6, np.random.default_rng(0))
    columns = model.preview(batch)
    np.testing.assert_array_equal(columns["of this label"], batch["image"])
    every = latent.of_every_label(model.generator, np.zeros([6, 6], np.float32), CLASSES)
    assert len(every) == CLASSES and columns["sample"].shape == every["4"].shape == (6, *SHAPE)


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z, y) = a z + b_y, D(x, y) = w x + c_y; fakes have labels of their own, new ones for the generator's step.
    g, d = np.array([0.8, 0.3, -0.5, 0.1]), np.array([0.6, -0.4, 0.9, 0.2])
    x, label = np.array([0.5, -1.0, 2.5, 0.7, -2.0]), np.array([0, 1, 2, 1, 0])
    model = SAGAN(lines(g), lines(d), num_classes=3)
    with random.stream(model.seed):
        draws = [(random.integers([5], 3).numpy(), np.float64(random.normal([5, 1]))[:, 0]) for _ in range(2)]
    moved, logs = step(model, {"image": x[:, None], "label": label})

    after, of_g, d_loss, g_loss = hinge_step(g, d, [(x, label)], draws)
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], of_g, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], [d_loss, g_loss], rtol=1e-5)


def test_without_labels_it_trains_and_its_export_takes_noise_alone(tmp_path):
    Unlabelled().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    Unlabelled().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


def attentions(model):
    return [
        layer
        for network in (model.generator, model.discriminator)
        for layer in network.layers
        if isinstance(layer, layers.SelfAttention)
    ]


def test_attention_is_in_both_networks_begins_as_the_identity_and_is_learned():
    model = TestSAGAN().compiled()
    both = attentions(model)
    assert len(both) == 2
    x = tf.random.stateless_normal([2, 4, 4, 8], [0, 0])
    for layer in both:
        assert float(layer.gamma) == 0.0
        np.testing.assert_array_equal(layer(x), x)
    TestSAGAN().train(model, 2)
    for layer in both:
        assert abs(float(layer.gamma)) > 0 and np.abs(layer(x) - x).max() > 0
        np.testing.assert_allclose(np.sum(layer.attention(x), axis=-1), 1.0, rtol=1e-5)


def test_every_kernel_of_both_networks_is_spectrally_normalized():
    both = {"width": 8, "grow": True, "num_classes": CLASSES, "attention": 4}
    generator = sn_resnet_generator(SHAPE, latent_dim=6, spectral=True, **{**both, "attention": 8})
    for network in (generator, sn_resnet_discriminator(SHAPE, **both)):
        kernels = [w for w in network.trainable_weights if w.path.endswith("kernel")]
        normalized = [
            layer
            for layer in network._flatten_layers(include_self=False)
            if isinstance(getattr(layer, "normalization", None), layers.SpectralNorm)
        ]
        assert {id(layer.kernel) for layer in normalized} == {id(kernel) for kernel in kernels}
        for layer in normalized:
            for _ in range(150):
                layer.normalized_kernel(training=True)
            matrix = np.reshape(layer.normalized_kernel(), [-1, layer.kernel.shape[-1]])
            assert np.linalg.svd(matrix, compute_uv=False)[0] == pytest.approx(1.0, abs=1e-3)


def test_the_networks_of_imagenet_have_the_published_widths_and_attention_at_32():
    both = {"width": 64, "grow": True, "num_classes": 10, "attention": 32}
    for build, widths in (
        (lambda: sn_resnet_generator((128, 128, 3), 128, spectral=True, **both), [1024, 1024, 512, 256, 128, 64]),
        (lambda: sn_resnet_discriminator((128, 128, 3), **both), [64, 128, 256, 512, 1024, 1024]),
    ):
        network = build()
        shapes = [layer.output.shape for layer in network.layers if layer.name.startswith(("add", "reshape"))]
        if shapes[-1] == (None, 1):
            shapes.pop()  # the projection's sum
        assert [shape[-1] for shape in shapes] == widths
        (attention,) = (layer for layer in network.layers if isinstance(layer, layers.SelfAttention))
        assert attention.output.shape[1:3] == (32, 32)


def test_attention_at_a_size_that_no_layer_has_is_refused():
    with pytest.raises(InputError, match="attention at size 5: expected the size of a layer, 8"):
        sn_resnet_generator(SHAPE, width=8, attention=5)
