"""Adaptive discriminator augmentation: "Training Generative Adversarial Networks with Limited Data", Karras, Aittala,
Hellsten, Laine, Lehtinen and Aila, NeurIPS 2020, arXiv 2006.06676.

The discriminator sees pictures, real and fake alike, that each of a list of invertible changes befell with probability
p. While p is below 1 the generator still has to make pictures without them. p rises while the discriminator is too sure
of its training pictures, and falls otherwise. The changes, their order and ranges are facts read in the published code
(github.com/NVlabs/stylegan2-ada-pytorch), the heuristic and its constants too; of the text the abstract was seen.

Departs from it in
- the resampling: bilinear from the pictures themselves, which are mirrored at their borders; there from pictures made
  twice as large by a wavelet filter (sym6), and made smaller by it. It blurs what is turned or scaled, not what is only
  mirrored, turned by right angles or moved by whole pixels;
- what it leaves out: amplified frequency bands, noise and cutout, which the published default leaves out too;
- p, which stays at 1 where it would rise above.
"""

import math

import keras
import tensorflow as tf

from tfgan_zoo import random, replicas
from tfgan_zoo.errors import InputError


@keras.saving.register_keras_serializable(package="tfgan_zoo")
class Adaptive(keras.layers.Layer):
    """`changed` with the layer's own probability p when training; the identity otherwise.

    `augment.wrap(discriminator, ada=Adaptive())` puts it before a discriminator, and the family's step has to say
    `observe(...)`.

    p moves by the sign of r_t - target once in `every` steps, r_t = E[sign(D(x))] over the training pictures since, of
    what the discriminator said of them, augmented as they were. p and what r_t is made of are weights of the layer.

    Args:
        target: of r_t, from -1 to 1.
        images: pictures in which p goes from 0 to 1.
        every: steps from one adjustment to the next.
        start: p at first.

    Raises:
        InputError: the target is no mean of signs, or p no probability.
    """

    def __init__(self, target=0.6, images=500_000, every=4, start=0.0, dtype="float32", **kwargs):
        super().__init__(dtype=dtype, **kwargs)
        if not -1 <= target <= 1 or not 0 <= start <= 1:
            raise InputError(f"adaptive augmentation: target {target}, start {start}; expected -1 to 1 and 0 to 1")
        self.target, self.images, self.every, self.start = target, images, every, start

    def build(self, input_shape):
        alike = {"trainable": False, "autocast": False, "dtype": "float32", "aggregation": "only_first_replica"}
        start = keras.initializers.Constant(self.start)
        self.p = self.add_weight(name="p", shape=(), initializer=start, **alike)
        self.signs = self.add_weight(name="signs", shape=(2,), initializer="zeros", **alike)  # their sum, their number

    def call(self, image, training=False):
        return changed(image, tf.convert_to_tensor(self.p)) if training else image

    def observe(self, real_logits):
        """Takes note of what the discriminator said of a batch of training pictures, `[B, ...]`; may move p.

        Returns:
            r_t since the last adjustment, p: what they were made of this batch.
        """
        signs = replicas.gather(tf.sign(tf.cast(tf.reshape(real_logits, [tf.shape(real_logits)[0], -1]), tf.float32)))
        count = tf.cast(tf.shape(signs)[0], tf.float32)
        seen = tf.convert_to_tensor(self.signs) + tf.stack([tf.reduce_sum(tf.reduce_mean(signs, axis=1)), count])
        rate, p = seen[0] / seen[1], tf.convert_to_tensor(self.p)
        due = random.step() % self.every == self.every - 1
        moved = tf.clip_by_value(p + tf.sign(rate - self.target) * seen[1] / self.images, 0.0, 1.0)
        moved = tf.where(due, moved, p)
        self.p.assign(moved)
        self.signs.assign(tf.where(due, tf.zeros_like(seen), seen))
        return rate, moved

    # Without it Keras would trace `call` for the shape, when no stream is open.
    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        names = ("target", "images", "every", "start")
        return super().get_config() | {name: getattr(self, name) for name in names}


