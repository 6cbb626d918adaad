"""Layers that two or more families use. Images are `[B, H, W, C]`."""

import keras
import tensorflow as tf

from tfgan_zoo import random


class InstanceNormalization(keras.layers.Layer):
    """Each channel of each example to mean 0 and variance 1 over its pixels. Ulyanov et al. 2016, arXiv 1607.08022.

    Statistics are float32 whatever the compute dtype. They need one pass over the image: the mean and the mean square
    of x - k. With k = 0 these cancel when the mean is large against the spread; k, the mean of the first row, is near
    the mean (at worst sqrt(H) standard deviations off), and the result does not depend on it.

    Args:
        affine: learn a scale and an offset per channel (CycleGAN has none).
        epsilon: added to the variance.
    """

    def __init__(self, affine=True, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.affine = affine
        self.epsilon = epsilon

    def build(self, input_shape):
        if self.affine:
            channels = (input_shape[-1],)
            self.gamma = self.add_weight(name="gamma", shape=channels, initializer="ones", autocast=False)
            self.beta = self.add_weight(name="beta", shape=channels, initializer="zeros", autocast=False)

    def call(self, x):
        wide = tf.cast(x, tf.float32)
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


class ReflectionPadding2D(keras.layers.Layer):
    """Mirrors `n` pixels over each border, the border pixel itself not repeated: [B, H, W, C] -> [B, H+2n, W+2n, C].

    Raises:
        ValueError: the image has no `n` pixels besides the border.
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = n

    def call(self, x):
        n = self.n
        return tf.pad(x, [[0, 0], [n, n], [n, n], [0, 0]], mode="REFLECT")


class Dropout(keras.layers.Layer):
    """Zeroes each element with probability `rate` and scales the others by 1 / (1 - rate).

    `keras.layers.Dropout` draws the same mask on every replica; here the mask comes from the open `random.stream`:
    another one per replica, and again the same after a resume.

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

    def call(self, x, training=False):
        if self.rate == 0 or not (training or self.always):
            return x
        shape = [tf.shape(x)[i] if size is None else size for i, size in enumerate(x.shape)]
        keep = random.uniform(shape) >= self.rate
        return tf.ensure_shape(tf.where(keep, x / (1 - self.rate), tf.zeros([], x.dtype)), x.shape)

    # Without it Keras would trace `call` for the shape while a network is built, when no stream is open.
    def compute_output_shape(self, input_shape):
        return input_shape


def batch_normalization(**kwargs):
    """Batch normalisation over the *global* batch, so that one replica and eight make the same update.

    Keeps 0.9 of its running means, epsilon 1e-5: what the published Torch code of these papers has. `kwargs` go to
    `keras.layers.BatchNormalization`.
    """
    return keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, synchronized=True, **kwargs)


def normal_002():
    """N(0, 0.02), the weights of DCGAN (section 4), pix2pix (6.2) and CycleGAN (7.1).

    A new one per layer: a single instance would give layers of one shape the same weights.
    """
    return keras.initializers.RandomNormal(mean=0.0, stddev=0.02)


def normal_1_002():
    """N(1, 0.02), the scales of batch normalisation in the code of DCGAN, pix2pix, WGAN and CycleGAN (Lua)."""
    return keras.initializers.RandomNormal(mean=1.0, stddev=0.02)


class _Convolution(keras.layers.Layer):
    """A convolution, zero-padded to keep the size, by a kernel that a `_..Normalized` class adds and normalises.

    Args:
        filters: channels of the output.
        kernel_size: height and width of the kernel.
        strides: pixels between its places.
        use_bias: add a learned number per channel.
        kernel_initializer: as in `keras.layers.Conv2D`; None: `initializer` of the class.
    """

    def __init__(self, filters, kernel_size, strides=1, use_bias=True, kernel_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.filters, self.kernel_size, self.strides, self.use_bias = filters, kernel_size, strides, use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer or self.initializer)

    def build(self, input_shape):
        shape = (self.kernel_size, self.kernel_size, input_shape[-1], self.filters)
        self._add_kernel(shape, self.kernel_initializer, self.use_bias)

    def _apply(self, x, kernel):
        return tf.nn.conv2d(x, tf.cast(kernel, x.dtype), self.strides, "SAME")


