import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import layers, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.ebgan import autoencoder
from tfgan_zoo.families.lapgan import level_discriminator, level_generator
from tfgan_zoo.families.unrolled_gan import recurrent_generator, stacked_generator, strided_discriminator
from tfgan_zoo.networks import sizes
from tfgan_zoo.networks.aae import aae_decoder, aae_encoder
from tfgan_zoo.networks.acgan import acgan_discriminator, acgan_generator, acgan_imagenet_generator
from tfgan_zoo.networks.cgan import cgan_discriminator, cgan_generator
from tfgan_zoo.networks.classifier import classifier
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.growing import growing_discriminators, progan_generators
from tfgan_zoo.networks.infogan import infogan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.networks.partial_unet import partial_unet
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn, pixel_cnn
from tfgan_zoo.networks.pixel_gan import pixel_gan_encoder
from tfgan_zoo.networks.pixel_vae import pixel_vae_encoder
from tfgan_zoo.networks.rbm import rbm_energy
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.networks.resnet import resnet_discriminator, resnet_generator
from tfgan_zoo.networks.sgan import softplus_generator
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator
from tfgan_zoo.networks.srresnet import srgan_discriminator, srresnet_generator
from tfgan_zoo.networks.stargan import stargan_generator
from tfgan_zoo.networks.style import mapping_network
from tfgan_zoo.networks.stylegan import stylegan_syntheses
from tfgan_zoo.networks.stylegan2 import stylegan2_discriminator, stylegan2_synthesis
from tfgan_zoo.networks.text_to_image import gan_cls_discriminator, gan_cls_generator
from tfgan_zoo.networks.unet import unet_generator
from tfgan_zoo.networks.vae import vae_decoder, vae_encoder
from tfgan_zoo.networks.vae_gan import vae_gan_decoder, vae_gan_encoder

# name -> (builder of a small network, output shape for a batch of 2)
SMALL = {
    "dcgan_generator": (lambda: dcgan_generator((32, 32, 3), latent_dim=7, width=4), (2, 32, 32, 3)),
    "dcgan_generator_28": (lambda: dcgan_generator((28, 28, 1), width=4), (2, 28, 28, 1)),
    "dcgan_discriminator": (lambda: dcgan_discriminator((32, 32, 3), width=4), (2, 1)),
    "dcgan_discriminator_8": (lambda: dcgan_discriminator((8, 8, 1), width=4, normalization=None), (2, 1)),
    "dcgan_generator_labels": (lambda: dcgan_generator((8, 8, 1), 5, 4, num_classes=3), (2, 8, 8, 1)),
    "dcgan_discriminator_labels": (lambda: dcgan_discriminator((8, 8, 1), 4, num_classes=3), (2, 1)),
    "cgan_generator": (lambda: cgan_generator((8, 8, 1), 3, 5, [64, 64, 64]), (2, 8, 8, 1)),
    "cgan_discriminator": (lambda: cgan_discriminator((8, 8, 1), 3, [4, 2, 4], [3, 2, 2]), (2, 1)),
    "acgan_generator": (lambda: acgan_generator((28, 28, 1), 3, 5, 4), (2, 28, 28, 1)),
    "acgan_imagenet_generator": (lambda: acgan_imagenet_generator((16, 16, 3), 3, 5, [8, 4]), (2, 16, 16, 3)),
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
    # Linear at their ends.
    "stylegan_fading": (lambda: stylegan_syntheses((8, 16, 3), 5, 4)[1].fading, (2, 8, 16, 3)),
    "progan_fading": (lambda: progan_generators((8, 16, 3), 5, 4)[1].fading, (2, 8, 16, 3)),
    "growing_discriminator_fading": (lambda: growing_discriminators((8, 16, 3), 4)[1].fading, (2, 1)),
    "growing_discriminator_blurred": (lambda: growing_discriminators((16, 8, 1), 4, blur=True)[1].steady, (2, 1)),
    "mapping_network": (lambda: mapping_network(5, 6, 3, width=4), (2, 6)),
    "unet_generator": (lambda: unet_generator((32, 32, 3), out_channels=1, width=4), (2, 32, 32, 1)),
    "unet_generator_8": (lambda: unet_generator((8, 8, 1), width=4, normalization="instance"), (2, 8, 8, 1)),
    "partial_unet": (lambda: partial_unet((16, 16, 3), width=4), (2, 16, 16, 3)),
    "unet_generator_without_noise_or_scales": (
        lambda: unet_generator((16, 8, 2), 1, 4, normalization="instance", dropout=0.0, affine=False),
        (2, 16, 8, 1),
    ),
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
    "gan_cls_generator": (lambda: gan_cls_generator((28, 28, 1), 6, 5, 4, 4), (2, 28, 28, 1)),
    "gan_cls_discriminator": (lambda: gan_cls_discriminator((8, 8, 3), 6, 4, 4), (2, 1)),
    "gan_cls_discriminator_projection": (lambda: gan_cls_discriminator((8, 8, 3), 6, 4, 4, projection=True), (2, 1)),
    # Linear at its end: not in [-1, 1] before it is trained.
    "srresnet": (lambda: srresnet_generator((4, 6, 3), 2, width=4, blocks=1), (2, 8, 12, 3)),
    "srgan_discriminator": (lambda: srgan_discriminator((16, 12, 1), width=4), (2, 1)),
    "stylegan2_synthesis": (lambda: stylegan2_synthesis((8, 14, 1), 5, width=4, most=6), (2, 8, 14, 1)),
    "stylegan2_discriminator": (lambda: stylegan2_discriminator((8, 14, 1), width=4, most=6, group=2), (2, 1)),
    "pixel_cnn": (lambda: pixel_cnn((6, 5, 1), 4, 1), (2, 6, 5, 1)),
    "gated_pixel_cnn": (lambda: gated_pixel_cnn((5, 6, 3), 3, 1, levels=4, code_dim=2), (2, 5, 6, 12)),
    "gated_pixel_cnn_maps": (
        lambda: gated_pixel_cnn((5, 6, 1), 3, 1, code_dim=2, code_maps=2, normalization=layers.WeightNorm()),
        (2, 5, 6, 1),
    ),
}
EACH = pytest.mark.parametrize("name", SMALL)


