"""The networks of "Analyzing and Improving the Image Quality of StyleGAN", Karras, Laine, Aittala, Hellsten, Lehtinen
and Aila, CVPR 2020, arXiv 1912.04958: configuration F, and E with half the `width`.

Read off the published code, by facts alone: kernels N(0, 1) times 1 / sqrt(fan_in) (`layers.EqualizedRate`), LeakyReLU
0.2 times sqrt(2), filters (1, 3, 3, 1) around every change of size. `networks.style` has the mapping network.

A modulated convolution is computed as x s -> convolution -> d: the same numbers as a kernel per example, whose grouped
convolution has no gradient on a CPU.
"""

import keras
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import fir, layers
from tfgan_zoo.networks import sizes

_saved = keras.saving.register_keras_serializable(package="tfgan_zoo")


@_saved
class ModulatedConv2D(keras.layers.Layer):
    """A convolution whose kernel is scaled by a style: `(x [B, H, W, in], w [B, dim]) -> [B, h, w, filters]`.

    w'_ijk = s_i w_ijk, s_i = 1 + A_i w + b_i (section 2.2, eq. 1); then w''_ijk = w'_ijk / sqrt(sum_ik w'_ijk^2 +
    1e-8), demodulation (eq. 3): of white input the output has the variance of the input. With a bias. s and the
    demodulation are float32 whatever the compute dtype; in float16 s is divided by its largest, which demodulation
    takes out again.

    Args:
        filters: channels of the output.
        kernel_size: height and width of the kernel, one odd number.
        up: twice as high and wide: a transposed convolution, then the filter.
        demodulate: eq. 3; not in the layers to RGB.
    """

    def __init__(self, filters, kernel_size, up=False, demodulate=True, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.up, self.demodulate = filters, kernel_size, up, demodulate

    def build(self, x_shape, w_shape):
        channels, equalized = x_shape[-1], layers.EqualizedRate(gain=1.0)
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        self.affine = layers.Dense(channels, normalization=equalized, dtype=wide, name="affine")
        self.affine.build(w_shape)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, channels, self.filters),
            initializer=equalized.initializer,
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros", autocast=False)
        self.equalized = equalized

    def scales(self, w):
        """s `[B, in]`, at least float32."""
        return 1.0 + self.affine(w)

    def demodulation(self, s):
        """d `[B, filters]`: the sum over i and k of (s_i w_ijk)^2, to the power -1/2."""
        power = tf.reduce_sum(tf.square(self.equalized.kernel(self)), axis=[0, 1])  # [in, filters]
        return tf.math.rsqrt(tf.matmul(tf.square(s), power) + 1e-8)

    def call(self, x, w):
        s = self.scales(w)
        if self.demodulate and x.dtype == tf.float16:
            s /= tf.reduce_max(tf.abs(s), axis=1, keepdims=True) + 1e-8
        kernel = tf.cast(self.equalized.kernel(self), x.dtype)
        x *= tf.cast(s, x.dtype)[:, None, None]
        y = _twice_as_large(x, kernel) if self.up else tf.nn.conv2d(x, kernel, 1, "SAME")
        if self.demodulate:
            y *= tf.cast(self.demodulation(s), y.dtype)[:, None, None]
        return y + tf.cast(self.bias, y.dtype)

    def compute_output_shape(self, x_shape, w_shape):
        height, width = (n and n * (2 if self.up else 1) for n in x_shape[1:3])
        return (x_shape[0], height, width, self.filters)

    def get_config(self):
        names = ("filters", "kernel_size", "up", "demodulate")
        return super().get_config() | {name: getattr(self, name) for name in names}


def _twice_as_large(x, kernel):
    """Zeros between the pixels, the kernel, the filter: [B, H, W, in] -> [B, 2H, 2W, filters]."""
    size, (height, width) = kernel.shape[0], x.shape[1:3]
    batch, filters = tf.shape(x)[0], kernel.shape[3]
    shape = [batch, 2 * (height - 1) + size, 2 * (width - 1) + size, filters]
    # The kernel turned by half a turn: a transposed convolution is that of the gradient.
    turned = tf.transpose(kernel[::-1, ::-1], [0, 1, 3, 2])
    return fir.blur(tf.nn.conv2d_transpose(x, turned, shape, 2, "VALID"), fir.BILINEAR, (1, 1), gain=4.0)


