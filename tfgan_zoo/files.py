"""Files that are there whole or not at all."""

import contextlib
import json
import os
from pathlib import Path


def write(path, content):
    """Writes `content`, text or bytes, beside `path` and renames: nobody, after a crash either, sees a part of it.

    Raises:
        OSError: it cannot be written there; what was there still is.
    """
    path = Path(path)
    unfinished = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        unfinished.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.replace(unfinished, path)
    finally:
        with contextlib.suppress(OSError):  # renamed, or never begun
            unfinished.unlink()


def write_json(path, value, allow_nan=True):
    """Writes `value`, by `write`, as JSON that a person can read.

    Raises:
        ValueError: a number in it is not finite, and `allow_nan` is false.
    """
    write(path, json.dumps(value, indent=2, allow_nan=allow_nan) + "\n")
