"""How fast the zoo is, beside what it could be: seconds and memory, in interleaved turns, one JSON line a measurement.

    python -m benchmarks.speed                                      # or make bench; hours, and resumable
    python -m benchmarks.speed --only run/pix2pix auto              # these
    python -m benchmarks.speed --only torch --torch-python=.torch/bin/python
    python -m benchmarks.speed --tables                             # writes docs/speed.md anew, and the chart

A measurement has two sides or more. Each is a process that prepares by itself; then they take turns of `--seconds`, for
`--pairs` rounds, so that other work on the machine disturbs them alike. What is in `--json` for this kind of processor
is skipped; `--again` measures it once more. PyTorch is not one of the zoo's dependencies: give a Python that has it.

    run       a whole run of a recipe against its bare step in a loop
    auto      what --precision, --jit and --steps-per-execution choose against all else that can be asked for
    keras     against plain Keras; torch: against PyTorch, on one core
    start     a recipe's command up to its first step; its --help and --dry-run
    pipeline  batches alone against the step
    export    one call of an export against one of the model it came from, at batches of 1 and 16
    replicas  two replicas on one processor against one; workers: two processes on it
    grow      time and memory with the batch, the width, the size of pictures, the number of classes
"""

import argparse
import dataclasses
import datetime
import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import record, turns

RECIPES = sorted(path.stem for path in (record.ROOT / "recipes").glob("*.py"))
RECORD = record.ROOT / "docs/results/speed.jsonl"
PAGE, MARK = record.ROOT / "docs/speed.md", "<!-- below: written by benchmarks/speed.py -->"
SEED = 0
IN_TORCH = ("dcgan", "wgan_gp", "pix2pix", "cyclegan", "srgan", "stylegan2")  # those of `speed_torch`


@dataclasses.dataclass(frozen=True)
class Measurement:
    """What is measured against what.

    Attributes:
        name: what is asked, and of what: `run/pix2pix`.
        sides: name -> the arguments of `benchmarks.speed_sides` or, after "torch", of `benchmarks.speed_torch`. The
            first is what the others are held to.
        cores: how many of the processor's are used; None: all.
    """

    name: str
    sides: dict
    cores: int | None = None


def measurements():
    """All of those with sides, the quick and telling first."""
    yield from (_run(recipe) for recipe in ("gan", "dcgan", "pix2pix"))
    yield _auto("gan", precisions=("float32", "mixed_bfloat16"), jits=("off", "on"), executions=(1, 25))
    for recipe in ("dcgan", "pix2pix"):
        yield _auto(recipe, precisions=("float32", "mixed_bfloat16"), jits=("off", "on"))
    yield Measurement(
        "keras/dcgan",
        {
            "plain Keras": ["keras", "dcgan", "--average=0", "--precision=float32"],
            "float32": ["run", "dcgan", "--average=0", "--precision=float32"],
            "auto": ["run", "dcgan", "--average=0"],
        },
    )
    yield from map(against_torch, IN_TORCH)
    for recipe in ("gan", "dcgan", "cgan", "pix2pix", "cyclegan", "srgan", "partial_conv", "recycle_gan", "stargan"):
        yield _pipeline(recipe)
    for recipe in ("text_to_image", "pix2pix_hd", "sgan"):
        yield _pipeline(recipe)
    for recipe in ("dcgan", "pix2pix"):
        sides = {"one": ["run", recipe], "two": ["run", recipe, "--replicas=2"]}
        yield Measurement(f"replicas/{recipe}", sides)
        yield Measurement(f"workers/{recipe}", {"one": sides["one"], "two": ["run", recipe, "--workers=2"]})
    yield from _grow()
    yield _run("dcgan", "paper size", "--image-size=64", "--width=128", "--batch-size=128")
    paper = ("--image-size=256", "--width=64", "--batch-size=1", "--patch-layers=3", "--normalization=instance")
    yield _run("pix2pix", "paper size", *paper)
    yield from (_run(recipe) for recipe in RECIPES if recipe not in ("gan", "dcgan", "pix2pix"))


def _run(recipe, what="", *flags):
    sides = {"bare": ["bare", recipe, *flags], "run": ["run", recipe, *flags]}
    return Measurement(f"run/{recipe}" + (f", {what}" if what else ""), sides)


def _auto(recipe, precisions, jits, executions=(None,)):
    sides = {"auto": ["run", recipe]}
    for precision in precisions:
        for jit in jits:
            for count in executions:
                flags = [f"--precision={precision}", f"--jit={jit}"]
                flags += [f"--steps-per-execution={count}"] if count else []
                sides[f"{precision}, XLA {jit}" + (f", {count} per call" if count else "")] = ["run", recipe, *flags]
    return Measurement(f"auto/{recipe}", sides)