def joined(network):
    """Its answers side by side."""
    return keras.Model(network.inputs, keras.ops.concatenate(network.outputs, axis=-1))


# name -> (builder of a small network from an image shape, (height, width), output shape for a batch of 2 of C channels)
RECTANGULAR = {
    "dcgan_generator": (lambda s: dcgan_generator(s, 5, 4), (8, 24), (2, 8, 24, "C")),
    "dcgan_discriminator": (lambda s: dcgan_discriminator(s, 4), (48, 16), (2, 1)),
    "dcgan_generator_labels": (lambda s: dcgan_generator(s, 5, 4, num_classes=3), (8, 24), (2, 8, 24, "C")),
    "dcgan_discriminator_labels": (lambda s: dcgan_discriminator(s, 4, num_classes=3), (16, 8), (2, 1)),
    "cgan_generator": (lambda s: cgan_generator(s, 3, 5, [8, 8, 8]), (3, 5), (2, 3, 5, "C")),
    "cgan_discriminator": (lambda s: cgan_discriminator(s, 3, [8, 4, 8]), (3, 5), (2, 1)),
    "acgan_generator": (lambda s: acgan_generator(s, 3, 5, 4), (8, 24), (2, 8, 24, "C")),
    "acgan_imagenet_generator": (lambda s: acgan_imagenet_generator(s, 3, 5, [8, 4]), (8, 12), (2, 8, 12, "C")),
    "acgan_discriminator": (lambda s: joined(acgan_discriminator(s, 3, 4)), (9, 14), (2, 1 + 3)),
    "resnet_generator": (lambda s: resnet_generator(s, 5, 4), (32, 16), (2, 32, 16, "C")),
    "resnet_discriminator": (lambda s: resnet_discriminator(s, 4), (32, 64), (2, 1)),
    "sn_resnet_generator": (
        lambda s: sn_resnet_generator(s, 5, 8, grow=True, num_classes=3, spectral=True, attention=8),
        (24, 16),
        (2, 24, 16, "C"),
    ),
    "sn_resnet_discriminator": (
        lambda s: sn_resnet_discriminator(s, 8, grow=True, num_classes=3, attention=8),
        (24, 16),
        (2, 1),
    ),
    "mlp_generator": (lambda s: mlp_generator(s, 5, [8]), (3, 5), (2, 3, 5, "C")),
    "mlp_discriminator": (lambda s: mlp_discriminator(s, [8], "leaky_relu"), (3, 5), (2, 1)),
    "classifier": (lambda s: classifier(s, 3, 4), (11, 28), (2, 3)),
    "unet_generator": (lambda s: unet_generator(s, width=4), (24, 16), (2, 24, 16, "C")),
    "unet_generator_of_depth_2": (
        lambda s: unet_generator(s, 2, width=4, normalization="instance", depth=2),
        (12, 16),
        (2, 12, 16, 2),
    ),
    "partial_unet": (lambda s: partial_unet(s, width=4, levels=2), (12, 16), (2, 12, 16, "C")),
    "patchgan_discriminator": (
        lambda s: patchgan_discriminator(s, 4, layers=2, condition_channels=2),
        (13, 24),
        (2, 1, 4, 1),
    ),
    "patchgan_discriminator_instance": (
        lambda s: patchgan_discriminator(s, 4, layers=1, normalization="instance"),
        (6, 16),
        (2, 1, 6, 1),
    ),
    "patchgan_discriminator_affine": (
        lambda s: patchgan_discriminator(s, 4, layers=1, normalization="instance", affine=True),
        (6, 16),
        (2, 1, 6, 1),
    ),
    "residual_translator_generator": (
        lambda s: residual_translator_generator(s, width=4, blocks=1),
        (12, 8),
        (2, 12, 8, "C"),
    ),
    "stargan_generator": (lambda s: stargan_generator(s, 3, 4, blocks=1), (12, 8), (2, 12, 8, "C")),
    "srresnet_generator": (lambda s: srresnet_generator(s, width=4, blocks=2), (5, 3), (2, 20, 12, "C")),
    "srgan_discriminator": (lambda s: srgan_discriminator(s, width=4), (33, 50), (2, 1)),
    "stacked_generator": (lambda s: stacked_generator(s, 5, 16), (9, 14), (2, 9, 14, "C")),
    "stylegan2_synthesis": (lambda s: stylegan2_synthesis(s, 5, 4), (10, 16), (2, 10, 16, "C")),
    "stylegan2_discriminator": (lambda s: stylegan2_discriminator(s, 4), (10, 16), (2, 1)),
    "recurrent_generator": (lambda s: recurrent_generator(s, 5, 6), (4, 3), (2, 4, 3, "C")),
    "strided_discriminator": (lambda s: strided_discriminator(s, [4, 4]), (9, 14), (2, 1)),
    "autoencoder": (lambda s: autoencoder(s, 4, 5), (16, 8), (2, 16, 8, "C")),
    "rbm_energy": (lambda s: rbm_energy(s, 4), (3, 5), (2,)),
    "vae_gan_encoder": (lambda s: joined(vae_gan_encoder(s, 5, [2, 4], 6)), (12, 8), (2, 10)),
    "vae_gan_decoder": (lambda s: vae_gan_decoder(s, 5, [4, 2]), (12, 8), (2, 12, 8, "C")),
    "vae_encoder": (lambda s: joined(vae_encoder(s, 5, [8])), (3, 5), (2, 10)),
    "vae_decoder": (lambda s: vae_decoder(s, 5, [8], law="gaussian"), (3, 5), (2, 3, 5, "C")),
    "aae_encoder": (lambda s: joined(aae_encoder(s, 5, 3, [8])), (3, 5), (2, 8)),
    "aae_decoder": (lambda s: aae_decoder(s, 5, 0, [8]), (3, 5), (2, 3, 5, "C")),
    "infogan_generator": (lambda s: infogan_generator(s, 5, 4), (8, 12), (2, 8, 12, "C")),
    "stylegan_syntheses": (lambda s: stylegan_syntheses(s, 5, 4)[2].fading, (24, 16), (2, 24, 16, "C")),
    "progan_generators": (lambda s: progan_generators(s, 5, 4)[2].fading, (24, 16), (2, 24, 16, "C")),
    "growing_discriminators": (lambda s: growing_discriminators(s, 4)[2].fading, (24, 16), (2, 1)),
    "gan_cls_generator": (lambda s: gan_cls_generator(s, 6, 5, 4, 4), (8, 24), (2, 8, 24, "C")),
    "gan_cls_discriminator": (lambda s: gan_cls_discriminator(s, 6, 4, 4), (16, 8), (2, 1)),
    "gan_cls_discriminator_projection": (
        lambda s: gan_cls_discriminator(s, 6, 4, 4, projection=True),
        (16, 8),
        (2, 1),
    ),
    "softplus_generator": (lambda s: softplus_generator(s, 5, [6]), (3, 5), (2, 3, 5, "C")),
    "softplus_generator_virtual": (lambda s: softplus_generator(s, 5, [6], reference=9), (3, 5), (2, 3, 5, "C")),
    "level_generator": (lambda s: level_generator(s, 4), (10, 12), (2, 10, 12, "C")),
    "pixel_cnn": (lambda s: pixel_cnn(s, 24, 1), (5, 3), (2, 5, 3, "C")),
    "pixel_vae_encoder": (lambda s: joined(pixel_vae_encoder(s, 3, 16)), (7, 5), (2, 3 + 3)),
    "pixel_gan_encoder": (lambda s: joined(pixel_gan_encoder(s, 3, 2, 8, noise=0.0)), (7, 5), (2, 3 + 2)),
    "gated_pixel_cnn": (lambda s: gated_pixel_cnn(s, 12, 1, code_dim=3), (3, 5), (2, 3, 5, "C")),
    "level_discriminator": (lambda s: level_discriminator(s, 4), (9, 12), (2, 1)),
}