class _Dense(keras.layers.Layer):
    """[B, in] -> [B, units] by a kernel that a `_..Normalized` class adds and normalises.

    Args:
        units: length of the output.
        use_bias: add a learned vector.
        kernel_initializer: as in `keras.layers.Dense`; None: `initializer` of the class.
    """

    def __init__(self, units, use_bias=True, kernel_initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.use_bias = units, use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer or self.initializer)

    def build(self, input_shape):
        self._add_kernel((input_shape[-1], self.units), self.kernel_initializer, self.use_bias)

    def _apply(self, x, kernel):
        return tf.matmul(x, tf.cast(kernel, x.dtype))


class _SpectrallyNormalized(keras.layers.Layer):
    """A layer whose kernel W [..., out] is used as W / sigma(W). Miyato et al. 2018, arXiv 1802.05957, section 2.1.

    sigma(W), the largest singular value of W as a matrix [rest, out], is estimated by power iteration from `u`, the
    last call's singular vector (Algorithm 1). One iteration per call in training. Algorithm 1 has one per update; where
    a step calls the discriminator on real and on fake images it makes two here, as in the published code. Serving
    starts from the `u` of training and keeps nothing. The gradient is that of W / sigma(W) with the singular vectors
    held constant (eq. 12), all in float32 whatever the compute dtype. A kernel of zeros stays one.
    """

    initializer = "glorot_uniform"

    def _add_kernel(self, shape, initializer, use_bias=False):
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer=initializer, autocast=False)
        self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer="zeros") if use_bias else None
        # Every replica computes the same u from the same W: that of the first is the one of all.
        self.u = self.add_weight(
            name="u",
            shape=(shape[-1], 1),
            initializer="random_normal",
            trainable=False,
            autocast=False,
            aggregation="only_first_replica",
        )

    def normalized_kernel(self, training=False):
        """W / sigma(W), float32. Moves `u` by the call's power iteration if `training`."""
        kernel = tf.convert_to_tensor(self.kernel)
        matrix = tf.reshape(kernel, [-1, kernel.shape[-1]])  # [rest, out]
        fixed = tf.stop_gradient(matrix)
        v = tf.math.l2_normalize(tf.matmul(fixed, tf.convert_to_tensor(self.u)), epsilon=1e-24)  # [rest, 1]
        u = tf.math.l2_normalize(tf.matmul(fixed, v, transpose_a=True), epsilon=1e-24)  # [out, 1]
        sigma = tf.reduce_sum(v * tf.matmul(matrix, u))
        if training:
            self.u.assign(u)
        return kernel / tf.maximum(sigma, 1e-12)

    def call(self, x, training=False):
        y = self._apply(x, self.normalized_kernel(training))
        return y if self.bias is None else y + tf.cast(self.bias, y.dtype)


class SpectralConv2D(_SpectrallyNormalized, _Convolution):
    """A convolution with a spectrally normalised kernel, [B, H, W, in] -> [B, H / strides, W / strides, filters].

    Takes `filters`, `kernel_size` (one number), `strides`, `use_bias` and `kernel_initializer` as `keras.layers.Conv2D`
    does, and pads with zeros to keep the size.

    sigma is that of the kernel as a matrix [height * width * in, filters], not of the convolution as a map between
    images, which can be larger.
    """


class SpectralDense(_SpectrallyNormalized, _Dense):
    """A dense layer with a spectrally normalised kernel, [B, in] -> [B, units].

    Takes `units`, `use_bias` and `kernel_initializer` as `keras.layers.Dense` does.
    """


class Projection(_SpectrallyNormalized):
    """y^T V phi(x), the inner product of a label's embedding and features. Miyato & Koyama 2018, arXiv 1802.05637.

    V is spectrally normalised, as in the published code. [B, C] and label [B] -> [B, 1].

    Args:
        num_classes: labels are 0 ... num_classes - 1.
    """

    def __init__(self, num_classes, **kwargs):
        super().__init__(**kwargs)
        self.num_classes = num_classes

    def build(self, features_shape, label_shape):
        self._add_kernel((self.num_classes, features_shape[-1]), keras.initializers.GlorotUniform())

    def call(self, features, label, training=False):
        kernel = tf.cast(self.normalized_kernel(training), features.dtype)
        return tf.reduce_sum(features * _rows(kernel, label), axis=-1, keepdims=True)

    def compute_output_shape(self, features_shape, label_shape):
        return (features_shape[0], 1)


