"""Trains, exports and scores every family's default recipe, one after another, and writes what came of it.

    python benchmarks/zoo.py
    python benchmarks/zoo.py --families gan dcgan --seeds 0 1 2
    python benchmarks/zoo.py --minutes=60
    python benchmarks/zoo.py --page

What is finished is not done again; a run that was stopped goes on where it was. Each run is a line of docs/results/
zoo.jsonl; from those lines docs/zoo.md and its contact sheet are made. `--page` only makes these. The last column of
the page is written by hand, and kept.

Families that draw from noise are scored in the features of a classifier of the letters (`tfgan_zoo.metrics.classifier`,
trained here once), given 32x32 pictures: smaller and larger ones are scaled to that. All others have what their recipe
measures on held-out examples.
"""

import argparse
import json
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.figure
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
LINES, PAGE, SHEET = ROOT / "docs/results/zoo.jsonl", ROOT / "docs/zoo.md", ROOT / "docs/pictures/zoo.png"
README_ROW = r"^\| (.+?) \|.*\]\(recipes/(\w+)\.py\)"
SCORES = {"FD": "FD", "KID": "KID", "precision": "precision", "recall": "recall", "coverage": "coverage"}
MARK = "<!-- below: written by benchmarks/zoo.py, but for the last column -->"
COLUMNS = ["family", "runs", "minutes", "steps", "parameters", "export, MB", *SCORES.values(), "other measures", "seen"]


def main():
    names = families()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", nargs="+", default=list(names), choices=list(names))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--out", default="runs/zoo", help="where runs and exports are kept")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no further run after so many")
    parser.add_argument("--page", action="store_true", help="train nothing, only write the page")
    args, flags = parser.parse_known_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # which ends the run that goes on too
    out, until = Path(args.out).resolve(), time.monotonic() + 60 * args.minutes
    for seed in () if args.page else args.seeds:  # outermost: every family has a number early
        for family in args.families:
            if time.monotonic() < until and not any((r["family"], r["seed"]) == (family, seed) for r in lines()):
                run(family, seed, out, flags)
                write_page(names, out)
    write_page(names, out)


def families():
    """stem -> name, in the order of README's table."""
    rows = re.findall(README_ROW, (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {stem: name for name, stem in rows}


def lines():
    return [json.loads(line) for line in LINES.read_text(encoding="utf-8").splitlines()] if LINES.exists() else []


def run(family, seed, out, flags):
    """One family from its recipe to its line. A family that fails is reported, and the next one goes on."""
    folder, exported = out / f"runs/{family}-{seed}", out / f"exported/{family}-{seed}"
    took = folder.with_suffix(".seconds")
    folder.parent.mkdir(parents=True, exist_ok=True)
    before = float(took.read_text()) if took.exists() else 0.0
    started = time.monotonic()
    own = [f"--seed={seed}", f"--run-dir={folder}", f"--export-dir={exported}"]
    try:
        code = _call([str(ROOT / f"recipes/{family}.py"), *own, *flags], folder.with_suffix(".log"))
    finally:
        seconds = before + time.monotonic() - started
        took.write_text(str(seconds))
    if code:
        print(f"{family}, seed {seed}: ended with {code}; {folder.with_suffix('.log')} says why", flush=True)
        return
    version = Path(json.loads((folder / "exported.json").read_text())["path"])
    told = json.loads((version / "metadata.json").read_text())
    config = told["config"]
    line = {
        "family": family, "seed": seed, "commit": told["commit"], "device": told["device"],
        "precision": told["precision"], "seconds": round(seconds, 1), "steps": told["step"],
        "batch_size": config["batch_size"], "image_size": config["image_size"],
        "parameters": sum(told["parameters"].values()),
        "bytes": sum(file.stat().st_size for file in version.rglob("*") if file.is_file()),
        "flags": [flag for flag in flags if not flag.startswith("--data-dir")],
        "scores": _scores(version, told, out, flags), "held_out": told["metrics"],
    }  # fmt: skip
    LINES.parent.mkdir(exist_ok=True)
    with LINES.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line), flush=True)