@pytest.fixture
def bfloat16():
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    keras.mixed_precision.set_global_policy(before)


def answer(network, scale=1.0):
    inputs = [
        tf.random.stateless_normal([2, *x.shape[1:]], [0, i]) * scale if x.dtype == "float32" else tf.constant([0, 2])
        for i, x in enumerate(network.inputs)
    ]
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
    assert {x.dtype for x in network.inputs if x.name != "label"} == {"float32"}
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


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", RECTANGULAR)
def test_rectangular_images_of_any_channels_give_every_weight_a_gradient(name, channels):
    build, size, shape = RECTANGULAR[name]
    keras.utils.set_random_seed(1)
    network = build((*size, channels))
    for layer in network.layers:
        if isinstance(layer, layers.SelfAttention):
            layer.gamma.assign(0.5)  # at its start, 0, nothing inside is seen
    with tf.GradientTape() as tape:
        y = answer(network)
        y = y[0] if isinstance(y, list) else y
        loss = tf.reduce_sum(y * tf.random.stateless_normal(y.shape, [3, 3]))
    assert y.shape == tuple(channels if n == "C" else n for n in shape) and y.dtype == tf.float32
    gradients = tape.gradient(loss, network.trainable_weights)
    assert all(g is not None for g in gradients)
    # An instance norm without offset takes the biases before it away.
    biased = name in ("patchgan_discriminator_instance", "residual_translator_generator")
    still = [w.path for w, g in zip(network.trainable_weights, gradients, strict=True) if not np.any(g)]
    assert not [path for path in still if not (biased and path.endswith("bias"))]


