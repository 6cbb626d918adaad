"""Layers that two or more families use. Images are `[B, H, W, C]`."""

import contextlib
import itertools
import math

import keras
import tensorflow as tf

from tfgan_zoo import convolutions, fir, random, replicas

_saved = keras.saving.register_keras_serializable(package="tfgan_zoo")  # loadable where this package is imported


@_saved
class InstanceNormalization(keras.layers.Layer):
    """Each channel of each example to mean 0 and variance 1 over its pixels. Ulyanov et al. 2016, arXiv 1607.08022.

    Statistics are float32 whatever the compute dtype. They need one pass over the image: the mean and the mean square
    of x - k. With k = 0 these cancel when the mean is large against the spread; k, the mean of the first row, is near
    the mean (at worst sqrt(H) standard deviations off), and the result does not depend on it.

    Args:
        affine: learn a scale and an offset per channel (the CycleGAN here has none).
        epsilon: added to the variance.
        gamma_initializer: of the scale.
    """

    def __init__(self, affine=True, epsilon=1e-5, gamma_initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.affine = affine
        self.epsilon = epsilon
        self.gamma_initializer = keras.initializers.get(gamma_initializer)

    def build(self, input_shape):
        if self.affine:
            channels = (input_shape[-1],)
            self.gamma = self.add_weight(
                name="gamma", shape=channels, initializer=self.gamma_initializer, autocast=False
            )
            self.beta = self.add_weight(name="beta", shape=channels, initializer="zeros", autocast=False)

    def call(self, x):
        wide = _wide(x)
        wide -= tf.stop_gradient(tf.reduce_mean(wide[:, :1], axis=[1, 2], keepdims=True))
        mean = tf.reduce_mean(wide, axis=[1, 2], keepdims=True)  # [B, 1, 1, C]
        variance = tf.reduce_mean(tf.square(wide), axis=[1, 2], keepdims=True) - tf.square(mean)
        scale = tf.math.rsqrt(tf.nn.relu(variance) + self.epsilon)  # rounding can leave a variance below 0
        if self.affine:
            scale *= self.gamma
        offset = -mean * scale
        if self.affine:
            offset += self.beta
        return tf.cast(wide * scale + offset, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {
            "affine": self.affine,
            "epsilon": self.epsilon,
            "gamma_initializer": keras.initializers.serialize(self.gamma_initializer),
        }


@_saved
class ReflectionPadding2D(keras.layers.Layer):
    """Mirrors `n` pixels over each border, the border pixel itself not repeated: [B, H, W, C] -> [B, H+2n, W+2n, C].

    Raises:
        ValueError: the image has no `n` pixels besides the border.
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = n

    def call(self, x):
        n, sides = self.n, x.shape[1:3]
        if None in sides or min(sides) < 2 * n + 2:
            return tf.pad(x, [[0, 0], [n, n], [n, n], [0, 0]], mode="REFLECT")  # which refuses a picture too small

        # By slices, which takes a fourth of that kernel's time on a CPU (docs/results.md).
        @tf.custom_gradient
        def padded(x):
            for axis in (1, 2):
                first, last = _part(x, axis, 1, n + 1), _part(x, axis, -n - 1, -1)
                x = tf.concat([tf.reverse(first, [axis]), x, tf.reverse(last, [axis])], axis)
            return x, lambda slope: _folded(_folded(slope, n, 1), n, 2)

        return padded(x)

    def get_config(self):
        return super().get_config() | {"n": self.n}


def _folded(x, n, axis):
    """The transpose of a border of `n` mirrored at both ends of an axis: what lies in it is added where it is from."""
    first, last = (tf.reverse(part, [axis]) for part in (_part(x, axis, 0, n), _part(x, axis, -n, None)))
    ends = [n, n + 1, 2 * n + 1, -2 * n - 1, -n - 1, -n]
    parts = [_part(x, axis, *pair) for pair in itertools.pairwise(ends)]
    return tf.concat([parts[0], parts[1] + first, parts[2], parts[3] + last, parts[4]], axis)


def _part(x, axis, start, stop):
    return x[(slice(None),) * axis + (slice(start, stop),)]


@_saved
class HalvingAverage(keras.layers.Layer):
    """The mean of the 3x3 pixels around every second one, at a border of those that are there: H becomes H / 2.

    [B, H, W, C] -> [B, h, w, C], rounded up. Keras' "same" lies half a pixel off: it pads even sizes on one side alone.
    """

    def call(self, x):
        border = [[0, 0], [1, 1], [1, 1], [0, 0]]
        total = tf.nn.avg_pool2d(tf.pad(x, border), 3, 2, "VALID")
        share = tf.nn.avg_pool2d(tf.pad(tf.ones_like(x[:1, :, :, :1]), border), 3, 2, "VALID")  # [1, h, w, 1]
        return total / share


@_saved
class PixelShuffle(keras.layers.Layer):
    """Groups of `factor**2` channels become the pixels of squares. Shi et al. 2016, arXiv 1609.05158, eq. 4.

    [B, H, W, factor**2 * C] -> [B, factor * H, factor * W, C]; pixel (i, j) of a square has the channels from
    (factor * i + j) * C on, TensorFlow's order. (The paper's and Torch's is c * factor**2 + factor * i + j.)
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return tf.nn.depth_to_space(x, self.factor)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        height, width = (n and n * self.factor for n in (height, width))
        return (batch, height, width, channels // self.factor**2)

    def get_config(self):
        return super().get_config() | {"factor": self.factor}


@_saved
class Dropout(keras.layers.Layer):
    """Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).

    `keras.layers.Dropout` draws the same mask on every replica; here the mask comes from the open `random.stream`:
    another one per replica, and again the same after a resume. Where a graph is made for pictures of any size, the mask
    is that of the size the layer was built for, laid side by side: in serving a constant, which every runtime knows.

    Args:
        rate: in [0, 1).
        always: drop when not training too: pix2pix's noise (section 3.1).

    Raises:
        RuntimeError: dropping outside a `random.stream`.
    """

    def __init__(self, rate, always=False, **kwargs):
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"Dropout rate {rate} is not in [0, 1)")
        self.rate = rate
        self.always = always

    def build(self, input_shape):
        self.shape = tuple(input_shape)

    def call(self, x, training=False):
        if self.rate == 0 or not (training or self.always):
            return x
        unknown = [i for i, size in enumerate(x.shape) if i and size is None and self.shape[i] is not None]
        shape = [self.shape[i] if i in unknown else size for i, size in enumerate(x.shape)]
        keep = random.uniform([tf.shape(x)[i] if size is None else size for i, size in enumerate(shape)]) >= self.rate
        for i in unknown:
            keep = tf.gather(keep, tf.range(tf.shape(x)[i]) % self.shape[i], axis=i)
        return tf.ensure_shape(tf.where(keep, x / (1 - self.rate), tf.zeros([], x.dtype)), x.shape)

    # Without it Keras would trace `call` for the shape while a network is built, when no stream is open.
    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "always": self.always}


@_saved
class GaussianNoise(keras.layers.Layer):
    """Adds N(0, stddev^2) to each element when training.

    `keras.layers.GaussianNoise` draws the same numbers on every replica; here they come from the open `random.stream`.

    Raises:
        RuntimeError: training outside a `random.stream`.
    """

    def __init__(self, stddev, **kwargs):
        super().__init__(**kwargs)
        self.stddev = stddev

    def call(self, x, training=False):
        if self.stddev == 0 or not training:
            return x
        shape = [tf.shape(x)[i] if size is None else size for i, size in enumerate(x.shape)]
        return tf.ensure_shape(x + tf.cast(self.stddev * random.normal(shape), x.dtype), x.shape)

    # Without it Keras would trace `call` for the shape while a network is built, when no stream is open.
    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"stddev": self.stddev}


