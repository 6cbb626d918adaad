"""Stacked MNIST: three random digits as the three channels of one picture, so that there are 1000 modes to find.

Example number i is a function of i alone, so a resumed run sees what it would have seen. There are so many training
stacks that none comes twice. The digits are those of the TFDS set `mnist`: a training stack is of training digits, a
held-out one of test digits.
"""

import dataclasses

import tensorflow as tf

from tfgan_zoo.data import batches, counted, images
from tfgan_zoo.data.columns import Data, picture

NAME = "stacked_mnist"
TRAIN, TEST = 2**40, 10_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stacks(Data):
    """Stacks `[H, W, 3]`: the column `image`.

    Attributes:
        digits: the training digits, uint8 `[N, H, W]`.
    """

    digits: tf.Tensor

    def sample(self, count, key):
        """`count` training stacks at once, float32 `[count, H, W, 3]` in [-1, 1]: a function of `key [2]`.

        Not those of `train`, which are functions of their number.
        """
        which = tf.random.stateless_uniform([count, 3], key, 0, len(self.digits), tf.int64, alg="philox")
        return self.columns["image"].in_batch(_stacked(self.digits, which))


def stacks(*, image_size=28, data_dir=None):
    """Stacked MNIST as single images of three channels.

    Args:
        image_size: height and width, an int or two; the digits have 28.
        data_dir: where TFDS keeps its sets.

    Raises:
        InputError: `mnist` is not there and cannot be prepared.
    """
    mnist = images.images("mnist", image_size=image_size, channels=1, data_dir=data_dir)
    train, test = (_all_of(examples) for examples in (mnist.train, mnist.test))
    height, width = train.shape[1:]
    columns = {"image": picture(height, width, 3)}
    return Stacks(
        name=NAME,
        kind="images",
        columns=columns,
        train=_examples(columns, train, 0, TRAIN),
        test=_examples(columns, test, 1, TEST),
        description=f"{NAME}: three of {len(train):,} digits on each other, {height}x{width}x3; training "
        f"stacks without end, {TEST:,} held-out ones of {len(test):,} other digits",
        licence=mnist.licence,
        broken=mnist.broken,
        fingerprint=mnist.fingerprint,
        digits=train,
    )


def _all_of(examples):
    with tf.device("CPU"):  # where the examples are
        return examples.load(tf.range(examples.counts[0], dtype=tf.int64))["image"][..., 0]


def _examples(columns, digits, split, count):
    def load(i):
        # Rounded to float32, a number just below 1 could give one digit too many.
        which = tf.minimum(tf.cast(counted.uniform(split, i, 3) * len(digits), tf.int64), len(digits) - 1)
        return {"image": _stacked(digits, which)}

    return batches.Examples(columns, (count,), load)


def _stacked(digits, which):
    return tf.transpose(tf.gather(digits, which), [0, 2, 3, 1])  # [B, 3, H, W] -> [B, H, W, 3]
