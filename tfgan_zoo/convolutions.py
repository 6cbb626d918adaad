"""Convolutions whose input or output has few channels, as pictures have: the same numbers as TensorFlow's, sooner on a
CPU.

oneDNN computes 16 channels at a time, so that a layer that draws one takes as long as one that draws 16. Here the
pixels of a block, 4x4 of one channel, 2x2 of up to four, are the channels of one convolution: its kernel has the
weights of each pixel where they belong, and zeros; `depth_to_space` makes the picture of it. A transposed convolution
of 32 channels to one takes a fourth of the time, a 9x9 of 32 to one a sixth (docs/speed.md).

A convolution is y = forward(x, k), linear in both. With its two adjoints, x = backward(y, k) and k = weights(x, y), the
gradients of each of the three are the other two, however often one differentiates. They are in blocks in a train step
(`slopes_in_blocks`) and TensorFlow's own elsewhere: a graph with gradients of its own can not always be saved again.
"""

import contextlib
import contextvars
import functools

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl

_saved = keras.saving.register_keras_serializable(package="tfgan_zoo.convolutions")  # `layers` has a Conv2D too
_LANES = 16
_in_blocks = contextvars.ContextVar("slopes_in_blocks", default=False)


@contextlib.contextmanager
def slopes_in_blocks():
    """Inside, gradients are computed in blocks of pixels too."""
    token = _in_blocks.set(True)
    try:
        yield
    finally:
        _in_blocks.reset(token)


def conv2d(x, kernel, strides=1, padding="SAME"):
    """`tf.nn.conv2d` of pictures: [B, H, W, in] by a kernel [k, l, in, out] to [B, h, w, out].

    Args:
        x: of any floating type.
        kernel: of the same type.
        strides: one number.
        padding: "SAME" or "VALID".
    """
    made = _made(_sides(x), kernel.shape, strides, padding) if strides == 1 or None not in x.shape[1:3] else None
    if made and _in_blocks.get() and (made.block_of_x or made.block_of_y):
        return made.forward(x, kernel)
    return made.y(x, kernel) if made else tf.nn.conv2d(x, kernel, strides, padding)


def conv2d_transpose(y, kernel, strides, padding="SAME"):
    """`tf.nn.conv2d_transpose` of pictures: [B, h, w, in] by a kernel [k, l, out, in] to [B, H, W, out].

    Args:
        y: of any floating type.
        kernel: of the same type.
        strides: one number; h becomes h strides, with "VALID" (h - 1) strides + k.
        padding: "SAME" or "VALID".
    """
    enlarged = (lambda n, k: n * strides) if padding == "SAME" else (lambda n, k: (n - 1) * strides + k)
    sides = [enlarged(n, k) for n, k in zip(_sides(y), kernel.shape, strict=False)]
    made = _made(sides, kernel.shape, strides, padding) if padding == "SAME" or _are_known(sides) else None
    if made and made.block_of_x:
        return made.backward(y, kernel) if _in_blocks.get() else made.x(y, kernel)
    return tf.nn.conv2d_transpose(y, kernel, [tf.shape(y)[0], *sides, kernel.shape[2]], strides, padding)


@_saved
class Conv2D(kl.Conv2D):
    """Keras' own, by `conv2d`; one stride, no dilation, no groups."""

    def convolution_op(self, inputs, kernel):
        kernel = tf.cast(tf.convert_to_tensor(kernel), inputs.dtype)
        return conv2d(inputs, kernel, self.strides[0], self.padding.upper())


@_saved
class Conv2DTranspose(kl.Conv2DTranspose):
    """Keras' own, by `conv2d_transpose`; one stride, no dilation."""

    def call(self, inputs):
        kernel = tf.cast(tf.convert_to_tensor(self.kernel), inputs.dtype)
        y = conv2d_transpose(inputs, kernel, self.strides[0], self.padding.upper())
        return self.activation(y if self.bias is None else y + self.bias)


def _sides(x):
    """(H, W): numbers where they are known, else tensors."""
    return [tf.shape(x)[i] if x.shape[i] is None else x.shape[i] for i in (1, 2)]


def _are_known(sides):
    return all(isinstance(n, int) for n in sides)


