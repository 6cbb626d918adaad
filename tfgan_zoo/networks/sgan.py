"""The fully connected networks for MNIST of "Improved Techniques for Training GANs", Salimans et al., NIPS 2016, arXiv
1606.03498, as the published code of its semi-supervised learning has them.

That code has pictures and z in [0, 1]; here both are in [-1, 1], and are moved inside.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers


def softplus_generator(image_shape, latent_dim=100, widths=(500, 500), *, reference=0):
    """`z [B, latent_dim] -> image [B, H, W, C]` in [-1, 1], float32.

    Dense layers with batch normalisation that has no scale, and a softplus; a last one with weight normalisation, whose
    length trains. Where the code has a sigmoid, for pictures in [0, 1], here is the tanh of half as much.

    Args:
        image_shape: (H, W, C) of any size.
        latent_dim: length of z, uniform in [-1, 1].
        widths: of the hidden layers.
        reference: rows of the reference batch of virtual batch normalisation in its place; 0: none.
    """
    z = keras.Input([latent_dim])
    begin = kl.Rescaling(0.5, 0.5)  # [-1, 1] to [0, 1]
    x, beside = begin(z), begin(layers.Reference(reference)(z)) if reference else None
    for width in widths:
        dense = kl.Dense(width, use_bias=False)
        if reference:
            x, beside = layers.VirtualBatchNormalization(scale=False)(dense(x), dense(beside))
            beside = kl.Activation("softplus")(beside)
        else:
            x = layers.batch_normalization(scale=False)(dense(x))
        x = kl.Activation("softplus")(x)
    last = layers.Dense(math.prod(image_shape), normalization=layers.WeightNorm(), kernel_initializer="glorot_uniform")
    x = kl.Rescaling(0.5, dtype="float32")(last(x))  # [B, H W C]
    x = kl.Activation("tanh", dtype="float32")(x)
    return keras.Model(z, kl.Reshape(image_shape, dtype="float32")(x), name="softplus_generator")


def noisy_classifier(
    image_shape, num_classes, widths=(1000, 500, 250, 250, 250), *, input_noise=0.3, noise=0.5, minibatch=0
):
    """`image [B, H, W, C] -> {"features" [B, widths[-1]], "class_logits" [B, num_classes]}`, float32.

    Dense layers with weight normalisation whose lengths are frozen, but for the last one's, and ReLU; Gaussian noise on
    the picture and after each hidden layer, in training. The features are the last hidden layer before its noise.
    `layers.initialize_weight_norm` has the paper's start of it, which it needs.

    Args:
        image_shape: (H, W, C) of any size.
        num_classes: of the logits.
        widths: of the hidden layers.
        input_noise: its standard deviation on the picture, which is in [0, 1] there.
        noise: its standard deviation after each hidden layer.
        minibatch: kernels of a `layers.MinibatchDiscrimination` before the logits; 0: none.
    """
    image = keras.Input(image_shape)
    x = kl.Rescaling(0.5, 0.5)(kl.Flatten()(image))  # [-1, 1] to [0, 1]
    x = layers.GaussianNoise(input_noise)(x)
    for width in widths:
        before = kl.ReLU()(_dense(width, frozen=True)(x))
        x = layers.GaussianNoise(noise)(before)
    if minibatch:
        x = layers.MinibatchDiscrimination(minibatch)(x)
    logits = _dense(num_classes, frozen=False)(x)
    said = {"features": before, "class_logits": logits}
    said = {name: kl.Activation("linear", dtype="float32")(value) for name, value in said.items()}
    return keras.Model(image, said, name="noisy_classifier")


def _dense(units, frozen):
    start = keras.initializers.RandomNormal(stddev=0.1)
    return layers.Dense(units, normalization=layers.WeightNorm(frozen), kernel_initializer=start)
