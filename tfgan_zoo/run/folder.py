"""The run folder: what a run began with, what it was done on, where it stands."""

import datetime
import importlib.metadata
import itertools
import json
import platform
import subprocess
import sys
from pathlib import Path

from tfgan_zoo import files
from tfgan_zoo.data import prepared
from tfgan_zoo.errors import InputError
from tfgan_zoo.run import flags

FINGERPRINT = "data_fingerprint"  # in config.json, beside the flags


def began(folder, resume):
    """What `config.json` in `folder` says the run began with; {} for a new run.

    Raises:
        InputError: the folder is a file, or holds something else than a run.
    """
    path = folder / "config.json"
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the run folder {folder} is a file; give a folder with --run-dir")
    if not resume:
        return {}
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise InputError(
                f"{folder} holds other files and no config.json of a run; give another --run-dir, or --no-resume to "
                "move them aside"
            )
        return {}
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("no object")
    except ValueError as error:  # also what is no JSON or no UTF-8
        raise InputError(f"{path} is not a readable config ({error}); give another --run-dir or --no-resume") from error
    return read


def prepare(folder, config, policy, data, before):
    """Makes the folder and writes `config.json`, once the flags are seen to be those that the run began with.

    Args:
        folder: of the run. What is in it is moved aside where the run is a new one.
        config: the flags now.
        policy: the precision chosen.
        data: the `Data` of the run.
        before: of `began`.

    Returns:
        Where what was there is now, or None.

    Raises:
        InputError: another flag or other data than the run began with, or the folder cannot be written.
    """
    resolved = flags.resolved(config, precision=policy)
    for name in flags.fixed(config):
        if name in before and before[name] != resolved[name]:
            flag = flags.flag_of(name)
            raise InputError(
                f"{folder} was begun with {flag}={before[name]}, now {flag}={resolved[name]}; "
                "give the same, another --run-dir, or --no-resume to start afresh"
            )
    fingerprint = data.fingerprint or data.name
    if before.get(FINGERPRINT, fingerprint) != fingerprint and not config.other_data:
        what = prepared.difference(before[FINGERPRINT], fingerprint, config.data_dir)
        raise InputError(
            f"{folder} was begun on other data than {data.name} is now{f' ({what})' if what else ''}; give the same "
            "data, another --run-dir, --no-resume to start afresh, or --other-data to go on all the same"
        )
    moved = None
    try:
        if not before and folder.exists() and any(folder.iterdir()):
            whole = folder.resolve()
            moved = next(p for n in itertools.count(1) if not (p := whole.with_name(f"{whole.name}.{n}")).exists())
            whole.rename(moved)
        folder.mkdir(parents=True, exist_ok=True)
        files.write_json(folder / "config.json", {**resolved, FINGERPRINT: fingerprint})
    except OSError as error:
        raise InputError(
            f"the run folder {folder} cannot be written ({error.strerror}); give another --run-dir"
        ) from error
    return moved


def environment(strategy, device):
    """What the run is done on: `environment.json`."""
    packages = ("tensorflow", "keras", "tensorflow-datasets", "numpy", "pillow")
    return {
        "command": " ".join([Path(sys.executable).name, *sys.argv]),
        "commit": _commit(),
        "device": device,
        "replicas": strategy.num_replicas_in_sync,
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {p: importlib.metadata.version(p) for p in packages},
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def _commit():
    """The commit of the checkout this package runs from, with `+` if changed since; None outside a checkout of it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        # Installed into somebody's project, this file is below a repository that does not have it.
        subprocess.check_output([*git, "ls-files", "--error-unmatch", Path(__file__).name], stderr=subprocess.DEVNULL)
        commit = subprocess.check_output([*git, "rev-parse", "HEAD"], text=True, stderr=subprocess.DEVNULL).strip()
        changed = subprocess.check_output([*git, "status", "--porcelain", "-uno"], text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit + ("+" if changed else "")
