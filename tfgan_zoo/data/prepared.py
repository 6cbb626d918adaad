"""Prepared sets: pictures read by Pillow once, and then by TensorFlow alone.

`prepare` turns the files of a folder, or the pictures of a TFDS set, into a TFDS set of PNG files of the asked size, in
the order of the examples, in `<data_dir>/prepared/<fingerprint>/`. The fingerprint is a hash of what the set was made
of (names, sizes and times of change of the files; name, version and sizes of a TFDS set) and of how (size, channels,
...). The set is written beside its place and renamed: it is there whole or not at all, and of two processes that
prepare it at once one wins and both use it. What it was made of is kept in it (`metadata.json`), for `difference`.
"""

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import tqdm
from tensorflow_datasets.core import constants

from tfgan_zoo import errors, files
from tfgan_zoo.data import batches, decoding, sets
from tfgan_zoo.data.columns import Column
from tfgan_zoo.data.folders import printable
from tfgan_zoo.errors import InputError

IN_MEMORY_BYTES = 2**30
_FORMAT = 2  # One more whenever the same source would give other examples.
_SHARD_BYTES = 2**28  # Of decoded pictures; files of such a part of a set are smaller.
_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Request:
    """What is to be prepared, and how.

    Attributes:
        made_of: what the set is made of, as JSON values: `{"files": {split: folders.listing}}`, or `{"set": name and
            version, "splits": {split: where it is from}, "examples": {split: number}}`; with `"classes"`, names in the
            order of their labels, where there are any.
        settings: what else the examples hang on, name -> text.
        names: of the columns.
        decode: the parts of an item -> an array per column.
        splits: name -> a function that gives its items `(name, parts)`, in order.
        inspect: gives `decode` with what was not asked for, and what is to be said of the pictures, a line each.
        total: number of items, as far as it is known.
        folder: what to put before the name of an item that cannot be read.
    """

    made_of: dict
    settings: dict[str, str]
    names: tuple[str, ...]
    decode: decoding.Pictures
    splits: dict[str, Callable[[], Iterable]]
    inspect: Callable[[], tuple[decoding.Pictures, tuple[str, ...]]]
    total: int | None = None
    folder: str = ""

    @property
    def listing(self):
        """All that makes the fingerprint, as JSON values."""
        return {"format": _FORMAT, "settings": self.settings, **self.made_of}

    @property
    def fingerprint(self):
        """A sha256 in hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.listing, sort_keys=True).encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A prepared set.

    Attributes:
        fingerprint: a sha256 in hexadecimal digits.
        columns: the name of each column and what it is.
        splits: name -> examples.
        broken: files that could not be read, with the reason. Each is replaced by the next one that can.
        notes: what was found in the pictures, a line each.
    """

    fingerprint: str
    columns: dict[str, Column]
    splits: dict[str, batches.Examples | batches.Streamed]
    broken: dict[str, str]
    notes: tuple[str, ...]


def prepare(request, data_dir=None):
    """The set that a request asks for; reads the pictures first if `data_dir` does not hold it yet.

    Sets of at most `IN_MEMORY_BYTES` are read into memory: decoded if they fit so, else encoded. Others are streamed.
    One that is damaged is set aside, which one line says, and made anew.

    Args:
        request: a `Request`.
        data_dir: by default TFDS's own.

    Raises:
        InputError: no picture of a split can be read, or nothing can be written to `data_dir`.
    """
    folder = _folder(request.fingerprint, data_dir)
    _make(request, folder)
    try:
        return _load(request, folder)
    except Exception as error:  # TFDS and TensorFlow raise a dozen kinds on files that are damaged or gone
        files.set_aside(folder, errors.first_line(error))
    _make(request, folder)
    return _load(request, folder)


def _make(request, folder):
    if _is_there(folder):
        return
    unfinished = folder.parent / f".{folder.name[:16]}-{uuid.uuid4().hex[:16]}"
    try:
        _remove_abandoned(unfinished)
        unfinished.mkdir(parents=True)
        _write(request, unfinished)
        if folder.exists() and not _is_there(folder):
            files.set_aside(folder, "its metadata is gone")
        unfinished.rename(folder)
    except (OSError, tf.errors.OpError) as error:
        if not _is_there(folder):  # else another process was faster
            line = errors.first_line(error)
            raise InputError(f"nothing can be written to {folder.parent} ({line}); give a data_dir") from None
    finally:
        if unfinished.exists():
            unfinished.rmtree()


def _load(request, folder):
    made = _metadata(folder)
    columns = {
        name: Column(tf.TensorSpec(shape, dtype), resize) for name, (shape, dtype, resize) in made["columns"].items()
    }
    broken = {printable(os.path.join(request.folder, name)): reason for name, reason in made["broken"].items()}
    examples = _examples(folder, columns, request.splits)
    return Prepared(request.fingerprint, columns, examples, broken, tuple(made["notes"]))


