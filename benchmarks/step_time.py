"""Seconds per training step of each recipe's default networks, by precision.

    python benchmarks/step_time.py --json=step_time.json

The data is ready in memory, so that the step alone is timed; medians after a warm-up. Prints one JSON line per
measurement: one for each phase of a recipe.
"""

import argparse
import contextlib
import importlib.util
import json
import statistics
import time
from pathlib import Path

from tfgan_zoo.data import batches
from tfgan_zoo.run import devices

# isort: split
import keras  # after tfgan_zoo, which sets TensorFlow up before it is imported, as in the recipes
import tensorflow as tf

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipes = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
    parser.add_argument("--recipes", nargs="+", default=recipes, choices=recipes)
    parser.add_argument(
        "--precisions", nargs="+", default=["float32", "mixed_bfloat16"], choices=devices.PRECISIONS[1:]
    )
    parser.add_argument("--jit", action="store_true", help="compile the step with XLA")
    parser.add_argument("--warm-up", type=int, default=5)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--json", help="append the results to this file")
    args = parser.parse_args()
    for name in args.recipes:
        for precision in args.precisions:
            for phase, times in enumerate(_times(name, precision, args), 1):
                result = {
                    "recipe": name,
                    "phase": phase,
                    "precision": precision,
                    "xla": args.jit,
                    "device": devices.strategy("one_device")[1],
                    "steps": args.steps,
                    "median_s": round(statistics.median(times), 4),
                    "min_s": round(min(times), 4),
                }
                print(json.dumps(result), flush=True)
                if args.json:
                    with open(args.json, "a", encoding="utf-8") as file:
                        file.write(json.dumps(result) + "\n")


class _Stopwatch:
    """What a recipe is given instead of a `run.Job`: each `train` times some steps, and nothing is written."""

    def __init__(self, config, args):
        self.config, self.args, self.times = config, args, []

    def scope(self):
        return contextlib.nullcontext()

    def train(self, model, data, *, batch_size=None, until, metrics="", transform=None, phase=None, **optimizers):
        model.compile(jit_compile=self.args.jit, **optimizers)
        count = (batch_size or self.config.batch_size) * model.minibatches
        batch = next(iter(batches.batches(data.train, count, seed=0)))
        step, same = model.make_train_function(), iter(tf.data.Dataset.from_tensors(batch).repeat())
        times = []
        for _ in range(self.args.warm_up + self.args.steps):
            start = time.perf_counter()
            tf.nest.map_structure(lambda x: x.numpy(), step(same))
            times.append(time.perf_counter() - start)
        self.times.append(times[self.args.warm_up :])

    def finish(self, *args, **kwargs):
        """Nothing is left to do."""


def _times(name, precision, args):
    """A list of times for each phase of a recipe."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"recipes/{name}.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    config = recipe.PRESETS["default"]
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    job = _Stopwatch(config, args)
    recipe.main(job, config)
    return job.times


if __name__ == "__main__":
    main()