def test_full_size_networks_have_the_parameters_of_the_published_ones():
    size, small = (256, 256, 3), (32, 32, 3)
    assert trainable(unet_generator(size)) == 54_413_955
    assert trainable(patchgan_discriminator(size, condition_channels=3)) == 2_768_705
    instance = {"normalization": "instance", "condition_channels": 3}
    assert trainable(patchgan_discriminator(size, **instance, affine=True)) == 2_768_705
    assert trainable(patchgan_discriminator(size, **instance)) == 2_767_809
    assert trainable(patchgan_discriminator(size, normalization="instance")) == 2_764_737
    assert trainable(residual_translator_generator(size)) == 11_378_179
    assert trainable(dcgan_generator((64, 64, 3), width=128)) == 18_855_043
    assert trainable(dcgan_discriminator((64, 64, 3), width=128)) == 17_232_897
    assert trainable(resnet_generator(small)) == 1_203_331
    assert trainable(resnet_discriminator(small)) == 1_053_825
    assert trainable(sn_resnet_generator(small)) == 4_274_435
    assert trainable(sn_resnet_discriminator(small)) == 1_053_824
    assert trainable(sn_resnet_discriminator(small, bias=True)) == 1_053_825


def test_twice_as_wide_images_take_the_same_convolutions():
    convolutional = [unet_generator, patchgan_discriminator, residual_translator_generator, resnet_discriminator]
    for build in convolutional:
        assert trainable(build((256, 512, 1), width=4)) == trainable(build((256, 256, 1), width=4))
    # DCGAN's dense layers have one weight per place of the smallest map: 4x8 where it was 4x4
    channels, z = 32, 5
    more = trainable(dcgan_generator((64, 128, 1), z, 4)) - trainable(dcgan_generator((64, 64, 1), z, 4))
    assert more == 4 * 4 * channels * z
    more = trainable(dcgan_discriminator((64, 128, 1), 4)) - trainable(dcgan_discriminator((64, 64, 1), 4))
    assert more == 4 * 4 * channels


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


