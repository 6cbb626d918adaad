"""Clips of two domains, unpaired: a name -> windows of frames in the order of time, for families that learn from video.

A frame is prepared once, as a picture (`data/prepared.py`). An example of a domain is a window of frames that follow
each other in one clip; it is known by the number of its first frame. No window crosses from one clip to the next, and
none holds a frame that could not be read.
"""

import io
import os
import pathlib
import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from PIL import Image

from tfgan_zoo.data import batches, decoding, folders, glyphs, images, inspection, layouts, prepared, sets
from tfgan_zoo.data.columns import Column, Data
from tfgan_zoo.data.folders import counted, printable
from tfgan_zoo.errors import InputError

GLYPH_FRAMES, DEGREES = 6, 10  # of the clip of a character, and how far it turns from one to the next
_LAYOUT = "clips need trainA/ and trainB/, each with a folder of numbered frames per clip, or with numbered frames"
_SPLITS = ("trainA", "trainB", "testA", "testB")


def frames(
    dataset,
    *,
    image_size,
    channels=None,
    fit=None,
    value_range=None,
    length=3,
    source="sans",
    target="serif_bold_italic",
    data_dir=None,
):
    """Windows of frames of two domains, drawn independently: the columns `a` and `b`, each `[length, H, W, C]`.

    Args:
        dataset: `glyphs`: each character turns to the left, by `DEGREES` from one of its `GLYPH_FRAMES` frames to the
            next, upright in the middle of the clip; held-out windows are pairs, of one character at one time. Or a
            folder with `trainA/`, `trainB/` and, if there, `testA/`, `testB/` (docs/data.md). Frames of one clip are in
            one folder and have one name but for its last number, which is their time: frame_2.png comes before
            frame_10.png. Where the numbers jump by more than one and a half times what is usual in the clip, another
            begins. Without held-out folders every 20th clip is held out, or the last 20th of a single one.
        length: frames of a window.
        source, target: the styles of a and b, of `glyphs.STYLES`.
        image_size, channels, fit, value_range, data_dir: as in `images.images`.

    Raises:
        InputError: the data cannot be found; files without a number, or two of one clip with the same; no clip is long
            enough.
    """
    decode = images.pictures(image_size, channels, fit, value_range)
    if length < 2:
        raise InputError(f"length is {length}; a window has 2 frames or more")
    name = os.fspath(dataset)
    if name == "glyphs":
        return _of_glyphs(decode, length, source, target, data_dir)
    folder = pathlib.Path(name).expanduser()
    if not name.strip() or not folder.is_dir():
        raise InputError(f"{printable(name) or 'an empty name'} is no folder; give `glyphs` or a folder: {_LAYOUT}")
    return _of_folder(name, folder, decode, length, data_dir)


class _Clip(NamedTuple):
    """The files of a clip, in the order of time.

    Attributes:
        name: for messages.
        files: their paths below the folder.
    """

    name: str
    files: list[str]


def _clips(files):
    """Paths below a folder -> their clips, sorted by folder and name."""
    found = {}
    for file in files:
        folder, stem = os.path.split(os.path.splitext(file)[0])
        numbered = re.fullmatch(r"(.*?)([0-9]+)([^0-9]*)", stem, re.DOTALL)
        if not numbered:
            raise InputError(f"{printable(file)} has no number; a frame's name ends in its time, like frame_0001.png")
        before, number, after = numbered.groups()
        times = found.setdefault((folder, before, after), {})
        other = times.setdefault(int(number), file)
        if other != file:
            raise InputError(f"{printable(other)} and {printable(file)} are frame {int(number)} twice; remove one")
    clips = []
    for (folder, before, after), times in sorted(found.items()):
        numbers = sorted(times)
        steps = np.diff([float(n) for n in numbers])
        cuts = np.flatnonzero(steps > 1.5 * np.median(steps)) + 1 if len(steps) else []
        for part in np.split(np.arange(len(numbers)), cuts):
            first = "" if len(cuts) == 0 else f" from {numbers[part[0]]}"
            name = f"{os.path.join(folder, before)}*{after}{first}"
            clips.append(_Clip(name, [times[numbers[i]] for i in part]))
    return clips


