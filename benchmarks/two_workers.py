"""Two `multi_worker` processes on this machine: equal losses; one is killed, both start again, training goes on.

    python benchmarks/two_workers.py pix2pix --steps=40 --kill-at=20

Prints one JSON line: the losses that each worker saw last, the step that the second start resumed from, and whether
only the chief wrote files. Exits with 1 where anything of that is wrong.
"""

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=[path.stem for path in (ROOT / "recipes").glob("*.py")])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--kill-at", type=int, default=20)
    parser.add_argument("--checkpoint-every", type=int, default=5)
    args, flags = parser.parse_known_args()

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        flags += [f"--steps={args.steps}", f"--checkpoint-every={args.checkpoint_every}", "--log-every=1"]
        workers = _start(args.recipe, folder, flags)
        while _steps(folder) < args.kill_at:
            if any(w.poll() is not None for w in workers):
                sys.exit(_outputs(folder))
            time.sleep(0.05)
        workers[1].kill()
        survivor = _wait(workers[0], 120)
        outputs = [(folder / f"worker-{i}.txt").read_text(errors="replace") for i in (0, 1)]
        for i in (0, 1):
            (folder / f"worker-{i}.txt").unlink()

        workers = _start(args.recipe, folder, flags)
        codes = [_wait(w, 600) for w in workers]
        texts = [(folder / f"worker-{i}.txt").read_text(errors="replace") for i in (0, 1)]
        result = {
            "recipe": args.recipe,
            "killed_after_step": args.kill_at,
            "survivor_exit": survivor,
            "survivor_said": re.findall(r"error: .*", outputs[0]),
            "exits": codes,
            "resumed_from": [int(n) for n in re.findall(r"from step (\d+)", texts[0])],
            "last_losses": [re.findall(r"losses +(.*)", text) for text in texts],
            "other_worker_wrote": sorted(p.name for p in (folder / "cwd-1").rglob("*")),
        }
    print(json.dumps(result))
    same = result["last_losses"][0] == result["last_losses"][1] != []
    resumed = result["resumed_from"] and result["resumed_from"][0] >= args.checkpoint_every
    sys.exit(0 if same and resumed and codes == [0, 0] and not result["other_worker_wrote"] else 1)


def _start(recipe, folder, flags):
    addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
    processes = []
    for index in (0, 1):
        cwd = folder / f"cwd-{index}"
        cwd.mkdir(exist_ok=True)
        environment = {**os.environ, **told(addresses, index), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, str(ROOT / f"recipes/{recipe}.py"), "--strategy=multi_worker"]
        command += [f"--run-dir={folder / 'run'}", f"--export-dir={folder / 'exported'}", *flags]
        with open(folder / f"worker-{index}.txt", "ab") as output:
            processes.append(subprocess.Popen(command, cwd=cwd, stdout=output, stderr=output, env=environment))
    return processes


def told(addresses, index):
    """The environment that makes a process one of the workers at these addresses."""
    config = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
    return {"TF_CONFIG": json.dumps(config)}


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _steps(folder):
    log = folder / "run/metrics.jsonl"
    return log.read_text(encoding="utf-8").count("\n") if log.exists() else 0


def _wait(process, seconds):
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        return "did not end by itself"


def _outputs(folder):
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.glob("worker-*.txt")))


if __name__ == "__main__":
    main()
