"""How steady translated video is: errors that come and go from frame to frame; and what a predictor of frames is worth.

Not from a paper: the published numbers of video translation are of other models' readings of the frames.
"""

import numpy as np

from tfgan_zoo import pictures
from tfgan_zoo.data import batches
from tfgan_zoo.errors import InputError


def flicker(made, target):
    """The mean change of the error from each frame to the next: 0 where the same is wrong in all frames.

    Args:
        made, target: clips `[B, T, H, W, C]`, T at least 2.

    Returns:
        `[B]` float64: the mean of |(made_t+1 - made_t) - (target_t+1 - target_t)|.

    Raises:
        InputError: other shapes, or clips of one frame.
    """
    made, target = np.asarray(made, np.float64), np.asarray(target, np.float64)
    if made.shape != target.shape or made.ndim != 5 or made.shape[1] < 2:
        raise InputError(
            f"clips of the shapes {list(made.shape)} and {list(target.shape)}; expected [B, T, H, W, C] twice, T of 2 "
            f"or more"
        )
    return np.abs(np.diff(made - target, axis=1)).mean(axis=(1, 2, 3, 4))


def of_translators(data, translators, predictors):
    """What translators of frames and predictors of the next one score on the held-out clips, beside doing nothing.

    Args:
        data: `Data` of the kind frames.
        translators: `{"a_to_b": image -> image, "b_to_a": ...}`, called with frames of all clips of a batch.
        predictors: `{"a": frames [B, T - 1, H, W, C] -> image, "b": ...}`, or fewer.

    Returns:
        `next_a`, L1 of what is predicted after all frames of a clip but the last, and `next_a_copy` of the frame
        before; the same of b. Where clips are pairs, `l1_a_to_b` per frame, `flicker_a_to_b`, and of doing nothing
        `l1_identity` and `flicker_identity`; the same of b_to_a.
    """
    sums, count = {}, 0

    def add(name, values):
        sums[name] = sums.get(name, 0.0) + float(np.sum(values, dtype=np.float64))

    for batch in batches.in_order(data.test, pictures.few(data.shapes["a"])).as_numpy_iterator():
        count += len(batch["a"])
        if data.test_is_paired:
            for name, translate in translators.items():
                clips, target = (batch[domain] for domain in name.split("_to_"))
                made = np.reshape(translate(clips.reshape(-1, *clips.shape[2:])), target.shape)
                add(f"l1_{name}", _l1(made, target))
                add(f"flicker_{name}", flicker(made, target))
            add("l1_identity", _l1(batch["a"], batch["b"]))
            add("flicker_identity", flicker(batch["a"], batch["b"]))
        for domain, predict in predictors.items():
            clips = batch[domain]
            add(f"next_{domain}", _l1(np.asarray(predict(clips[:, :-1])), clips[:, -1]))
            add(f"next_{domain}_copy", _l1(clips[:, -2], clips[:, -1]))
    return {name: total / count for name, total in sums.items()}


def _l1(made, target):
    return np.abs(made - target).mean(axis=tuple(range(1, made.ndim)), dtype=np.float64)
