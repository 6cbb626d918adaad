"""StarGAN's networks: "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation",
Choi et al., CVPR 2018, arXiv 1711.09020, appendix; what it leaves open is the published code's
(github.com/yunjey/stargan): no biases in the generator, instance normalisation with a scale and an offset, PyTorch's
initial weights. Of the normalisation it is the picture's own statistics that count, in serving as in training.
"""

import keras
from keras import layers as kl

from tfgan_zoo.convolutions import Conv2D, Conv2DTranspose
from tfgan_zoo.errors import InputError
from tfgan_zoo.layers import InstanceNormalization, one_hot, uniform_by_fan_in
from tfgan_zoo.networks import sizes


def stargan_generator(image_shape, num_domains, width=64, blocks=6):
    """`[image [B, H, W, C], domain [B]] -> image [B, H, W, C]` in [-1, 1], float32.

    The domain is told by `num_domains` planes behind the colours, one of them 1 and the others 0. The padding is zeros,
    and that is how the network sees them: the first convolution makes of such planes a constant per channel, which
    instance normalisation takes away, but for the border, where the zeros around end it.

    Args:
        image_shape: (H, W, C); H and W multiples of 4, at least 8. Any C.
        num_domains: domains are 0 ... num_domains - 1.
        width: channels of the first layer.
        blocks: residual blocks.

    Raises:
        InputError: an image size that does not fit.
    """
    sizes.divided(image_shape, 4, least=8)
    image, domain = keras.Input(image_shape), keras.Input([], dtype="int64")
    planes = kl.Reshape([1, 1, num_domains])(one_hot(domain, num_domains)) * keras.ops.ones_like(image[..., :1])
    x = kl.Concatenate()([image, planes])  # [B, H, W, C + num_domains]
    x = _norm_relu(_conv(x, width, 7, name="first"))
    # "same" pads a 4x4 convolution of stride 2 by one pixel on each side: the sides are even.
    for n in (2 * width, 4 * width):
        x = _norm_relu(_conv(x, n, 4, 2))  # [B, h/2, w/2, n]
    for _ in range(blocks):
        y = _norm_relu(_conv(x, 4 * width, 3))
        x = kl.Add()([x, InstanceNormalization()(_conv(y, 4 * width, 3))])  # [B, H/4, W/4, 4 * width]
    for n in (2 * width, width):
        up = Conv2DTranspose(n, 4, 2, "same", use_bias=False, kernel_initializer=uniform_by_fan_in())
        x = _norm_relu(up(x))  # [B, 2h, 2w, n]
    x = _conv(x, image_shape[2], 7)
    return keras.Model([image, domain], kl.Activation("tanh", dtype="float32")(x), name="stargan_generator")


def stargan_discriminator(image_shape, num_domains, width=64, layers=6):
    """`image [B, H, W, C] -> (logits [B, h, w, 1], class logits [B, num_domains])`, float32.

    4x4 convolutions of stride 2, padded by 1, h = H // 2**layers; a logit per patch; the domain of the whole picture.
    No normalisation.

    Args:
        image_shape: (H, W, C); both sides 2**layers or more. Any C.
        num_domains: how many domains are told apart.
        width: channels of the first layer; each further one has twice as many.
        layers: how many there are.

    Raises:
        InputError: an image too small for `layers`.
    """
    height, breadth = sizes.sides(image_shape)
    if layers < 1 or min(height, breadth) < 2**layers:
        raise InputError(
            f"image size {height}x{breadth} with {layers} layers: expected 1 layer or more, and images of"
            f" {2**layers}x{2**layers} or more; take fewer layers or larger images"
        )
    image = x = keras.Input(image_shape)
    for i in range(layers):
        bound = (16 * x.shape[-1]) ** -0.5
        x = Conv2D(
            width * 2**i, 4, 2, kernel_initializer=uniform_by_fan_in(),
            bias_initializer=keras.initializers.RandomUniform(-bound, bound),
        )(kl.ZeroPadding2D(1)(x))  # fmt: skip
        x = kl.LeakyReLU(negative_slope=0.01)(x)  # [B, H / 2**(i + 1), W / 2**(i + 1), width * 2**i]
    whole = Conv2D(num_domains, x.shape[1:3], use_bias=False, kernel_initializer=uniform_by_fan_in())(x)
    outputs = [_conv(x, 1, 3), kl.Flatten()(whole)]
    return keras.Model(
        image, [kl.Activation("linear", dtype="float32")(y) for y in outputs], name="stargan_discriminator"
    )


def _conv(x, channels, kernel, stride=1, name=None):
    initializer = uniform_by_fan_in()
    return Conv2D(channels, kernel, stride, "same", use_bias=False, kernel_initializer=initializer, name=name)(x)


def _norm_relu(x):
    return kl.ReLU()(InstanceNormalization()(x))
