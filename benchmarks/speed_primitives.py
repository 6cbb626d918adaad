"""Where the time of a step goes: oneDNN's own times of its primitives, the same instrument in TensorFlow and PyTorch.

    python -m benchmarks.speed_primitives pix2pix cyclegan --torch-python=.torch/bin/python

The step that `benchmarks.speed` measures against PyTorch, on one core, in float32. Both libraries call oneDNN for
convolutions, and it prints how long each call took (ONEDNN_VERBOSE). What is left of the step is all that is no
primitive of it: norms, activations, losses, optimizers, copies. Prints a table in milliseconds; the medians of turns.
"""

import argparse
import re
import statistics

from benchmarks import record, speed, turns

LINE = re.compile(r"^onednn_verbose,v1,primitive,exec,cpu,(\w+),[^,]*,(\w+),.*,([\d.]+)$", re.MULTILINE)
CONVOLUTIONS = ("convolution", "deconvolution")
COLUMNS = {
    "convolutions": lambda kind, way: kind in CONVOLUTIONS and way.startswith("forward"),
    "gradients by inputs": lambda kind, way: kind in CONVOLUTIONS and way == "backward_data",
    "by weights": lambda kind, way: kind in CONVOLUTIONS and way == "backward_weights",
    "reorders": lambda kind, way: kind == "reorder",
    "other primitives": lambda kind, way: kind not in (*CONVOLUTIONS, "reorder"),
}
SIDES = ("float32", "PyTorch", "PyTorch, channels-last", "PyTorch, channels-last, compile")


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="+", choices=speed.IN_TORCH)
    parser.add_argument("--torch-python", required=True, help="a Python that has PyTorch")
    parser.add_argument("--data-dir", help="as the recipes take it")
    parser.add_argument("--seconds", type=float, default=3.0, help="about how long a turn takes")
    parser.add_argument("--pairs", type=int, default=5, help="rounds of turns")
    args = parser.parse_args(argv)
    rows = [row for recipe in args.recipes for row in rows_of(recipe, args)]
    print(record.table(["recipe", "", "step, ms", *COLUMNS, "the rest"], rows))


def rows_of(recipe, args):
    """The table's, of each of `SIDES`."""
    sides = speed.against_torch(recipe).sides
    processes, measured = {}, {name: [] for name in SIDES}
    try:
        for name in SIDES:
            command = ["env", "ONEDNN_VERBOSE=1", *speed.command(sides[name], args)]
            processes[name] = turns.Process(command, record.ROOT, cores=1)
        for _ in range(args.pairs):
            for name, process in processes.items():
                process.printed()
                answer = process.turn(args.seconds)
                measured[name].append(split(process.printed(), answer["ms"], answer["steps"] + turns.WARM_UP))
    finally:
        for process in processes.values():
            process.close()
    for name, times in measured.items():
        yield [recipe, name, *(f"{statistics.median(column):.3g}" for column in zip(*times, strict=True))]


def split(text, ms, steps):
    """`[ms, of each of COLUMNS, the rest]` of a step, by what oneDNN printed during so many."""
    calls = [(kind, way, float(took)) for kind, way, took in LINE.findall(text)]
    parts = [sum(took for kind, way, took in calls if of(kind, way)) / steps for of in COLUMNS.values()]
    return [ms, *parts, ms - sum(parts)]


if __name__ == "__main__":
    main()
