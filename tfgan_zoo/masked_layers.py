"""Convolutions that look back in the order of a picture's pixels, row by row, and of the colours of each: what networks
of p(image) = prod_i p(x_i | x_1 ... x_(i-1)) are made of. Images are `[B, H, W, C]`.

van den Oord et al. 2016, "Pixel Recurrent Neural Networks", arXiv 1601.06759 (masks A and B), and "Conditional Image
Generation with PixelCNN Decoders", arXiv 1606.05328 (vertical and horizontal stacks, gates).
"""

import keras
import numpy as np
import tensorflow as tf

_saved = keras.saving.register_keras_serializable(package="tfgan_zoo")  # loadable where this package is imported

MASKS = ("A", "B", "above", "rows")


@_saved
class MaskedConv2D(keras.layers.Layer):
    """A convolution of stride 1 that sees what comes before, [B, H, W, in] -> [B, H, W, filters], zeros at the border.

    The mask is applied in every call, after the normalisation of the kernel, which so counts what is masked, too.

    Args:
        filters: channels of the output.
        kernel_size: height and width of the kernel, odd; one number or two.
        mask: what output (i, j) sees within the kernel:
            "A": pixels before (i, j); of itself the colours before its own. For the first layer.
            "B": these, and its own colour. For what mask A made.
            "above": the rows above i, whole; the kernel lies one row higher. For the first layer of a vertical stack.
            "rows": these and row i. For what "above" made, which has nothing of row i of the picture in it.
        colours: of the picture. Channel n, of the input or the output, belongs to colour n % `colours`.
        normalization: `layers.WeightNorm()` or such, or None.
        use_bias: add a learned number per channel.

    Raises:
        ValueError: an even kernel, an unknown mask.
    """

    def __init__(self, filters, kernel_size, mask, colours=1, normalization=None, use_bias=True, **kwargs):
        super().__init__(**kwargs)
        sides = (kernel_size, kernel_size) if isinstance(kernel_size, int) else tuple(kernel_size)
        if mask not in MASKS or not all(side % 2 for side in sides):
            raise ValueError(f"kernel {sides}, mask {mask!r}: expected odd sides and one of {', '.join(MASKS)}")
        self.filters, self.kernel_size, self.mask, self.colours = filters, sides, mask, colours
        self.normalization, self.use_bias = normalization, use_bias

    def build(self, input_shape):
        shape = (*self.kernel_size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform", autocast=False)
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=[self.filters], initializer="zeros", autocast=False)
        if self.normalization:
            self.normalization.add_variables(self)
        self._mask = mask_of(shape, self.mask, self.colours)

    @property
    def rows_above(self):
        """How many rows above the own one are seen."""
        return self.kernel_size[0] // 2 + (self.mask == "above")

    def masked_kernel(self, dtype, training=False):
        """`[h, w, in, out]`, rows of the kernel below its middle left out: its last row lies on row i of the output, of
        "above" on row i - 1.
        """
        kernel = self.normalization.kernel(self, training) if self.normalization else tf.convert_to_tensor(self.kernel)
        return tf.cast(kernel * tf.constant(self._mask, kernel.dtype), dtype)[: self.kernel_size[0] // 2 + 1]

    def add_bias(self, y):
        return y if self.bias is None else y + tf.cast(tf.convert_to_tensor(self.bias), y.dtype)

    def convolve(self, rows, kernel):
        """`[B, n, W, in] -> [B, n - h + 1, W, out]`, zeros at the left and right."""
        side = kernel.shape[1] // 2
        return tf.nn.conv2d(tf.pad(rows, [[0, 0], [0, 0], [side, side], [0, 0]]), kernel, 1, "VALID")

    def call(self, x, training=False):
        rows = x[:, :-1] if self.mask == "above" else x
        rows = tf.pad(rows, [[0, 0], [self.rows_above, 0], [0, 0], [0, 0]])
        return self.add_bias(self.convolve(rows, self.masked_kernel(x.dtype, training)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        names = ("filters", "kernel_size", "mask", "colours", "use_bias")
        given = {name: getattr(self, name) for name in names}
        return super().get_config() | given | {"normalization": keras.saving.serialize_keras_object(self.normalization)}

    @classmethod
    def from_config(cls, config):
        normalization = keras.saving.deserialize_keras_object(config["normalization"])
        return cls(**config | {"normalization": normalization})


def mask_of(shape, mask, colours):
    """1 where a kernel of `shape` (h, w, in, out) sees, else 0: `mask` and `colours` as of `MaskedConv2D`."""
    height, width, channels, filters = shape
    row, column = height // 2, width // 2
    seen = np.zeros(shape, np.float32)
    seen[:row] = 1.0
    if mask in ("above", "rows"):
        seen[row] = 1.0
        return seen
    seen[row, :column] = 1.0
    source, target = (np.arange(n) % colours for n in (channels, filters))
    earlier = np.less if mask == "A" else np.less_equal
    seen[row, column] = earlier(source[:, None], target[None])
    return seen


@_saved
class Gate(keras.layers.Layer):
    """tanh of the first half of the channels times the sigmoid of the second, [B, ..., 2 C] -> [B, ..., C].

    van den Oord et al. 2016, arXiv 1606.05328, equation 2. Colours are kept if C is a multiple of them.
    """

    def call(self, x):
        first, second = tf.split(x, 2, axis=-1)
        return tf.tanh(first) * tf.sigmoid(second)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] // 2)