def difference(old, new, data_dir=None):
    """What changed between two prepared sets, in a few words.

    Args:
        old, new: fingerprints.
        data_dir: where both were prepared.

    Returns:
        Such as `2 files added, first x.png; 1 removed, first y.png; size 64x64 -> 32x32`, or None where one of them is
        gone.
    """
    if not all(_is_there(_folder(fingerprint, data_dir)) for fingerprint in (old, new)):
        return None
    a, b = (_metadata(_folder(fingerprint, data_dir))["listing"] for fingerprint in (old, new))
    found = _changed_files(a.get("files", {}), b.get("files", {}))
    found += [f"{name} {a['settings'].get(name)} -> {b['settings'].get(name)}" for name in _changed(a, b, "settings")]
    found += _changed_classes(a.get("classes", []), b.get("classes", []))
    if a.get("set") != b.get("set"):
        found.append(f"{a.get('set', 'a folder')} -> {b.get('set', 'a folder')}")
    for what, unit in (("splits", "from"), ("examples", "with")):
        found += [
            f"{split} {unit} {a.get(what, {}).get(split)} -> {b.get(what, {}).get(split)}"
            for split in _changed(a, b, what)
        ]
    if a["format"] != b["format"]:
        found.append(f"prepared by another version, {a['format']} -> {b['format']}")
    return "; ".join(found) or "nothing"


def _changed(a, b, part):
    a, b = a.get(part, {}), b.get(part, {})
    return [name for name in {**a, **b} if a.get(name) != b.get(name)]


def _changed_files(a, b):
    a, b = ({f"{split}:{file[0]}": file[1:] for split, files in x.items() for file in files} for x in (a, b))
    kinds = {
        "added": [name for name in b if name not in a],
        "removed": [name for name in a if name not in b],
        "changed": [name for name in a if name in b and a[name] != b[name]],
    }
    moved = {name.split(":", 1)[1] for name in kinds["added"]} & {name.split(":", 1)[1] for name in kinds["removed"]}
    found = {kind: [n for x in names if (n := x.split(":", 1)[1]) not in moved] for kind, names in kinds.items()}
    found["moved to another split"] = sorted(moved)
    texts = [(len(names), kind, names[0]) for kind, names in found.items() if names]
    return [
        f"{count} {('file ' if count == 1 else 'files ') * (i == 0)}{kind}, first {printable(first)}"
        for i, (count, kind, first) in enumerate(texts)
    ]


def _changed_classes(a, b):
    changed = [pair for pair in itertools.zip_longest(a, b, fillvalue="none") if pair[0] != pair[1]]
    return [f"{len(changed)} of the classes are others, first {' -> '.join(changed[0])}"] if changed else []


def _folder(fingerprint, data_dir):
    return tfds.core.Path(data_dir or constants.DATA_DIR).expanduser() / "prepared" / fingerprint


def _remove_abandoned(unfinished):
    """What killed preparations of the same set have left: folders in which nothing was written for an hour."""
    for folder in unfinished.parent.glob(unfinished.name.rsplit("-", 1)[0] + "-*"):
        with contextlib.suppress(OSError):  # another process finishes or removes it meanwhile
            if time.time() - max(file.stat().mtime for file in (folder, *folder.iterdir())) > 3600:
                folder.rmtree()


def _is_there(folder):
    return (folder / "metadata.json").exists()


def _metadata(folder):
    return json.loads((folder / "metadata.json").read_text())


# ---------------------------------------------------------------------------------------------------------------------
# Writing


