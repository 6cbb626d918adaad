"""A small convolutional classifier: the measuring instrument of labelled pictures, no part of a GAN."""

import keras
from keras import layers as kl

from tfgan_zoo.networks import sizes


def classifier(image_shape, num_classes, width=16):
    """`image [B, H, W, C] in [-1, 1] -> logits [B, num_classes]`, float32 whatever the precision policy.

    Per halving a 3x3 convolution, batch normalisation, ReLU and 2x2 max-pooling, until at most 7 pixels are left of the
    larger side; then one hidden layer of 128 units, half of which drop out.

    Args:
        image_shape: (H, W, C) of any size.
        num_classes: how many labels there are.
        width: channels of the first convolution, doubled with every halving of the size, to 8 times as many.

    Raises:
        InputError: not three numbers of 1 or more.
    """
    size, level = max(sizes.sides(image_shape)), 0
    image = x = keras.Input(image_shape)
    while level == 0 or size > 7:
        x = kl.Conv2D(width * 2 ** min(level, 3), 3, padding="same", use_bias=False, dtype="float32")(x)
        x = kl.ReLU(dtype="float32")(kl.BatchNormalization(momentum=0.9, dtype="float32")(x))
        x = kl.MaxPooling2D(2, padding="same", dtype="float32")(x)  # [B, h/2, w/2, width * 2**level]
        size, level = -(-size // 2), level + 1
    x = kl.Dense(128, "relu", dtype="float32")(kl.Flatten(dtype="float32")(x))
    x = kl.Dropout(0.5, dtype="float32")(x)
    return keras.Model(image, kl.Dense(num_classes, dtype="float32", name="logits")(x), name="classifier")
