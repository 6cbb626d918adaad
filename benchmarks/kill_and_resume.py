"""Kills a recipe at random steps, starts it again each time, and compares the end with a run left alone, bit for bit.

    python benchmarks/kill_and_resume.py pix2pix --kills=5 --steps=60

Prints and writes one JSON line: the steps it was killed at and whether every tensor of the last checkpoint of each
phase is equal.
Exits with 1 where they differ.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=[path.stem for path in (ROOT / "recipes").glob("*.py")])
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--checkpoint-every", type=int, default=7)
    parser.add_argument("--signal", choices=["SIGKILL", "SIGTERM"], default="SIGKILL")
    parser.add_argument("--seed", type=int, default=0, help="of the kill points")
    parser.add_argument("--json", help="append the result to this file")
    args, flags = parser.parse_known_args()

    points = sorted(random.Random(args.seed).sample(range(1, args.steps), args.kills))
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        common = [f"--steps={args.steps}", f"--checkpoint-every={args.checkpoint_every}", "--log-every=1", *flags]
        _finish(_start(args.recipe, folder / "whole", common))
        killed_at = []
        for point in points:
            process = _start(args.recipe, folder / "killed", common)
            _wait_for_step(process, folder / "killed/run/metrics.jsonl", point)
            process.send_signal(getattr(signal, args.signal))
            process.wait()
            killed_at.append(_last_step(folder / "killed/run/metrics.jsonl"))
        _finish(_start(args.recipe, folder / "killed", common))
        whole, killed = (_tensors(folder / name / "run/checkpoints") for name in ("whole", "killed"))
        logs = [(folder / name / "run/metrics.jsonl").read_text() for name in ("whole", "killed")]
    different = sorted(name for name in whole.keys() | killed.keys() if not _same(whole.get(name), killed.get(name)))
    result = {
        "recipe": args.recipe, "flags": flags, "steps": args.steps, "signal": args.signal, "killed_at": killed_at,
        "tensors": len(whole), "different": different, "logs_equal": logs[0] == logs[1],
    }  # fmt: skip
    print(json.dumps(result))
    if args.json:
        with open(args.json, "a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
    sys.exit(bool(different) or logs[0] != logs[1])


def _start(recipe, folder, flags):
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(ROOT / f"recipes/{recipe}.py"), f"--run-dir={folder / 'run'}"]
    output = open(folder / "output.txt", "ab")  # noqa: SIM115  the process owns it
    command += [f"--export-dir={folder / 'exported'}", *flags]
    return subprocess.Popen(command, stdout=output, stderr=output)


def _finish(process):
    if process.wait():
        sys.exit(f"{' '.join(process.args)} ended with {process.returncode}:\n{_output(process)}")


def _output(process):
    run = next(a for a in process.args if a.startswith("--run-dir=")).removeprefix("--run-dir=")
    return (Path(run).parent / "output.txt").read_text(errors="replace")[-3000:]


def _wait_for_step(process, log, step):
    while _last_step(log) < step:
        if process.poll() is not None:
            sys.exit(f"the run ended by itself before step {step}:\n{_output(process)}")
        time.sleep(0.01)


def _last_step(log):
    """The last step in a metrics.jsonl whose last line may be half written."""
    lines = log.read_text(encoding="utf-8").split("\n")[:-1] if log.exists() else []
    return json.loads(lines[-1])["step"] if lines else 0


def _tensors(folder):
    """The tensors of the newest checkpoint of each phase, `{"<phase>/ckpt-<step>/<name>": array}`."""
    import tensorflow as tf

    found = {}
    for phase in sorted(path for path in folder.iterdir() if path.is_dir()):
        newest = max(phase.glob("ckpt-*.index"), key=lambda path: int(path.stem.removeprefix("ckpt-"))).with_suffix("")
        reader = tf.train.load_checkpoint(str(newest))
        skip = ("_CHECKPOINTABLE_OBJECT_GRAPH", "save_counter")  # a resumed run has saved at other times
        names = [name for name in reader.get_variable_to_shape_map() if not name.startswith(skip)]
        found |= {f"{phase.name}/{newest.name}/{name}": reader.get_tensor(name) for name in names}
    return found


def _same(a, b):
    return a is not None and b is not None and a.dtype == b.dtype and np.array_equal(a, b)


if __name__ == "__main__":
    main()
