"""The U-Net of partial convolutions: "Image Inpainting for Irregular Holes Using Partial Convolutions", Liu, Reda,
Shih, Wang, Tao and Catanzaro, ECCV 2018, arXiv 1804.07723, section 3.2 and the table of its appendix (which we have not
seen ourselves, but as several public programs state it).

At 512x512: encoder 64 (7x7), 128 and 256 (5x5), 512 five times (3x3), all with stride 2 and ReLU; decoder of 3x3 after
nearest-neighbour upsampling of the map and of its mask, each beside the encoder's map of its size: 512 four times,
256, 128, 64, with LeakyReLU 0.2; the last beside the picture itself. Batch normalisation everywhere but in the first
and the last layer; a bias in the last layer alone. Weights start by He's rule, which is from memory.
"""

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.networks import sizes

_ENCODER_NORM = "encoder_norm"


def partial_unet(image_shape, width=64, levels=None):
    """`[image [B, H, W, C], mask [B, H, W, 1]] -> image [B, H, W, C]`, float32, without an activation.

    The mask is 1 where the picture is known and 0 in the hole. What the image holds in the hole does not matter.

    Args:
        image_shape: (H, W, C); H and W multiples of 2**levels; without levels given, of 8. Any C.
        width: channels of the first layer; doubled with each level, up to 8 times.
        levels: how often both sides halve, 2 or more; the paper's 8 at 512x512, 7 in public programs at 256x256. Unless
            given as often as they can, 8 times at most.

    Raises:
        InputError: an image size or a number of levels that does not fit.
    """
    levels = min(8, sizes.depth(image_shape)) if levels is None else sizes.depth(image_shape, levels)
    channels = [width * min(2**i, 8) for i in range(levels)]
    kernels = [7, 5, 5] + [3] * levels

    image, mask = keras.Input(image_shape, name="image"), keras.Input([*image_shape[:2], 1], name="mask")
    x, known = image, mask
    skips = [(image, mask)]
    for i, n in enumerate(channels):
        x, known = layers.PartialConv2D(n, kernels[i], 2)(x, known)  # [B, h/2, w/2, n]
        if i > 0:
            x = layers.batch_normalization(name=f"{_ENCODER_NORM}_{i}")(x)
        x = kl.ReLU()(x)
        skips.append((x, known))

    skips.pop()
    for n in reversed(channels[:-1]):
        x, known = _beside(x, known, *skips.pop(), layers.PartialConv2D(n, 3))  # [B, 2h, 2w, n]
        x = kl.LeakyReLU(negative_slope=0.2)(layers.batch_normalization()(x))
    last = layers.PartialConv2D(image_shape[2], 3, use_bias=True, dtype="float32")
    x, _ = _beside(x, known, *skips.pop(), last)  # [B, H, W, C]
    return keras.Model([image, mask], x, name="partial_unet")


def _beside(x, known, skip, skip_known, convolve):
    return convolve([kl.UpSampling2D()(x), skip], [kl.UpSampling2D()(known), skip_known])


def freeze_encoder(network):
    """Stops the batch normalisation of a `partial_unet`'s encoder: section 3.4 (of which we have seen summaries).

    From then on it normalises by its running statistics in training too, and neither they nor its scales and offsets
    move. In a batch statistics of a map with holes are off, since what is 0 in a hole counts.

    Args:
        network: made by `partial_unet`.
    """
    for layer in network.layers:
        if layer.name.startswith(_ENCODER_NORM):
            layer.trainable = False