def batch_normalization(**kwargs):
    """Batch normalisation over the *global* batch, so that one replica and eight make the same update.

    Keeps 0.9 of its running means, epsilon 1e-5: what the published Torch code of these papers has. `kwargs` go to
    `keras.layers.BatchNormalization`.
    """
    return BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True, **kwargs)


@_saved
class BatchNormalization(keras.layers.BatchNormalization):
    """Keras' own, by TensorFlow's fused kernel where pictures train on one replica: a tenth of DCGAN's step.

    The kernel normalises what it is given in its own precision, with statistics in float32, where Keras widens it
    first. Other ranks, several replicas, other axes and all that is not training are left to Keras.
    """

    def call(self, x, training=None, mask=None):
        is_fused = (
            training
            and self.trainable
            and mask is None
            and not getattr(self, "renorm", False)  # which Keras has from 3.13 on
            and len(x.shape) == 4
            and self.axis in (-1, 3)
            and x.dtype in (tf.float32, tf.bfloat16, tf.float16)
            and tf.distribute.get_strategy().num_replicas_in_sync == 1
        )
        if not is_fused:
            return super().call(x, training=training, mask=mask)
        channels = x.shape[-1]
        y, mean, unbiased, *_ = tf.raw_ops.FusedBatchNormV3(
            x=x,
            scale=tf.convert_to_tensor(self.gamma) if self.scale else tf.ones([channels]),
            offset=tf.convert_to_tensor(self.beta) if self.center else tf.zeros([channels]),
            mean=tf.zeros([0]),
            variance=tf.zeros([0]),
            epsilon=self.epsilon,
            is_training=True,
        )
        count = tf.cast(tf.size(x) // channels, tf.float32)
        variance = unbiased * ((count - 1.0) / count)  # Keras keeps that of the batch itself
        for kept, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            kept.assign(kept * self.momentum + new * (1.0 - self.momentum))
        return y


def one_hot(label, num_classes):
    """Labels [B] of a network's input -> [B, num_classes] float32, 1 at the label."""
    return keras.ops.one_hot(label, num_classes, dtype="float32")


def normal_002():
    """N(0, 0.02), the weights of DCGAN (section 4), pix2pix (6.2) and CycleGAN (7.1).

    A new one per layer: a single instance would give layers of one shape the same weights.
    """
    return keras.initializers.RandomNormal(mean=0.0, stddev=0.02)


def uniform_by_fan_in():
    """Uniform within 1 / sqrt(fan_in): how PyTorch starts the kernels of convolutions unless told otherwise.

    Of a transposed convolution its fan_in is height * width * filters.
    """
    return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")


def normal_1_002():
    """N(1, 0.02), the scales of batch normalisation in the code of DCGAN, pix2pix, WGAN and CycleGAN (Lua)."""
    return keras.initializers.RandomNormal(mean=1.0, stddev=0.02)


class _Normalization:
    """What makes the kernel that a layer uses of the one that it learns. Float32 whatever the compute dtype.

    It keeps nothing itself: variables that it needs become those of the layer. So one may be given to many layers.
    """

    initializer = "glorot_uniform"
    """Of a kernel for which a layer is given none."""

    bias_scale = 1.0
    """What a layer multiplies its bias with."""

    def add_variables(self, layer):
        """Gives `layer`, whose `kernel` is there, the variables that `kernel` needs."""

    def kernel(self, layer, training=False):
        """The kernel that `layer` uses, float32, of the shape of `layer.kernel`."""
        raise NotImplementedError(f"{type(self).__name__} has no kernel")

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@_saved
class SpectralNorm(_Normalization):
    """A kernel W [..., out] is used as W / sigma(W). Miyato et al. 2018, arXiv 1802.05957, section 2.1.

    sigma(W), the largest singular value of W as a matrix [rest, out], is estimated by power iteration (eq. 18-19) from
    the layer's `u`, the last call's singular vector. One iteration per call in training. Algorithm 1 (appendix A) has
    one per update; where a step calls the discriminator on real and on fake images it makes two here, as in the
    published code. Serving starts from the `u` of training and keeps nothing. The gradient is that of W / sigma(W)
    with the singular vectors held constant (eq. 9-10). A kernel of zeros stays one.

    sigma is that of the kernel as a matrix [height * width * in, filters], not of the convolution as a map between
    images, which can be larger.
    """

    def add_variables(self, layer):
        # Every replica computes the same u from the same W: that of the first is the one of all.
        layer.u = layer.add_weight(
            name="u",
            shape=(layer.kernel.shape[-1], 1),
            initializer="random_normal",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def kernel(self, layer, training=False):
        """W / sigma(W). Moves `layer.u` by the call's power iteration if `training`."""
        kernel = tf.convert_to_tensor(layer.kernel)
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])  # [rest, out]
        fixed = tf.stop_gradient(matrix)
        v = tf.math.l2_normalize(tf.matmul(fixed, tf.convert_to_tensor(layer.u)), epsilon=1e-24)  # [rest, 1]
        u = tf.math.l2_normalize(tf.matmul(fixed, v, transpose_a=True), epsilon=1e-24)  # [out, 1]
        sigma = tf.reduce_sum(v * tf.matmul(matrix, u))
        if training:
            layer.u.assign(u)
        return kernel / tf.maximum(sigma, 1e-12)


