import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import random
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.networks.resnet import resnet_discriminator, resnet_generator
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator
from tfgan_zoo.networks.unet import unet_generator

# name -> (builder of a small network, output shape for a batch of 2)
SMALL = {
    "dcgan_generator": (lambda: dcgan_generator((32, 32, 3), latent_dim=7, width=4), (2, 32, 32, 3)),
    "dcgan_generator_28": (lambda: dcgan_generator((28, 28, 1), width=4), (2, 28, 28, 1)),
    "dcgan_discriminator": (lambda: dcgan_discriminator((32, 32, 3), width=4), (2, 1)),
    "dcgan_discriminator_8": (lambda: dcgan_discriminator((8, 8, 1), width=4, normalization=None), (2, 1)),
    "resnet_generator": (lambda: resnet_generator((32, 32, 3), width=4), (2, 32, 32, 3)),
    "resnet_generator_8": (lambda: resnet_generator((8, 8, 1), width=4), (2, 8, 8, 1)),
    "resnet_discriminator": (lambda: resnet_discriminator((32, 32, 3), width=4), (2, 1)),
    "resnet_discriminator_28": (lambda: resnet_discriminator((28, 28, 1), width=4), (2, 1)),
    "sn_resnet_generator": (lambda: sn_resnet_generator((32, 32, 3), width=4), (2, 32, 32, 3)),
    "sn_resnet_generator_growing": (
        lambda: sn_resnet_generator((28, 28, 1), width=4, grow=True, spectral=True, attention=14),
        (2, 28, 28, 1),
    ),
    "sn_resnet_discriminator": (lambda: sn_resnet_discriminator((32, 32, 3), width=4), (2, 1)),
    "sn_resnet_discriminator_growing": (
        lambda: sn_resnet_discriminator((28, 28, 1), width=4, grow=True, attention=14),
        (2, 1),
    ),
    "mlp_generator": (lambda: mlp_generator((8, 8, 3), 5, [4]), (2, 8, 8, 3)),
    "mlp_points": (lambda: mlp_generator((2,), 5, [4, 4]), (2, 2)),
    "mlp_discriminator": (lambda: mlp_discriminator((8, 8, 3), [4], dropout=(0.1, 0.5)), (2, 1)),
    "mlp_discriminator_maxout": (lambda: mlp_discriminator((2,), [4, 4], pieces=3, scale=0.25), (2, 1)),
    "unet_generator": (lambda: unet_generator((32, 32, 3), out_channels=1, width=4), (2, 32, 32, 1)),
    "unet_generator_8": (lambda: unet_generator((8, 8, 1), width=4, normalization="instance"), (2, 8, 8, 1)),
    "patchgan_discriminator": (lambda: patchgan_discriminator((32, 32, 3), width=4), (2, 2, 2, 1)),
    "patchgan_discriminator_conditional": (
        lambda: patchgan_discriminator((16, 24, 3), width=4, layers=2, condition_channels=1),
        (2, 2, 4, 1),
    ),
    "patchgan_discriminator_instance": (
        lambda: patchgan_discriminator((8, 8, 1), width=4, layers=1, normalization="instance"),
        (2, 2, 2, 1),
    ),
    "residual_translator_generator": (
        lambda: residual_translator_generator((8, 12, 3), out_channels=1, width=4, blocks=1),
        (2, 8, 12, 1),
    ),
}
EACH = pytest.mark.parametrize("name", SMALL)


@pytest.fixture
def bfloat16():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy(before)


def answer(network, scale=1.0):
    inputs = [tf.random.stateless_normal([2, *x.shape[1:]], [0, i]) * scale for i, x in enumerate(network.inputs)]
    with random.stream(0):
        return network(inputs if len(inputs) > 1 else inputs[0], training=True)


def trainable(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_weights)


@EACH
def test_small_networks_take_float32_and_give_float32_of_the_right_shape_and_range(name):
    build, shape = SMALL[name]
    network = build()
    y = answer(network, scale=10.0)
    assert y.shape == shape and y.dtype == tf.float32 and np.isfinite(y).all()
    assert all(x.dtype == "float32" for x in network.inputs)
    if "generator" in name:
        assert np.abs(y).max() <= 1.0 and network.output_shape[1:] == shape[1:]


