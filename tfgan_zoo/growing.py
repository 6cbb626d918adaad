"""Growth by resolution: the phases of a run, and pictures between two sizes. Karras et al. 2018, arXiv 1710.10196,
section 2 and figure 2; where it leaves something open, as its published code has it.
"""

import dataclasses
import itertools
import math
from typing import NamedTuple

import tensorflow as tf

from tfgan_zoo.errors import InputError


def halved(image):
    """The mean of each 2x2 pixels: [B, H, W, C] -> [B, H/2, W/2, C]."""
    return tf.nn.avg_pool2d(image, 2, 2, "VALID")


def doubled(image):
    """Each pixel as a square of 2x2: [B, H, W, C] -> [B, 2H, 2W, C]."""
    return tf.repeat(tf.repeat(image, 2, axis=1), 2, axis=2)


@dataclasses.dataclass(frozen=True)
class Stage:
    """Where in its growth a model is.

    Attributes:
        times: how often a whole picture is halved to the size that the networks have.
        begin: the step that the fade-in of the last level begins with.
        steps: how many it takes; 0: nothing is faded in.
    """

    times: int = 0
    begin: int = 0
    steps: int = 0

    def alpha(self, step):
        """The weight of the new level, from 0 to 1, a float32 scalar; None where nothing is faded in.

        Args:
            step: an integer tensor, such as `random.step()`.
        """
        if not self.steps:
            return None
        return tf.clip_by_value(tf.cast(step - self.begin, tf.float32) / self.steps, 0.0, 1.0)

    def given(self, x, alpha):
        """What a network of this stage is called with: `x [B, ...]`, or `[x, alpha [B, 1]]`."""
        return x if alpha is None else [x, tf.fill([tf.shape(x)[0], 1], alpha)]

    def real(self, image, alpha):
        """Whole pictures as the discriminator sees them: halved to its size, and faded as the fakes are."""
        for _ in range(self.times):
            image = halved(image)
        if alpha is None:
            return image
        return (1.0 - alpha) * doubled(halved(image)) + alpha * image

    def whole(self, image):
        """What the generator made, as large as whole pictures."""
        for _ in range(self.times):
            image = doubled(image)
        return image


class Phase(NamedTuple):
    """A part of a run between two of its steps, with networks, optimizers and a batch size of its own.

    Attributes:
        name: the height of its pictures, `64`; `64_fade` while they come in.
        level: of the networks, from 0, the smallest.
        batch_size: of its steps.
        until: the step that it ends with.
        stage: the `Stage`.
    """

    name: str
    level: int
    batch_size: int
    until: int
    stage: Stage

    def of(self, levels):
        """Its network of those of all levels, `networks.growing.Level`s."""
        level = levels[self.level]
        return level.fading if self.stage.steps else level.steady


def phases(heights, batch_of, *, start, images, steps):
    """The phases of a run: the first level, then for each further one its fade-in and its stabilisation.

    Args:
        heights: of the pictures of every level, the smallest first.
        batch_of: height -> batch size.
        start: the height of the first level that is trained.
        images: that are shown in each phase but the last; at least one batch.
        steps: of the run; the last phase ends there.

    Returns:
        A list of `Phase`.

    Raises:
        InputError: no such level, or no step is left for the last phase.
    """
    if start not in heights:
        raise InputError(f"--start={start}: expected a height of {', '.join(map(str, heights))}; choose one")
    first, found, until = heights.index(start), [], 0
    for level, fading in itertools.product(range(first, len(heights)), (True, False)):
        if fading and level == first:
            continue
        batch = batch_of(heights[level])
        begin, length = until, math.ceil(images / batch)
        until += length
        stage = Stage(len(heights) - 1 - level, begin, length) if fading else Stage(len(heights) - 1 - level)
        found.append(Phase(f"{heights[level]}{'_fade' if fading else ''}", level, batch, until, stage))
    if steps <= begin:
        raise InputError(
            f"--steps={steps} is not above the {begin} of the phases before the last; ask for more, or for a smaller "
            "--phase-images"
        )
    return [*found[:-1], found[-1]._replace(until=steps)]


def by_height(text, otherwise):
    """The function `height -> number` that a flag means: `"256:14,512:6"`.

    Args:
        text: heights and numbers; a height that it does not name has `otherwise`. The numbers are of its type.
        otherwise: an int or a float.

    Raises:
        InputError: anything else, or a number that is not above 0.
    """
    try:
        pairs = (one.split(":") for one in text.split(",") if text)
        known = {int(height): type(otherwise)(number) for height, number in pairs}
        if not all(0 < number < math.inf for number in known.values()):
            raise ValueError
    except ValueError:
        raise InputError(f"{text!r}: expected heights and numbers above 0, like 256:14,512:6") from None
    return lambda height: known.get(height, otherwise)