@_saved
class WeightNorm(_Normalization):
    """A kernel v [..., out] is used as g v / ||v||, g one length per output. Salimans & Kingma 2016, arXiv 1602.07868
    (its formulas were seen, the numbers of its equations were not).

    ||v|| is the norm of what leads to one output; the gradient goes through it. The layer's `kernel` is v. Its `g`
    begins as ||v||: the layer as its plain twin. `initialize_weight_norm` has the paper's start instead. A v of zeros
    stays one.

    Args:
        frozen: g stays as it began and v alone trains, as in the discriminators of "Improved Techniques for Training
            GANs" (1606.03498, its code).
    """

    initializer = "random_normal"  # N(0, 0.05), the paper's

    def __init__(self, frozen=False):
        self.frozen = frozen

    def get_config(self):
        return {"frozen": self.frozen}

    def add_variables(self, layer):
        layer.g = layer.add_weight(
            name="g",
            shape=layer.kernel.shape[-1:],
            initializer=lambda shape, dtype: tf.norm(tf.reshape(layer.kernel, [-1, shape[0]]), axis=0),
            trainable=not self.frozen,
            autocast=False,
        )

    def _direction(self, layer):
        v = tf.convert_to_tensor(layer.kernel)
        return tf.math.l2_normalize(v, axis=list(range(len(v.shape) - 1)), epsilon=1e-24)

    def kernel(self, layer, training=False):
        """g v / ||v||."""
        return tf.convert_to_tensor(layer.g) * self._direction(layer)

    def initialize(self, layer, x):
        """Sets g = 1 / sigma[t] and bias = -mu[t] / sigma[t], t the layer's answers to `x` with g = 1 and no bias.

        Then the answers to `x` have mean 0 (where there is a bias) and variance 1 per output.
        """
        t = tf.cast(layer.apply_kernel(tf.cast(x, layer.compute_dtype), self._direction(layer)), tf.float32)
        mean, variance = tf.nn.moments(t, list(range(len(t.shape) - 1)))
        scale = tf.math.rsqrt(variance + 1e-10)  # finite where nothing varies
        layer.g.assign(scale)
        if layer.bias is not None:
            layer.bias.assign(-mean * scale)


@_saved
class EqualizedRate(_Normalization):
    """A kernel w [..., out] is used as w gain rate / sqrt(fan_in), a bias b as b rate; fan_in is all of w's size but
    `out`. Karras et al. 2018, arXiv 1710.10196, section 4.1 ("equalized learning rate").

    Kernels start as N(0, 1 / rate^2), so the used one starts with the variance gain^2 / fan_in whatever the rate. Adam
    moves every weight by about its learning rate: the used one then moves in proportion to its own size. (The paper
    prints a division by the constant; its code multiplies.)

    Args:
        gain: of the activation that follows; 1 where none does.
        rate: StyleGAN's learning rate multiplier (1812.04948; 0.01 in its mapping network): the used weights move
            `rate` times as far under Adam, rate^2 times under plain gradient descent.
    """

    def __init__(self, gain=2**0.5, rate=1.0):
        self.gain, self.bias_scale = gain, rate

    @property
    def initializer(self):  # a new one per layer, as `normal_002`
        return keras.initializers.RandomNormal(stddev=1 / self.bias_scale)

    def kernel(self, layer, training=False):
        """w gain rate / sqrt(fan_in)."""
        kernel = tf.convert_to_tensor(layer.kernel)
        return kernel * (self.gain * self.bias_scale / math.sqrt(math.prod(kernel.shape[:-1])))

    def get_config(self):
        return {"gain": self.gain, "rate": self.bias_scale}


class _Normalized(keras.layers.Layer):
    """y = a linear map of x by the kernel that `normalization` makes of the learned one, plus a bias.

    A subclass says what shape the kernel has for an input and how it is applied.
    """

    def __init__(self, *, normalization, use_bias=True, kernel_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.normalization, self.use_bias = normalization, use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer or normalization.initializer)

    def kernel_shape(self, input_shape):
        raise NotImplementedError(f"{type(self).__name__} has no kernel_shape")

    def apply_kernel(self, x, kernel):
        raise NotImplementedError(f"{type(self).__name__} has no apply_kernel")

    def build(self, input_shape):
        shape = self.kernel_shape(input_shape)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=self.kernel_initializer, autocast=False)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer="zeros", autocast=False)
        self.normalization.add_variables(self)

    def normalized_kernel(self, training=False):
        """The kernel that a call uses, float32; `training` as in a call."""
        return self.normalization.kernel(self, training)

    def call(self, x, training=False):
        y = self.apply_kernel(x, self.normalized_kernel(training))
        return y if self.bias is None else y + tf.cast(self.bias * self.normalization.bias_scale, y.dtype)

    def get_config(self):
        return super().get_config() | {
            "normalization": keras.saving.serialize_keras_object(self.normalization),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }

    @classmethod
    def from_config(cls, config):
        normalization = keras.saving.deserialize_keras_object(config["normalization"])
        return cls(**config | {"normalization": normalization})


