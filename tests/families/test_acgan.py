import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import lines, sigmoid, slope_at_lines, softplus, step
from conformance import Conformance

from tfgan_zoo import ACGAN, latent, losses, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import similarity
from tfgan_zoo.networks.acgan import acgan_discriminator, acgan_generator, acgan_imagenet_generator

SHAPE, CLASSES = (8, 8, 1), 3


class TestACGAN(Conformance):
    def make(self):
        generator = acgan_generator(SHAPE, CLASSES, 6, 8)
        return ACGAN(generator, acgan_discriminator(SHAPE, CLASSES, 2), num_classes=CLASSES)

    def batch(self, count, rng):
        image = rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)
        return {"image": image, "label": rng.integers(0, CLASSES, count)}


class Table(keras.layers.Layer):
    """`x [B, 1] -> [logits [B, 1], class_logits [B, K]]`, each a line; outside of training the negative."""

    def __init__(self, weights):
        super().__init__()
        self.start = np.float32(weights)  # [2, 1 + K]: slopes and shifts, of the source first

    def build(self, input_shape):
        both = ("source", self.start[:, :1]), ("classes", self.start[:, 1:])
        self.parts = [
            self.add_weight(name=name, shape=start.shape, initializer=keras.initializers.Constant(start))
            for name, start in both
        ]

    def call(self, x, training=False):
        answers = [x * part[0] + part[1] for part in self.parts]
        return answers if training else [-answer for answer in answers]


def table(weights):
    x = keras.Input([1])
    return keras.Model(x, Table(weights)(x))


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def of_classes(d, x, label):
    """The cross-entropy of D's class logits d[:, 1:], its slopes in d[:, 1:], and in x for each example."""
    told, right = softmax(np.outer(x, d[0, 1:]) + d[1, 1:]), np.eye(d.shape[1] - 1)[label]
    wrong = told - right
    loss = -np.log(np.sum(told * right, axis=1)).mean()
    return loss, np.stack([(wrong * x[:, None]).mean(axis=0), wrong.mean(axis=0)]), wrong @ d[0, 1:]


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z, y) = a z + b_y; D's logits and class logits are lines in x. Fakes have labels of their own, new ones for G.
    g = np.array([0.8, 0.3, -0.5, 0.1])
    d = np.array([[0.6, -0.4, 0.9, 0.2], [0.1, 0.3, -0.2, 0.5]])
    x, y = np.array([0.5, -1.0, 2.5, 0.7, -2.0]), np.array([0, 1, 2, 1, 0])
    model = ACGAN(lines(g), table(d), num_classes=3)
    with random.stream(model.seed):
        draws = [(random.integers([5], 3).numpy(), np.float64(random.normal([5, 1]))[:, 0]) for _ in range(2)]
    (fake_y, z), (last_y, last) = draws
    assert (fake_y != y).any() and (last_y != fake_y).any()
    moved, logs = step(model, {"image": x[:, None], "label": y})

    fake = g[0] * z + g[1:][fake_y]
    real_logits, fake_logits = (d[0, 0] * images + d[1, 0] for images in (x, fake))
    of_source = [(-sigmoid(-real_logits), x), (sigmoid(fake_logits), fake)]
    source = sum(np.array([np.mean(slope * images), np.mean(slope)]) for slope, images in of_source)
    (real_loss, of_real, _), (fake_loss, of_fake, _) = of_classes(d, x, y), of_classes(d, fake, fake_y)
    np.testing.assert_allclose(
        moved["discriminator"], [*source, *(of_real + of_fake).ravel()], rtol=1e-5, atol=1e-6
    )  # fmt: skip

    after = d - np.concatenate([source[:, None], of_real + of_fake], axis=1)
    made = g[0] * last + g[1:][last_y]
    logits = after[0, 0] * made + after[1, 0]
    class_loss, _, slope = of_classes(after, made, last_y)
    slope = slope - sigmoid(-logits) * after[0, 0]
    np.testing.assert_allclose(moved["generator"], slope_at_lines(slope, last, last_y, 3), rtol=1e-5, atol=1e-6)
    d_loss = softplus(-real_logits).mean() + softplus(fake_logits).mean() + real_loss + fake_loss
    expected = d_loss, softplus(-logits).mean() + class_loss, real_loss + fake_loss
    np.testing.assert_allclose([logs[n] for n in ("d_loss", "g_loss", "class_loss")], expected, rtol=1e-5)


def test_where_all_logits_are_0_the_losses_are_those_of_guessing_among_ten():
    model = ACGAN(lines(np.zeros(11)), table(np.zeros([2, 11])), num_classes=10)
    model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(0.0))
    batch = {"image": np.ones([20, 1], np.float32), "label": np.arange(20) % 10}
    logs = model.fit(tf.data.Dataset.from_tensors(batch), shuffle=False, verbose=0).history
    np.testing.assert_allclose(logs["d_loss"], 5.991465, rtol=1e-6)  # -L_S - L_C = 2 log 2 + 2 log 10
    np.testing.assert_allclose(logs["g_loss"], 2.995732, rtol=1e-6)  # log 2 + log 10
    np.testing.assert_allclose(logs["class_loss"], 4.605170, rtol=1e-6)