def observe(discriminator, real_logits, fake_logits=None):
    """Tells the `Adaptive` layer of a discriminator what it said of training pictures: one line of a `train_step`.

    Args:
        discriminator: the network, made by `augment.wrap` or not.
        real_logits: what it said of the batch, in training, `[B, ...]`; the higher, the more real.
        fake_logits: of a critic, whose answers have no zero, what it said of as many fakes: in place of 0 stands the
            middle between the means of both over the global batch. No paper has it.

    Returns:
        Scalars to `track`: `{"r_t", "augment_p"}`; none where there is no such layer.
    """
    for layer in discriminator._flatten_layers():
        if isinstance(layer, Adaptive):
            if fake_logits is not None:
                both = replicas.gather(tf.cast(tf.stack([real_logits, fake_logits], axis=1), tf.float32))
                real_logits = tf.cast(real_logits, tf.float32) - tf.reduce_mean(both)
            rate, p = layer.observe(tf.stop_gradient(real_logits))
            return {"r_t": rate, "augment_p": p}
    return {}


def changed(image, p):
    """The pictures, each of the changes done to each with probability `p`: `moved`, then `coloured`.

    Args:
        image: [B, H, W, C] in [-1, 1], C 1, 3 or 4; what comes out can lie outside.
        p: number or scalar tensor, 0 to 1. At 0 the pictures are the same, to the bit.

    Raises:
        InputError: another number of channels.
        RuntimeError: no `random.stream` is open.
    """
    if image.shape[-1] not in (1, 3, 4):
        raise InputError(f"adaptive augmentation of {image.shape[-1]} channels: expected pictures of 1, 3 or 4")
    return coloured(moved(image, p), p)


def moved(image, p):
    """Mirrored, turned by right angles, moved by whole pixels; scaled, turned, stretched, turned, moved.

    Each in turn with probability `p`, but for the two turns, of which one or both are done with it. Scales are 2^N(0,
    0.2^2), moves up to an eighth of the sides, then N(0, 1/8) of them.

    Args:
        image: [B, H, W, C].
        p: as of `changed`.
    """
    batch, (height, width) = tf.shape(image)[0], image.shape[1:3]
    sides = tf.constant([width, height], tf.float32)
    turns = 1.0 - tf.sqrt(tf.maximum(1.0 - p, 0.0))
    # Where a pixel comes from is matrix @ (where it is) + offset, from the middle, in the order (x, y).
    matrix, offset = tf.eye(2, batch_shape=[batch]), tf.zeros([batch, 2])

    def then(inverse=None, shift=None):
        nonlocal matrix, offset
        if shift is not None:
            offset += tf.linalg.matvec(matrix, -shift)
        if inverse is not None:
            matrix = matrix @ inverse

    then(_diagonal(1.0 - 2.0 * _if(p, _whole(batch, 2), 0.0), tf.ones([batch])))
    quarter = tf.cast(_if(p, _whole(batch, 4), 0.0), tf.int32)
    then(_turned(tf.gather([1.0, 0.0, -1.0, 0.0], quarter), tf.gather([0.0, 1.0, 0.0, -1.0], quarter)))
    then(shift=_if(p, tf.round(random.uniform([batch, 2], -0.125, 0.125) * sides), 0.0))
    size = _if(p, _power_of_two(batch, 0.2), 1.0)
    then(_diagonal(1.0 / size, 1.0 / size))
    then(_turned_at_random(batch, turns))
    size = _if(p, _power_of_two(batch, 0.2), 1.0)
    then(_diagonal(1.0 / size, size))
    then(_turned_at_random(batch, turns))
    then(shift=_if(p, random.normal([batch, 2]) * 0.125 * sides, 0.0))
    return resampled(image, matrix, offset)


