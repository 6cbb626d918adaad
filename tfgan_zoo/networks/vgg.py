"""VGG16 and VGG19, "Very Deep Convolutional Networks for Large-Scale Image Recognition", Simonyan and Zisserman, ICLR
2015, arXiv 1409.1556: the features that perceptual losses compare.
"""

import os

import keras
from keras import layers as kl

from tfgan_zoo.errors import InputError

# Keras' weights take pixels of 0 to 255 with their mean taken away; PyTorch's, by which the losses of pix2pixHD and of
# partial convolutions were weighted, pixels whose deviation is 1. Features grow about in proportion.
_DEVIATION = 255 * 0.2247
_MEAN = (
    123.68,
    116.779,
    103.939,
)  # of ImageNet's red, green and blue, which the published weights were trained without


def vgg_features(weights, layers, *, network="vgg19", channels=3):
    """The features of an image at some layers, after their activation.

    It judges and never trains: give a family `base.as_function` of it.

    Args:
        weights: the path of a file of Keras' weights, without top; None: random ones, which compare nothing.
        layers: names as Keras has them, `("block5_conv4",)`; `block1_pool` is after the pooling.
        network: `vgg19` or `vgg16`.
        channels: 3, or 1 for grey pictures, which are given as three equal ones.

    Returns:
        A `keras.Model`: `image [B, H, W, channels]` in [-1, 1], of any size -> a list of features `[B, h, w, c]`,
        float32.

    Raises:
        InputError: the file is not there or not of this network, or there is no such layer.
    """
    make = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}[network]
    if weights is not None and not os.path.isfile(weights):
        raise InputError(f"the weights {weights} are not there; give a file of Keras' {network} without top")
    try:
        vgg = make(include_top=False, weights=weights)
    except (ValueError, OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{weights} is not of Keras' {network} without top ({reason}); give such a file") from error
    known = [layer.name for layer in vgg.layers[1:]]
    unknown = [name for name in layers if name not in known]
    if unknown:
        raise InputError(f"{network} has no layer {', '.join(unknown)}; it has {', '.join(known)}")
    image = x = keras.Input([None, None, channels])
    if channels == 1:
        x = kl.Concatenate()([x, x, x])
    x = kl.Rescaling(127.5, [127.5 - mean for mean in _MEAN])(x)
    x = x[..., ::-1]  # Keras' weights are of blue, green, red
    inner = keras.Model(vgg.inputs, [vgg.get_layer(name).output for name in layers])
    features = inner(x)
    features = [kl.Activation("linear", dtype="float32")(f) for f in (features if len(layers) > 1 else [features])]
    return keras.Model(image, features, name=network)


def perceptual_features(weights, layers, *, network="vgg19", channels=3):
    """`vgg_features` as a function that never trains, on the scale of a network whose input has deviation 1.

    Arguments and errors are those of `vgg_features`.

    Returns:
        A function `image [B, H, W, channels]` in [-1, 1] -> a list of features `[B, h, w, c]`, float32.
    """
    judge = vgg_features(weights, layers, network=network, channels=channels)

    return lambda image: [x / _DEVIATION for x in judge(image, training=False)]
