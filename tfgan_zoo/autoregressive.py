"""p(image) as a product over pixels, p(x_1) p(x_2 | x_1) ...: values of pixels, likelihoods, pictures pixel by pixel.

A picture in [-1, 1] has `levels` values per pixel and colour, 0 ... levels - 1, evenly spaced from -1 to 1. A network's
logits are `[B, H, W, C]` of two levels, of the brighter one, else `[B, H, W, levels * C]`: channel n is of colour n % C
and level n // C.
"""

import math

import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import base, likelihoods, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.masked_layers import Gate, MaskedConv2D


def values(image, levels):
    """The nearest values of a picture in [-1, 1]: float32 numbers 0 ... levels - 1; half way up."""
    share = tf.clip_by_value(0.5 * tf.cast(image, tf.float32) + 0.5, 0.0, 1.0)
    return tf.floor(share * (levels - 1.0) + 0.5)


def drawn_values(image):
    """Two levels drawn anew: 1 with probability (x + 1) / 2, from the open `random.stream` ("dynamic binarisation")."""
    return values(likelihoods.draw_binary(image), 2)


def training_values(image, levels, binarize):
    """Values of a training step: `drawn_values` where `binarize` is "dynamic", else the nearest."""
    return drawn_values(image) if binarize == "dynamic" else values(image, levels)


def check_binarize(binarize, levels):
    """Refuses a `binarize` that is neither "threshold" nor, of two levels, "dynamic".

    Raises:
        InputError: another one.
    """
    if binarize not in ("threshold", "dynamic") or binarize == "dynamic" and levels != 2:
        raise InputError(f"binarize {binarize!r} of {levels} levels: expected threshold, or dynamic of 2")


def picture(numbers, levels):
    """Values 0 ... levels - 1 -> the picture in [-1, 1]."""
    return tf.cast(numbers, tf.float32) * (2.0 / (levels - 1.0)) - 1.0


def logits_per_colour(levels):
    """How many logits a network gives for each colour of each pixel."""
    return 1 if levels == 2 else levels


def log_likelihood(logits, numbers, levels):
    """sum_i log p(x_i | ...), [B] float32, in nats.

    Args:
        logits: of a network, `[B, H, W, ...]`.
        numbers: `[B, H, W, C]`, as `values` gives them.
        levels: 2 or more.
    """
    logits, colours = tf.cast(logits, tf.float32), numbers.shape[-1]
    if levels == 2:
        each = -tf.math.softplus((1.0 - 2.0 * numbers) * logits)
    else:
        per_level = tf.reshape(logits, [-1, *numbers.shape[1:3], levels, colours])
        by_colour = tf.transpose(per_level, [0, 1, 2, 4, 3])  # [B, H, W, C, levels]
        each = -tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(numbers, tf.int32), by_colour)
    return tf.reduce_sum(each, [1, 2, 3])


def chosen(logits, uniform):
    """A value of each law by its inverse: the least whose share of probability up to it is above a uniform number.

    Of two levels it is 1 where the number is below sigmoid(logits).

    Args:
        logits: `[B, 1]` of two levels, else `[B, levels]`.
        uniform: `[B]` in (0, 1).

    Returns:
        `[B]` float32.
    """
    logits = tf.cast(logits, tf.float32)
    if logits.shape[-1] == 1:
        return tf.cast(uniform < tf.sigmoid(logits[:, 0]), tf.float32)
    below = tf.cumsum(tf.nn.softmax(logits), axis=-1)[:, :-1]
    return tf.reduce_sum(tf.cast(uniform[:, None] >= below, tf.float32), -1)


# Layers that treat each pixel alike and by itself, and keep its colours apart.
_POINTWISE = (kl.Activation, kl.ReLU, kl.LeakyReLU, kl.Add, Gate)
_CODE, _ROW, _PIXEL = range(3)  # known before the picture; when the rows above are; when the pixels before are


