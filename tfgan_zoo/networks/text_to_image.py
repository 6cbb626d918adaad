"""The networks of GAN-CLS: "Generative Adversarial Text to Image Synthesis", Reed, Akata, Yan, Logeswaran, Schiele and
Lee, ICML 2016, arXiv 1605.05396.

G and D are those of the published program (reedscot/icml2016) at 64x64; smaller and larger pictures have fewer or more
layers. Its convolutions have biases that it sets to 0 before each step: here they have none. Weights start from
N(0, 0.02), scales of batch normalisation from N(1, 0.02). `bag_of_words` is not the paper's encoder, a character-level
network trained beforehand: see `families/text_to_image.py`.
"""

import math

import keras
from keras import layers as kl

from tfgan_zoo import layers
from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.networks import sizes


def bag_of_words(words, length, dim=1024):
    """`ids [B, length] -> embedding [B, dim]`, float32: the sum of the learned vectors of its words, in any order.

    Args:
        words: how many there are; their ids are 1 ... words, and 0 is none.
        length: ids of a text.
        dim: length of the embedding.
    """
    ids = keras.Input([length], dtype="int32", name="text")
    counts = keras.ops.sum(layers.one_hot(ids, words + 1), axis=1)[:, 1:]  # [B, words]
    start = keras.initializers.RandomNormal(stddev=1.0)  # beside z, which is N(0, 1)
    x = kl.Dense(dim, use_bias=False, kernel_initializer=start, name="words")(counts)
    return keras.Model(ids, kl.Activation("linear", dtype="float32")(x), name="bag_of_words")


def gan_cls_generator(image_shape, embedding_dim, latent_dim=100, text_dim=128, width=128):
    """`[z [B, latent_dim], embedding [B, embedding_dim]] -> image [B, H, W, C]` in [-1, 1], float32.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128,
            96x160. Any C.
        embedding_dim: of the text.
        latent_dim: length of z.
        text_dim: what the embedding is compressed to, beside z.
        width: channels of the last hidden layer, doubled with every halving of the size.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    z, embedding = keras.Input([latent_dim], name="z"), keras.Input([embedding_dim], name="embedding")
    told = kl.Dense(text_dim, kernel_initializer=layers.normal_002())(embedding)
    x = kl.Concatenate()([z, kl.LeakyReLU(negative_slope=0.2)(told)])
    channels = width * 2 ** (times - 1)
    x = kl.Dense(math.prod(base) * channels, use_bias=False, kernel_initializer=layers.normal_002())(x)
    x = _norm()(kl.Reshape([*base, channels])(x))  # [B, H / 2**times, W / 2**times, channels]
    x = kl.ReLU()(_residual(x, kl.ReLU))
    for i in reversed(range(times - 1)):
        x = _norm()(_deconv(width * 2**i)(x))  # [B, 2h, 2w, width * 2**i]
        x = _residual(x, kl.ReLU) if i == times - 2 else x
        x = kl.ReLU()(x)
    x = _deconv(image_shape[2])(x)  # [B, H, W, C]
    image = kl.Activation("tanh", dtype="float32")(x)
    return keras.Model([z, embedding], image, name="gan_cls_generator")


def gan_cls_discriminator(image_shape, embedding_dim, text_dim=128, width=64, projection=False):
    """`[image [B, H, W, C], embedding [B, embedding_dim]] -> logits [B, 1]`, float32.

    The text joins at the coarsest maps, at every place.

    Args:
        image_shape: (H, W, C), as the generator's.
        embedding_dim, text_dim: as the generator's.
        width: channels of the first layer, doubled with every halving of the size.
        projection: whether the text joins by an inner product with what the picture comes to instead (equation 3 of
            arXiv 1802.05637), with no normalisation behind: in batches that are all right or all wrong, such a norm
            tells the two by the spread of what picture and text come to together, whatever the text says.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    image, embedding = keras.Input(image_shape, name="image"), keras.Input([embedding_dim], name="embedding")
    x = image
    for i in range(times):
        x = _conv(width * 2**i, 4, 2)(x)  # [B, h/2, w/2, width * 2**i]
        x = _norm()(x) if i else x
        x = _residual(x, _leaky) if i == times - 1 else x
        x = _leaky()(x)
    told = kl.Dense(text_dim, kernel_initializer=layers.normal_002())(embedding)
    if projection:
        x = kl.Flatten()(_leaky()(_conv(2 * x.shape[-1], 1)(x)))
        seen = kl.Dense(text_dim, kernel_initializer=layers.normal_002())(x)
        x = kl.Add()([_logits(x), kl.Dot(axes=1)([seen, told])])
    else:
        told = kl.UpSampling2D(base)(kl.Reshape([1, 1, text_dim])(_leaky()(_norm()(told))))  # [B, h, w, text_dim]
        x = _logits(kl.Flatten()(_leaky()(_norm()(_conv(x.shape[-1], 1)(kl.Concatenate()([x, told]))))))
    return keras.Model(
        [image, embedding], kl.Activation("linear", dtype="float32")(x), name="gan_cls_discriminator"
    )  # fmt: skip


def _residual(x, rectified):
    channels, y = x.shape[-1], x
    for filters, kernel in ((channels // 4, 1), (channels // 4, 3)):
        y = rectified()(_norm()(_conv(filters, kernel)(y)))
    return kl.Add()([x, _norm()(_conv(channels, 3)(y))])


def _logits(x):
    return kl.Dense(1, use_bias=False, kernel_initializer=layers.normal_002(), name="logits")(x)  # [B, 1]


def _leaky():
    return kl.LeakyReLU(negative_slope=0.2)


def _norm():
    return layers.batch_normalization(gamma_initializer=layers.normal_1_002())


def _conv(channels, kernel, strides=1):
    return Conv2D(
        channels, kernel, strides, "same", use_bias=False, kernel_initializer=layers.normal_002()
    )  # fmt: skip


def _deconv(channels):
    return Conv2DTranspose(channels, 4, 2, "same", use_bias=False, kernel_initializer=layers.normal_002())
