"""What says early that a run goes wrong: in the data before the first step, in losses and samples on the way.

Each is said in one line, once. docs/troubleshooting.md says what people do about it. Nothing is stopped: the numbers
are rules of thumb, and a run may be fine all the same.
"""

import re

import numpy as np

from tfgan_zoo.run.callbacks import EveryStep

HELP = "docs/troubleshooting.md"
WON_BELOW = 0.01  # a loss of the discriminator, whose fair value is of the order of 1
WON_FOR = 200  # steps
COLLAPSED_BELOW = 0.1  # of the distance of two real examples
LOOKED_AT = 256  # training examples
CONTRAST = 0.25  # of the 2 that pixels range over
_D_LOSS = re.compile(r"d(_\w+)?_loss(_\w+)?")


def of_data(data, batch_size, examples):
    """What looks wrong with the training data: lines, or none.

    Args:
        data: a `Data`.
        batch_size: examples of a step.
        examples: some of `data.train`, spread over it, as `batches.take` gives them.
    """
    by_name = examples if isinstance(examples, dict) else dict.fromkeys(data.columns, examples)
    count = sum(getattr(data.train, "counts", ()))
    if 0 < count < batch_size:
        yield f"{count} training examples are fewer than the {batch_size} of a batch: each is in it several times"
    for name, column in data.columns.items():
        values = np.asarray(by_name[name])
        if column.resize == "bicubic":
            yield from _of_pictures(name, values)
        elif name == "label" and len(data.classes) > 1 and len(np.unique(values)) == 1:
            only = data.classes[int(values.flat[0])]
            yield f"all {len(values)} labels looked at are {only}, of {len(data.classes)} classes"


def _of_pictures(name, pictures):
    if len(pictures) > 1 and (pictures == pictures[:1]).all():
        yield f"all {len(pictures)} pictures looked at ({name}) are the same"
    low, high = float(pictures.min()), float(pictures.max())
    if high - low < CONTRAST:
        low, high = (round((end + 1) * 127.5) for end in (low, high))
        yield f"pixels ({name}) range from {low} to {high} of 0 to 255 only: is --value-range what they need?"


def spread(examples):
    """The mean distance between two of `examples [N, ...]`, the root of the mean square over their numbers."""
    flat = np.asarray(examples, np.float64).reshape(len(examples), -1)
    squared = np.maximum(0, (flat**2).sum(1)[:, None] + (flat**2).sum(1) - 2 * flat @ flat.T)
    apart = np.sqrt(squared[~np.eye(len(flat), dtype=bool)] / flat.shape[1])
    return float(apart.mean()) if len(apart) else 0.0


class Losses(EveryStep):
    """Says when a discriminator's loss has been next to 0 for `WON_FOR` steps.

    A critic's value, which can be below 0, is not meant.

    Args:
        say: `line -> None`.
    """

    def __init__(self, say):
        super().__init__()
        self.say, self.since, self.has_said = say, {}, False

    def after(self, logs):
        for name, value in logs.items():
            if not _D_LOSS.fullmatch(name) or self.has_said:
                continue
            if not 0 <= value < WON_BELOW:
                self.since.pop(name, None)
                continue
            began = self.since.setdefault(name, self.step - self.model.steps_per_execution)
            if self.step - began >= WON_FOR:
                self.has_said = True
                self.say(
                    f"{name} has been below {WON_BELOW:g} for {WON_FOR} steps: the discriminator has won: {HELP}#won"
                )


class Samples:
    """Says when the samples of two grids, one after the other, are all but the same picture.

    Args:
        real: held-out examples, `[N, ...]`, or a dict that has an `image`.
        say: `line -> None`.
    """

    def __init__(self, real, say):
        real = real["image"] if isinstance(real, dict) and "image" in real else real
        self.say, self.was_collapsed, self.has_said = say, False, False
        self.usual = 0.0 if isinstance(real, dict) else spread(real)

    def look(self, preview, step):
        """At what a grid shows: its column `sample`, if there is one."""
        if "sample" not in preview or self.has_said or not self.usual or not step:
            return
        found = spread(preview["sample"])
        is_collapsed = found < COLLAPSED_BELOW * self.usual
        if is_collapsed and self.was_collapsed:
            self.has_said = True
            self.say(
                f"two samples are {found:.3g} apart at step {step}, two real examples {self.usual:.3g}: the generator "
                f"makes one picture: {HELP}#collapsed"
            )
        self.was_collapsed = is_collapsed
