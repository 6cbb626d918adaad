"""Modes of stacked MNIST that an unrolled GAN finds, by K and by the size of D: Unrolled GAN's table, means over seeds.

    python -m benchmarks.stacked_mnist
    python -m benchmarks.stacked_mnist --steps=4000 --batch-size=64 --learning-rate=1e-3 --unroll-steps 0 5

Networks, z, optimizers, batch and steps are those with which PacGAN's code repeats the experiment
(github.com/fjxmlzn/PacGAN; the paper's own text was not at hand); the generator's loss is non-saturating. D's width is
1/4 or 1/2 of G's. 25,600 samples per run, read by a classifier that is trained first and kept in the run folder,
where a picture of each run's samples goes, too. Prints one JSON line per run, then a table. Runs that the file has
are not done again.
"""

import argparse
import json
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from benchmarks import record
from tfgan_zoo import UnrolledGAN, pictures, random
from tfgan_zoo.data import batches, images, stacked_mnist
from tfgan_zoo.families.unrolled_gan import stacked_generator, strided_discriminator
from tfgan_zoo.metrics import modes
from tfgan_zoo.metrics.classifier import load_classifier, train_classifier
from tfgan_zoo.optimizers import Adam

# Modes found in the paper, by D's share of G's width and by K.
PUBLISHED = {
    (0.25, 0): 30.6, (0.25, 1): 65.4, (0.25, 5): 236.4, (0.25, 10): 327.2,
    (0.5, 0): 628.0, (0.5, 1): 523.6, (0.5, 5): 732.0, (0.5, 10): 817.4,
}  # fmt: skip
SHAPE, LATENT_DIM, WIDTH, PER_EXECUTION, AT_ONCE = (28, 28, 3), 256, 64, 100, 512
KEY = ("d_fraction", "unroll_steps", "seed", "steps", "batch_size", "learning_rate")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--d-fraction", type=float, nargs="+", default=[0.25, 0.5], choices=[0.25, 0.5])
    parser.add_argument("--unroll-steps", type=int, nargs="+", default=[0, 1, 5], help="the paper's K")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--steps", type=int, default=500_000, help=f"a multiple of {PER_EXECUTION}")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument(
        "--learning-rate", type=float, default=1e-4, help="the generator's; the discriminator's is twice"
    )
    parser.add_argument("--data-dir", help="where TensorFlow Datasets has mnist")
    parser.add_argument("--run-dir", default="runs/stacked_mnist", help="where the classifier and pictures are kept")
    parser.add_argument("--json", help="where the results of single runs are kept; default: results.jsonl in run-dir")
    args = parser.parse_args()
    if args.steps < 1 or args.steps % PER_EXECUTION:
        parser.error(f"--steps={args.steps} is not a multiple of {PER_EXECUTION}")
    folder = Path(args.run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    path = args.json or folder / "results.jsonl"
    digits = images.labelled("mnist", image_size=28, data_dir=args.data_dir)
    trained = train_classifier(digits, folder)
    accuracy = json.loads(trained.with_suffix(".json").read_text(encoding="utf-8"))["accuracy"]
    print(f"classifier {trained}: {100 * accuracy:.2f} % of held-out digits", flush=True)
    data, classify = stacked_mnist.stacks(data_dir=args.data_dir), load_classifier(trained)
    done = {tuple(line[name] for name in KEY): line for line in record.read(path)}
    asked = (args.steps, args.batch_size, args.learning_rate)
    for seed in range(args.seeds):  # outermost: every row has a number early
        for d_fraction in args.d_fraction:
            for k in args.unroll_steps:
                key = (d_fraction, k, seed, *asked)
                if key in done:
                    continue
                result = dict(zip(KEY, key, strict=True)) | _run(data, classify, folder, *key)
                print(record.append(path, result), flush=True)
                done[key] = result
    print(f"{args.steps:,} steps of {args.batch_size}, learning rate {args.learning_rate:g}")
    print(_table([r for k, r in done.items() if k[3:] == asked]))


def _run(data, classify, folder, d_fraction, k, seed, steps, batch_size, learning_rate):
    keras.utils.set_random_seed(seed)
    generator = stacked_generator(SHAPE, LATENT_DIM, WIDTH)
    discriminator = strided_discriminator(SHAPE, [round(8 * d_fraction * 2**i) for i in range(3)])
    model = UnrolledGAN(generator, discriminator, unroll_steps=k, generator_objective="non_saturating", seed=seed)
    model.compile(
        g_optimizer=Adam(learning_rate, 0.5, 0.99),
        d_optimizer=Adam(2 * learning_rate, 0.5, 0.99),
        steps_per_execution=PER_EXECUTION,
    )
    drawn = tf.data.Dataset.range(steps).map(lambda i: data.sample(batch_size, tf.stack([seed, i])))
    began = time.monotonic()
    model.fit(batches.untuned(drawn.prefetch(4)), steps_per_epoch=steps, shuffle=False, verbose=0)
    took = time.monotonic() - began
    with random.stream(seed):
        z = random.normal([modes.STACKED_SAMPLES, LATENT_DIM])
    samples = np.concatenate([generator(part, training=False) for part in tf.split(z, len(z) // AT_ONCE)])
    if not np.isfinite(samples).all():
        return {"diverged": True, "seconds": round(took, 1)}
    pictures.save_png(pictures.tile({"sample": samples[:64]}), folder / f"d{d_fraction:g}-k{k}-seed{seed}-{steps}.png")
    return modes.digit_modes(samples, classify) | {"seconds": round(took, 1)}


def _table(results):
    lines = ["| D | K | modes of 1000, mean (each run) | KL | published modes | runs |", "|---|---|---|---|---|---|"]
    for d_fraction, k in sorted({(r["d_fraction"], r["unroll_steps"]) for r in results}):
        runs = [r for r in results if (r["d_fraction"], r["unroll_steps"]) == (d_fraction, k)]
        found, kl = [r.get("modes", 0.0) for r in runs], [r.get("kl", np.log(1000)) for r in runs]
        each, published = ", ".join(f"{n:.0f}" for n in found), PUBLISHED.get((d_fraction, k), "none")
        size = f"1/{round(1 / d_fraction)} G"
        lines.append(
            f"| {size} | {k} | {np.mean(found):.1f} ({each}) | {np.mean(kl):.2f} | {published} | {len(runs)} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
