"""Trains, exports and scores every family's default recipe, one after another, and writes what came of it.

    python -m benchmarks.zoo
    python -m benchmarks.zoo --families gan dcgan --seeds 0 1 2
    python -m benchmarks.zoo --minutes=60
    python -m benchmarks.zoo --page

What is finished is not done again; a run that was stopped goes on where it was. Each run is a line of docs/results/
zoo.jsonl; from those lines docs/zoo.md is made. The last grid of a family's first run is its picture in docs/pictures,
and from these pictures comes the contact sheet. `--page` only makes page and sheet. The last column of the page is
written by hand, and kept.

Families that draw from noise are scored in the features of a classifier of the letters (`tfgan_zoo.metrics.classifier`,
trained here once), given 32x32 pictures: smaller and larger ones are scaled to that. Those that learn black and white
pictures are compared with the data made so. All others have what their recipe measures on held-out examples.
"""

import argparse
import json
import re
import shutil
import signal
import statistics
import sys
import time
from pathlib import Path

import matplotlib.figure
from PIL import Image

from benchmarks import record

DOCS = record.ROOT / "docs"
LINES, PAGE, PICTURES, SHEET = DOCS / "results/zoo.jsonl", DOCS / "zoo.md", DOCS / "pictures", "zoo.png"
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
            done = [(line["family"], line["seed"]) for line in record.read(LINES)]
            if time.monotonic() < until and (family, seed) not in done:
                run(family, seed, out, flags)
                write_page(names, out)
    write_page(names, out)


def families():
    """stem -> name, in the order of README's table."""
    rows = re.findall(README_ROW, (record.ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    return {stem: name for name, stem in rows}


def run(family, seed, out, flags):
    """One family from its recipe to its line. A family that fails is reported, and the next one goes on."""
    folder, exported = out / f"runs/{family}-{seed}", out / f"exported/{family}-{seed}"
    took = folder.with_suffix(".seconds")
    folder.parent.mkdir(parents=True, exist_ok=True)
    before = float(took.read_text()) if took.exists() else 0.0
    started = time.monotonic()
    own = [f"--seed={seed}", f"--run-dir={folder}", f"--export-dir={exported}"]
    try:
        record.call([f"recipes/{family}.py", *own, *flags], folder.with_suffix(".log"))
    except record.Failed as error:
        print(error, flush=True)
        return
    finally:
        seconds = before + time.monotonic() - started
        took.write_text(str(seconds))
    version, told = record.exported(folder)
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
    print(record.append(LINES, line), flush=True)


def _scores(version, told, out, flags):
    """Metric -> value, in the features of the classifier of the letters; {} for what does not draw from noise."""
    takes = told["signatures"].get("sample", {"inputs": {}})["inputs"]
    if told["data"]["name"] != "glyphs" or not {"count", "seed"} <= set(takes) <= {"count", "seed", "label"}:
        return {}
    judge = out / "classifiers/glyphs_classifier.keras"
    data = [flag for flag in flags if flag.startswith("--data-dir")]
    if not judge.exists():
        record.call(["-m", "tfgan_zoo.metrics.classifier", f"--out={judge.parent}", *data], out / "classifier.log")
    metrics = "fd,kid,prdc" + (",label_accuracy" if "label" in takes else "")
    asked = ["--split=train", f"--metrics={metrics}", f"--extractor={judge}", "--extractor-name=letters"]
    asked += ["--black-and-white"] * learns_black_and_white(told["config"])
    record.call(["-m", "tfgan_zoo.evaluate", str(version), *asked, *data], version.parent / "scores.log")
    measured = json.loads((version / "metrics.json").read_text())
    return {one["metric"].removesuffix("-letters"): one["value"] for one in measured}


def learns_black_and_white(config):
    """Whether a recipe of these flags makes grey data black and white by a threshold."""
    return config.get("binarize") == "threshold" or config.get("pixels") == "discrete"


# ---------------------------------------------------------------------------------------------------------------------
# The page


def write_page(names, out):
    found = {}
    for line in record.read(LINES):
        found.setdefault(line["family"], []).append(line)
    if not found:
        return
    page = PAGE.read_text(encoding="utf-8").splitlines()
    kept = {cells[0]: cells[-1] for cells in map(_cells, page) if len(cells) == len(COLUMNS)}
    rows = [_row(names[stem], found[stem], kept.get(names[stem], "")) for stem in names if stem in found]
    record.write_below(PAGE, MARK, record.table(COLUMNS, rows))
    for stem in found:
        last = out / f"runs/{stem}-{found[stem][0]['seed']}/samples.png"
        if last.exists():  # else the run was made elsewhere, and its picture is there
            shutil.copyfile(last, PICTURES / f"{stem}.png")
    _draw_sheet({names[stem]: PICTURES / f"{stem}.png" for stem in names if stem in found})


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
    """What is in the upper left of each family's picture."""
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
    figure.savefig(PICTURES / SHEET, dpi=100)
    with Image.open(PICTURES / SHEET) as sheet:
        small = sheet.convert("P", palette=Image.Palette.ADAPTIVE, colors=64)
    small.save(PICTURES / SHEET, optimize=True)


if __name__ == "__main__":
    main()
