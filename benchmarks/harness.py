"""What a whole run costs beside its steps: a step of a recipe's run against the same step in a bare loop.

    python benchmarks/harness.py --recipes gan dcgan pix2pix --json=harness.json

The bare loop calls the traced step on one batch that is ready in memory, and waits for the losses at the end. The whole
run has its pipeline, log, progress bar and guards; its grids and checkpoints are put off. Both take turns within one
process. Prints one JSON line per recipe: medians of `--pairs` pairs, and the smallest and largest ratio.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tfgan_zoo.data import batches
from tfgan_zoo.run import devices, flags, job

# isort: split
import keras  # after tfgan_zoo, which sets TensorFlow up before it is imported, as in the recipes
import tensorflow as tf

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 25


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    recipes = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
    parser.add_argument("--recipes", nargs="+", default=recipes, choices=recipes)
    parser.add_argument("--seconds", type=float, default=10.0, help="about how long each side of a pair takes")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", help="append the results to this file")
    args, rest = parser.parse_known_args()
    strategy, device = devices.strategy("one_device")
    for name in args.recipes:
        result = {"recipe": name, "device": device, **_measure(name, rest, strategy, device, args)}
        print(json.dumps(result), flush=True)
        if args.json:
            with open(args.json, "a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")


def _measure(name, rest, strategy, device, args):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"recipes/{name}.py")
    recipe = importlib.util.module_from_spec(spec)
    sys.modules[name] = recipe
    spec.loader.exec_module(recipe)
    with tempfile.TemporaryDirectory() as folder:
        own = [f"--run-dir={folder}/run", f"--export-dir={folder}/exported"]
        config = flags.parse(recipe.PRESETS, [*own, "--sample-every=1000000", "--checkpoint-every=1000000", *rest])
        try:
            recipe.main(_Pairs(name, config, strategy, device, args), config)
        except _Measured as measured:
            pairs = measured.args[0]
    ratios = [whole / bare for bare, whole in pairs]
    return {
        "precision": keras.config.dtype_policy().name,
        "bare_ms": round(statistics.median(bare for bare, _ in pairs) * 1e3, 3),
        "whole_ms": round(statistics.median(whole for _, whole in pairs) * 1e3, 3),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(min(ratios), 3), round(max(ratios), 3)],
    }


class _Measured(Exception):
    """Ends a recipe; holds the pairs of seconds per step."""


class _Clock(keras.callbacks.Callback):
    """When each execution ended."""

    def on_train_begin(self, logs=None):
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        self.times.append(time.perf_counter())

    def seconds_per_step(self):
        counted = self.times[-(-WARM_UP // self.model.steps_per_execution) :]  # the first one traces
        return (counted[-1] - counted[0]) / ((len(counted) - 1) * self.model.steps_per_execution)

    def close(self):
        """As the other callbacks of a run; nothing is held."""


class _Pairs(job.Job):
    """A run whose first phase is made `pairs` times, each after a bare loop over the same step."""

    def __init__(self, name, config, strategy, device, args):
        super().__init__(name, config, strategy, device)
        self.args = args

    def _fit(self, model, data, transform, batch_size, start, until, actions):
        batch = next(iter(batches.batches(data.train, batch_size * model.minibatches, seed=0, transform=transform)))
        same = iter(tf.data.Dataset.from_tensors(batch).repeat().prefetch(2))
        model.steps_per_execution = 1
        one = model.make_train_function(force=True)
        _bare(one, same, WARM_UP)
        steps = max(4 * WARM_UP, int(self.args.seconds / _bare(one, same, WARM_UP)) // 100 * 100)
        pairs, clock = [], _Clock()
        for i in range(self.args.pairs):
            bare = _bare(one, same, steps)
            model.step.assign(start + i * steps)
            model.train_function = None
            super()._fit(
                model, data, transform, batch_size, start + i * steps, start + (i + 1) * steps, [*actions, clock]
            )
            pairs.append((bare, clock.seconds_per_step()))
        raise _Measured(pairs)


def _bare(step, iterator, count):
    started = time.perf_counter()
    for _ in range(count):
        losses = step(iterator)
    tf.nest.map_structure(lambda x: x.numpy(), losses)
    return (time.perf_counter() - started) / count


if __name__ == "__main__":
    main()
