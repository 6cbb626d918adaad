"""Small models to export."""

import keras
import tensorflow as tf

from tfgan_zoo import DCGAN, GAN, Pix2Pix
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.unet import unet_generator

SHAPE = (8, 8, 1)


def small(kind, shape=SHAPE):
    """`points` (a GAN), `dcgan` or `pix2pix`, these of pictures of a shape; none of its weights is 0 or 1."""
    keras.utils.set_random_seed(1)
    if kind == "points":
        model = GAN(mlp_generator((2,), latent_dim=3, widths=(4,)), mlp_discriminator((2,), widths=(4,)))
    elif kind == "dcgan":
        model = DCGAN(dcgan_generator(shape, latent_dim=6, width=8), dcgan_discriminator(shape, width=8))
    else:
        discriminator = patchgan_discriminator(shape, width=8, layers=1, condition_channels=shape[-1])
        model = Pix2Pix(unet_generator(shape, width=8), discriminator, seed=3)
    for variable in model.variables:  # what is 0 or 1 at first would hide that it was not saved
        if variable.dtype == "float32" and variable.trainable:
            variable.assign(variable + tf.random.stateless_normal(variable.shape, [1, 2]) * 0.1)
    return model