def test_class_logits_get_the_gradient_of_the_classes_alone_and_the_source_that_of_the_source():
    rng = np.random.default_rng(0)
    both = [tf.constant(rng.normal(size=[5, n]), tf.float32) for n in (1, 1, 4, 4)]
    real, fake, real_classes, fake_classes = both
    label, fake_label = rng.integers(0, 4, [2, 5])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(both)
        source = losses.non_saturating_discriminator_loss(real, fake)
        classes = losses.cross_entropy(real_classes, label) + losses.cross_entropy(fake_classes, fake_label)
    assert tape.gradient(source, [real_classes, fake_classes]) == [None, None]
    assert tape.gradient(classes, [real, fake]) == [None, None]
    for logits, right in ((real_classes, label), (fake_classes, fake_label)):
        up = np.eye(4)[right] - softmax(logits.numpy())  # the ascent of L_C: one-hot - softmax
        np.testing.assert_allclose(tape.gradient(classes, logits), -up / 5, rtol=1e-5, atol=1e-7)


def test_the_source_of_a_discriminator_that_knows_all_classes_still_learns():
    # Class logits that are sure and right have no gradient; the step is that of a GAN.
    d = np.zeros([2, 4])
    d[1, 1:] = [60.0, 0.0, 0.0]
    model = ACGAN(lines([0.0, 1.0, 1.0, 1.0]), table(d), num_classes=1)
    moved, _ = step(model, {"image": np.full([4, 1], 3.0), "label": np.zeros(4, int)})
    np.testing.assert_allclose(moved["discriminator"], [-0.5 * 3 + 0.5 * 1, 0, *[0] * 6], atol=1e-6)


@pytest.mark.parametrize("collapsed", [False, True])
def test_ms_ssim_within_a_collapsed_class_is_1(collapsed):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, [12, 16, 16, 1]).astype(np.float32)
    if collapsed:
        images[:] = images[:1]
    result = similarity.ms_ssim_within(images, np.arange(12) % 2, pairs=20, seed=0)["ms_ssim"]
    np.testing.assert_allclose(result, 1.0 if collapsed else 0.0, atol=0.05)
    a, b = images[:6], images[6:]
    np.testing.assert_allclose(similarity.ms_ssim(a, b), similarity.ms_ssim(b, a), rtol=1e-6)


def test_the_networks_of_32x32_have_the_parameters_of_the_public_reimplementation():
    def trainable(network):
        return sum(int(np.prod(w.shape)) for w in network.trainable_weights)

    assert trainable(acgan_generator((32, 32, 3), 10)) == 1_593_888
    assert trainable(acgan_discriminator((32, 32, 3), 10)) == 1_663_867


def test_the_networks_have_the_maps_of_the_papers_table():
    generator = acgan_imagenet_generator((128, 128, 3), 10)
    maps = [x.output.shape[1:] for x in generator.layers if type(x).__name__ in ("Reshape", "ReLU")]
    assert maps == [(8, 8, 768), (16, 16, 384), (32, 32, 256), (64, 64, 192)]
    assert generator.get_layer(index=3).kernel.shape == (110, 8 * 8 * 768)
    kernels = [x.kernel.shape for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert kernels == [(5, 5, 384, 768), (5, 5, 256, 384), (5, 5, 192, 256), (5, 5, 3, 192)]

    discriminator = acgan_discriminator((128, 128, 3), 10)
    convolutions = [x for x in discriminator.layers if isinstance(x, keras.layers.Conv2D)]
    assert [x.filters for x in convolutions] == [16, 32, 64, 128, 256, 512]
    assert [x.strides[0] for x in convolutions] == [2, 1, 2, 1, 2, 1]
    kinds = [type(x).__name__ for x in discriminator.layers]
    assert kinds.count("BatchNormalization") == 5 and kinds.index("BatchNormalization") > kinds.index("LeakyReLU")
    assert [x.rate for x in discriminator.layers if type(x).__name__ == "Dropout"] == [0.5] * 6


def test_a_size_that_does_not_double_is_answered_with_those_near_it():
    with pytest.raises(InputError, match="image size 30x33: expected multiples of 16, like 16x32 or 32x48"):
        acgan_imagenet_generator((30, 33, 1), 3)


def test_discriminate_takes_images_alone_and_tells_source_and_class():
    model = TestACGAN().make()
    function, specs = model.signatures()["discriminate"]
    assert [spec.name for spec in specs] == ["image"]
    answer = function(tf.zeros([2, *SHAPE]))
    assert answer["logits"].shape == (2, 1) and answer["class_logits"].shape == (2, CLASSES)


def test_a_sample_grid_shows_each_sample_beside_a_picture_of_its_label():
    model, batch = TestACGAN().make(), TestACGAN().batch(6, np.random.default_rng(0))
    columns = model.preview(batch)
    np.testing.assert_array_equal(columns["of this label"], batch["image"])
    tour = latent.tour(model)["labels"]
    assert len(tour) == CLASSES and tour["2"].shape == (4, *SHAPE)