class _WeightNormalized(keras.layers.Layer):
    """A layer whose kernel is g v / ||v||, v [..., out] and one length g per output. Salimans & Kingma 2016, arXiv
    1602.07868 (its formulas were seen, the numbers of its equations were not).

    ||v|| is the norm of what leads to one output; the gradient goes through it. Float32 whatever the compute dtype.
    g begins as ||v||: the layer as its plain twin. `initialize` has the paper's start instead. A v of zeros stays one.
    """

    initializer = "random_normal"  # N(0, 0.05), the paper's

    def _add_kernel(self, shape, initializer, use_bias):
        self.v = self.add_weight(name="v", shape=shape, initializer=initializer, autocast=False)
        self.g = self.add_weight(
            name="g",
            shape=shape[-1:],
            initializer=lambda shape, dtype: tf.norm(tf.reshape(self.v, [-1, shape[0]]), axis=0),
            autocast=False,
        )
        self.bias = self.add_weight(name="bias", shape=shape[-1:], initializer="zeros") if use_bias else None

    def _direction(self):
        v = tf.convert_to_tensor(self.v)
        return tf.math.l2_normalize(v, axis=list(range(len(v.shape) - 1)), epsilon=1e-24)

    def normalized_kernel(self):
        """g v / ||v||, float32."""
        return tf.convert_to_tensor(self.g) * self._direction()

    def initialize(self, x):
        """Sets g = 1 / sigma[t] and bias = -mu[t] / sigma[t], t the layer's answers to `x` with g = 1 and no bias.

        Then the answers to `x` have mean 0 (where there is a bias) and variance 1 per output.
        """
        t = tf.cast(self._apply(tf.cast(x, self.compute_dtype), self._direction()), tf.float32)
        mean, variance = tf.nn.moments(t, list(range(len(t.shape) - 1)))
        scale = tf.math.rsqrt(variance + 1e-10)  # finite where nothing varies
        self.g.assign(scale)
        if self.bias is not None:
            self.bias.assign(-mean * scale)

    def call(self, x):
        y = self._apply(x, self.normalized_kernel())
        return y if self.bias is None else y + tf.cast(self.bias, x.dtype)


class WeightNormConv2D(_WeightNormalized, _Convolution):
    """A convolution with a weight-normalised kernel, otherwise as `SpectralConv2D`; `v` is what is initialised."""


class WeightNormDense(_WeightNormalized, _Dense):
    """A dense layer with a weight-normalised kernel, otherwise as `SpectralDense`; `v` is what is initialised."""


def initialize_weight_norm(network, x):
    """The start of Salimans & Kingma 2016: every weight-normalised layer of `network`, from the first to the last,
    answers the batch `x` with mean 0 and variance 1 per output.

    Call it once, where the network is built; with several workers with the same `x` on each.

    Args:
        network: a functional `keras.Model`; layers inside of nested models are left as they are.
        x: a batch of its inputs.

    Raises:
        ValueError: the network has no weight-normalised layer.
    """
    normalized = [layer for layer in network.layers if isinstance(layer, _WeightNormalized)]
    if not normalized:
        raise ValueError(f"{network.name} has no weight-normalised layer; use WeightNormConv2D or WeightNormDense")
    for layer in normalized:
        layer.initialize(keras.Model(network.inputs, layer.input)(x))


def _rows(table, label):
    # A product, not a gather: its gradient is a plain tensor, which XLA and sums over replicas take.
    return tf.one_hot(label, table.shape[0], dtype=table.dtype) @ table


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
        self.normalize = batch_normalization(center=False, scale=False)

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


class SelfAttention(keras.layers.Layer):
    """y_i = gamma o_i + x_i, o an attention over all places of the image. Zhang et al. 2019, arXiv 1805.08318, eq. 1-3.

    f, g and h take the C channels to C / 8 and v back to C, as in the paper's ICML text (its first version and the
    published code have other widths; that code also pools f and h over 2x2 pixels). All four are spectrally normalised
    1x1 convolutions without bias. The attention is computed in float32. gamma starts at 0: the layer as the identity.
    """

    def build(self, input_shape):
        channels = input_shape[-1]
        reduced = max(1, channels // 8)
        self.f, self.g, self.h = (SpectralConv2D(reduced, 1, use_bias=False, name=n) for n in "fgh")
        self.v = SpectralConv2D(channels, 1, use_bias=False, name="v")
        for layer in (self.f, self.g, self.h):
            layer.build(input_shape)
        self.v.build((*input_shape[:-1], reduced))
        self.gamma = self.add_weight(name="gamma", shape=(), initializer="zeros", autocast=False)

    def attention(self, x, training=False):
        """beta [B, N, N]: row j says how much place j attends to each place i; every row sums to 1 (eq. 1)."""
        f, g = (_places(tf.cast(layer(x, training=training), tf.float32)) for layer in (self.f, self.g))
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
