"""What the columns of a data set are: pictures, masks, frames, labels, text. Declared, never guessed from a dtype."""

import dataclasses
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

if TYPE_CHECKING:
    from tfgan_zoo.data.batches import Examples, Streamed


class Column(NamedTuple):
    """One column of a data set.

    Attributes:
        spec: of one example as it is stored: a picture uint8 `[H, W, C]`; frames uint8 `[T, H, W, C]`; ids int32
            `[n]`; a label int64 `[]`; text string `[]`; a point float32 `[dim]`.
        resize: `bicubic`, a picture or frames: [-1, 1] in batches, moved and scaled by interpolation; `nearest`, a mask
            or a map of ids: stays as it is stored, moved and scaled by the nearest pixel; None: neither.
    """

    spec: tf.TensorSpec
    resize: str | None

    @property
    def batch_spec(self):
        """The spec of one example in a batch: float32 for pictures, `spec` for all else."""
        return tf.TensorSpec(self.spec.shape, tf.float32) if self.resize == "bicubic" else self.spec

    def in_batch(self, stored):
        """Values as stored, of any leading axes -> as batches hold them: pictures as float32 in [-1, 1]."""
        return tf.cast(stored, tf.float32) / 127.5 - 1.0 if self.resize == "bicubic" else stored


LABEL = Column(tf.TensorSpec([], tf.int64), None)
TEXT = Column(tf.TensorSpec([], tf.string), None)


def picture(height, width, channels):
    """The column of pictures of a size."""
    return Column(tf.TensorSpec([height, width, channels], tf.uint8), "bicubic")


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set in the form of one kind of batch. One column comes as a tensor, several as a dict of them.

    Attributes:
        name: as it was given.
        kind: the name of the function that made it.
        columns: the name of each column and what it is: `image`; `image` and `label`; `image` and `target`; `a` and
            `b`; `image` and `domain`; `image`, `text` and `wrong`; `image`, `mask` and `target`; `point`.
        train: examples to learn from.
        test: examples held out from them. Those of unpaired data come as pairs: true ones where they are known. Those
            of domains have columns of their own.
        description: one line for the console.
        licence: the licence of the data, as far as its source states one.
        classes: names of the labels, when labelled.
        broken: files that could not be read, with the reason.
        test_is_paired: of unpaired data and frames, whether a and b of a held-out example belong together.
        shown: held-out examples that a sample grid is made of.
        fingerprint: of the prepared set (`data/prepared.py`); empty for what is computed.
        fit: how pictures of another shape were made to fit: crop, stretch or pad; "": a model of them takes any size.
        notes: of a folder, what it was taken for and what was left out of it, a line each for the console.
    """

    name: str
    kind: str
    columns: dict[str, Column]
    train: "Examples | Streamed"
    test: "Examples | Streamed"
    description: str
    licence: str
    classes: tuple[str, ...] = ()
    broken: dict[str, str] = dataclasses.field(default_factory=dict)
    test_is_paired: bool = False
    shown: int = 16
    fingerprint: str = ""
    fit: str = "crop"
    notes: tuple[str, ...] = ()

    @property
    def shapes(self):
        """Column -> the shape of one example in a batch, a tuple."""
        return {name: tuple(column.batch_spec.shape) for name, column in self.columns.items()}
