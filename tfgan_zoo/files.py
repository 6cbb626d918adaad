"""Files that are there whole or not at all, also after a power cut; and what to do with those that are damaged."""

import contextlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

from tfgan_zoo.errors import InputError

_UNFINISHED = re.compile(r"\..+-(\d+)")  # `write` and `export` put the number of their process into the name


def write(path, content):
    """Writes `content`, text or bytes, beside `path` and renames: nobody, after a crash either, sees a part of it.

    Raises:
        OSError: it cannot be written there; what was there still is.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    if path.is_dir():
        set_aside(path, "it is a folder")
    try:
        with open(unfinished, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
        sync(path.parent)
    finally:
        with contextlib.suppress(OSError):  # renamed, or never begun
            unfinished.unlink()


def write_json(path, value, allow_nan=True):
    """Writes `value`, by `write`, as JSON that a person can read.

    Raises:
        ValueError: a number in it is not finite, and `allow_nan` is false.
    """
    write(path, json.dumps(value, indent=2, allow_nan=allow_nan) + "\n")


def sync(*paths):
    """Has the disk hold what was written to these files and folders (a folder: which names are in it)."""
    for path in paths:
        with contextlib.suppress(OSError):  # a file system that cannot sync folders
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def read_json(path, expected=dict):
    """What is in a file that can be made anew: its JSON value, None where there is none.

    A file that cannot be read, or holds something else than a value of the type `expected`, is set aside as
    `<name>.damaged`, which one line on stderr says.
    """
    path = Path(path)
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(value, expected):
            raise ValueError(f"no {expected.__name__}")
        return value
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:  # ValueError: no JSON, no UTF-8
        set_aside(path, error)
        return None


def read_lines(path):
    """The objects of a file of JSON lines, [] where there is none. A last line cut short by a crash is left out.

    Where other lines cannot be read, the file is copied to `<name>.damaged`, which one line on stderr says, and they
    are left out too.
    """
    path, lines, bad = Path(path), [], []
    try:
        texts = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        set_aside(path, error)
        return []
    for number, text in enumerate(texts):
        try:
            line = json.loads(text) if text.strip() else None
            if line is not None and not isinstance(line, dict):
                raise ValueError("no object")
        except ValueError:
            bad += [number] if number < len(texts) - 1 else []
            continue
        lines += [] if line is None else [line]
    if bad:
        write(path.with_name(f"{path.name}.damaged"), b"\n".join(texts))
        print(
            f"{path}: {len(bad)} lines cannot be read, the first is line {bad[0] + 1}; they are left out, the file as "
            f"it was is {path.name}.damaged",
            file=sys.stderr,
        )
    return lines


def set_aside(path, error):
    """Renames a damaged file or folder to `<name>.damaged`, or `.damaged.2` ..., and says so in one line on stderr."""
    path, count = Path(path), 1
    aside = path.with_name(f"{path.name}.damaged")
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.damaged.{count}")
    with contextlib.suppress(OSError):
        path.rename(aside)
    reason = " ".join(str(error).split())[:100]
    print(f"{path} cannot be read ({reason}); it is {aside.name} now, and made anew", file=sys.stderr)


def remove_unfinished(folder):
    """Removes what processes that live no more left unfinished in `folder`: files of `write`, folders of `export`."""
    for path in Path(folder).glob(".*-*"):
        match = _UNFINISHED.fullmatch(path.name)
        if not match or _lives(int(match[1])):
            continue
        if path.is_dir() and path.name.startswith(".unfinished-"):
            shutil.rmtree(path, ignore_errors=True)
        elif path.is_file():
            path.unlink(missing_ok=True)


def _lives(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def check_folder(path, flag):
    """Refuses a folder that could not be written to or that TensorFlow would misread, before work is spent on it.

    Makes it if it is missing and leaves it so.

    Args:
        path: of the folder.
        flag: `--export-dir=`, or what else stands before the path in the message.

    Raises:
        InputError: see above.
    """
    path = Path(path)
    check_name(path, flag)
    made = []
    try:
        if path.exists() and not path.is_dir():
            raise InputError(f"{flag}{path} is a file; give another")
        if path.is_symlink() and not path.exists():
            raise InputError(f"{flag}{path} is a link to nothing; give another")
        whole = real(path)
        for parent in [*reversed(whole.parents), whole]:
            if not parent.exists():
                parent.mkdir()
                made.append(parent)
        probe = path / f".probe-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise InputError(f"{flag}{path} cannot be written to ({error.strerror}); give another folder") from error
    finally:
        for parent in reversed(made):
            with contextlib.suppress(OSError):
                parent.rmdir()


def real(path):
    """The absolute path without links; one that goes round in a circle stays as it is (`Path.resolve` would raise)."""
    return Path(os.path.realpath(path))


def check_name(path, flag):
    """Refuses a path that TensorFlow reads as a pattern or an address.

    Raises:
        InputError: it holds one of `* ? [ ] \\`, or `://`.
    """
    if "://" in str(path):
        raise InputError(f"{flag}{path} is an address; give a folder (mount the bucket)")
    whole = str(Path(path).absolute())
    found = sorted(set(whole) & set("*?[]\\\n\r"))
    if found:
        raise InputError(
            f"{flag}{path}: TensorFlow reads {' '.join(map(repr, found))} in {whole!r} as a pattern; give another path"
        )