@_saved
class Conv2D(_Normalized):
    """A convolution with a normalised kernel, [B, H, W, in] -> [B, h, w, filters]. Without: `convolutions.Conv2D`.

    Args:
        filters: channels of the output.
        kernel_size: height and width of the kernel, one number.
        strides: pixels between its places, one number.
        padding: "same", with zeros, h = H / strides rounded up; or "valid".
        normalization: `SpectralNorm()`, `WeightNorm()` or `EqualizedRate(...)`.
        use_bias: add a learned number per channel.
        kernel_initializer: as in `keras.layers.Conv2D`; None: that of the normalisation.
    """

    def __init__(self, filters, kernel_size, strides=1, padding="same", **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides, self.padding = filters, kernel_size, strides, padding

    def kernel_shape(self, input_shape):
        return (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)

    def apply_kernel(self, x, kernel):
        return convolutions.conv2d(x, tf.cast(kernel, x.dtype), self.strides, self.padding.upper())

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "padding")
        return super().get_config() | {name: getattr(self, name) for name in names}


@_saved
class Dense(_Normalized):
    """A dense layer with a normalised kernel, [B, in] -> [B, units]. Without one: `keras.layers.Dense`.

    Args:
        units: length of the output.
        normalization: `SpectralNorm()`, `WeightNorm()` or `EqualizedRate(...)`.
        use_bias: add a learned vector.
        kernel_initializer: as in `keras.layers.Dense`; None: that of the normalisation.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def kernel_shape(self, input_shape):
        return (input_shape[-1], self.units)

    def apply_kernel(self, x, kernel):
        return tf.matmul(x, tf.cast(kernel, x.dtype))

    def get_config(self):
        return super().get_config() | {"units": self.units}


@_saved
class Reference(keras.layers.Layer):
    """`[B, dim] -> [count, dim]`: noise that was drawn once, uniform in [-1, 1], and stays whatever the input.

    Args:
        count: its rows.
    """

    def __init__(self, count, **kwargs):
        super().__init__(**kwargs)
        self.count = count

    def build(self, input_shape):
        start = keras.initializers.RandomUniform(-1.0, 1.0)
        shape = (self.count, input_shape[-1])
        self.rows = self.add_weight(name="rows", shape=shape, initializer=start, trainable=False)

    def call(self, z):
        return tf.convert_to_tensor(self.rows)

    def compute_output_shape(self, input_shape):
        return (self.count, input_shape[-1])

    def get_config(self):
        return super().get_config() | {"count": self.count}


@_saved
class VirtualBatchNormalization(keras.layers.Layer):
    """`(x [B, ..., C], reference [R, ..., C])`, both normalised. Salimans et al. 2016, arXiv 1606.03498, section 3.4.

    Means and mean squares of an example are those of the reference batch and itself, which weighs as one of R + 1;
    those of the reference batch are its own. So what becomes of an example does not depend on the others of its batch,
    in training or when serving. The reference batch goes through the network beside the batch, by the same layers, from
    `Reference` on. Float32 whatever the compute dtype.

    Args:
        scale: learn a factor per channel.
        epsilon: added to the variance.
    """

    def __init__(self, scale=True, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.scale, self.epsilon = scale, epsilon

    def build(self, x_shape, reference_shape):
        channels = (x_shape[-1],)
        self.beta = self.add_weight(name="beta", shape=channels, initializer="zeros", autocast=False)
        if self.scale:
            self.gamma = self.add_weight(name="gamma", shape=channels, initializer="ones", autocast=False)

    def call(self, x, reference):
        wide, of_reference = _wide(x), _wide(reference)
        rows = tf.cast(tf.shape(reference)[0], wide.dtype)
        places = list(range(1, len(x.shape) - 1))
        first, second = (tf.reduce_mean(v, [0, *places]) for v in (of_reference, tf.square(of_reference)))
        own = [tf.reduce_mean(v, places, keepdims=True) for v in (wide, tf.square(wide))]
        mixed = [(rows * theirs + mine) / (rows + 1.0) for theirs, mine in zip((first, second), own, strict=True)]
        outputs = self._normalized(wide, *mixed), self._normalized(of_reference, first, second)
        return tuple(tf.cast(y, x.dtype) for y in outputs)

    def _normalized(self, x, mean, mean_square):
        y = (x - mean) * tf.math.rsqrt(tf.nn.relu(mean_square - tf.square(mean)) + self.epsilon)
        return (y * self.gamma if self.scale else y) + self.beta

    def compute_output_shape(self, x_shape, reference_shape):
        return x_shape, reference_shape

    def get_config(self):
        return super().get_config() | {"scale": self.scale, "epsilon": self.epsilon}


@_saved
class MinibatchDiscrimination(keras.layers.Layer):
    """How near each example is to the others of the batch: `[B, A] -> [B, A + kernels]`, the input and, for each kernel
    b, sum_{j != i} exp(-||M_ib - M_jb||_1) + bias_b. Salimans et al. 2016, arXiv 1606.03498, section 3.2, as its code.

    M_i = x_i T is a matrix [kernels, dims]; each of its columns is weight-normalised: a length, which begins as 1, and
    a direction. Computed in float32, over the global batch, in training and when serving: what an example is told
    depends on the others of its request.

    Args:
        kernels: numbers added per example.
        dims: rows of M.
    """

    def __init__(self, kernels=100, dims=5, **kwargs):
        super().__init__(**kwargs)
        self.kernels, self.dims = kernels, dims

    def build(self, input_shape):
        shape = (input_shape[-1], self.kernels * self.dims)
        start = keras.initializers.RandomNormal(stddev=0.05)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=start, autocast=False)
        self.log_length = self.add_weight(
            name="log_length", shape=(self.kernels, self.dims), initializer="zeros", autocast=False
        )
        minus_one = keras.initializers.Constant(-1.0)
        self.bias = self.add_weight(name="bias", shape=(self.kernels,), initializer=minus_one, autocast=False)

    def distances(self, x):
        """`[B, N, kernels]` from each example of the replica to each of the global batch of N."""
        direction = tf.math.l2_normalize(tf.convert_to_tensor(self.kernel), axis=0, epsilon=1e-24)
        own = tf.reshape(tf.matmul(_wide(x), direction), [-1, self.kernels, self.dims]) * tf.exp(self.log_length)
        return tf.reduce_sum(tf.abs(own[:, None] - replicas.gather(own)[None]), axis=-1)

    def call(self, x):
        near = tf.reduce_sum(tf.exp(-self.distances(x)), axis=1) - 1.0  # without itself, at distance 0
        return tf.concat([x, tf.cast(near + self.bias, x.dtype)], axis=-1)

    def initialize(self, x):
        """The published code's start: each kernel's distances are divided by half the mean of those to the nearest
        other example of `x`, and the bias takes the mean of its answers away.
        """
        apart = self.distances(x) + 1e6 * tf.eye(len(x))[:, :, None]
        nearest = tf.reduce_mean(tf.reduce_min(apart, axis=1), axis=0)  # [kernels]
        self.log_length.assign_sub(tf.repeat(tf.math.log(0.5 * nearest)[:, None], self.dims, axis=1))
        self.bias.assign_sub(tf.reduce_mean(tf.cast(self(x), tf.float32)[:, -self.kernels :], axis=0))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.kernels)

    def get_config(self):
        return super().get_config() | {"kernels": self.kernels, "dims": self.dims}


@_saved
class PixelNorm(keras.layers.Layer):
    """x / sqrt(E[x^2] + epsilon), the mean over the channels of each pixel. Karras et al. 2018, arXiv 1710.10196, 4.2.

    [B, ..., C] of any rank. Computed in float32 whatever the compute dtype: squares of float16 overflow from 256 on.

    Args:
        epsilon: added to the mean square.
    """

    def __init__(self, epsilon=1e-8, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def call(self, x):
        wide = _wide(x)
        return tf.cast(wide * tf.math.rsqrt(tf.reduce_mean(tf.square(wide), -1, keepdims=True) + self.epsilon), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"epsilon": self.epsilon}


@_saved
class Bias(keras.layers.Layer):
    """Adds a learned number per channel, [B, ..., C]; they begin as 0."""

    def build(self, input_shape):
        self.bias = self.add_weight(name="bias", shape=input_shape[-1:], initializer="zeros", autocast=False)

    def call(self, x):
        return x + tf.cast(self.bias, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@_saved
class Fade(keras.layers.Layer):
    """`[old, new, alpha [B, 1]] -> (1 - alpha) old + alpha new`, each [B, H, W, C]. Karras et al. 2018, arXiv
    1710.10196, figure 2. At 0 and 1 it is the one or the other to the last bit. Float32 whatever the compute dtype.
    """

    def __init__(self, **kwargs):
        super().__init__(**kwargs | {"autocast": False})  # alpha is not rounded

    def call(self, inputs):
        old, new = (_wide(x) for x in inputs[:2])
        alpha = tf.cast(inputs[2], new.dtype)[:, :, None, None]  # [B, 1, 1, 1]
        return tf.cast((1.0 - alpha) * old + alpha * new, inputs[1].dtype)

    def compute_output_shape(self, input_shapes):
        return input_shapes[1]


@_saved
class LearnedConstant(keras.layers.Layer):
    """`[B, ...] -> [B, *shape]`: what a synthesis network begins with, whatever it is given. Learned.

    Args:
        shape: of an example.
        initializer: of the constant: ones, as StyleGAN (1812.04948) begins, or another.
    """

    def __init__(self, shape, initializer="ones", **kwargs):
        super().__init__(**kwargs)
        self.shape, self.initializer = tuple(shape), keras.initializers.get(initializer)

    def build(self, input_shape):
        self.constant = self.add_weight(name="constant", shape=self.shape, initializer=self.initializer, autocast=False)

    def call(self, w):
        one = tf.cast(self.constant, self.compute_dtype)[None]
        return tf.tile(one, [tf.shape(w)[0]] + [1] * len(self.shape))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], *self.shape)

    def get_config(self):
        return super().get_config() | {
            "shape": self.shape,
            "initializer": keras.initializers.serialize(self.initializer),
        }


@_saved
class ModulatedConv2D(keras.layers.Layer):
    """A convolution whose kernel is scaled by a style: `(x [B, H, W, in], w [B, dim]) -> [B, h, w, filters]`. Karras et
    al. 2020, arXiv 1912.04958.

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
        channels, equalized = x_shape[-1], EqualizedRate(gain=1.0)
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        self.affine = Dense(channels, normalization=equalized, dtype=wide, name="affine")
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
class AdaIN(keras.layers.Layer):
    """Instance normalisation, then the scale and offset of a style: `(x [B, H, W, C], w [B, layers, dim]) -> x`. Karras
    et al. 2019, arXiv 1812.04948, eq. 1.

    Each channel of each picture gets the mean b and the deviation 1 + s, (s, b) an affine function of the style, 0 at
    the start but for its random kernel. Float32 whatever the compute dtype.

    Args:
        layer: which of the styles.
    """

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer
        self.normalize = InstanceNormalization(affine=False, epsilon=1e-8, dtype=self.dtype_policy)

    def build(self, x_shape, w_shape):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        self.affine = Dense(2 * x_shape[-1], normalization=EqualizedRate(1.0), dtype=wide, name="affine")
        self.affine.build((w_shape[0], w_shape[-1]))

    def call(self, x, w):
        scale, offset = tf.split(self.affine(w[:, self.layer])[:, None, None], 2, axis=-1)  # [B, 1, 1, C]
        return tf.cast(_wide(self.normalize(x)) * (scale + 1.0) + offset, x.dtype)

    def compute_output_shape(self, x_shape, w_shape):
        return x_shape

    def get_config(self):
        return super().get_config() | {"layer": self.layer}