@_saved
class LearnedConstant(keras.layers.Layer):
    """`[B, ...] -> [B, *shape]`: what a synthesis network begins with, N(0, 1) at the start, learned."""

    def __init__(self, shape, **kwargs):
        super().__init__(**kwargs)
        self.shape = tuple(shape)

    def build(self, input_shape):
        start = keras.initializers.RandomNormal(stddev=1.0)
        self.constant = self.add_weight(name="constant", shape=self.shape, initializer=start, autocast=False)

    def call(self, w):
        one = tf.cast(self.constant, self.compute_dtype)[None]
        return tf.tile(one, [tf.shape(w)[0]] + [1] * len(self.shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return super().get_config() | {"shape": self.shape}


def stylegan2_synthesis(image_shape, style_dim=512, width=32, most=512):
    """`w [B, layers, style_dim] -> image [B, H, W, C]`, float32, linear: the generator with skips (figure 7).

    Two styled convolutions at each size but the smallest, which has one, and a layer to RGB, which has the style of the
    convolution after it: 2 layers per size, 18 for 1024x1024, 8 for 32x32. Calls draw noise: see `layers.PixelNoise`.

    Args:
        image_shape: (H, W, C); both sides halve until the smaller one is 4 to 7, once at least: 28x28, 32x32, 64x128.
        style_dim: length of a style.
        width: channels next to the picture; twice as many with each halving of the size.
        most: channels of any layer at most.

    Raises:
        InputError: an image size that does not fit.
    """
    base, times = sizes.halvings(image_shape)
    w = keras.Input([2 * times + 2, style_dim], name="w")

    def styled(x, channels, layer, up=False):
        x = ModulatedConv2D(channels, 3, up=up)(x, w[:, layer])
        return _activated(layers.PixelNoise(per_channel=False)(x))

    def to_rgb(x, layer):
        return ModulatedConv2D(image_shape[2], 1, demodulate=False, dtype="float32")(x, w[:, layer])

    x = LearnedConstant((*base, _channels(times, width, most)))(w)
    x = styled(x, _channels(times, width, most), 0)
    image = to_rgb(x, 1)
    for level in range(1, times + 1):
        channels = _channels(times - level, width, most)
        x = styled(x, channels, 2 * level - 1, up=True)  # [B, 2h, 2w, channels]
        x = styled(x, channels, 2 * level)
        image = kl.Add(dtype="float32")([layers.Upsample(dtype="float32")(image), to_rgb(x, 2 * level + 1)])
    return keras.Model(w, image, name="stylegan2_synthesis")


def stylegan2_discriminator(image_shape, width=32, most=512, group=4):
    """`image [B, H, W, C] -> logits [B, 1]`, float32: the residual discriminator (figure 7).

    All at the smallest size is computed in float32.

    Args:
        image_shape: (H, W, C), as of `stylegan2_synthesis`.
        width: channels next to the picture; twice as many with each halving of the size.
        most: channels of any layer at most.
        group: examples of which the deviation is told: see `layers.MinibatchDeviation`.

    Raises:
        InputError: an image size that does not fit.
    """
    _, times = sizes.halvings(image_shape)
    image = keras.Input(image_shape, name="image")
    x = _activated(_conv(_channels(0, width, most), 1)(image))
    for level in range(times):
        x = _residual_down(x, _channels(level, width, most), _channels(level + 1, width, most))
    last = _channels(times, width, most)
    x = layers.MinibatchDeviation(group, dtype="float32")(x)
    x = _activated(_conv(last, 3, dtype="float32")(x), dtype="float32")
    x = kl.Flatten(dtype="float32")(x)
    x = _activated(_dense(_channels(times + 1, width, most))(x), dtype="float32")
    return keras.Model(image, _dense(1)(x), name="stylegan2_discriminator")


def _channels(halvings, width, most):
    return min(width * 2**halvings, most)


def _residual_down(x, channels, wider):
    skip = layers.Blur(fir.BILINEAR, pads=(1, 1))(x)
    skip = _conv(wider, 1, strides=2, padding="valid", use_bias=False)(skip)  # [B, h/2, w/2, wider]
    x = _activated(_conv(channels, 3)(x))
    x = layers.Blur(fir.BILINEAR, pads=(2, 2))(x)
    x = _activated(_conv(wider, 3, strides=2, padding="valid")(x))
    return kl.Rescaling(0.5**0.5)(kl.Add()([x, skip]))


def _activated(x, **kwargs):
    return kl.Rescaling(2**0.5, **kwargs)(kl.LeakyReLU(0.2, **kwargs)(x))


def _conv(filters, size, **kwargs):
    return layers.Conv2D(filters, size, normalization=layers.EqualizedRate(gain=1.0), **kwargs)


def _dense(units):
    return layers.Dense(units, normalization=layers.EqualizedRate(gain=1.0), dtype="float32")
