"""Measurements with the protocol they were made by: kept beside a model, and compared only with their like.

`metrics.json` is a list of `{"metric", "value", "details", "protocol", "environment"}`, oldest first. What is in
`protocol` must be equal for two values to be compared; `environment` (versions, time, command) is for the record.
"""

import contextlib
import json
import math
import os
from pathlib import Path

from tfgan_zoo import files
from tfgan_zoo.errors import InputError

try:
    import fcntl
except ImportError:  # Windows: there two evaluations of one model at the same time can lose a record
    fcntl = None

FILE = "metrics.json"
_HIGHER_IS_BETTER = {
    "is", "precision", "recall", "density", "coverage", "psnr", "ssim", "label_accuracy", "modes", "high_quality",
    "cluster_accuracy",
}  # fmt: skip


def higher_is_better(metric, of_pairs=False):
    """Of a metric's name, with or without its extractor (`IS-Digits`) and what a recipe says of it (`psnr_a_to_b`).

    MS-SSIM of samples with each other is better lower; `of_pairs`, of pictures with their targets, higher.
    """
    name = metric.partition("-")[0].lower()
    if name == "ms_ssim" or name.startswith("ms_ssim_"):
        return of_pairs and not name.startswith("ms_ssim_within")
    return any(name == known or name.startswith(f"{known}_") for known in _HIGHER_IS_BETTER)


def read(folder):
    """The records in `folder`, oldest first. What is measured can be measured again: a damaged file is set aside."""
    path = Path(folder) / FILE
    records = files.read_json(path, list) or []
    if all(isinstance(record, dict) and {"metric", "value", "protocol"} <= set(record) for record in records):
        return records
    files.set_aside(path, "no list of measurements")
    return []


def scores(folder, metadata):
    """What is known of a model: the numbers of its run, then what was measured of it last.

    Args:
        folder: of its version; nothing is changed there, as `read` may.
        metadata: of its `metadata.json`.

    Returns:
        name -> finite number.
    """
    told = metadata.get("metrics")
    found = dict(told) if isinstance(told, dict) else {}
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        measured = json.loads((Path(folder) / FILE).read_bytes())
        found |= {record["metric"]: record["value"] for record in measured}
    numbers = {str(name): value for name, value in found.items() if type(value) in (int, float)}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}


def check(folder):
    """Finds out, before anything is measured, that `append` could not write.

    Raises:
        InputError: the folder cannot be written.
    """
    probe = Path(folder) / f".{FILE}-{os.getpid()}"
    try:
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise _unwritable(folder, error) from error


def append(folder, records):
    """Adds `records` to those in `folder`: the file is replaced as a whole, or not at all.

    Raises:
        InputError: the folder cannot be written.
    """
    path = Path(folder) / FILE
    try:
        with _alone(folder):
            files.write_json(path, read(folder) + [_plain(r) for r in records], allow_nan=False)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder, error):
    return InputError(f"{Path(folder) / FILE} cannot be written ({error.strerror}); make {folder} writable")


def compare(folders, metrics=(), despite=()):
    """The latest values of models side by side.

    Args:
        folders: two or more, each with a `metrics.json`.
        metrics: names, with or without the extractor; none: all that every folder has.
        despite: fields of the protocol that may differ.

    Returns:
        `[(metric, [value of each folder]), ...]`.

    Raises:
        InputError: fewer than two folders, a metric that was not measured, a field that differs.
    """
    if len(folders) < 2:
        raise InputError(f"{len(folders)} models to compare; give two or more version folders")
    latest = [{record["metric"]: record for record in read(folder)} for folder in folders]
    named = list(dict.fromkeys(name for wanted in metrics for name in _matching(wanted, folders, latest)))
    common = named or [name for name in latest[0] if all(name in other for other in latest)]
    if not common:
        raise InputError(f"{' and '.join(map(str, folders))} have no metric in common; measure both alike first")
    rows = []
    for name in common:
        first = latest[0][name]["protocol"]
        for folder, others in zip(folders[1:], latest[1:], strict=True):
            other = others[name]["protocol"]
            for field in {**first, **other}:
                if field not in despite and first.get(field) != other.get(field):
                    raise InputError(
                        f"{name} of {folders[0]} and of {folder} are of different protocols: {field} is "
                        f"{json.dumps(first.get(field))} and {json.dumps(other.get(field))}; measure both alike, or "
                        f"compare all the same with --despite={field}"
                    )
        rows.append((name, [float(others[name]["value"]) for others in latest]))
    return rows


def _matching(wanted, folders, latest):
    for folder, records in zip(folders, latest, strict=True):
        found = [name for name in records if wanted.lower() in (name.lower(), name.lower().partition("-")[0])]
        if not found:
            has = ", ".join(records) or "none"
            raise InputError(f"{folder} has no measurement of {wanted}, only {has}; measure it first")
    return [name for name in found if all(name in records for records in latest)] or _none_shared(wanted, folders)


def _none_shared(wanted, folders):
    raise InputError(f"{' and '.join(map(str, folders))} have {wanted} of different extractors; measure both with one")


def _plain(record):
    """JSON has no infinity: a value or detail that is not finite is written as text, `float` reads it back."""

    def plain(value):
        return value if not isinstance(value, float) or math.isfinite(value) else str(value)

    details = {name: plain(value) for name, value in record.get("details", {}).items()}
    return {**record, "value": plain(record["value"]), "details": details}


@contextlib.contextmanager
def _alone(folder):
    """Holds other evaluations of the same model off."""
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
