"""The encoder of PixelVAE: "PixelVAE: A Latent Variable Model for Natural Images", Gulrajani et al., ICLR 2017, arXiv
1611.05013, as its published program has it for binarised MNIST. Its decoder is `networks.pixel_cnn.gated_pixel_cnn`.
"""

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.networks import sizes


def pixel_vae_encoder(image_shape, latent_dim=16, width=32):
    """`image [B, H, W, C] -> {"mean", "log_deviation"}`, each `[B, latent_dim]`, float32: the law q(z|x).

    Eight weight-normalised 3x3 convolutions with ReLUs, the second, fourth and sixth of stride 2, with a border of one
    pixel of zeros all around; from the fourth on of twice the width. Before the fifth, odd sides get one row or column
    of zeros more (of 28x28 pictures 7x7 becomes 8x8). Then a weight-normalised dense layer.

    Args:
        image_shape: (H, W, C), of any sides.
        latent_dim: length of the code.
        width: channels of the first layers.

    Raises:
        InputError: an image shape that is none.
    """
    height, breadth = sizes.sides(image_shape)
    image = x = keras.Input(image_shape)
    for i, channels in enumerate([width] * 3 + [2 * width] * 5):
        if i == 4:
            height, breadth = (-(-n // 4) for n in (height, breadth))
            x = kl.ZeroPadding2D(((0, height % 2), (0, breadth % 2)))(x)
        x = kl.ZeroPadding2D(1)(x)
        how = {"normalization": layers.WeightNorm(), "kernel_initializer": "he_uniform"}
        x = kl.ReLU()(layers.Conv2D(channels, 3, 2 if i in (1, 3, 5) else 1, "valid", **how)(x))
    how = {"normalization": layers.WeightNorm(), "kernel_initializer": "glorot_uniform"}
    x = layers.Dense(2 * latent_dim, **how)(kl.Flatten()(x))
    mean, log_deviation = keras.ops.split(kl.Activation("linear", dtype="float32")(x), 2, axis=-1)
    return keras.Model(image, {"mean": mean, "log_deviation": log_deviation}, name="pixel_vae_encoder")