def _made(sides, kernel_shape, strides, padding):
    """The `_Convolution` of so large an x; None where it does not pay."""
    if kernel_shape[0] == 1 or not _is_on_cpu():
        return None
    return _Convolution(sides, kernel_shape, strides, padding)


def _is_on_cpu():
    on_tpu = isinstance(tf.distribute.get_strategy(), tf.distribute.TPUStrategy)
    return not on_tpu and not tf.config.list_physical_devices("GPU")


class _Convolution:
    """Forward, and its two adjoints.

    Args:
        sides: (H, W) of x, numbers or tensors.
        kernel_shape: (k, l, channels of x, channels of y).
        strides, padding: as of `conv2d`.

    Attributes:
        block_of_x: the side of the blocks in which x is computed; 0: as TensorFlow does.
        block_of_y: that of y.
    """

    def __init__(self, sides, kernel_shape, strides, padding):
        self.x_sides, self.kernel_shape, self.strides, self.padding = sides, kernel_shape, strides, padding
        if padding == "SAME":
            self.y_sides = [-(-n // strides) for n in sides]
            beyond = [self._beyond(n, m, k) for n, m, k in zip(sides, self.y_sides, kernel_shape, strict=False)]
        else:
            self.y_sides = [(n - k) // strides + 1 for n, k in zip(sides, kernel_shape, strict=False)]
            beyond = [0, 0]
        self.before = [n // 2 for n in beyond]
        self.block_of_x = _block(kernel_shape[2], self.x_sides, strides)
        self.block_of_y = _block(kernel_shape[3], self.y_sides, 1) if strides == 1 else 0

    def _beyond(self, size, of_y, kernel):
        """What "SAME" adds; a size that is not known is a multiple of `strides`."""
        return max((of_y - 1) * self.strides + kernel - size if isinstance(size, int) else kernel - self.strides, 0)

    def y(self, x, kernel):
        if self.block_of_y:
            return self.blocks_of_y.apply(x, kernel)
        return tf.nn.conv2d(x, kernel, self.strides, self.padding)

    def x(self, y, kernel):
        if self.block_of_x:
            return self.blocks_of_x.apply(y, tf.transpose(kernel, [0, 1, 3, 2]))
        shape = [tf.shape(y)[0], *self.x_sides, self.kernel_shape[2]]
        return tf.nn.conv2d_transpose(y, kernel, shape, self.strides, self.padding)

    def kernel(self, x, y):
        if self.block_of_y:
            return self.blocks_of_y.weights(x, y)
        strides = [1, self.strides, self.strides, 1]
        return tf.raw_ops.Conv2DBackpropFilter(
            input=x, filter_sizes=self.kernel_shape, out_backprop=y, strides=strides, padding=self.padding
        )

    def forward(self, x, kernel):
        """`y`, with slopes in blocks."""
        return _sloped(self.y, x, kernel, self.backward, self.weights)

    def backward(self, y, kernel):
        """`x`, of which y would be the slope."""
        return _sloped(self.x, y, kernel, self.forward, lambda y, slope: self.weights(slope, y))

    def weights(self, x, y):
        """`kernel`, of which y would be the slope."""
        return _sloped(self.kernel, x, y, lambda slope, y: self.backward(y, slope), self.forward)

    @functools.cached_property
    def blocks_of_x(self):
        return _Blocks(self.block_of_x, self.y_sides, self.x_sides, self.kernel_shape, self.before, self.strides, True)

    @functools.cached_property
    def blocks_of_y(self):
        return _Blocks(self.block_of_y, self.x_sides, self.y_sides, self.kernel_shape, self.before, 1, False)


def _sloped(function, a, b, slope_of_a, slope_of_b):
    """`function(a, b)`, whose slopes are `slope_of_a(slope, b)` and `slope_of_b(a, slope)`."""

    @tf.custom_gradient
    def of(a, b):
        return function(a, b), lambda slope: (slope_of_a(slope, b), slope_of_b(a, slope))

    return of(a, b)


def _block(channels, sides, strides):
    """The side of the largest block whose pixels, with their channels, are computed at a time; 0: not even of 2x2."""
    least = min(sides) if _are_known(sides) else 8
    fitting = (n for n in (4, 2) if n % strides == 0 and channels * n**2 <= _LANES and least >= 2 * n)
    return next(fitting, 0)


class _Blocks:
    """A map of pictures to larger or as large ones, by blocks of the pixels of its result.

    Pixel b q + r of the result, r < b, is the sum over i of pixel (b / strides) q + i of the input by a tap of the
    kernel: tap r + before - strides i of a transposed convolution, i - r + before of one with stride 1. Where there is
    no such tap the kernel of the blocks has a zero.

    Args:
        block: b.
        sides, to: of the input and of the result, numbers or tensors.
        kernel_shape: its first two are the sides of the kernel.
        before: rows and columns of zeros before x, in the convolution that this is or is the adjoint of.
        strides: of that one.
        transposed: it is the adjoint.
    """

    def __init__(self, block, sides, to, kernel_shape, before, strides, transposed):
        self.block, self.step, self.to = block, block // strides, to
        self.counts = [-(-n // block) for n in to]
        self.taps, self.pads, self.most = [], [], []
        for size, count, kernel, pad in zip(sides, self.counts, kernel_shape, before, strict=False):
            of = _taps_of_transposed(pad, strides) if transposed else _taps(pad)
            taps, first = _one_hot(of, block, kernel)
            self.taps.append(taps)
            self.pads.append([-first, (count - 1) * self.step + taps.shape[1] + first - size])
            self.most.append([-first, taps.shape[1] + first - 1])

    def apply(self, x, kernel):
        """[B, H, W, in] by [k, l, in, out] to [B, *to, out]."""
        rows, columns = (tf.constant(taps, kernel.dtype) for taps in self.taps)  # [block, n, k]
        spread = tf.tensordot(rows, kernel, [[2], [0]])  # [r, u, l, in, out]
        spread = tf.tensordot(columns, spread, [[2], [2]])  # [s, v, r, u, in, out]
        height, width, (inner, outer) = rows.shape[1], columns.shape[1], kernel.shape[2:]
        spread = tf.reshape(tf.transpose(spread, [3, 1, 4, 2, 0, 5]), [height, width, inner, self.block**2 * outer])
        # A convolution takes no tensors as pads; with the most that any size needs there can be blocks to spare.
        pads = self.pads if _are_known(sum(self.pads, [])) else self.most
        y = tf.nn.depth_to_space(tf.nn.conv2d(x, spread, self.step, _of_sides(pads)), self.block)
        return y[:, : self.to[0], : self.to[1]]

    def weights(self, x, y):
        """The adjoint in the kernel: [k, l, in, out]."""
        wide = tf.float32 if x.dtype.size < 4 else x.dtype  # weights of several places are added up
        rows, columns = (tf.constant(taps, wide) for taps in self.taps)
        beyond = [[0, count * self.block - size] for count, size in zip(self.counts, self.to, strict=True)]
        y = tf.nn.space_to_depth(tf.pad(y, _of_sides(beyond)), self.block)
        height, width, inner = rows.shape[1], columns.shape[1], x.shape[-1]
        spread = tf.raw_ops.Conv2DBackpropFilter(
            input=tf.pad(x, _of_sides(self.pads)),  # oneDNN has no kernel that pads by itself here
            filter_sizes=[height, width, inner, y.shape[-1]],
            out_backprop=y,
            strides=[1, self.step, self.step, 1],
            padding="VALID",
        )
        spread = tf.reshape(tf.cast(spread, wide), [height, width, inner, self.block, self.block, -1])
        # Of [u, v, in, r, s, out]:
        spread = tf.tensordot(columns, spread, [[0, 1], [4, 1]])  # [l, u, in, r, out]
        return tf.cast(tf.tensordot(rows, spread, [[0, 1], [3, 1]]), x.dtype)  # [k, l, in, out]


def _of_sides(pads):
    return [[0, 0], *pads, [0, 0]]


def _taps_of_transposed(before, strides):
    return lambda r, i: r + before - strides * i


def _taps(before):
    return lambda r, i: i - r + before


def _one_hot(tap_of, block, kernel):
    """`([block, n, kernel], first)`: which tap pixel r of a block takes of its input's n pixels, i = first on."""
    within = range(-block - kernel, block + kernel + 1)
    used = [i for i in within if any(0 <= tap_of(r, i) < kernel for r in range(block))]
    taps = [[[float(tap_of(r, i) == tap) for tap in range(kernel)] for i in used] for r in range(block)]
    return np.asarray(taps), used[0]