def against_torch(recipe):
    own = {"dcgan": ["--average=0"], "srgan": ["--phase=2"]}.get(recipe, [])  # no average there; not the SRResNet's
    sides = {name: ["bare", recipe, *own, f"--precision={name}"] for name in ("float32", "mixed_bfloat16")}
    for kept in ([], ["--channels-last"], ["--channels-last", "--compile"]):
        for half in ([], ["--bfloat16"]):
            name = ", ".join(["PyTorch", *(flag.removeprefix("--") for flag in (*kept, *half))])
            sides[name] = ["torch", recipe, *kept, *half]
    return Measurement(f"torch/{recipe}", sides, cores=1)


def _pipeline(recipe):
    return Measurement(f"pipeline/{recipe}", {"step": ["bare", recipe], "batches": ["pipeline", recipe]})


def _grow():
    for recipe, flag, values in (
        ("pix2pix", "batch-size", (4, 16, 64)),
        ("pix2pix", "width", (16, 32, 64)),
        ("pix2pix", "image-size", (32, 64, 128)),
        ("dcgan", "batch-size", (16, 64, 256)),
        ("dcgan", "width", (16, 32, 64)),
        ("stylegan2", "image-size", (32, 64, 128)),
        ("acgan", "classes", (10, 100, 1000)),
    ):
        sides = {str(value): ["bare", recipe, f"--{flag}={value}"] for value in values}
        yield Measurement(f"grow/{recipe} by {flag}", sides)
    for recipe in ("progan", "stylegan"):  # each size has two phases but the first, of which the second is taken
        phases = {str(height): 2 * i + 1 for i, height in enumerate((8, 16, 32, 64, 128))}
        up_to_128 = ["bare", recipe, "--image-size=128", "--steps=1000000"]  # enough for the phases before
        sides = {height: [*up_to_128, f"--phase={phase}"] for height, phase in phases.items()}
        yield Measurement(f"grow/{recipe} by height of the pictures", sides)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="measurements by name, or all of a kind")
    parser.add_argument("--seconds", type=float, default=3.0, help="about how long a turn takes")
    parser.add_argument("--pairs", type=int, default=5, help="rounds of turns")
    parser.add_argument("--again", action="store_true", help="also what is measured")
    parser.add_argument("--torch-python", help="a Python that has PyTorch; without one there is no comparison with it")
    parser.add_argument("--data-dir", help="as the recipes take it")
    parser.add_argument("--json", default=RECORD, type=Path, help="where the lines are, and go")
    parser.add_argument("--tables", action="store_true", help="measure nothing: write the page, draw the chart")
    args = parser.parse_args(argv)
    if args.tables:
        from benchmarks import speed_tables

        text = speed_tables.tables(record.read(args.json), record.ROOT / "docs/pictures/speed.png")
        return record.write_below(PAGE, MARK, text)
    made = [(m.name, lambda m=m: take_turns(m, args)) for m in measurements()]
    made += [(f"start/{recipe}", lambda recipe=recipe: start(recipe, args)) for recipe in ("pix2pix", "dcgan", "gan")]
    made += [(f"export/{recipe}", lambda recipe=recipe: export(recipe, args)) for recipe in ("dcgan", "pix2pix")]
    for name, measure in made:
        if not args.only or {name, name.split("/")[0]} & set(args.only):
            once(name, measure, args)


def once(name, measure, args):
    """Measures and appends a line, unless there is one of this name and kind of processor."""
    machine = _machine()
    known = {(line["name"], line["machine"]["cpu"], *line["machine"]["flags"]) for line in record.read(args.json)}
    if (name, machine["cpu"], *machine["flags"]) in known and not args.again:
        print(f"{name}: is measured", flush=True)
        return
    if name.startswith("torch/") and not args.torch_python:
        print(f"{name}: needs --torch-python", flush=True)
        return
    begun, commit = os.getloadavg()[0], _commit()
    try:
        measured = measure()
    except turns.Failed as error:
        print(f"{name}: failed: {error}", file=sys.stderr, flush=True)
        return
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    line = {"name": name, "commit": commit, "time": now, "machine": machine, "versions": _versions(), "seed": SEED}
    line |= {"load": [round(begun, 1), round(os.getloadavg()[0], 1)], **measured}
    record.append(args.json, line)
    medians = {side: round(statistics.median(each["ms"]), 3) for side, each in measured.get("sides", {}).items()}
    print(f"{name}: {medians or measured}", flush=True)