def _write(request, folder):
    decode, notes = request.inspect()
    columns = decode.columns(request.names)
    about = tfds.core.MetadataDict()
    info = tfds.core.DatasetInfo(
        builder=tfds.core.dataset_info.DatasetIdentity("prepared", tfds.core.Version("1.0.0"), os.fspath(folder), ""),
        features=tfds.features.FeaturesDict({name: _feature(column) for name, column in columns.items()}),
        disable_shuffling=True,
        metadata=about,
    )
    size = sum(_bytes(column) for column in columns.values())
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=max(1, _SHARD_BYTES // size))
    writer.initialize_splits(list(request.splits))
    broken = {}

    def encode(*parts):
        values = dict(zip(columns, decode(*parts), strict=True))
        return {name: decoding.png(x) if _is_picture(columns[name]) else x for name, x in values.items()}

    try:
        about_it = {"desc": "reading pictures once", "total": request.total, "unit": ""}
        with tqdm.tqdm(**about_it, delay=1, mininterval=0.5, leave=False) as progress:
            for split, items in request.splits.items():
                examples = _readable(items(), encode, broken, progress, request.folder)
                for some in iter(lambda examples=examples: list(itertools.islice(examples, _AT_ONCE)), []):
                    writer.add_examples({split: some})
    finally:
        for name, reason in broken.items():
            print(f"skipped broken image {printable(os.path.join(request.folder, name))} ({reason})", file=sys.stderr)
        if len(broken) > 1:
            print(f"skipped {len(broken):,} broken images in all", file=sys.stderr)
    about["listing"] = request.listing
    about["columns"] = {k: [c.spec.shape.as_list(), c.spec.dtype.name, c.resize] for k, c in columns.items()}
    about["broken"] = broken
    about["notes"] = list(notes)
    writer.close_all()


def _readable(items, encode, broken, progress, folder):
    """Encoded examples, one per item; one that cannot be read is replaced by the next one that can, around the end."""
    count, missing, first, first_name = 0, 0, None, None
    for name, result in in_threads(encode, items):
        count, first_name = count + 1, first_name or name
        progress.update()
        try:
            example = result()
        except Exception as error:  # Pillow raises a dozen kinds on broken files.
            missing += 1
            broken[name] = decoding.reason(error)
            continue
        first = first or example
        yield from [example] * (missing + 1)
        missing = 0
    if first is None:
        where = printable(os.path.join(folder, first_name or ""))
        raise InputError(f"none of {count} images can be read, from {where} on; give other files")
    yield from [first] * missing


def in_threads(function, items):
    """(name, function that gives or raises the result) of every item, in order, some ahead of what is asked for."""
    workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    pool = concurrent.futures.ThreadPoolExecutor(workers)
    waiting = collections.deque()
    try:
        for name, parts in items:
            waiting.append((name, pool.submit(function, *parts).result))
            if len(waiting) > 4 * workers:
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(cancel_futures=True)


def _is_picture(column):
    shape = column.spec.shape
    return column.spec.dtype == tf.uint8 and shape.rank == 3 and shape[-1] in (1, 3, 4)  # what a PNG file can hold


def _feature(column):
    shape = tuple(column.spec.shape)
    if _is_picture(column):
        return tfds.features.Image(shape=shape, dtype=np.uint8, encoding_format="png")
    return tfds.features.Tensor(shape=shape, dtype=column.spec.dtype)


def _bytes(column):
    return column.spec.shape.num_elements() * column.spec.dtype.size


# ---------------------------------------------------------------------------------------------------------------------
# Reading


def _examples(folder, columns, names):
    builder = tfds.builder_from_directory(folder)
    splits = {name: builder.info.splits[name] for name in names}
    decoded = sum(split.num_examples for split in splits.values()) * sum(map(_bytes, columns.values()))
    encoded = sum(split.num_bytes for split in splits.values())
    pictures = {name: column for name, column in columns.items() if _is_picture(column)}

    @batches.PLAIN
    def decode(stored):
        return stored | {name: _decoded(stored[name], column.spec) for name, column in pictures.items()}

    def examples(name, count):
        dataset = sets.encoded(builder, name, list(columns))
        if min(decoded, encoded) > IN_MEMORY_BYTES:
            return batches.Streamed(columns, (count,), (dataset,), decode)
        if decoded <= IN_MEMORY_BYTES:
            stored = _read(dataset.batch(_AT_ONCE).map(decode, batches.PARALLEL, deterministic=True), count)
            return batches.Examples(columns, (count,), lambda i: _gathered(stored, i))
        stored = _read(dataset.batch(_AT_ONCE), count)
        return batches.Examples(columns, (count,), lambda i: decode(_gathered(stored, i)))

    return {name: examples(name, split.num_examples) for name, split in splits.items()}


def _decoded(files, spec):
    return tf.map_fn(
        lambda file: tf.ensure_shape(tf.io.decode_png(file, spec.shape[-1]), spec.shape),
        files,
        fn_output_signature=spec,
    )


def _gathered(stored, i):
    return {name: tf.gather(values, i) for name, values in stored.items()}


def _read(dataset, count):
    """All of a dataset of batches, as one tensor per column."""
    arrays, done = {}, 0
    for batch in dataset.as_numpy_iterator():
        for name, values in batch.items():
            if name not in arrays:
                arrays[name] = np.empty([count, *values.shape[1:]], values.dtype)
            arrays[name][done : done + len(values)] = values
        done += len(values)
    if done != count:
        raise ValueError(f"{done} of {count} examples are there")
    with tf.device("CPU"):  # where pipelines run
        return {name: tf.convert_to_tensor(values) for name, values in arrays.items()}