@EACH
def test_networks_give_float32_under_mixed_bfloat16(name, bfloat16):
    build, shape = SMALL[name]
    network = build()
    y = answer(network)
    assert y.shape == shape and y.dtype == tf.float32 and np.isfinite(y).all()
    # Half-precision outputs widened to float32 would be bfloat16 numbers; tanh is to be taken after widening.
    if "generator" in name:
        assert (tf.cast(tf.cast(y, tf.bfloat16), tf.float32).numpy() != y.numpy()).any()


def test_full_size_networks_have_the_parameters_of_the_published_ones():
    size = (256, 256, 3)
    assert trainable(unet_generator(size)) == 54_413_955
    assert trainable(patchgan_discriminator(size, condition_channels=3)) == 2_768_705
    assert trainable(patchgan_discriminator(size, normalization="instance")) == 2_764_737
    assert trainable(residual_translator_generator(size)) == 11_378_179


def test_cyclegan_has_six_blocks_below_256_pixels():
    block = 2 * (3 * 3 * 256 * 256 + 256)
    assert trainable(residual_translator_generator((128, 128, 3))) == 11_378_179 - 3 * block


def test_dcgan_of_width_128_has_the_maps_of_figure_1():
    generator = dcgan_generator((64, 64, 3), latent_dim=100, width=128)
    maps = [x.output.shape[1:] for x in generator.layers if isinstance(x, keras.layers.ReLU)]
    assert maps == [(4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128)]
    kernels = [x.kernel.shape for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)]
    assert kernels == [(5, 5, 512, 1024), (5, 5, 256, 512), (5, 5, 128, 256), (5, 5, 3, 128)]


@pytest.mark.parametrize("size", [8, 16, 28, 32, 64, 96, 128])
def test_dcgan_has_no_pooling_and_no_hidden_dense_layer(size):
    generator, discriminator = dcgan_generator((size, size, 1), width=2), dcgan_discriminator((size, size, 1), width=2)
    for network in generator, discriminator:
        assert not [x for x in network.layers if "Pooling" in type(x).__name__]
    dense = [[isinstance(x, keras.layers.Dense) for x in network.layers] for network in (generator, discriminator)]
    assert dense[0][1] and sum(dense[0]) == 1  # G projects z, then only convolves
    assert dense[1][-2] and sum(dense[1]) == 1  # D's last layer gives the logit, then only a cast
    assert generator.output_shape == discriminator.input_shape == (None, size, size, 1)


def test_dcgan_has_batch_norm_everywhere_but_at_the_output_of_g_and_the_input_of_d():
    def norms(network):
        return sum(isinstance(x, keras.layers.BatchNormalization) for x in network.layers)

    shape = (64, 64, 3)
    assert norms(dcgan_generator(shape, width=2)) == 4
    assert norms(dcgan_discriminator(shape, width=2)) == 3
    assert norms(dcgan_discriminator(shape, width=2, normalization=None)) == 0


def test_wgan_gp_resnet_has_the_published_layers_at_32_pixels():
    generator, discriminator = resnet_generator((32, 32, 3)), resnet_discriminator((32, 32, 3))
    conv, dense, norm = 3 * 3 * 128 * 128, 128 * 4 * 4 * 128 + 4 * 4 * 128, 2 * 128
    assert trainable(generator) == dense + 3 * (2 * conv + 128 * 128 + 2 * norm) + norm + 3 * 3 * 128 * 3 + 3
    first = 3 * 3 * 3 * 128 + 128 + conv + 128 + 3 * 128 + 128
    down = 2 * (conv + 128) + 128 * 128 + 128
    assert trainable(discriminator) == first + down + 2 * 2 * (conv + 128) + 128 + 1
    assert not [x for x in discriminator.layers if "Normalization" in type(x).__name__]


