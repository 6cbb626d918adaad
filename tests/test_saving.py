"""Each network of the package goes through a `.keras` file into a process that did no more than import it."""

import importlib
import inspect
import json
import pkgutil
import subprocess
import sys

import keras
import numpy as np
import pytest
from test_networks import SMALL

import tfgan_zoo.families
import tfgan_zoo.networks
from tfgan_zoo import LAPGAN, adaptive, augment, layers, random
from tfgan_zoo.families.bgan import mnist_discriminator, mnist_generator
from tfgan_zoo.families.ebgan import autoencoder, convolutional_autoencoder
from tfgan_zoo.families.lapgan import level_discriminator, level_generator
from tfgan_zoo.families.lsgan import vgg_generator
from tfgan_zoo.families.unrolled_gan import recurrent_generator, stacked_generator, strided_discriminator
from tfgan_zoo.networks import pix2pix_hd
from tfgan_zoo.networks.aae import aae_decoder, aae_encoder, cluster_heads
from tfgan_zoo.networks.acgan import acgan_discriminator
from tfgan_zoo.networks.classifier import classifier
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.growing import growing_discriminators, progan_generators
from tfgan_zoo.networks.infogan import infogan_discriminator, infogan_generator
from tfgan_zoo.networks.pixel_gan import pixel_gan_encoder
from tfgan_zoo.networks.pixel_vae import pixel_vae_encoder
from tfgan_zoo.networks.rbm import rbm_energy
from tfgan_zoo.networks.sgan import noisy_classifier, softplus_generator
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator
from tfgan_zoo.networks.srresnet import srresnet_generator
from tfgan_zoo.networks.stargan import stargan_discriminator, stargan_generator
from tfgan_zoo.networks.stylegan import stylegan_syntheses
from tfgan_zoo.networks.text_to_image import bag_of_words
from tfgan_zoo.networks.vae import vae_decoder, vae_encoder
from tfgan_zoo.networks.vae_gan import vae_gan_decoder, vae_gan_discriminator, vae_gan_encoder

SHAPE, CLASSES = (12, 12, 1), 3


def lapgan():
    generators = [level_generator((16, 16, 1), 2), dcgan_generator((8, 8, 1), 5, 2)]
    return LAPGAN(generators, [level_discriminator((16, 16, 1), 2), dcgan_discriminator((8, 8, 1), 2)])


def weight_norm_and_equalized_rate():
    image = x = keras.Input(SHAPE)
    for i, normalization in enumerate([layers.WeightNorm(), layers.EqualizedRate(1.0), layers.EqualizedRate(rate=0.1)]):
        x = layers.Conv2D(4, 3, 1 + i % 2, "valid", normalization=normalization, use_bias=i > 0)(x)
    return keras.Model(image, layers.Dense(2, normalization=layers.WeightNorm(), kernel_initializer="zeros")(x))


def minibatch_deviation_and_filters():
    image = x = keras.Input(SHAPE)
    for layer in (
        layers.Upsample(),
        layers.Blur(pads=(2, 1), gain=0.5),
        layers.Downsample((1, 2, 1)),
        layers.PixelNorm(),
    ):
        x = layer(x)
    return keras.Model(image, layers.MinibatchDeviation(3)(layers.PixelNoise()(layers.PixelNoise(False)(x))))


def in_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    network = sn_resnet_discriminator(SHAPE, 4, num_classes=CLASSES, attention=6)
    keras.config.set_dtype_policy("float32")
    return network


