"""The encoder of PixelGAN auto-encoders (1706.00531). The paper's networks were not seen: this one is ours."""

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D
from tfgan_zoo.networks import sizes


def pixel_gan_encoder(image_shape, categories=10, code_dim=0, width=32, noise=0.3):
    """`image [B, H, W, C] -> {"category" [B, categories], "code" [B, code_dim]}`, float32; heads of no size left out.

    Gaussian noise on the picture, when training; three 3x3 convolutions, the latter two of stride 2, with batch
    normalisation; a dense layer of 8 `width` units with it, and one to the heads.

    Args:
        image_shape: (H, W, C), of any sides.
        categories: how many; logits.
        code_dim: how many numbers the code has beside.
        width: channels of the first layer.
        noise: its standard deviation.

    Raises:
        InputError: an image shape that is none.
    """
    sizes.sides(image_shape)
    image = keras.Input(image_shape)
    x = layers.GaussianNoise(noise)(image)
    for channels, strides in ((width, 1), (2 * width, 2), (4 * width, 2)):
        x = Conv2D(channels, 3, strides, "valid", use_bias=False)(kl.ZeroPadding2D(1)(x))
        x = kl.ReLU()(layers.batch_normalization()(x))
    x = kl.Dense(8 * width, use_bias=False)(kl.Flatten()(x))
    x = kl.ReLU()(layers.batch_normalization()(x))
    heads = {
        name: kl.Activation("linear", dtype="float32")(kl.Dense(size, name=name)(x))
        for name, size in (("category", categories), ("code", code_dim))
        if size
    }
    return keras.Model(image, heads, name="pixel_gan_encoder")
