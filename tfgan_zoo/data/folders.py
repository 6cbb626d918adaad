"""Folders of pictures: which files are in them, which are held out, which class each is of.

A split is a list of items `(name, parts)`: the path below the folder that was given, for messages and fingerprints, and
the path of the file, followed by its label where there are classes.
"""

import os
import pathlib

from tfgan_zoo.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_HELD_OUT = ("test", "val", "valid", "validation")


def child(folder, *names):
    """The first of `names` that is a folder in `folder`, in upper or lower case; None if none is."""
    found = {path.name.lower(): path for path in sorted(folder.iterdir(), reverse=True) if path.is_dir()}
    return next((found[name.lower()] for name in names if name.lower() in found), None)


def file_split(folder):
    """A folder, flat or nested -> `{"train": items, "test": items}`.

    With a `train` folder the held-out files are those of `test`, `val`, `valid` or `validation`, the first that has
    any; without one, or without those, every 20th file. A single file is both: there is nothing to hold out.

    Raises:
        InputError: no pictures.
    """
    train = child(folder, "train")
    tests = [child(folder, name) for name in _HELD_OUT] if train else []
    return _held_out(folder, train or folder, *tests)


def domain_split(folder, domain):
    """The same of one domain, `A` or `B`: of `trainA` and `testA`.

    Raises:
        InputError: no pictures.
    """
    tests = [child(folder, f"{name}{domain}") for name in _HELD_OUT]
    return _held_out(folder, child(folder, f"train{domain}"), *tests)


def class_split(folder):
    """A folder with a subfolder per class, within `train` and `test` if there -> (split, names of the classes).

    Raises:
        InputError: fewer than two classes; held-out classes that are not among those to learn from.
    """
    train = child(folder, "train") or folder
    classes = _class_folders(folder, train)
    if len(classes) < 2:
        raise InputError(f"{train} has {len(classes)} subfolders with images; labelled images need one per class")
    labels = {name: label for label, name in enumerate(classes)}
    items = _with_labels(classes, labels)
    for test in [child(folder, name) for name in _HELD_OUT] if train != folder else []:
        if test and (found := _class_folders(folder, test)):
            unknown = sorted(set(found) - set(classes))
            if unknown:
                raise InputError(f"{test} has the class {unknown[0]}, which {train} has not; remove or rename it")
            return {"train": items, "test": _with_labels(found, labels)}, tuple(classes)
    return _every_20th(items), tuple(classes)


def listing(items):
    """What tells whether the files of a split are still the same: `[name, bytes, time of change, label...]` of each."""
    return [[name, *_state(path), *label] for name, (path, *label) in items]


def _state(path):
    try:
        state = os.stat(path)
    except OSError:  # a link to nowhere: named when it is read
        return [-1, 0]
    return [state.st_size, state.st_mtime_ns]


def _held_out(root, train, *tests):
    items = _items(root, train)
    if not items:
        raise InputError(f"no images in {train}; expected files that end in {' '.join(SUFFIXES)}")
    for test in tests:
        if test and (found := _items(root, test)):
            return {"train": items, "test": found}
    return _every_20th(items)


def _every_20th(items):
    if len(items) == 1:
        return {"train": items, "test": items}
    held_out = set(range(19, len(items), 20)) or {len(items) - 1}
    return {
        "train": [item for i, item in enumerate(items) if i not in held_out],
        "test": [item for i, item in enumerate(items) if i in held_out],
    }


def _class_folders(root, folder):
    found = {path.name: _items(root, path) for path in sorted(folder.iterdir()) if path.is_dir() and _shown(path.name)}
    return {name: items for name, items in found.items() if items}


def _with_labels(classes, labels):
    return [(name, (*parts, labels[c])) for c, items in classes.items() for name, parts in items]


def _items(root, folder):
    """The pictures in `folder`, sorted by path relative to it; hidden files and folders left out."""
    found = []
    for parent, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if _shown(name)]
        paths = (pathlib.Path(parent, name) for name in files if _shown(name) and name.lower().endswith(SUFFIXES))
        found.extend((path.relative_to(folder).as_posix(), path) for path in paths)
    return [(path.relative_to(root).as_posix(), (os.fspath(path),)) for _, path in sorted(found)]


def _shown(name):
    return not name.startswith((".", "__MACOSX"))