def is_dropout(layer):
    return type(layer).__name__ == "Dropout"


@pytest.mark.parametrize("size,dropouts", [(8, 1), (16, 1), (32, 1), (64, 2), (128, 3), (256, 3)])
def test_unet_reaches_one_pixel_and_drops_out_in_its_first_decoder_layers(size, dropouts):
    network = unet_generator((size, size, 1), width=1)
    assert min(x.output.shape[1] for x in network.layers) == 1
    assert sum(is_dropout(x) for x in network.layers) == dropouts


@pytest.mark.parametrize(
    "size,depth,halvings,innermost",
    [
        ((256, 512), None, 8, (1, 2)),
        ((96, 64), None, 5, (3, 2)),
        ((24, 40), None, 3, (3, 5)),
        ((256, 256), None, 8, (1, 1)),
        ((256, 512), 5, 5, (8, 16)),
        ((12, 20), 2, 2, (3, 5)),
    ],
)
def test_unet_halves_both_sides_as_often_as_they_can_or_as_it_is_told(size, depth, halvings, innermost):
    network = unet_generator((*size, 1), width=1, depth=depth)
    assert sum(isinstance(x, keras.layers.Conv2D) for x in network.layers if "transpose" not in x.name) == halvings
    assert min(x.output.shape[1:3] for x in network.layers) == innermost
    assert network.output_shape == (None, *size, 1)


@pytest.mark.parametrize(
    "shape,base,times",
    [
        ((32, 64, 3), (4, 8), 3),
        ((64, 32, 3), (8, 4), 3),
        ((28, 28, 1), (7, 7), 2),
        ((96, 160, 1), (6, 10), 4),
        ((256, 512, 4), (4, 8), 6),
        ((8, 9 * 2, 1), (4, 9), 1),
    ],
)
def test_both_sides_halve_until_the_smaller_is_four_to_seven(shape, base, times):
    assert sizes.halvings(shape) == (base, times)


@pytest.mark.parametrize(
    "size,near",
    [
        ((30, 30), "28x28 or 32x32"),
        ((100, 100), "96x96 or 112x112"),
        ((4, 4), "8x8 or 16x16"),
        ((1, 1), "8x8"),
        ((36, 64), "32x64 or 40x64"),
        ((250, 500), "256x512 or 224x512"),
        ((720, 1280), "768x1280 or 640x1280"),
    ],
)
def test_a_size_that_does_not_halve_names_the_nearest_that_do(size, near):
    with pytest.raises(InputError, match=f"^image size {size[0]}x{size[1]}: expected sides .*, like {near}$"):
        sizes.halvings((*size, 3))
    for fits in near.split(" or "):
        sizes.halvings((*map(int, fits.split("x")), 3))