BUILDS = {name: build for name, (build, _) in SMALL.items()} | {
    "sn_resnet_generator_labels": lambda: sn_resnet_generator(
        SHAPE, 5, 4, num_classes=CLASSES, spectral=True, attention=12
    ),
    "sn_resnet_discriminator_labels": lambda: sn_resnet_discriminator(SHAPE, 4, num_classes=CLASSES, attention=6),
    "sn_resnet_discriminator_bfloat16": in_bfloat16,
    "acgan_discriminator": lambda: acgan_discriminator(SHAPE, CLASSES, 2),
    "classifier": lambda: classifier(SHAPE, CLASSES, 2),
    "autoencoder": lambda: autoencoder(SHAPE, 2, 5),
    "convolutional_autoencoder": lambda: convolutional_autoencoder((8, 16, 3), 2),
    "vgg_generator": lambda: vgg_generator((16, 16, 3), 5, 2),
    "mnist_generator": lambda: mnist_generator((8, 8, 1), 5, 2),
    "mnist_discriminator": lambda: mnist_discriminator((8, 8, 1), 2),
    "level_generator": lambda: level_generator(SHAPE, 2),
    "level_discriminator": lambda: level_discriminator(SHAPE, 2),
    "lapgan_generator": lambda: lapgan().generator,
    "lapgan_discriminator": lambda: lapgan().discriminator,
    "stargan_generator": lambda: stargan_generator(SHAPE, CLASSES, 2, blocks=1),
    "stargan_discriminator": lambda: stargan_discriminator(SHAPE, CLASSES, 2, layers=3),
    "srresnet_generator": lambda: srresnet_generator((3, 4, 3), 2, 4, 1),
    "stacked_generator": lambda: stacked_generator((28, 28, 3), 5, 8),
    "recurrent_generator": lambda: recurrent_generator(SHAPE, 5, 3),
    "strided_discriminator": lambda: strided_discriminator(SHAPE, [2, 4]),
    "global_generator": lambda: pix2pix_hd.global_generator((8, 12, 2), 1, 2, downs=2, blocks=1),
    "local_enhancer": lambda: pix2pix_hd.local_enhancer((8, 12, 2), 1, 2, blocks=1),
    "multiscale_discriminator": lambda: pix2pix_hd.multiscale_discriminator(SHAPE, 2, 2, layers=1, scales=2),
    "instance_encoder": lambda: pix2pix_hd.instance_encoder((8, 12, 1), 2, 2, downs=1),
    "infogan_generator": lambda: infogan_generator(SHAPE, 5, 2),
    "infogan_discriminator": lambda: infogan_discriminator(SHAPE, (3, 2), 2, 2, learned_deviation=True),
    "rbm_energy": lambda: rbm_energy(SHAPE, 3),
    "vae_gan_encoder": lambda: vae_gan_encoder((8, 12, 3), 3, [2, 4], 6),
    "vae_gan_decoder": lambda: vae_gan_decoder((8, 12, 3), 3, [4, 2]),
    "vae_gan_discriminator": lambda: vae_gan_discriminator((8, 12, 3), [2, 4, 4], 6),
    "pixel_vae_encoder": lambda: pixel_vae_encoder(SHAPE, 2, 2),
    "pixel_gan_encoder": lambda: pixel_gan_encoder(SHAPE, 3, 2, 2),
    "aae_encoder": lambda: aae_encoder(SHAPE, 3, 2, [4]),
    "aae_decoder": lambda: aae_decoder(SHAPE, 3, 2, [4]),
    "cluster_heads": lambda: cluster_heads(3, 2),
    "vae_encoder": lambda: vae_encoder(SHAPE, 3, [4]),
    "vae_decoder": lambda: vae_decoder(SHAPE, 3, [4], law="gaussian_with_variance"),
    "stylegan_syntheses": lambda: stylegan_syntheses(SHAPE, 5, 2)[1].fading,
    "progan_generators": lambda: progan_generators(SHAPE, 5, 2)[1].fading,
    "growing_discriminators": lambda: growing_discriminators(SHAPE, 2)[1].fading,
    "softplus_generator": lambda: softplus_generator(SHAPE, 5, [4]),
    "softplus_generator_virtual": lambda: softplus_generator(SHAPE, 5, [4, 4], reference=3),
    "bag_of_words": lambda: bag_of_words(CLASSES, 4, 5),
    "noisy_classifier": lambda: noisy_classifier(SHAPE, CLASSES, [6, 4], minibatch=2),
    "weight_norm_and_equalized_rate": weight_norm_and_equalized_rate,
    "minibatch_deviation_and_filters": minibatch_deviation_and_filters,
    "adaptive": lambda: augment.wrap(dcgan_discriminator(SHAPE, 2), ada=adaptive.Adaptive(0.5, 99, 3, 0.25)),
    "augmented": lambda: augment.wrap(
        dcgan_discriminator(SHAPE, 2), noise=0.5, noise_steps=9, policy="color,translation,cutout"
    ),
    "augmented_labels": lambda: augment.wrap(sn_resnet_discriminator(SHAPE, 4, num_classes=CLASSES), noise=0.5),
}

LOAD = """
import tfgan_zoo, keras
import json, pathlib, sys
import numpy as np
sys.path.append("tests")
folder, answers = pathlib.Path(sys.argv[1]), {}
networks = {path.stem: keras.saving.load_model(path) for path in folder.glob("*.keras")}
from test_saving import answer, described
for name, network in networks.items():
    answers |= {f"{name}/{i}": y for i, y in enumerate(answer(network))}
    (folder / f"{name}.json").write_text(described(network))
np.savez(folder / "answers.npz", **answers)
"""


def answer(network):
    """What it gives when serving, then when training, as float32; not the latter where the noise is Keras' own."""
    rng = np.random.default_rng(0)
    inputs = [
        rng.integers(0, CLASSES, [2, *x.shape[1:]])
        if x.dtype.startswith("int")
        else rng.normal(size=[2, *x.shape[1:]]).astype("float32")
        for x in network.inputs
    ]
    answers = []
    for training in (False,) if any(type(layer) is keras.layers.Dropout for layer in network.layers) else (False, True):
        with random.stream(3):
            y = network(inputs if len(inputs) > 1 else inputs[0], training=training)
        answers += [np.array(keras.ops.cast(part, "float32")) for part in keras.tree.flatten(y)]
    return answers


def described(network):
    """All that its layers were made with: initialisers, precision and rates are in it."""
    return json.dumps(network.get_config(), sort_keys=True)


def test_every_builder_is_among_those_saved():
    modules = [
        importlib.import_module(f"{package.__name__}.{module.name}")
        for package in (tfgan_zoo.networks, tfgan_zoo.families)
        for module in pkgutil.iter_modules(package.__path__)
    ]
    builders = {
        name
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
        if next(iter(inspect.signature(value).parameters), None) in ("image_shape", "shape")
    }
    assert builders - {"sides", "divided", "halvings", "depth", "heights", "widths"} <= {
        name for b in BUILDS.values() for name in b.__code__.co_names
    }


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder, expected = tmp_path_factory.mktemp("saved"), {}
    for name, build in BUILDS.items():
        network = build()
        for weight in network.trainable_weights:  # off their start: biases, gamma of attention
            weight.assign(weight + keras.random.normal(weight.shape, stddev=0.05))
        network.save(folder / f"{name}.keras")
        expected[name] = (answer(network), described(network))
    subprocess.run([sys.executable, "-c", LOAD, folder], check=True, timeout=300)
    return expected, folder


@pytest.mark.parametrize("name", BUILDS)
def test_a_network_loaded_elsewhere_answers_alike_and_is_described_alike(saved, name):
    expected, folder = saved
    answers, config = expected[name]
    with np.load(folder / "answers.npz") as loaded:
        for i, y in enumerate(answers):
            np.testing.assert_allclose(loaded[f"{name}/{i}"], y, rtol=1e-5, atol=1e-5)
    assert (folder / f"{name}.json").read_text() == config