@pytest.mark.parametrize("layers,field", [(1, 16), (2, 34), (3, 70)])
def test_a_patch_logit_sees_exactly_its_patch(layers, field):
    network = patchgan_discriminator((128, 128, 1), width=4, layers=layers)
    x = tf.random.stateless_normal([1, 128, 128, 1], [0, 0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network(x, training=False)  # batch statistics would tie every pixel to every logit
        middle = logits.shape[1] // 2
        one = logits[0, middle, middle, 0]
    rows, columns = np.nonzero(tape.gradient(one, x)[0, :, :, 0].numpy())
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1, len(rows)) == (field, field, field * field)


def test_patchgan_gives_30x30_logits_at_256_pixels():
    assert patchgan_discriminator((256, 256, 3), width=2).output_shape == (None, 30, 30, 1)


def test_a_conditional_patchgan_takes_the_condition_first():
    network = patchgan_discriminator((16, 16, 3), width=4, layers=1, condition_channels=1)
    assert [x.shape[-1] for x in network.inputs] == [1, 3]


@pytest.mark.parametrize("size,layers", [(8, 1), (16, 1), (32, 1), (64, 2), (128, 3), (256, 3)])
def test_unet_reaches_one_pixel_and_drops_out_in_its_first_decoder_layers(size, layers):
    network = unet_generator((size, size, 1), width=1)
    assert min(x.output.shape[1] for x in network.layers) == 1
    assert sum(type(x).__name__ == "Dropout" for x in network.layers) == layers


def test_unet_draws_its_noise_when_not_training_too():
    network, x = unet_generator((8, 8, 1), width=4), tf.random.stateless_normal([1, 8, 8, 1], [0, 0])

    def draw(seed):
        with random.stream(seed, shared=True):
            return network(x, training=False).numpy()

    np.testing.assert_array_equal(draw(0), draw(0))
    assert any((draw(0) != draw(seed)).any() for seed in range(1, 4))


def test_networks_of_one_seed_are_equal_and_their_layers_are_not():
    def weights(seed):
        keras.utils.set_random_seed(seed)
        network = residual_translator_generator((8, 8, 1), width=2, blocks=1)
        return [w.numpy() for w in network.trainable_weights if len(w.shape) > 1]

    first, again = weights(3), weights(3)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    same_shape = [w for w in first if w.shape == (3, 3, 8, 8)]
    assert len(same_shape) == 2 and (same_shape[0] != same_shape[1]).any()


@pytest.mark.parametrize(
    "build",
    [
        lambda: dcgan_generator((30, 30, 3)),
        lambda: dcgan_discriminator((4, 4, 3)),
        lambda: dcgan_generator((32, 64, 3)),
        lambda: dcgan_generator((32, 32)),
        lambda: dcgan_discriminator((32, 32, 3), normalization="layer"),
        lambda: resnet_generator((36, 36, 3)),
        lambda: resnet_discriminator((0, 0, 3)),
        lambda: sn_resnet_generator((36, 36, 3)),
        lambda: sn_resnet_discriminator((32, 32, 3), attention=32),
        lambda: unet_generator((4, 4, 3)),
        lambda: unet_generator((96, 96, 3)),
        lambda: unet_generator((64, 32, 3)),
        lambda: unet_generator((64, 64, 3), normalization=None),
        lambda: patchgan_discriminator((16, 16, 3)),
        lambda: patchgan_discriminator((64, 16, 3)),
        lambda: patchgan_discriminator((64, 64, 3), layers=0),
        lambda: patchgan_discriminator((64, 64, 3), normalization="group"),
        lambda: residual_translator_generator((30, 32, 3)),
        lambda: residual_translator_generator((4, 4, 3)),
    ],
)
def test_what_does_not_fit_is_an_input_error_of_one_line(build):
    with pytest.raises(InputError) as error:
        build()
    assert "expected" in str(error.value) and "\n" not in str(error.value)


def test_a_maxout_unit_is_the_largest_of_its_linear_pieces():
    network = mlp_discriminator((2,), [3], pieces=2, scale=0.5)
    kernel, bias, out, offset = (np.array(w) for w in network.trainable_weights)
    x = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    pieces = (0.5 * x @ kernel + bias).reshape(2, 3, 2)  # [B, units, pieces]
    np.testing.assert_allclose(network(x), pieces.max(-1) @ out + offset, rtol=1e-5)


def test_networks_for_points_tell_apart_what_bfloat16_does_not(bfloat16):
    close = np.array([[2.0, 0.0], [2.002, 0.0]], np.float32)
    first, second = mlp_discriminator((2,), [64])(close).numpy()
    assert first != second
    points = mlp_generator((2,), 3, [64])(np.random.default_rng(0).normal(size=[100, 3])).numpy()
    assert (tf.cast(tf.cast(points, tf.bfloat16), tf.float32).numpy() != points).any()
