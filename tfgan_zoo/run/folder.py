"""The run folder: what a run began with, what it was done on, and that it is one run's alone."""

import contextlib
import datetime
import importlib.metadata
import itertools
import json
import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

from tfgan_zoo import files
from tfgan_zoo.data import prepared
from tfgan_zoo.errors import InputError
from tfgan_zoo.run import flags

try:
    import fcntl
except ImportError:  # Windows: there nothing holds a second run of a folder off
    fcntl = None

FINGERPRINT = "data_fingerprint"  # in config.json, beside the flags


def began(folder, resume):
    """What `config.json` in `folder` says the run began with; {} for a new run, and without a checkpoint to lose.

    Raises:
        InputError: the folder is a file, or holds something else than a run, or is one that must not be written to.
    """
    files.check_name(folder, "--run-dir=")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"the run folder {folder} is a file; give a folder with --run-dir")
    _refuse_if_holding(folder, Path.cwd(), "the working folder")
    path = folder / "config.json"
    if not path.exists():
        if folder.exists() and _content(folder):
            raise InputError(f"{folder} holds other files and no config.json of a run; give another --run-dir")
        return {}
    if not resume:
        return {}
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(read, dict):
            raise ValueError("no object")
    except (OSError, ValueError) as error:  # also what is no JSON or no UTF-8
        raise InputError(f"{path} is not a readable config ({error}); give another --run-dir or --no-resume") from error
    return read if any((folder / "checkpoints").rglob("*.index")) else {}


def _content(folder):
    """Names in a folder but for ours that a killed start left."""
    return [path.name for path in folder.iterdir() if not path.name.startswith((".config.json-", ".lock", ".nfs"))]


def _refuse_if_holding(folder, other, what):
    whole, other = files.real(folder), files.real(other)
    if whole == other or whole in other.parents:
        raise InputError(f"the run folder {folder} is or holds {what} {other}; give another --run-dir")


def prepare(folder, config, policy, data, before):
    """Makes the folder this run's and writes `config.json`, if the flags are those that the run began with.

    Args:
        folder: of the run. With --no-resume what is in it is moved aside.
        config: the flags now.
        policy: the precision chosen.
        data: the `Data` of the run.
        before: of `began`.

    Returns:
        `(where what was there is now, or None; what has to be kept open as long as the run goes on)`.

    Raises:
        InputError: another flag or other data than the run began with, the folder is another run's that goes on, or it
            cannot be written or moved.
    """
    if Path(data.name).is_dir():
        _refuse_if_holding(folder, Path(data.name), "the data")
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
    try:
        with contextlib.ExitStack() as old:
            moved = None
            if not config.resume and folder.exists() and _content(folder):
                old.enter_context(_alone(folder))
                moved = _move_aside(folder)
            folder.mkdir(parents=True, exist_ok=True)
            alone = _alone(folder)
        files.remove_unfinished(folder)
        files.write_json(folder / "config.json", {**resolved, FINGERPRINT: fingerprint})
    except OSError as error:
        raise InputError(
            f"the run folder {folder} cannot be written ({error.strerror}); give another --run-dir"
        ) from error
    return moved, alone


def _move_aside(folder):
    if folder.is_symlink() or os.path.ismount(folder):
        raise InputError(
            f"the run folder {folder} is a link or a mount point, which is not moved; give another --run-dir"
        )
    whole = files.real(folder)
    aside = next(p for n in itertools.count(1) if not (p := whole.with_name(f"{whole.name}.{n}")).exists())
    whole.rename(aside)
    return aside


def _alone(folder):
    """An open file that holds other runs off the folder until it is closed, or the process ends in whatever way.

    Raises:
        InputError: another run is on it.
    """
    lock = open(folder / ".lock", "a+", encoding="utf-8")  # noqa: SIM115  it stays open
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        who = lock.read().strip() or "another process"
        lock.close()
        raise InputError(
            f"the run folder {folder} is in use by {who}; wait for it or stop it, or give another --run-dir"
        ) from error
    lock.truncate(0)
    lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    lock.flush()
    return lock


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