def _scores(version, told, out, flags):
    """Metric -> value, in the features of the classifier of the letters; {} for what does not draw from noise."""
    takes = told["signatures"].get("sample", {"inputs": {}})["inputs"]
    if told["data"]["name"] != "glyphs" or not {"count", "seed"} <= set(takes) <= {"count", "seed", "label"}:
        return {}
    judge = out / "classifiers/glyphs_classifier.keras"
    data = [flag for flag in flags if flag.startswith("--data-dir")]
    if not judge.exists():
        code = _call(["-m", "tfgan_zoo.metrics.classifier", f"--out={judge.parent}", *data], out / "classifier.log")
        if code:
            raise SystemExit(f"no classifier: {out / 'classifier.log'} says why")
    metrics = "fd,kid,prdc" + (",label_accuracy" if "label" in takes else "")
    asked = ["--split=train", f"--metrics={metrics}", f"--extractor={judge}", "--extractor-name=letters"]
    code = _call(["-m", "tfgan_zoo.evaluate", str(version), *asked, *data], version.parent / "scores.log")
    if code:
        raise SystemExit(f"{version} was not scored: {version.parent / 'scores.log'} says why")
    records = json.loads((version / "metrics.json").read_text())
    return {record["metric"].removesuffix("-letters"): record["value"] for record in records}


def _call(command, log):
    with open(log, "a", encoding="utf-8") as file:
        process = subprocess.Popen([sys.executable, *command], stdout=file, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            return process.wait()
        finally:
            process.terminate()
            process.wait()


# ---------------------------------------------------------------------------------------------------------------------
# The page


def write_page(names, out):
    found = {}
    for line in lines():
        found.setdefault(line["family"], []).append(line)
    if not found:
        return
    page = PAGE.read_text(encoding="utf-8")
    kept = {cells[0]: cells[-1] for cells in map(_cells, page.splitlines()) if len(cells) == len(COLUMNS)}
    rows = [_row(names[stem], found[stem], kept.get(names[stem], "")) for stem in names if stem in found]
    table = ["| " + " | ".join(cells) + " |" for cells in [COLUMNS, ["---"] * len(COLUMNS), *rows]]
    PAGE.write_text(page[: page.index(MARK)] + "\n".join([MARK, "", *table, ""]), encoding="utf-8")
    _draw_sheet(
        {names[stem]: out / f"runs/{stem}-{found[stem][0]['seed']}/samples.png" for stem in names if stem in found}
    )


def _cells(line):
    return [cell.strip() for cell in line.strip("|").split(" | ")] if line.startswith("| ") else []


def _row(name, runs, seen):
    first = runs[0]
    scores = [_over([run["scores"].get(metric) for run in runs]) for metric in SCORES]
    others = {
        metric: [{**run["held_out"], **run["scores"]}.get(metric) for run in runs]
        for metric in {**first["held_out"], **first["scores"]}
        if metric not in SCORES and metric != "density"
    }
    steps = f"{first['steps']:,} of {first['batch_size']}"
    return [
        name, f"{len(runs)} at {first['commit'][:7]}", _over([run["seconds"] / 60 for run in runs]), steps,
        f"{first['parameters'] / 1e6:.2f} M", f"{first['bytes'] / 1e6:.1f}", *scores,
        ", ".join(f"{metric} {_over(values)}" for metric, values in others.items()), seen,
    ]  # fmt: skip


def _over(values):
    """The mean over runs, and the smallest and largest."""
    values = [value for value in values if value is not None]
    if not values:
        return ""
    ends = f" ({min(values):.3g} to {max(values):.3g})" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.3g}{ends}"


def _draw_sheet(grids):
    """What is in the upper left of each run's last grid, by family."""
    grids = {name: path for name, path in grids.items() if path.exists()}
    if not grids:
        return
    across = 5
    down = -(-len(grids) // across)
    figure = matplotlib.figure.Figure(figsize=(2.2 * across, 2.4 * down), layout="constrained")
    axes = figure.subplots(down, across, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, (name, path) in zip(axes, grids.items(), strict=False):
        with Image.open(path) as grid:
            side = min(grid.size)
            axis.imshow(grid.crop((0, 0, side, side)), cmap="gray", interpolation="nearest")
        axis.set_title(name, fontsize=9)
    figure.savefig(SHEET, dpi=100)


if __name__ == "__main__":
    main()
