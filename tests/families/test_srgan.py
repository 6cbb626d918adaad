import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, logistic_loss, logistic_slopes, sigmoid, slope_at, softplus, step
from conformance import Conformance

from tfgan_zoo import SRGAN, SRResNet, base, signatures
from tfgan_zoo.data import decoding
from tfgan_zoo.export import export
from tfgan_zoo.layers import PixelShuffle
from tfgan_zoo.networks.srresnet import srgan_discriminator, srresnet_generator
from tfgan_zoo.networks.vgg import vgg_features


def pair(count, rng):
    high = rng.uniform(-1, 1, [count, 16, 16, 1]).astype(np.float32)
    return {"image": high.reshape(count, 4, 4, 4, 4, 1).mean((2, 4)), "target": high}


def small_generator(**others):
    return srresnet_generator((4, 4, 1), width=4, blocks=1, **others)


class TestSRResNet(Conformance):
    def make(self):
        return SRResNet(small_generator())

    def batch(self, count, rng):
        return pair(count, rng)


class TestSRGAN(Conformance):
    def make(self):
        return SRGAN(small_generator(), srgan_discriminator((16, 16, 1), width=4))

    def batch(self, count, rng):
        rng.random()  # without it a leaky ReLU is 1e-8 from its kink, and two replicas are on the other side of it
        return pair(count, rng)


def test_steps_of_both_phases_move_the_networks_by_gradients_computed_by_hand():
    # G(s) = a s + b of pictures of one pixel, D(y) = sigmoid(v y + c).
    g, d = np.array([0.6, 0.1]), np.array([-1.2, 0.3])
    low, real = np.array([0.5, -0.9, 0.3, -0.2]), np.array([0.8, -0.1, 0.1, -0.7])
    batch = {"image": low.reshape(4, 1, 1, 1), "target": real.reshape(4, 1, 1, 1)}
    moved, logs = step(SRResNet(line(g, (1, 1, 1))), batch)
    fake = at(g, low)
    np.testing.assert_allclose(moved["generator"], slope_at(2 * (fake - real), low), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logs["mse"], np.mean((fake - real) ** 2), rtol=1e-5)

    after = d - logistic_slopes(d, (real,), (fake,))
    logits = at(after, fake)
    towards = -1e-3 * sigmoid(-logits) * after[0]  # of the adversarial loss
    expected_losses = [logistic_loss(d, (real,), (fake,)), softplus(-logits).mean()]
    # With features x -> (3 x, x^2) of one layer and x of another equation 5 has, of an error e = x - y, the slope
    # (9 * 2 e + 2 (x^2 - y^2) 2 x + 2 e) / 12.75^2.
    features = {None: 2 * (fake - real), "two": (20 * (fake - real) + 4 * fake * (fake**2 - real**2)) / 12.75**2}
    contents = {
        None: np.mean((fake - real) ** 2),
        "two": np.mean(10 * (fake - real) ** 2 + (fake**2 - real**2) ** 2) / 12.75**2,
    }
    for which, slope in features.items():
        made = None if which is None else lambda x: [tf.concat([3 * x, x * x], -1), x]
        moved, logs = step(SRGAN(line(g, (1, 1, 1)), line(d, (1, 1, 1)), features=made), batch)
        np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(moved["generator"], slope_at(slope + towards, low), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected_losses, rtol=1e-5)
        np.testing.assert_allclose(logs["content"], contents[which], rtol=1e-5)


def test_the_networks_have_the_parameters_of_the_paper():
    def trainable(network):
        return sum(int(np.prod(w.shape)) for w in network.trainable_weights)

    assert trainable(srresnet_generator((24, 24, 3))) == 1_550_659
    assert trainable(srresnet_generator((7, 40, 3))) == 1_550_659
    assert trainable(srgan_discriminator((96, 96, 3))) == 23_565_505