@_saved
class PixelNoise(keras.layers.Layer):
    """Adds one N(0, 1) number per pixel, times a learned strength: [B, H, W, C] -> the same. Karras et al. 2019, arXiv
    1812.04948, section 2.

    The numbers come from the open `random.stream`, in training and in serving alike; of a stream of serving
    (`shared=True`) they are constants of the graph, the same for all examples.

    Args:
        per_channel: a strength for each channel, as StyleGAN has it; else one, as StyleGAN2 (1912.04958). They begin
            as 0.

    Raises:
        RuntimeError: called outside of a `random.stream`.
    """

    def __init__(self, per_channel=True, **kwargs):
        super().__init__(**kwargs)
        self.per_channel = per_channel

    def build(self, input_shape):
        shape = input_shape[-1:] if self.per_channel else ()
        self.strength = self.add_weight(name="strength", shape=shape, initializer="zeros", autocast=False)

    def call(self, x):
        noise = random.normal([tf.shape(x)[0], *x.shape[1:3], 1])
        return x + tf.cast(tf.cast(noise, self.strength.dtype) * self.strength, x.dtype)

    # Without it Keras would trace `call` for the shape while a network is built, when no stream is open.
    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return super().get_config() | {"per_channel": self.per_channel}


@_saved
class MinibatchDeviation(keras.layers.Layer):
    """How much the examples of a group differ, as further channels: `[B, H, W, C] -> [B, H, W, C + features]`. Karras
    et al. 2018, arXiv 1710.10196, section 3; groups are the published code's (the paper: the whole batch).

    The deviation over the group of each channel at each pixel, sqrt(variance + 1e-8), averaged over the pixels and over
    the channels: over each of `features` equal parts of these on its own. Of equal examples it is 1e-4.

    A group is `group` examples one after the other in the global batch; the last has what is left. Where the batch of a
    replica is a multiple of it no replica needs another's rows; otherwise they are gathered, and the layer can not be
    called in a `tf.cond`. In float32 whatever the compute dtype. In serving the groups are those of the request.

    Args:
        group: examples in a group.
        features: channels to add.

    Raises:
        ValueError: the channels can not be cut into `features` equal parts.
    """

    def __init__(self, group=4, features=1, **kwargs):
        super().__init__(**kwargs)
        self.group, self.features = group, features

    def build(self, input_shape):
        if input_shape[-1] % self.features:
            raise ValueError(f"{input_shape[-1]} channels are cut into {self.features} equal parts; give a divisor")

    def call(self, x):
        wide, alone = _wide(x), x.shape[0] is not None and x.shape[0] % self.group == 0
        rows = wide if alone else replicas.gather(wide)
        deviations = tf.repeat(self._of_groups(rows), self.group, axis=0)[: tf.shape(rows)[0]]  # [R B, features]
        own = deviations if alone else replicas.own(deviations)
        channels = tf.ones([1, *x.shape[1:3], 1], wide.dtype) * own[:, None, None]
        channels = tf.ensure_shape(channels, [*x.shape[:3], self.features])
        return tf.concat([x, tf.cast(channels, x.dtype)], axis=-1)

    def _of_groups(self, rows):
        """`[B, H, W, C] -> [groups, features]`."""
        missing = -tf.shape(rows)[0] % self.group
        there = tf.pad(tf.ones_like(rows[:, :1, :1, :1]), [[0, missing], [0, 0], [0, 0], [0, 0]])
        height, width, channels = rows.shape[1:]
        rows = tf.reshape(
            tf.pad(rows, [[0, missing], [0, 0], [0, 0], [0, 0]]), [-1, self.group, height, width, channels]
        )
        there = tf.reshape(there, [-1, self.group, 1, 1, 1])
        count = tf.reduce_sum(there, 1, keepdims=True)
        off = (rows - tf.reduce_sum(rows, 1, keepdims=True) / count) * there
        deviation = tf.sqrt(tf.reduce_sum(tf.square(off) / count, 1) + 1e-8)  # [groups, H, W, C]
        parts = tf.reshape(deviation, [-1, height, width, self.features, channels // self.features])
        return tf.reduce_mean(parts, [1, 2, 4])

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.features)

    def get_config(self):
        return super().get_config() | {"group": self.group, "features": self.features}


class _Fir(keras.layers.Layer):
    """A filter of `fir`, without weights."""

    def __init__(self, taps, **kwargs):
        super().__init__(**kwargs)
        self.taps = tuple(taps)

    def get_config(self):
        return super().get_config() | {"taps": self.taps}


@_saved
class Blur(_Fir):
    """`fir.blur`: [B, H, W, C] -> the same; with `pads` (before, after) H + sum(pads) - len(taps) + 1.

    Args:
        taps, pads, gain: as `fir.blur` takes them.
    """

    def __init__(self, taps=fir.BINOMIAL, pads=None, gain=1.0, **kwargs):
        super().__init__(taps, **kwargs)
        self.pads, self.gain = pads, gain

    def call(self, x):
        return fir.blur(x, self.taps, self.pads, self.gain)

    def get_config(self):
        return super().get_config() | {"pads": self.pads, "gain": self.gain}


@_saved
class Upsample(_Fir):
    """`fir.upsample`: [B, H, W, C] -> [B, 2H, 2W, C]."""

    def __init__(self, taps=fir.BILINEAR, **kwargs):
        super().__init__(taps, **kwargs)

    def call(self, x):
        return fir.upsample(x, self.taps)


@_saved
class Downsample(_Fir):
    """`fir.downsample`: [B, H, W, C] -> [B, H/2, W/2, C]."""

    def __init__(self, taps=fir.BILINEAR, **kwargs):
        super().__init__(taps, **kwargs)

    def call(self, x):
        return fir.downsample(x, self.taps)


def initialize_weight_norm(network, x, seed=None):
    """The start of Salimans & Kingma 2016: every weight-normalised layer of `network`, from the first to the last,
    answers the batch `x` with mean 0 and variance 1 per output. `MinibatchDiscrimination` has a start of its own.

    Call it once, where the network is built; with several workers with the same `x` on each. What is restored or
    loaded afterwards replaces it, so that a run that goes on may call it again.

    Args:
        network: a functional `keras.Model`; layers inside of nested models are left as they are.
        x: a batch of its inputs.
        seed: None, or an int: the network is called as in training, its noise drawn from `random.stream(seed)`.

    Raises:
        ValueError: the network has no weight-normalised layer.
    """
    normalized = {layer for layer in network.layers if isinstance(getattr(layer, "normalization", None), WeightNorm)}
    if not normalized:
        raise ValueError(f"{network.name} has no weight-normalised layer; use normalization=layers.WeightNorm()")
    for layer in network.layers:
        if layer not in normalized and not isinstance(layer, MinibatchDiscrimination):
            continue
        before = keras.Model(network.input, layer.input)
        with contextlib.nullcontext() if seed is None else random.stream(seed):  # the same noise before each layer
            given = before(x, training=seed is not None)
        if layer in normalized:
            layer.normalization.initialize(layer, given)
        else:
            layer.initialize(given)


@_saved
class Projection(keras.layers.Layer):
    """y^T V phi(x), the inner product of a label's embedding and features. Miyato & Koyama 2018, arXiv 1802.05637.

    V is spectrally normalised, as in the published code. [B, C] and label [B] -> [B, 1].

    Args:
        num_classes: labels are 0 ... num_classes - 1.
    """

    normalization = SpectralNorm()

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def build(self, features_shape, label_shape):
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.num_classes, features_shape[-1]),
            initializer=keras.initializers.GlorotUniform(),
            autocast=False,
        )
        self.normalization.add_variables(self)

    def normalized_kernel(self, training=False):
        """V / sigma(V), float32. Moves `u` if `training`."""
        return self.normalization.kernel(self, training)

    def call(self, features, label, training=False):
        kernel = tf.cast(self.normalized_kernel(training), features.dtype)
        return tf.reduce_sum(features * _rows(kernel, label), axis=-1, keepdims=True)

    def compute_output_shape(self, features_shape, label_shape):
        return (features_shape[0], 1)

    def get_config(self):
        return super().get_config() | {"num_classes": self.num_classes}


