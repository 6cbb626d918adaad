import keras
import numpy as np
import pytest
from keras import layers as kl
from second_gradient import check

from tfgan_zoo import augment, layers
from tfgan_zoo.networks.dcgan import dcgan_discriminator
from tfgan_zoo.networks.growing import growing_discriminators
from tfgan_zoo.networks.mlp import mlp_discriminator
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.resnet import resnet_discriminator
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator
from tfgan_zoo.networks.stargan import stargan_discriminator

SHAPE, CLASSES = (8, 8, 1), 3


def inputs(network):
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, CLASSES, 2) if x.dtype == "int64" else rng.normal(size=[2, *x.shape[1:]])
        for x in network.inputs
    ]


PENALISED = {
    "dcgan": lambda: dcgan_discriminator(SHAPE, 4, normalization=None),
    "dcgan with batch norm": lambda: dcgan_discriminator(SHAPE, 4),
    "resnet": lambda: resnet_discriminator(SHAPE, 4),
    "sn_resnet": lambda: sn_resnet_discriminator(SHAPE, 4, num_classes=CLASSES, attention=4),
    "patchgan": lambda: patchgan_discriminator(SHAPE, 4, layers=1, normalization="instance"),
    "stargan": lambda: stargan_discriminator(SHAPE, CLASSES, 4, layers=2),
    "growing": lambda: growing_discriminators(SHAPE, 4)[1].fading,
    "growing with blur": lambda: growing_discriminators(SHAPE, 4, blur=True)[1].steady,
    "mlp": lambda: mlp_discriminator(SHAPE, [4, 4], dropout=(0.1, 0.2, 0.5)),
    "augmented": lambda: augment.wrap(resnet_discriminator(SHAPE, 4), noise=0.1, policy="color,translation,cutout"),
}


@pytest.mark.parametrize("name", PENALISED)
def test_discriminators_have_the_second_order_gradients_of_their_penalty(name):
    network = PENALISED[name]()
    check(network, inputs(network), np.random.default_rng(1))


def network_with(*middle):
    image = x = keras.Input(SHAPE)
    for layer in (kl.Conv2D(4, 3, activation="tanh"), *middle, kl.Conv2D(4, 3, activation="tanh"), kl.Flatten()):
        x = layer(x)
    return keras.Model(image, kl.Dense(1)(x))


@pytest.mark.parametrize("normalization", [layers.WeightNorm(), layers.EqualizedRate(rate=0.1)])
def test_normalized_kernels_and_resampling_by_repetition_have_them(normalization):
    network = network_with(
        kl.UpSampling2D(), layers.Conv2D(4, 3, normalization=normalization), kl.ReLU(), kl.AveragePooling2D(2)
    )
    check(network, inputs(network), np.random.default_rng(1))


def test_filters_the_deviation_over_the_minibatch_and_pixel_norm_have_them():
    network = network_with(
        layers.Upsample(), layers.Blur(), layers.PixelNorm(), layers.Downsample(), layers.MinibatchDeviation(2)
    )
    check(network, inputs(network), np.random.default_rng(1))


def test_bilinear_upsampling_is_found_to_have_none():
    network = network_with(kl.UpSampling2D(interpolation="bilinear"))
    with pytest.raises(AssertionError, match="one of its layers has no second-order gradient"):
        check(network, inputs(network), np.random.default_rng(1))


def test_bilinear_upsampling_before_all_weights_is_found_too():
    image = keras.Input(SHAPE)
    x = kl.Conv2D(2, 3, activation="tanh")(kl.UpSampling2D(interpolation="bilinear")(image))
    network = keras.Model(image, kl.Dense(1)(kl.Flatten()(x)))
    with pytest.raises(AssertionError, match="no second-order gradient"):
        check(network, inputs(network), np.random.default_rng(1))
