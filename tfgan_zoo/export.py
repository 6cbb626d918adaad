"""A trained model -> SavedModel with named signatures, for `tf.saved_model.load` and TensorFlow Serving."""

import os
import shutil
from pathlib import Path

import tensorflow as tf

from tfgan_zoo.errors import InputError


def export(model, directory, card=""):
    """Writes `model.signatures()` as the next version `directory/<n>/`.

    The version is written beside its place and then renamed: a half-written model is never seen.

    Args:
        model: a `gan.GAN`.
        directory: `exported/<family>`; made if missing.
        card: text of the model card; a table of the signatures is added.

    Returns:
        The path of the new version.

    Raises:
        InputError: `directory` is a file.
    """
    directory = Path(directory)
    check_folder(directory)
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = directory / f".unfinished-{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)

    module = tf.Module()  # holds variables only: a network's own call may not be traceable outside a random.stream
    module.weights = [v.value for role in model.roles for v in getattr(model, role).variables]
    signatures = model.signatures()
    functions = {n: tf.function(f, input_signature=s, autograph=False) for n, (f, s) in signatures.items()}
    tf.saved_model.save(module, str(unfinished), signatures=functions)
    (unfinished / "README.md").write_text(f"{card}\n{_signature_table(signatures)}", encoding="utf-8")

    version = max((int(p.name) for p in directory.iterdir() if p.name.isdecimal()), default=0) + 1
    os.rename(unfinished, directory / str(version))
    return directory / str(version)


def check_folder(directory):
    """Refuses an export folder that is a file, before anything is spent on what would go there.

    Raises:
        InputError: it is one.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"the export folder {directory} is a file; give a folder with --export-dir")


def _signature_table(signatures):
    rows = ["## Signatures", "", "| signature | takes |", "|---|---|"]
    for name, (_, specs) in signatures.items():
        takes = ", ".join(f"`{s.name}` {s.dtype.name} {_shape(s)}" for s in specs)
        rows.append(f"| `{name}` | {takes} |")
    return "\n".join(rows) + "\n\nImages are float32 in [-1, 1]; `_bytes` are PNG files (inputs: PNG or JPEG).\n"


def _shape(spec):
    return "[" + ", ".join("B" if d is None else str(d) for d in spec.shape) + "]"