def _held_out(length):
    """How files of a domain without a held-out folder are split: by clips that are long enough, or within one."""

    def hold_out(files):
        clips = [clip.files for clip in _clips(files) if len(clip.files) >= length]
        if len(clips) > 1:
            return {split: sum(some, []) for split, some in layouts.every_20th(clips).items()}
        clip = clips[0] if clips else list(files)
        last = max(length, len(clip) // 20)
        if len(clip) < last + length:
            return {"train": clip, "test": clip}
        return {"train": clip[:-last], "test": clip[-last:]}

    return hold_out


def _of_folder(name, folder, decode, length, data_dir):
    tree = folders.walk(folder)
    layout = layouts.two_domains(
        tree, "clips", _held_out(length), "every 20th clip is held out, or the last 20th of a single one"
    )
    clips = {split: _clips([file for file, _ in items]) for split, items in layout.splits.items()}
    notes = _said(clips, length)
    splits = {split: [(file, (tree.files[file],)) for clip in some for file in clip.files] for split, some in
              clips.items()}  # fmt: skip
    request = prepared.Request(
        made_of={"files": {split: folders.listing(items) for split, items in splits.items()}},
        settings=images.settings("frames", decode),
        names=("image",),
        decode=decode,
        splits={split: lambda items=items: items for split, items in splits.items()},
        inspect=lambda: inspection.inspect(decode, [item for items in splits.values() for item in items], folder),
        total=sum(map(len, splits.values())),
        folder=os.fspath(folder),
    )
    data = prepared.prepare(request, data_dir)
    broken = {
        split: [printable(os.path.join(folder, file)) in data.broken for file, _ in items]
        for split, items in splits.items()
    }
    starts = {
        split: _starts([len(clip.files) for clip in some], length, broken[split]) for split, some in clips.items()
    }
    for split, found in starts.items():
        if not len(found):
            longest = max(len(clip.files) for clip in clips[split])
            why = "that can be read" if longest >= length else f"of one clip, at most {longest}"
            raise InputError(
                f"{printable(folder)} has no {length} frames in a row {why}, for {split}; frames of a clip are in one "
                f"folder and have one name but for its last number"
            )
    where = printable(name).rstrip("/") or "/"
    return _data(where, data, decode, length, starts, "not stated", False, (*layout.notes, *notes, *data.notes))


def _said(clips, length):
    """Notes: how many clips there are, and what is too short."""
    few = [clip for some in clips.values() for clip in some if len(clip.files) < length]
    lines = [", ".join(f"{counted(len(some), 'clip')} in {split}" for split, some in clips.items())]
    if few:
        lines.append(
            f"left out, shorter than {length} frames: {counted(len(few), 'clip')}, first {printable(few[0].name)}"
        )
    return lines


def _of_glyphs(decode, length, source, target, data_dir):
    builder = glyphs.builder(data_dir)
    styles = sets.two_features(builder, "glyphs", source, target)
    if length > GLYPH_FRAMES:
        raise InputError(f"length is {length}, and a character turns for {GLYPH_FRAMES} frames; give fewer")
    read = images.pictures((decode.height, decode.width), decode.channels or 1, decode.fit)
    of = {split: (split[:-1], style) for split, style in zip(_SPLITS, styles * 2, strict=True)}
    request = prepared.Request(
        made_of={
            "set": " ".join(builder.info.full_name.rsplit("/", 1)),
            "splits": {split: part for split, (part, _) in of.items()},
            "examples": {part: info.num_examples for part, info in builder.info.splits.items()},
        },
        settings=images.settings(
            "frames", decode, features=" and ".join(styles), turn=f"{GLYPH_FRAMES} frames of {DEGREES} degrees"
        ),
        names=("image",),
        decode=read,
        splits={split: lambda part=part, style=style: _turning(builder, part, style) for split, (part, style) in
                of.items()},
        inspect=lambda: (read, ()),
        total=2 * GLYPH_FRAMES * sum(builder.info.splits[part].num_examples for part in ("train", "test")),
    )  # fmt: skip
    data = prepared.prepare(request, data_dir)
    starts = {
        split: _starts([GLYPH_FRAMES] * builder.info.splits[part].num_examples, length)
        for split, (part, _) in of.items()
    }
    return _data("glyphs", data, decode, length, starts, sets.licence(builder), True, (), f" of {' and '.join(styles)}")


def _turning(builder, part, style):
    """Items of single frames: each character of a split as it turns. What is turned out of the picture is lost."""
    for name, (file,) in sets.items(builder, "glyphs", part, [style]):
        upright = Image.open(io.BytesIO(file))
        for t in range(GLYPH_FRAMES):
            angle = DEGREES * (t - (GLYPH_FRAMES - 1) / 2)
            turned = upright.rotate(angle, Image.Resampling.BICUBIC, fillcolor=255)
            yield f"{name} frame {t}", (decoding.png(np.asarray(turned)[..., None]),)


def _starts(lengths, length, broken=None):
    """The numbers of the first frames of all windows: int64 `[N]`.

    Args:
        lengths: of the clips, whose frames are numbered one after the other.
        length: frames of a window.
        broken: of each frame, whether it could not be read.
    """
    whole = np.ones(sum(lengths), bool) if broken is None else ~np.array(broken, bool)
    begin = np.cumsum([0, *lengths])
    starts = [first + i for first, n in zip(begin, lengths, strict=False) for i in range(n - length + 1)]
    return np.array([i for i in starts if whole[i : i + length].all()], np.int64)


def windows(examples, starts, length):
    """Single frames, in order -> examples of `length` frames that follow each other.

    Args:
        examples: `batches.Examples` or `batches.Streamed` of one column `[H, W, C]` and one stream.
        starts: int64 `[N]`, increasing: the numbers of the frames that windows begin with.
        length: frames of a window.

    Returns:
        The same of one column `[length, H, W, C]`.
    """
    ((name, column),) = examples.columns.items()
    columns = {name: Column(tf.TensorSpec([length, *column.spec.shape], column.spec.dtype), column.resize)}
    with tf.device("CPU"):  # where pipelines run
        first = tf.constant(starts, tf.int64)

    def in_windows(stored):
        count = stored[name].shape[0]
        shape = [-1 if count is None else count // length, length, *column.spec.shape]
        return {name: tf.reshape(stored[name], shape)}

    if isinstance(examples, batches.Streamed):
        begins = tf.scatter_nd(first[:, None], tf.ones_like(first, tf.bool), [examples.counts[0]])
        found = examples.encoded[0].window(length, shift=1, drop_remainder=True)
        found = found.flat_map(lambda window: tf.data.Dataset.zip(window).batch(length, drop_remainder=True))
        found = found.enumerate().filter(lambda i, _: tf.gather(begins, i)).map(lambda _, window: window)

        def decode(encoded):
            return in_windows(examples.decode({k: tf.reshape(x, [-1]) for k, x in encoded.items()}))

        return batches.Streamed(columns, (len(starts),), (found,), decode)

    def load(i):
        return in_windows(
            examples.load(tf.reshape(tf.gather(first, i)[:, None] + tf.range(length, dtype=tf.int64), [-1]))
        )

    return batches.Examples(columns, (len(starts),), load)


def _data(name, data, decode, length, starts, licence, test_is_paired, notes, what=""):
    parts = {split: windows(data.splits[split], starts[split], length) for split in _SPLITS}
    train = batches.unpair(a=parts["trainA"], b=parts["trainB"])
    test = batches.side_by_side(a=parts["testA"], b=parts["testB"])
    counts = " + ".join(f"{n:,}" for n in train.counts)
    shape = "x".join(map(str, train.columns["a"].spec.shape[1:]))
    held_out = f"{test.counts[0]:,} held-out windows of {length} frames{what}, {shape}"
    return Data(
        name=name,
        kind="frames",
        columns=train.columns,
        train=train,
        test=test,
        description=f"{name}: {counts} training and {held_out}",
        licence=licence,
        broken=data.broken,
        test_is_paired=test_is_paired,
        fingerprint=data.fingerprint,
        fit=decode.fit,
        notes=tuple(notes),
    )