def coloured(image, p):
    """Brighter by N(0, 0.2^2), contrast times 2^N(0, 0.5^2), luma turned about; of three channels or four also hue
    turned about the grey axis, saturation times 2^N(0, 1). Each in turn with probability `p`; opacity stays.

    Args:
        image: [B, H, W, C] in [-1, 1].
        p: as of `changed`.
    """
    batch, channels = tf.shape(image)[0], image.shape[-1]
    brightness = _if(p, 0.2 * random.normal([batch]), 0.0)
    contrast = _if(p, _power_of_two(batch, 0.5), 1.0)
    flip = _if(p, _whole(batch, 2), 0.0)
    if channels == 1:
        scale, shift = contrast * (1.0 - 2.0 * flip), brightness * contrast * (1.0 - 2.0 * flip)
        return image * _per_picture(scale, image) + _per_picture(shift, image)
    angle = _if(p, random.uniform([batch], -math.pi, math.pi), 0.0)
    saturation = _if(p, _power_of_two(batch, 1.0), 1.0)
    grey, unit = tf.fill([3, 3], 1.0 / 3.0), tf.eye(3)  # v v^T, v the axis of grey
    cross = tf.constant([[0.0, -1.0, 1.0], [1.0, 0.0, -1.0], [-1.0, 1.0, 0.0]]) / 3.0**0.5  # v x
    flip, angle, saturation = (value[:, None, None] for value in (flip, angle, saturation))
    matrix = unit - 2.0 * grey * flip
    matrix = (grey + (unit - grey) * tf.cos(angle) + cross * tf.sin(angle)) @ matrix
    matrix = (grey + (unit - grey) * saturation) @ matrix * contrast[:, None, None]
    shift = tf.linalg.matvec(matrix, tf.repeat(brightness[:, None], 3, axis=1))
    colour = tf.einsum("bhwc,bdc->bhwd", image[..., :3], tf.cast(matrix, image.dtype))
    colour += tf.cast(shift, image.dtype)[:, None, None]
    return tf.concat([colour, image[..., 3:]], axis=-1)


def resampled(image, matrix, offset):
    """Pictures whose pixel at u, from the middle, is that at `matrix @ u + offset`, between four pixels bilinear.

    Mirrored at the borders, whose pixels are not repeated. Gathers pixels: gradients of any order with respect to
    `image` are right, which those of `tf.image.resize` are not.

    Args:
        image: [B, H, W, C].
        matrix: [B, 2, 2] of (x, y).
        offset: [B, 2], pixels.
    """
    batch, (height, width, channels) = tf.shape(image)[0], image.shape[1:]
    middle = tf.constant([(width - 1) / 2.0, (height - 1) / 2.0])
    x, y = tf.meshgrid(tf.range(width, dtype=tf.float32), tf.range(height, dtype=tf.float32))
    here = tf.reshape(tf.stack([x, y], axis=-1), [1, -1, 2]) - middle  # [1, H W, 2]
    there = tf.matmul(here, matrix, transpose_b=True) + (offset + middle)[:, None]  # [B, H W, 2]
    columns, rows = (_mirrored(there[..., i], side) for i, side in enumerate((width, height)))
    pixels = tf.reshape(image, [-1, channels])
    first = tf.range(batch)[:, None] * (height * width)
    total = 0.0
    for row, of_row in rows:
        for column, of_column in columns:
            weight = tf.cast(of_row * of_column, image.dtype)[..., None]
            total += weight * tf.gather_nd(pixels, (first + row * width + column)[..., None])
    return tf.reshape(total, tf.shape(image))


def _mirrored(place, side):
    """`[(index, weight), (index, weight)]` of the two pixels around a place on a side that is mirrored at its ends."""
    period = max(2.0 * (side - 1), 1.0)
    place = tf.math.floormod(place, period)
    place = tf.minimum(place, period - place) if side > 1 else tf.zeros_like(place)
    below = tf.clip_by_value(tf.floor(place), 0.0, side - 1.0)
    part, index = place - below, tf.cast(below, tf.int32)
    return [(index, 1.0 - part), (tf.minimum(index + 1, side - 1), part)]


def _if(p, value, otherwise):
    """`value [B, ...]` for a share of `p` of the rows, `otherwise` for the others."""
    chosen = random.uniform([tf.shape(value)[0]] + [1] * (len(value.shape) - 1)) < p
    return tf.where(chosen, value, otherwise)


def _whole(batch, below):
    return tf.cast(random.integers([batch], below), tf.float32)


def _power_of_two(batch, deviation):
    return tf.pow(2.0, deviation * random.normal([batch]))


def _diagonal(x, y):
    return tf.linalg.diag(tf.stack([x, y], axis=-1))


def _turned(cosine, sine):
    return tf.stack([tf.stack([cosine, -sine], -1), tf.stack([sine, cosine], -1)], axis=-2)


def _turned_at_random(batch, p):
    angle = _if(p, random.uniform([batch], -math.pi, math.pi), 0.0)
    return _turned(tf.cos(angle), tf.sin(angle))


def _per_picture(value, image):
    return tf.cast(value, image.dtype)[:, None, None, None]