def test_attention_follows_the_map_whose_smaller_side_is_given():
    for shape in ((32, 64, 1), (64, 32, 1)):
        for build in (sn_resnet_generator, sn_resnet_discriminator):
            network = build(shape, width=4, grow=True, attention=8)
            (attention,) = (x for x in network.layers if isinstance(x, layers.SelfAttention))
            assert attention.output.shape[1:3] == (shape[0] // 4, shape[1] // 4)
            with pytest.raises(InputError, match="^attention at size 64: expected the size of a layer, .*8"):
                build(shape, width=4, grow=True, attention=64)


@pytest.mark.parametrize("size", [(7, 8), (8, 7), (5, 16)])
def test_a_side_of_the_stacked_generator_is_odd_or_even_whatever_the_other_is(size):
    generator = stacked_generator((*size, 1), latent_dim=3, width=8)
    up = [x for x in generator.layers if isinstance(x, keras.layers.Conv2DTranspose)][-1]
    after = generator.layers[generator.layers.index(up) + 1]  # the cropping
    before, answer = keras.Model(generator.input, [up.input, after.output])(np.ones([2, 3], np.float32))
    expected = tf.nn.conv2d_transpose(before, up.kernel.value, [2, *size, 1], 2, "SAME")
    np.testing.assert_allclose(answer, expected, atol=1e-6)


SCALED = {
    "dcgan": lambda: [dcgan_generator((32, 32, 1), width=64), dcgan_discriminator((32, 32, 1), width=64)],
    "unet_batch": lambda: [unet_generator((32, 32, 1), width=32)],
    "unet_instance": lambda: [unet_generator((32, 32, 1), width=32, normalization="instance")],
    "patchgan_batch": lambda: [patchgan_discriminator((32, 32, 1))],
    "patchgan_instance": lambda: [patchgan_discriminator((32, 32, 1), normalization="instance", affine=True)],
}


@pytest.mark.parametrize("name", SCALED)
def test_the_scales_of_normalization_start_around_one_as_in_the_published_code(name):
    keras.utils.set_random_seed(0)
    gammas = [np.array(w) for n in SCALED[name]() for w in n.trainable_weights if w.path.endswith("gamma")]
    scales = np.concatenate(gammas)
    assert len(scales) > 400
    np.testing.assert_allclose([scales.mean(), scales.std()], [1.0, 0.02], atol=4e-3)
    assert (gammas[0][:8] != gammas[1][:8]).all()  # each layer draws its own


def test_the_scales_of_the_resnets_start_at_one():
    for network in resnet_generator((16, 16, 1), width=4), sn_resnet_generator((16, 16, 1), width=4):
        for gamma in (w for w in network.trainable_weights if w.path.endswith("gamma")):
            np.testing.assert_array_equal(gamma, 1.0)


def test_unet_without_noise_or_scales_is_the_predictor_of_recycle_gan_and_needs_no_stream():
    network = unet_generator((256, 256, 6), 3, normalization="instance", dropout=0.0, affine=False)
    assert network.count_params() == trainable(network) == 54_412_675
    network = unet_generator((8, 8, 2), 1, 4, normalization="instance", dropout=0.0, affine=False)
    names = [weight.name for weight in network.weights]
    assert set(names) == {"kernel", "bias"} and names.count("bias") == 6
    assert network(tf.ones([1, 8, 8, 2]), training=True).shape == (1, 8, 8, 1)


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
    "build,given,fits",
    [
        (lambda: dcgan_generator((30, 30, 3)), "image size 30x30", "28x28 or 32x32"),
        (lambda: dcgan_discriminator((4, 4, 3)), "image size 4x4", "8x8"),
        (lambda: dcgan_generator((32, 68, 3)), "image size 32x68", "32x64 or 32x72"),
        (lambda: dcgan_generator((32, 32)), "image shape (32, 32)", "(height, width, channels)"),
        (lambda: dcgan_discriminator((32, 32, 3), normalization="layer"), "'layer'", "'batch' or None"),
        (lambda: resnet_generator((36, 36, 3)), "image size 36x36", "32x32 or 40x40"),
        (lambda: resnet_discriminator((0, 0, 3)), "image shape (0, 0, 3)", "1 or more"),
        (lambda: sn_resnet_generator((36, 36, 3)), "image size 36x36", "32x32 or 40x40"),
        (lambda: sn_resnet_discriminator((32, 32, 3), attention=32), "attention at size 32", "16, 8"),
        (lambda: classifier((28, 28), 10), "image shape (28, 28)", "(height, width, channels)"),
        (lambda: unet_generator((4, 4, 3)), "image size 4x4", "8, like 8x8"),
        (lambda: unet_generator((100, 60, 3)), "image size 100x60", "8, like 96x56 or 104x64"),
        (lambda: unet_generator((64, 96, 3), depth=6), "64x96 halves 5 times, not 6", "64, like 64x64 or 64x128"),
        (lambda: unet_generator((64, 64, 3), depth=1), "depth 1", "2 or more"),
        (lambda: unet_generator((64, 64, 3), depth=0), "depth 0", "2 or more"),
        (lambda: unet_generator((64, 64, 3), normalization=None), "None", "'batch' or 'instance'"),
        (lambda: patchgan_discriminator((16, 16, 3)), "image size 16x16 with 3 patch layers", "24x24 or more"),
        (lambda: patchgan_discriminator((64, 16, 3)), "image size 64x16 with 3 patch layers", "24x24 or more"),
        (lambda: patchgan_discriminator((64, 64, 3), layers=0), "0 patch layers", "1 layer or more"),
        (lambda: patchgan_discriminator((64, 64, 3), normalization="group"), "'group'", "'batch' or 'instance'"),
        (lambda: residual_translator_generator((30, 32, 3)), "image size 30x32", "28x32 or 32x32"),
        (lambda: residual_translator_generator((4, 4, 3)), "image size 4x4", "8x8"),
        (lambda: progan_generators((36, 36, 3)), "image size 36x36", "32x32 or 40x40"),
        (lambda: growing_discriminators((8, 12, 3, 1)), "image shape (8, 12, 3, 1)", "(height, width, channels)"),
        (lambda: stacked_generator((28, 28)), "image shape (28, 28)", "(height, width, channels)"),
        (lambda: autoencoder((30, 60, 1)), "image size 30x60", "28x60 or 32x56"),
        (lambda: level_discriminator((16, 8, 1)), "a level of 16x8 pixels", "9 or more a side"),
    ],
)
def test_what_does_not_fit_is_an_input_error_of_one_line_that_says_what_would(build, given, fits):
    with pytest.raises(InputError) as error:
        build()
    line = str(error.value)
    assert given in line.split("expected")[0] and fits in line.split("expected")[1] and "\n" not in line


