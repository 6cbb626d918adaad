"""A few held-out inputs that an export carries, for pages that show at once what it makes of them.

`assets.extra/examples/` of a version holds PNG files, `<column>-<number>.png`, and `examples.json`: which there are, of
what data and under which licence. Masks are white where the picture is known.
"""

import dataclasses
import json
import re

import numpy as np
import tensorflow as tf

from tfgan_zoo import signatures

FOLDER = "assets.extra/examples"
MOST = 16  # that are read, whatever the file says
_INDEX = "examples.json"
_COLUMNS = ("image", "mask", "a", "b")


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """The held-out inputs of a version.

    Attributes:
        columns: name -> PNG files, one per example.
        description, licence: of the data, "" where they are not known.
    """

    columns: dict = dataclasses.field(default_factory=dict)
    description: str = ""
    licence: str = ""

    def of(self, signature, name):
        """The files for the input `name` of a signature, [] for none; those of two domains by its direction."""
        other = "b" if signature.startswith("b_to_a") else "a"
        return self.columns.get(name) or (self.columns.get(other, []) if name == "image" else [])


def write(version, columns, functions, data):
    """Writes what a signature of the version can be asked for pictures of.

    Args:
        version: the folder of a SavedModel.
        columns: name -> array [N, H, W, C] as batches hold it, or frames [N, T, H, W, C], of which the first is taken.
            Where there are a mask and a target, that is kept as the image: whole.
        functions: signature name -> (names of its inputs, names of its outputs).
        data: `description` and `licence`, as `metadata.json` has them.
    """
    asked = {name for inputs, outputs in functions.values() if "generated" in outputs for name in inputs}
    asked |= {"a", "b"} if "image" in asked else set()
    kept = {name: columns[name] for name in _COLUMNS if name in columns and name in asked}
    if not kept:
        return
    if "mask" in kept and "target" in columns:  # whole, so that another hole can be drawn
        kept["image"] = columns["target"]
    folder = version / FOLDER
    folder.mkdir(parents=True)
    told = {"description": data.get("description") or "", "licence": data.get("licence") or "", "columns": {}}
    for name, values in kept.items():
        values = np.asarray(values, np.float32)
        pictures = values[:, 0] if values.ndim == 5 else values
        pngs = signatures.to_png(tf.constant(2 * pictures - 1 if name == "mask" else pictures)).numpy()
        told["columns"][name] = [f"{name}-{i}.png" for i in range(len(pngs))]
        for file, content in zip(told["columns"][name], pngs, strict=True):
            (folder / file).write_bytes(content)
    (folder / _INDEX).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")


def read(version):
    """The `HeldOut` of a version; an empty one where it has none, or what it has is not understood."""
    folder = version / FOLDER
    try:
        told = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        columns = {
            str(name): [(folder / file).read_bytes() for file in listed[:MOST] if re.fullmatch(r"[\w-]+\.png", file)]
            for name, listed in told["columns"].items()
        }
        return HeldOut(columns, str(told.get("description") or ""), str(told.get("licence") or ""))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return HeldOut()
