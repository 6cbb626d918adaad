"""Whether time helps: a Recycle-GAN on clips of turning characters beside a CycleGAN that sees their single frames.

    python -m benchmarks.recycle_gan
    python -m benchmarks.recycle_gan --steps=4000 --seeds=3

Both have the translators, discriminators, batch of clips, rate and steps of `recipes/recycle_gan.py`. CycleGAN takes
all three frames of each clip as pictures, with no pool and, as Recycle-GAN, no identity term. Both are scored on
held-out pairs, per frame and by flicker. Prints one JSON line per run, then a table of means over the seeds.
"""

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path

from recipes import recycle_gan
from tfgan_zoo import CycleGAN, RecycleGAN, pictures
from tfgan_zoo.data import batches, frames
from tfgan_zoo.metrics import flicker
from tfgan_zoo.run import devices

# isort: split
import keras  # after tfgan_zoo, which sets TensorFlow up before it is imported, as in the recipes
import tensorflow as tf

MODELS = ("recycle_gan", "cyclegan")
SHOWN = ("l1_a_to_b", "l1_b_to_a", "l1_identity", "flicker_a_to_b", "flicker_b_to_a", "flicker_identity", "seconds")


def main():
    default = recycle_gan.PRESETS["default"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=default.steps)
    parser.add_argument("--precision", default="auto", choices=devices.PRECISIONS)
    parser.add_argument("--data-dir", help="where prepared data is kept")
    parser.add_argument("--pictures", help="a folder for a grid of each run")
    args = parser.parse_args()
    policy, _ = devices.precision(args.precision, tf.distribute.get_strategy())
    keras.config.set_dtype_policy(policy)
    config = dataclasses.replace(default, steps=args.steps, data_dir=args.data_dir)
    data = frames.frames(config.dataset, **config.pictures())
    results = {name: [] for name in args.models}
    for seed in range(args.seeds):
        for name in args.models:
            started = time.time()
            model = trained(name, dataclasses.replace(config, seed=seed), data)
            seconds = time.time() - started
            translators = {"a_to_b": model.a_to_b, "b_to_a": model.b_to_a}
            found = flicker.of_translators(data, translators, {}) | {"seconds": seconds}
            results[name].append(found)
            print(
                json.dumps({"model": name, "seed": seed, "steps": args.steps, "precision": policy} | found), flush=True
            )
            if args.pictures:
                draw(translators, data, Path(args.pictures, f"{name}-{seed}.png"))
    print(f"\n| | {' | '.join(SHOWN)} |\n|{'---|' * (len(SHOWN) + 1)}")
    for name, found in results.items():
        means = (statistics.mean(run[key] for run in found) for key in SHOWN)
        print(f"| {name} | {' | '.join(f'{mean:.4g}' for mean in means)} |")


def trained(name, config, data):
    """A model after `config.steps` steps."""
    keras.utils.set_random_seed(config.seed)
    ab, ba, *predictors, judge_a, judge_b = recycle_gan.networks(config, data.shapes["a"][1:])
    clips = batches.batches(data.train, config.batch_size, seed=config.seed)
    if name == "recycle_gan":
        model = RecycleGAN(ab, ba, *predictors, judge_a, judge_b, seed=config.seed)
    else:
        model = CycleGAN(ab, ba, judge_a, judge_b, identity_weight=0.0, pool_size=0, seed=config.seed)
        clips = clips.map(lambda batch: {k: tf.reshape(x, [-1, *x.shape[2:]]) for k, x in batch.items()})
    model.compile(g_optimizer=recycle_gan.adam(config), d_optimizer=recycle_gan.adam(config))
    model.fit(clips, steps_per_epoch=config.steps, shuffle=False, verbose=0)
    return model


def draw(translators, data, path):
    """A grid of held-out clips and their translations."""
    shown = batches.take(data.test, data.shown)
    columns = {}
    for name, translate in translators.items():
        clips = shown[name[0]]
        made = translate(clips.reshape(-1, *clips.shape[2:]))
        columns |= {name[0]: clips, name: tf.reshape(made, clips.shape)}
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures.save_png(pictures.tile(columns), path)


if __name__ == "__main__":
    main()