class Sampler:
    """Draws pictures pixel after pixel, each layer computing each of its pixels once (per colour of a picture).

    A layer of the network needs of the rows above what the sum over them gives, which is computed for a whole row at
    once, and of its own row the pixels before, which are kept. What only looks at rows above, a vertical stack, is
    computed row by row. The loops are the graph's own: they are in an export. All random numbers are given.

    Logits are those of the network but for rounding, since sums are made in another order. So a picture is that of the
    network called anew for each pixel, unless a random number lies as near to a probability as that: some 1e-7. Of a
    `pixel_cnn` of 15 blocks and 28x28 pixels it takes 28.6 million multiplications, the calls 24.8 thousand million.

    Args:
        network: a functional model `image [B, H, W, C] -> logits`, or `[image, code, ...] -> logits`, of masked
            convolutions and layers that treat each pixel by itself; what is made of codes alone may be of any layers.
        levels: of a pixel.

    Raises:
        InputError: a layer of another kind, or one that sees pixels which are yet to come.
    """

    def __init__(self, network, levels):
        self.network, self.levels = network, levels
        _, self.height, self.width, self.colours = network.inputs[0].shape
        depths = sorted(network._nodes_by_depth, reverse=True)
        self.nodes = [node for depth in depths for node in network._nodes_by_depth[depth] if not node.is_input]
        self.image = id(network.inputs[0])
        self.tensors = {id(x): x for x in (*network.inputs, *(y for node in self.nodes for y in node.outputs))}
        self.stages = {self.image: _PIXEL} | {id(code): _CODE for code in network.inputs[1:]}
        self.above, self.before = {}, {}  # tensor -> how many rows, how many pixels of its own row layers look back
        for node in self.nodes:
            stage = self._stage(node)
            self.stages |= {id(x): stage for x in node.outputs}
        self._check_logits()
        specs = [tf.TensorSpec([None, self.height * self.width * self.colours], tf.float32)]
        specs += [tf.TensorSpec([None, *code.shape[1:]], tf.float32) for code in network.inputs[1:]]
        self._drawn = base.graph_when_eager(self._draw, input_signature=specs)

    def __call__(self, uniform, *codes):
        """Pictures [B, H, W, C] in [-1, 1].

        Args:
            uniform: numbers in (0, 1), `[B, H * W * C]`: of each colour of each pixel, in the order they are drawn.
            codes: as the network takes them.
        """
        return self._drawn(uniform, *codes)

    def draw(self, code):
        """Pictures given codes `[B, dim]`, with numbers of the open `random.stream`."""
        return self(random.uniform([tf.shape(code)[0], self.height * self.width * self.colours]), code)

    def _stage(self, node):
        layer, inputs = node.operation, [id(x) for x in node.input_tensors]
        stage = max(self.stages[x] for x in inputs)
        if stage == _CODE:
            return stage
        if isinstance(layer, MaskedConv2D):
            of_image = inputs[0] == self.image
            mixed = layer.mask in ("A", "B") and layer.colours != self.colours
            if mixed or layer.mask == "rows" and stage == _PIXEL or layer.mask == "B" and of_image:
                raise InputError(
                    f"the layer {layer.name} with mask {layer.mask}, {layer.colours} colours, sees pixels that are yet "
                    "to come"
                )
            self.above[inputs[0]] = max(self.above.get(inputs[0], 0), layer.rows_above)
            if layer.mask in ("above", "rows"):
                return _ROW
            self.before[inputs[0]] = max(self.before.get(inputs[0], 0), layer.kernel_size[1] // 2)
            return _PIXEL
        if self.image in inputs:
            raise InputError(f"the layer {layer.name} sees pixels that are yet to come; put mask A or above before it")
        if not isinstance(layer, _POINTWISE):
            raise InputError(
                f"the layer {layer.name} ({type(layer).__name__}) is none that pictures are drawn by pixel by pixel: "
                f"{', '.join(kind.__name__ for kind in (MaskedConv2D, *_POINTWISE))}"
            )
        return stage

    def _check_logits(self):
        (logits,) = self.network.outputs
        expected = (self.height, self.width, logits_per_colour(self.levels) * self.colours)
        if self.levels < 2 or tuple(logits.shape[1:]) != expected:
            raise InputError(f"logits {list(logits.shape[1:])}: expected {list(expected)}, of {self.levels} levels")

    def _draw(self, uniform, *codes):
        count = tf.shape(uniform)[0]
        # [H, W, B, C]: what a step of the loops takes is one piece.
        uniform = tf.reshape(uniform, [-1, self.height, self.width, self.colours])
        uniform = tf.transpose(uniform, [1, 2, 0, 3])
        known = {id(x): code for x, code in zip(self.network.inputs[1:], codes, strict=True)}
        for node in self._of(_CODE):
            _apply(node, known)
        kernels = {
            id(node): node.operation.masked_kernel(node.operation.compute_dtype)
            for node in self.nodes
            if isinstance(node.operation, MaskedConv2D)
        }
        windows = {
            x: tf.zeros([count, rows, self.width, self.tensors[x].shape[-1]], self.tensors[x].dtype)
            for x, rows in self.above.items()
            if rows
        }
        pictures = tf.TensorArray(tf.float32, self.height, element_shape=[None, self.width, self.colours])

        def row(r, pictures, windows):
            at_row = dict(known)
            at_row |= {x: y[:, r][:, None] for x, y in known.items() if y.shape[1:3] == [self.height, self.width]}
            sums = {}  # of what is in the rows above
            for node in (node for node in self.nodes if self._stage_of(node) != _CODE):
                layer, x = node.operation, id(node.input_tensors[0])
                if not isinstance(layer, MaskedConv2D):
                    if self._stage_of(node) == _ROW:
                        _apply(node, at_row)
                    continue
                kernel, above = kernels[id(node)], windows.get(x)
                if layer.mask in ("above", "rows"):
                    seen = [above[:, above.shape[1] - layer.rows_above :]] if layer.rows_above else []
                    seen += [at_row[x]] if layer.mask == "rows" else []
                    seen = tf.cast(tf.concat(seen, 1), kernel.dtype)
                    at_row[id(node.outputs[0])] = layer.add_bias(layer.convolve(seen, kernel))
                elif layer.rows_above:
                    seen = tf.cast(above[:, above.shape[1] - layer.rows_above :], kernel.dtype)
                    sums[id(node)] = layer.add_bias(layer.convolve(seen, kernel[:-1]))
            made = self._row_of_pixels(count, uniform[r], at_row, sums, kernels)
            pictures = pictures.write(r, made[self.image][:, 0])
            windows = {
                x: tf.concat([rows[:, 1:], made[x] if x in made else at_row[x]], 1) for x, rows in windows.items()
            }
            return r + 1, pictures, windows

        begin = (tf.constant(0), pictures, windows)
        _, pictures, _ = tf.while_loop(lambda r, *_: r < self.height, row, begin, parallel_iterations=1)
        made = tf.transpose(pictures.stack(), [1, 0, 2, 3])
        return tf.ensure_shape(made, [None, self.height, self.width, self.colours])

    def _row_of_pixels(self, count, uniform, at_row, sums, kernels):
        """A row of the picture and of what later rows look back at: tensor -> [B, 1, W, channels].

        Args:
            uniform: `[W, B, C]`.
            at_row: what is known before the row is drawn, `[B, 1, W, channels]`; or of all pixels, `[B, 1, 1, ...]`.
            sums: convolution -> its sum over the rows above, `[B, 1, W, out]`.
            kernels: convolution -> its masked kernel.
        """
        kept, last = {}, {}
        for x, tensor in self.tensors.items():
            kind, channels = tensor.dtype, tensor.shape[-1]
            if x == self.image or self.stages[x] == _PIXEL and self.above.get(x):
                kept[x] = tf.TensorArray(kind, self.width, element_shape=[None, channels])
            if self.before.get(x):
                last[x] = tf.zeros([count, self.before[x], channels], kind)

        def pixel(c, kept, last):
            def here(y):
                return y[:, :, c][:, :, None] if len(y.shape) == 4 and y.shape[2] == self.width else y

            known = {x: here(y) for x, y in at_row.items()}
            begun = {x: here(y) for x, y in sums.items()}
            pixel_of = tf.zeros([count, 1, 1, self.colours])
            for colour in range(self.colours):
                now = known | {self.image: pixel_of}
                for node in self._of(_PIXEL):
                    if isinstance(node.operation, MaskedConv2D):
                        self._convolve_at(node, now, last, begun, kernels)
                    else:
                        _apply(node, now)
                logits = tf.reshape(
                    now[id(self.network.outputs[0])], [-1, logits_per_colour(self.levels), self.colours]
                )
                value = picture(chosen(logits[..., colour], uniform[c, :, colour]), self.levels)
                pixel_of += value[:, None, None, None] * tf.one_hot(colour, self.colours)
            now[self.image] = pixel_of
            kept = {x: rows.write(c, now[x][:, 0, 0]) for x, rows in kept.items()}
            last = {x: tf.concat([pixels[:, 1:], now[x][:, 0]], 1) for x, pixels in last.items()}
            return c + 1, kept, last

        begin = (tf.constant(0), kept, last)
        _, kept, _ = tf.while_loop(lambda c, *_: c < self.width, pixel, begin, parallel_iterations=1)
        return {x: tf.transpose(rows.stack(), [1, 0, 2])[:, None] for x, rows in kept.items()}

    def _convolve_at(self, node, now, last, begun, kernels):
        """A convolution at one pixel: the sum over the rows above, and over its own row's pixels before."""
        layer, x, kernel = node.operation, id(node.input_tensors[0]), kernels[id(node)]
        side = layer.kernel_size[1] // 2
        before = [last[x][:, last[x].shape[1] - side :]] if side else []
        seen = tf.cast(tf.concat([*before, now[x][:, 0]], 1), kernel.dtype)  # [B, side + 1, in]
        own = kernel[-1, : side + 1]
        y = tf.matmul(tf.reshape(seen, [-1, math.prod(own.shape[:2])]), tf.reshape(own, [-1, own.shape[2]]))
        y = y[:, None, None]
        now[id(node.outputs[0])] = y + begun[id(node)] if id(node) in begun else layer.add_bias(y)

    def _of(self, stage):
        return [node for node in self.nodes if self._stage_of(node) == stage]

    def _stage_of(self, node):
        return self.stages[id(node.outputs[0])]


def _apply(node, known):
    args, kwargs = node.arguments.fill_in(known)
    made = node.operation(*args, **kwargs)
    known[id(node.outputs[0])] = made