def test_a_maxout_unit_is_the_largest_of_its_linear_pieces():
    network = mlp_discriminator((2,), [3], pieces=2, scale=0.5)
    kernel, bias, out, offset = (np.array(w) for w in network.trainable_weights)
    x = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    pieces = (0.5 * x @ kernel + bias).reshape(2, 3, 2)  # [B, units, pieces]
    np.testing.assert_allclose(network(x), pieces.max(-1) @ out + offset, rtol=1e-5)


def test_the_mapping_network_has_eight_equalized_layers_after_z_is_brought_to_one_length():
    network = mapping_network()
    assert trainable(network) == 8 * (512 * 512 + 512)
    dense = [layer for layer in network.layers if isinstance(layer, layers.Dense)]
    assert len(dense) == 8 and all(np.std(layer.kernel) == pytest.approx(100.0, rel=0.01) for layer in dense)
    z = np.random.default_rng(0).normal(size=[3, 512]).astype(np.float32)
    np.testing.assert_allclose(network(z), network(7.0 * z), rtol=1e-4, atol=1e-5)
    x = z / np.sqrt(np.mean(np.square(z), -1, keepdims=True))
    for layer in dense:
        x = x @ (np.array(layer.kernel) * 0.01 * np.sqrt(2 / 512))
        x = np.where(x > 0, x, 0.2 * x)
    np.testing.assert_allclose(network(z), x, rtol=1e-3, atol=1e-4)


def test_networks_for_points_tell_apart_what_bfloat16_does_not(bfloat16):
    close = np.array([[2.0, 0.0], [2.002, 0.0]], np.float32)
    first, second = mlp_discriminator((2,), [64])(close).numpy()
    assert first != second
    points = mlp_generator((2,), 3, [64])(np.random.default_rng(0).normal(size=[100, 3])).numpy()
    assert (tf.cast(tf.cast(points, tf.bfloat16), tf.float32).numpy() != points).any()
