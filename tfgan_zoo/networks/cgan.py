"""The fully connected networks of CGAN for MNIST: "Conditional Generative Adversarial Nets", Mirza and Osindero, 2014,
arXiv 1411.1784.

Layers and widths are the paper's, as others quote its section on MNIST. It has pixels in [0, 1] and a sigmoid; here the
sigmoid's answer is stretched to [-1, 1], and D puts what it is given back into [0, 1]. Where dropout stands is not
told: it is put behind every hidden layer. First weights are those of the program that the paper builds on (Goodfellow
et al. 2014): uniform to 0.05 in G and to 0.005 in D; biases are 0, that of the pixels too, which that program starts
from the data's means.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.networks import sizes


def cgan_generator(image_shape, num_classes, latent_dim=100, widths=(200, 1000, 1200), dropout=0.5):
    """`[z [B, latent_dim], label [B]] -> image [B, H, W, C]` in [-1, 1], float32.

    Args:
        image_shape: (H, W, C) of any size.
        num_classes: labels are 0 ... num_classes - 1.
        latent_dim: length of z.
        widths: units that z leads to, those that the label leads to, and those that both lead to.
        dropout: the share of hidden units that drop out in training.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    of_z, of_label, of_both = widths

    def hidden(x, units):
        return _dropped(kl.Dense(units, "relu", kernel_initializer=_uniform(0.05))(x), dropout)

    z, label = keras.Input([latent_dim], name="z"), keras.Input([], dtype="int64", name="label")
    x = kl.Concatenate()([hidden(z, of_z), hidden(layers.one_hot(label, num_classes), of_label)])
    x = kl.Dense(math.prod(image_shape), kernel_initializer=_uniform(0.05))(hidden(x, of_both))  # [B, H W C]
    x = kl.Activation("tanh", dtype="float32")(kl.Rescaling(0.5, dtype="float32")(x))  # 2 sigmoid(x) - 1
    return keras.Model([z, label], kl.Reshape(image_shape, dtype="float32")(x), name="cgan_generator")


def cgan_discriminator(image_shape, num_classes, units=(240, 50, 240), pieces=(5, 5, 4), dropout=0.5):
    """`[image [B, H, W, C], label [B]] -> logits [B, 1]`, float32, of maxout units.

    Args:
        image_shape: (H, W, C) of any size.
        num_classes: labels are 0 ... num_classes - 1.
        units: that the image leads to, those that the label leads to, and those that both lead to.
        pieces: linear functions that each of them is the largest of.
        dropout: the share of hidden units that drop out in training.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)

    def maxout(x, i):
        x = kl.Dense(units[i] * pieces[i], kernel_initializer=_uniform(0.005))(x)
        x = keras.ops.max(kl.Reshape([units[i], pieces[i]])(x), axis=-1)  # [B, units]
        return _dropped(x, dropout)

    image, label = keras.Input(image_shape, name="image"), keras.Input([], dtype="int64", name="label")
    of_image = maxout(kl.Flatten()(kl.Rescaling(0.5, 0.5)(image)), 0)
    x = maxout(kl.Concatenate()([of_image, maxout(layers.one_hot(label, num_classes), 1)]), 2)
    x = kl.Dense(1, kernel_initializer=_uniform(0.005), name="logits")(x)  # [B, 1]
    logits = kl.Activation("linear", dtype="float32")(x)
    return keras.Model([image, label], logits, name="cgan_discriminator")


def _dropped(x, rate):
    return layers.Dropout(rate)(x) if rate else x


def _uniform(bound):
    return keras.initializers.RandomUniform(-bound, bound)