def _wide(x):
    return tf.cast(x, keras.backend.result_type(x.dtype, "float32"))  # float32, and float64 as it is


def _rows(table, label):
    # A product, not a gather: its gradient is a plain tensor, which XLA and sums over replicas take.
    return tf.one_hot(label, table.shape[0], dtype=table.dtype) @ table


@_saved
class ConditionalBatchNormalization(keras.layers.Layer):
    """Batch normalisation whose scale and offset are those of the example's label. Dumoulin et al. 2017, arXiv
    1610.07629; de Vries et al. 2017, arXiv 1707.00683.

    Statistics are those of `batch_normalization`: over the global batch, all labels together.

    Args:
        num_classes: labels are 0 ... num_classes - 1.
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes
        self.normalize = batch_normalization(center=False, scale=False, dtype=self.dtype_policy)

    def build(self, x_shape, label_shape):
        self.normalize.build(x_shape)
        table = (self.num_classes, x_shape[-1])
        self.gamma = self.add_weight(name="gamma", shape=table, initializer="ones", autocast=False)
        self.beta = self.add_weight(name="beta", shape=table, initializer="zeros", autocast=False)

    def call(self, x, label, training=False):
        gamma, beta = (
            tf.cast(_rows(tf.convert_to_tensor(table), label)[:, None, None], x.dtype)
            for table in (self.gamma, self.beta)
        )  # [B, 1, 1, C]
        return self.normalize(x, training=training) * gamma + beta

    def compute_output_shape(self, x_shape, label_shape):
        return x_shape

    def get_config(self):
        return super().get_config() | {"num_classes": self.num_classes}


@_saved
class SelfAttention(keras.layers.Layer):
    """y_i = gamma o_i + x_i, o an attention over all places of the image. Zhang et al. 2019, arXiv 1805.08318, eq. 1-3.

    f, g and h take the C channels to C / 8 and v back to C, as in the paper's ICML text (its first version and the
    published code have other widths; that code also pools f and h over 2x2 pixels). All four are spectrally normalised
    1x1 convolutions without bias. The attention is computed in float32. gamma starts at 0: the layer as the identity.
    """

    def build(self, input_shape):
        channels = input_shape[-1]
        reduced = max(1, channels // 8)
        alike = {"kernel_size": 1, "use_bias": False, "normalization": SpectralNorm(), "dtype": self.dtype_policy}
        self.f, self.g, self.h = (Conv2D(reduced, name=n, **alike) for n in "fgh")
        self.v = Conv2D(channels, name="v", **alike)
        for layer in (self.f, self.g, self.h):
            layer.build(input_shape)
        self.v.build((*input_shape[:-1], reduced))
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros", autocast=False)

    def attention(self, x, training=False):
        """beta [B, N, N]: row j says how much place j attends to each place i; every row sums to 1 (eq. 1)."""
        f, g = (_places(_wide(layer(x, training=training))) for layer in (self.f, self.g))
        return tf.nn.softmax(tf.matmul(g, f, transpose_b=True))  # s_ij = f(x_i)^T g(x_j), softmax over i

    def call(self, x, training=False):
        beta = tf.cast(self.attention(x, training), x.dtype)
        h = self.h(x, training=training)  # [B, H, W, C / 8]
        o = self.v(tf.reshape(beta @ _places(h), tf.shape(h)), training=training)  # [B, H, W, C]
        return tf.cast(self.gamma, x.dtype) * o + x

    def compute_output_shape(self, input_shape):
        return input_shape


def _places(x):
    shape = tf.shape(x)
    return tf.reshape(x, [shape[0], shape[1] * shape[2], x.shape[-1]])  # [B, N, C]


@_saved
class PartialConv2D(keras.layers.Layer):
    """A convolution of the known pixels alone. Liu et al. 2018, arXiv 1804.07723, eq. 1 and 2.

    x' = W^T (X * M) sum(1) / sum(M) + b where a window holds a known pixel, 0 where it holds none; m' = 1 where it
    holds one. sum runs over the window and the input channels. As in the published code the border counts as hole:
    where all is known, a 3x3 window has the ratio sum(1) / sum(M) of 1 inside, 1.5 at an edge, 2.25 in a corner. The
    ratio is computed in float32 whatever the compute dtype, and only where sum(M) is not 0: it needs no epsilon.

    It is called with `x [B, H, W, C]` and `known [B, H, W, 1]`, ones and zeros, and gives `(x', m')`, `[B, h, w,
    filters]` and `[B, h, w, 1]`, h = H / strides rounded up. Maps with masks of their own are given as two lists: `[a,
    b], [known_a, known_b]`; they are concatenated.

    Args:
        filters: channels of the output.
        kernel_size: height and width of the kernel, one odd number.
        strides: pixels between its places, one number.
        padding: "same", the border on each side alike whatever the stride; or "valid": no window crosses it.
        use_bias: add a learned number per channel.
        kernel_initializer: as in `keras.layers.Conv2D`.

    Raises:
        ValueError: an even kernel, another padding.
    """

    def __init__(
        self, filters, kernel_size, strides=1, padding="same", use_bias=False, kernel_initializer="he_normal", **kwargs
    ):
        super().__init__(**kwargs)
        if kernel_size % 2 == 0 or padding not in ("same", "valid"):
            raise ValueError(f"kernel_size {kernel_size}, padding {padding!r}; expected an odd number, same or valid")
        self.filters, self.kernel_size, self.strides, self.padding = filters, kernel_size, strides, padding
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, x_shape, known_shape):
        channels = sum(shape[-1] for shape in _shapes(x_shape))
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.kernel_size, self.kernel_size, channels, self.filters),
            initializer=self.kernel_initializer,
            autocast=False,
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.filters,), initializer="zeros", autocast=False)

    def call(self, x, known):
        groups = list(zip(_listed(x), _listed(known), strict=True))
        y = tf.concat([x * known for x, known in groups], axis=-1)
        y = _wide(self._convolve(y, tf.cast(self.kernel, y.dtype)))
        size, ones = self.kernel_size, tf.ones([self.kernel_size, self.kernel_size, 1, 1])
        everything = float(size * size * self.kernel.shape[2])  # sum(1)
        total = tf.add_n([x.shape[-1] * self._convolve(tf.cast(known, tf.float32), ones) for x, known in groups])
        # Whole numbers up to the rounding of a convolution.
        known = tf.cast(total > 0.5, tf.float32)
        y *= known * everything / tf.maximum(total, 1.0)
        if self.use_bias:
            y += self.bias * known
        return tf.cast(y, self.compute_dtype), tf.cast(known, self.compute_dtype)

    def _convolve(self, x, kernel):
        n = self.kernel_size // 2 if self.padding == "same" else 0
        return convolutions.conv2d(tf.pad(x, [[0, 0], [n, n], [n, n], [0, 0]]), kernel, self.strides, "VALID")

    def get_config(self):
        names = ("filters", "kernel_size", "strides", "padding", "use_bias")
        return (
            super().get_config()
            | {name: getattr(self, name) for name in names}
            | {"kernel_initializer": keras.initializers.serialize(self.kernel_initializer)}
        )


@_saved
class RestrictedBoltzmann(keras.layers.Layer):
    """The free energy of binary units, -b.v - sum softplus(c + W'v): [B, visible] of 0 and 1 -> [B]. Float32.

    E(v, h) = -b.v - c.h - v'Wh is the energy of it and of `units` hidden binary units, over which e^-E is summed. W
    starts uniform within 4 sqrt(6 / (visible + units)), b and c from 0.

    Args:
        units: how many are hidden.
    """

    def __init__(self, units, **kwargs):
        super().__init__(**(kwargs | {"dtype": "float32"}))
        self.units = units

    def build(self, input_shape):
        visible = input_shape[-1]
        bound = 4.0 * math.sqrt(6.0 / (visible + self.units))
        start = keras.initializers.RandomUniform(-bound, bound)
        self.kernel = self.add_weight(name="kernel", shape=(visible, self.units), initializer=start)
        self.visible_bias = self.add_weight(name="visible_bias", shape=(visible,), initializer="zeros")
        self.hidden_bias = self.add_weight(name="hidden_bias", shape=(self.units,), initializer="zeros")

    def hidden_logits(self, visible):
        """Of each hidden unit being 1, given the visible ones: `[B, units]`."""
        return tf.matmul(visible, self.kernel) + self.hidden_bias

    def visible_logits(self, hidden):
        """Of each visible unit being 1, given the hidden ones: `[B, visible]`."""
        return tf.matmul(hidden, self.kernel, transpose_b=True) + self.visible_bias

    def call(self, visible):
        of_hidden = tf.reduce_sum(tf.math.softplus(self.hidden_logits(visible)), -1)
        return -tf.linalg.matvec(visible, self.visible_bias) - of_hidden

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]

    def get_config(self):
        return super().get_config() | {"units": self.units}


def _listed(x):
    return list(x) if isinstance(x, list | tuple) else [x]


def _shapes(shape):
    return shape if isinstance(shape[0], list | tuple) else [shape]