def test_a_discriminator_that_says_a_half_costs_the_generator_a_thousandth_of_log_2():
    model = TestSRGAN().make()
    model.discriminator.set_weights([0.0 * w for w in model.discriminator.get_weights()])
    model.compile(**{name: keras.optimizers.SGD(0.0) for name in model.trains})
    logs = TestSRGAN().train(model, 1)
    np.testing.assert_allclose(model.adversarial_weight * logs["g_loss"], 1e-3 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(logs["d_loss"], 2 * np.log(2), rtol=1e-6)


def test_the_factor_of_vgg_s_loss_is_1_in_162_5625_of_sums_over_channels_and_means_over_places():
    vgg = vgg_features(None, ["block1_conv1"], channels=1)
    model = SRGAN(small_generator(), srgan_discriminator((16, 16, 1), width=4), features=base.as_function(vgg))
    real, fake = (pair(2, np.random.default_rng(i))["target"] for i in (0, 1))
    (a,), (b,) = vgg(real), vgg(fake)
    expected = np.sum((np.float64(a) - np.float64(b)) ** 2) / (2 * 16 * 16) / 162.5625
    np.testing.assert_allclose(model.content_loss(real, fake), expected, rtol=1e-5)
    assert vgg.trainable_variables and not any("block1" in v.path for v in model.variables)


def test_a_pixel_shuffle_is_depth_to_space_by_a_loop():
    x = np.random.default_rng(0).normal(size=[2, 3, 5, 8]).astype(np.float32)
    expected = np.empty([2, 6, 10, 2], np.float32)
    for row in range(6):
        for column in range(10):
            square = 2 * (row % 2) + column % 2
            expected[:, row, column] = x[:, row // 2, column // 2, 2 * square : 2 * square + 2]
    np.testing.assert_array_equal(PixelShuffle(2)(x), expected)


def test_a_convolution_of_four_equal_kernels_and_a_pixel_shuffle_enlarge_by_the_nearest_pixel():
    x = np.random.default_rng(0).normal(size=[1, 4, 5, 2]).astype(np.float32)
    kernel = np.random.default_rng(1).normal(size=[3, 3, 2, 3]).astype(np.float32)
    shuffled = PixelShuffle(2)(tf.nn.conv2d(x, np.tile(kernel, 4), 1, "SAME"))
    plain = tf.nn.conv2d(x, kernel, 1, "SAME")
    np.testing.assert_allclose(shuffled, np.repeat(np.repeat(plain, 2, 1), 2, 2), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_blocks_whose_last_gamma_is_0_are_the_identity_to_the_bit(training):
    generator = srresnet_generator((6, 6, 3), width=8, blocks=16)
    norms = [layer for layer in generator.layers if isinstance(layer, keras.layers.BatchNormalization)]
    adds = [layer for layer in generator.layers if isinstance(layer, keras.layers.Add)]
    assert len(norms) == 33 and len(adds) == 17
    for norm in norms[1:-1:2]:
        norm.gamma.assign(0.0 * norm.gamma)
    first = next(layer for layer in generator.layers if isinstance(layer, keras.layers.PReLU))
    inner = keras.Model(generator.input, [first.output, *(add.output for add in adds[:16])])
    image = np.random.default_rng(0).uniform(-1, 1, [2, 6, 6, 3]).astype(np.float32)
    before, *after = inner(image, training=training)
    assert np.abs(before).max() > 0.01
    for x in after:
        np.testing.assert_array_equal(x, before)


def test_pictures_of_any_size_are_enlarged_and_files_come_back_in_their_size_times_the_scale(tmp_path):
    model = SRGAN(small_generator(scale=2), srgan_discriminator((8, 8, 1), width=4))
    last = model.generator.layers[-2]
    last.kernel.assign(20 * last.kernel)  # beyond -1 and 1, where what is served ends
    assert (model.scale, model.sizes) == (2, signatures.Sizes(1, 1))
    served = tf.saved_model.load(str(export(model, tmp_path / "srgan"))).signatures
    image = np.random.default_rng(0).integers(0, 256, [1, 7, 13, 1], np.uint8)
    made = served["serving_default"](image=tf.constant(image / 127.5 - 1, tf.float32))["generated"]
    assert made.shape == (1, 14, 26, 1)
    (file,) = served["upscale_bytes"](image_bytes=tf.constant([decoding.png(image[0])]))["generated_bytes"].numpy()
    answer = tf.io.decode_png(file).numpy()
    np.testing.assert_allclose(answer, np.clip(made[0] * 127.5 + 127.5, 0, 255), atol=0.51)
    path = export(model, tmp_path / "srgan", max_pixels_each=4 * 7 * 13 - 1)
    small = tf.saved_model.load(str(path)).signatures["upscale_bytes"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="must have 363 pixels or less, made 2 times as high"):
        small(image_bytes=tf.constant([decoding.png(image[0])]))
    # The same weights, built for that size.
    other = srresnet_generator((7, 13, 1), scale=2, width=4, blocks=1)
    other.set_weights(model.generator.get_weights())
    expected = np.array(other(image / 127.5 - 1))
    assert np.abs(expected).max() > 1
    np.testing.assert_allclose(made, np.clip(expected, -1, 1), atol=1e-4)


def test_the_grid_shows_a_bicubic_enlargement_beside_what_the_network_makes():
    model, batch = TestSRResNet().make(), pair(2, np.random.default_rng(0))
    pixels = np.random.default_rng(1).integers(90, 160, [2, 4, 4, 1], np.uint8)
    shown = model.preview(batch | {"image": (pixels / 127.5 - 1).astype(np.float32)})
    assert list(shown) == ["input", "bicubic", "output", "target"]
    pillow = np.stack([decoding.scaled(one, 16, 16) for one in pixels])
    np.testing.assert_allclose(np.array(shown["bicubic"]) * 127.5 + 127.5, pillow, atol=1.1)  # it rounds twice
    # Held-out pictures may be larger than the patches that are learned from.
    large = model.preview({"image": np.zeros([2, 6, 5, 1], np.float32), "target": np.zeros([2, 24, 20, 1], np.float32)})
    assert {len(x) for x in large.values()} == {2} and large["output"].shape == (2, 24, 20, 1)


def test_low_resolution_pictures_reach_the_first_layer_between_0_and_1():
    generator = small_generator()
    first = next(layer for layer in generator.layers if isinstance(layer, keras.layers.Conv2D))
    seen = keras.Model(generator.input, first.input)(np.array([-1.0, 1.0]).reshape(2, 1, 1, 1) * np.ones([2, 4, 4, 1]))
    np.testing.assert_allclose([seen[0], seen[1]], [np.zeros([4, 4, 1]), np.ones([4, 4, 1])], atol=1e-6)
