"""Seconds per training step of each recipe's default networks, by precision.

    python benchmarks/step_time.py --json=step_time.json

The data is ready in memory, so that the step alone is timed; medians after a warm-up. Prints one JSON line per
measurement.
"""

import argparse
import importlib.util
import json
import statistics
import time
from pathlib import Path

from tfgan_zoo.data import images
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
            times = _times(name, precision, args)
            result = {
                "recipe": name,
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


def _times(name, precision, args):
    spec = importlib.util.spec_from_file_location(name, ROOT / f"recipes/{name}.py")
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    config = recipe.PRESETS["default"]
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(0)
    data = recipe.load(config)
    model, optimizers = recipe.build(config, data)
    model.compile(jit_compile=args.jit, **optimizers)
    batch = next(iter(images.batches(data.train, config.batch_size * model.minibatches, seed=0)))
    step, batches = model.make_train_function(), iter(tf.data.Dataset.from_tensors(batch).repeat())
    times = []
    for _ in range(args.warm_up + args.steps):
        start = time.perf_counter()
        tf.nest.map_structure(lambda x: x.numpy(), step(batches))
        times.append(time.perf_counter() - start)
    return times[args.warm_up :]


if __name__ == "__main__":
    main()