def take_turns(measurement, args):
    """The rounds of a measurement: `{"sides": {name: {"ms": [...], "cpu_ms": [...], "peak_mb", **facts}}}`."""
    processes, sides = {}, {}
    try:
        for name, words in measurement.sides.items():
            try:
                processes[name] = turns.Process(command(words, args), record.ROOT, measurement.cores)
            except turns.Failed as error:
                if name == next(iter(measurement.sides)):
                    raise
                print(f"{measurement.name}, {name}: failed: {error}", file=sys.stderr, flush=True)
        _same_size(measurement.name, processes)
        for name, process in processes.items():
            sides[name] = {**process.facts, "ms": [], "cpu_ms": []}
        for _ in range(args.pairs):
            for name, process in processes.items():
                answer = process.turn(args.seconds)
                for key in ("ms", "cpu_ms"):
                    sides[name][key].append(answer[key])
                sides[name]["peak_mb"] = answer["peak_mb"]
    finally:
        for process in processes.values():
            process.close()
    return {"seconds": args.seconds, "cores": measurement.cores or len(os.sched_getaffinity(0)), "sides": sides}


def command(words, args):
    if words[0] == "torch":
        return [args.torch_python, "-m", "benchmarks.speed_torch", *words[1:]]
    data = [f"--data-dir={args.data_dir}"] if args.data_dir and words[0] != "exported" else []
    return [sys.executable, "-m", "benchmarks.speed_sides", *words, *data]


def _same_size(name, processes):
    """What is compared with PyTorch or Keras has as many parameters."""
    counts = [process.facts.get("parameters") for process in processes.values()]
    if name.startswith(("torch/", "keras/")) and any(count != counts[0] for count in counts):
        raise turns.Failed(f"the networks differ in size: {counts}")


def start(recipe, args):
    """Seconds from a command to lines that it prints on the way to its first step, and to the end of others."""
    stages = {}
    for _ in range(args.pairs):
        with tempfile.TemporaryDirectory() as folder:
            own = [f"--run-dir={folder}/run", f"--export-dir={folder}/exported", "--steps=1"]
            own += [f"--data-dir={args.data_dir}"] if args.data_dir else []
            words = {r"\w+, default preset": "imports", "  data ": "data, networks", "  run ": "run folder"}
            words["  losses "] = "first step"
            took = {**_lines([f"recipes/{recipe}.py", *own], words)}
            for flag in ("--help", "--dry-run"):
                took[flag] = _lines([f"recipes/{recipe}.py", *own, flag], {})["end"]
            for imports in ("tensorflow", "tensorflow, keras", "tfgan_zoo.run"):
                took[f"import {imports}"] = _lines(["-c", f"import {imports}"], {})["end"]
        for stage, seconds in took.items():
            stages.setdefault(stage, []).append(seconds)
    return {"seconds_to": stages}


def _lines(command, words):
    """Seconds to a program's lines that begin so, `[wall]`, and to its end, `[wall, processor]`."""
    begun, took = time.perf_counter(), {}
    before = os.times()
    process = subprocess.Popen(
        [sys.executable, "-u", *command],
        cwd=record.ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        env={**os.environ, "PYTHONPATH": str(record.ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip
    for line in process.stdout:
        for word, stage in words.items():
            if stage not in took and re.match(word, line):
                took[stage] = [round(time.perf_counter() - begun, 2)]
    if process.wait():
        raise turns.Failed(f"{' '.join(command)} ended with {process.returncode}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return took | {"end": [round(time.perf_counter() - begun, 2), round(cpu, 2)]}


def export(recipe, args):
    """Exports after one step, and measures a call of it against one of the model."""
    with tempfile.TemporaryDirectory() as folder:
        command = [f"recipes/{recipe}.py", f"--run-dir={folder}/run", f"--export-dir={folder}/exported", "--steps=1"]
        _lines([*command, *([f"--data-dir={args.data_dir}"] if args.data_dir else [])], {})
        version = f"{folder}/exported/1"
        sides = {}
        for batch in (1, 16):
            sides[f"live, {batch}"] = ["live", recipe, f"--batch-size={batch}"]
            sides[f"exported, {batch}"] = ["exported", version, f"--batch-size={batch}"]
        measured = take_turns(Measurement(f"export/{recipe}", sides), args)
        files = [path for path in Path(version).rglob("*") if path.is_file()]
        weights = sum(path.stat().st_size for path in files if path.parent.name == "variables")
        size = sum(path.stat().st_size for path in files)
    return {**measured, "bytes": size, "bytes_of_weights": weights}


def _machine():
    text = Path("/proc/cpuinfo").read_text() if os.path.exists("/proc/cpuinfo") else ""

    def field(name):
        return next((line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith(name)), "")

    flags = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in field("flags").split()]
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0))
    return {"cpu": field("model name"), "flags": flags, "cores": cores, "memory_gb": round(memory / 2**30)}


def _versions():
    return {"python": sys.version.split()[0]} | {
        name: importlib.metadata.version(name) for name in ("tensorflow", "keras", "numpy")
    }


def _commit():
    def git(*words):
        return subprocess.run(["git", *words], cwd=record.ROOT, capture_output=True, text=True).stdout.strip()

    return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")


if __name__ == "__main__":
    main()
