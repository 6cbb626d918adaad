"""What is in a folder: the pictures below it, each once, and what was left out and why.

What the pictures are to each other (splits, classes, pairs) is `data/layouts.py`'s.
"""

import collections
import contextlib
import dataclasses
import os
import pathlib

import tqdm
from PIL import features

from tfgan_zoo.errors import InputError

SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".jfif", ".jpe", ".apng", ".dib"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".pcx"),
    *((".avif",) if features.check("avif") else ()),
    *((".jp2", ".j2k") if features.check("jpg_2000") else ()),
)
_MOST_ENTRIES, _FEWEST_PICTURES = 1_000_000, 1_000  # So many entries with so few pictures are no folder of pictures.


@dataclasses.dataclass(frozen=True)
class Tree:
    """The pictures below a folder.

    Attributes:
        root: the folder.
        files: the path below the root -> the path of the file, sorted. Links to nowhere are among them: reading names
            them as broken.
        tables: the same of files that may say what the pictures are, `labels.csv` and the like.
        notes: what was left out, a line each.
    """

    root: pathlib.Path
    files: dict[str, str]
    tables: dict[str, str]
    notes: tuple[str, ...]


def walk(folder, tables=(), beside=()):
    """Finds the pictures in a folder and below it.

    Hidden files and folders, files that are no pictures, runs and exports of this package, prepared sets and virtual
    environments are left out. A folder is read once, however many links lead to it; a link to a folder above the given
    one is not followed.

    Args:
        folder: a folder.
        tables: names in lower case of files in the folder itself that are no pictures and still asked for.
        beside: suffixes of files that are no pictures and are looked for beside them: no note says they are left out.

    Returns:
        A `Tree`.

    Raises:
        InputError: the folder is one of ours, the root of a disk, or so large with so few pictures that it can be no
            folder of pictures.
    """
    root = pathlib.Path(folder)
    resolved = root.resolve()
    if resolved == resolved.parent:
        raise InputError(f"{printable(root)} is a whole file system; give the folder that holds the pictures")
    if ours := _ours(root):
        raise InputError(f"{printable(root)} is {ours}, not data; give a folder of pictures")
    found = _Found(root, beside)
    seen = {_identity(parent) for parent in resolved.parents}
    waiting, links = collections.deque([""]), []
    with tqdm.tqdm(desc=f"looking through {printable(root)}", unit="", delay=2, mininterval=1, leave=False) as progress:
        while waiting or links:
            if waiting:
                below = waiting.popleft()
            else:  # Real folders come first, so that what a link leads to is known by its own name.
                links.sort(reverse=True)
                below = links.pop()
            path = root / below
            try:
                identity = _identity(path)
                if identity in seen:
                    found.leave_out("link to a folder above or already read", below)
                    continue
                entries = sorted(os.scandir(path), key=lambda entry: entry.name)
            except OSError:
                found.leave_out("folder that cannot be read", below)
                continue
            seen.add(identity)
            progress.update(len(entries))
            found.entries += len(entries)
            if found.entries > _MOST_ENTRIES and len(found.files) < _FEWEST_PICTURES:
                raise InputError(
                    f"{printable(root)} has more than {_MOST_ENTRIES:,} files and folders and hardly a picture among "
                    f"the first ({len(found.files):,}); give the folder that holds the pictures"
                )
            for entry in entries:
                found.take(entry, below, tables, waiting, links)
    return Tree(root, dict(sorted(found.files.items())), found.tables, found.notes())


def listing(items):
    """What tells whether the files of a split are still the same: `[name, bytes, time of change..., label...]` of each.

    Args:
        items: `(name, parts)`: a part is the path of a file, or a label, an int.
    """
    return [[name, *(x for part in parts for x in ([part] if isinstance(part, int) else _state(part)))]
            for name, parts in items]  # fmt: skip


def printable(text):
    """A name as it can be printed anywhere: control characters and bytes that are no text as escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in os.fspath(text))


def counted(number, one, several=None):
    """`1 picture`, `2 pictures`."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


class _Found:
    """What a walk has found so far."""

    def __init__(self, root, beside):
        self.root, self.beside, self.files, self.tables, self.entries = root, beside, {}, {}, 0
        self._left_out = collections.defaultdict(list)

    def leave_out(self, why, name):
        self._left_out[why].append(name)

    def take(self, entry, below, tables, waiting, links):
        name = f"{below}/{entry.name}" if below else entry.name
        if entry.name.startswith((".", "__MACOSX")):
            return self.leave_out("hidden", name)
        is_folder = False
        with contextlib.suppress(OSError):  # a link that leads in a circle
            is_folder = entry.is_dir()
        if is_folder:
            if ours := _ours(pathlib.Path(entry.path)):
                return self.leave_out(ours, name)
            return links.append(name) if entry.is_symlink() else waiting.append(name)
        suffix = os.path.splitext(entry.name)[1].lower()
        is_table = not below and entry.name.lower() in tables
        if suffix in self.beside:
            return None
        if suffix not in SUFFIXES and not is_table:
            return self.leave_out(suffix or "no suffix", name)
        with contextlib.suppress(OSError):
            if not entry.is_file() and os.path.exists(entry.path):
                return self.leave_out("neither a file nor a folder", name)
        (self.tables if is_table else self.files)[name] = entry.path
        return None

    def notes(self):
        suffixes = {why: names for why, names in self._left_out.items() if why.startswith(".") or why == "no suffix"}
        lines = []
        if suffixes:
            most = sorted(suffixes.items(), key=lambda x: (-len(x[1]), x[0]))
            rest = sum(len(names) for _, names in most[8:])
            texts = [f"{len(names):,} {'without suffix' if why == 'no suffix' else printable(why)}"
                     for why, names in most[:8]]  # fmt: skip
            texts += [f"{rest:,} others"] if rest else []
            lines.append(f"left out, no pictures by their names: {', '.join(texts)}")
        lines += [
            f"left out, {why}: {some(names)}" for why, names in sorted(self._left_out.items()) if why not in suffixes
        ]
        return tuple(lines)


def some(names, most=3):
    """The first of some names and how many more there are, in print."""
    names = [printable(name) for name in names]
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _ours(folder):
    """What a folder is that holds no data although there are pictures in it, or None."""

    def has(*names):
        return any((folder / name).exists() for name in names)

    try:
        if has("config.json") and has("metrics.jsonl", "checkpoints"):
            return "the folder of a run"
        if has("saved_model.pb"):
            return "an exported model"
        if has("dataset_info.json") and has("features.json"):
            return "a prepared set of TFDS"
        if has("pyvenv.cfg"):
            return "a virtual environment"
    except OSError:  # not to be looked into: named when it is read
        return None
    return None


def _identity(path):
    state = os.stat(path)
    return state.st_dev, state.st_ino


def _state(path):
    try:
        state = os.stat(path)
    except OSError:  # a link to nowhere: named when it is read
        return [-1, 0]
    return [state.st_size, state.st_mtime_ns]
