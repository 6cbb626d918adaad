"""Stacked MNIST: three random digits as the three channels of one picture, so that there are 1000 modes to find.

Example number i is a function of i alone, so a resumed run sees what it would have seen. There are so many training
stacks that none comes twice. The digits are those of the TFDS set `mnist`: a training stack is of training digits, a
held-out one of test digits.
"""

import dataclasses

import tensorflow as tf

from tfgan_zoo.data import images

NAME = "stacked_mnist"
TRAIN, TEST = 2**40, 10_000
_DIGITS_AT_ONCE = 1000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stacks(images.Data):
    """Stacks `[H, W, 3]`, uint8 until `images.batches` scales them.

    Attributes:
        digits: the training digits, uint8 `[N, H, W]`.
    """

    digits: tf.Tensor

    def sample(self, count, key):
        """`count` training stacks at once, float32 `[count, H, W, 3]` in [-1, 1]: a function of `key [2]`.

        Faster than `train`, which draws them one by one.
        """
        return tf.cast(_stacked(self.digits, [count, 3], key), tf.float32) / 127.5 - 1.0


def stacks(*, image_size=28, data_dir=None):
    """Stacked MNIST as single images of three channels.

    Args:
        image_size: height and width; the digits have 28.
        data_dir: where TFDS keeps its sets.

    Raises:
        InputError: `mnist` is not there and cannot be prepared.
    """
    mnist = images.images("mnist", image_size=image_size, channels=1, data_dir=data_dir)
    train, test = (_decoded(examples) for examples in (mnist.train, mnist.test))
    return Stacks(
        name=NAME,
        kind="images",
        image_size=image_size,
        channels=3,
        train=_examples(train, 0, TRAIN),
        test=_examples(test, 1, TEST),
        description=f"{NAME}: three of {len(train):,} digits on each other, {image_size}x{image_size}x3; training "
        f"stacks without end, {TEST:,} held-out ones of {len(test):,} other digits",
        licence=mnist.licence,
        broken=mnist.broken,
        digits=train,
    )


def _decoded(examples):
    dataset = tf.data.Dataset.range(examples.counts[0]).map(examples.load, tf.data.AUTOTUNE, deterministic=True)
    return tf.concat([batch[..., 0] for batch in dataset.batch(_DIGITS_AT_ONCE)], axis=0)


def _examples(digits, split, count):
    def load(i):
        return _stacked(digits, [3], tf.stack([tf.constant(split, tf.int64), i]))

    return images.Examples((count,), load)


def _stacked(digits, shape, key):
    which = tf.random.stateless_uniform(shape, key, 0, len(digits), tf.int64, alg="philox")
    picked = tf.gather(digits, which)  # [..., 3, H, W]
    rank = picked.shape.rank
    return tf.transpose(picked, [*range(rank - 3), rank - 2, rank - 1, rank - 3])
