"""Scripts in processes that begin with TensorFlow imported: of a short run its import is the larger part."""

import multiprocessing
import os
import runpy
import sys
from types import SimpleNamespace

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tfgan_zoo.run"])


def run(script, *flags, cwd):
    """Runs a script as `python script flags` does, forked from a process that imported the package and did no more.

    Its `atexit` functions are not called, and what an import prints is not seen.

    Returns:
        `stdout`, `stderr` and `returncode`, as `subprocess.run` gives them as text.
    """
    said = cwd / "stdout", cwd / "stderr"
    process = _PROCESSES.Process(target=_run, args=(str(script), list(map(str, flags)), str(cwd), *map(str, said)))
    process.start()
    process.join()
    stdout, stderr = (path.read_text() for path in said)
    for path in said:
        path.unlink()
    return SimpleNamespace(stdout=stdout, stderr=stderr, returncode=process.exitcode)


def _run(script, flags, cwd, *said):
    for number, path in enumerate(said, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    os.chdir(cwd)
    sys.argv = [script, *flags]
    runpy.run_path(script, run_name="__main__")
