"""Mode coverage of mixtures of Gaussians by family: VEEGAN's protocol, means over seeds.

    python -m benchmarks.modes --json=modes.jsonl
    python -m benchmarks.modes --json=modes.jsonl --steps=10000 --batch-size=128
    python -m benchmarks.modes --json=modes.jsonl --rows gan unrolled_gan_10 --data toy:ring --seeds=3
    python -m benchmarks.modes --json=modes.jsonl --rows gan_pac --seeds=3 --steps=400000 --batch-size=100

Networks for every row but one: those of Unrolled GAN's appendix A, as `--preset=paper` of its recipe has them. Adam
with beta_1 0.5 and learning rates 1e-3 (G) and 1e-4 (D); WGAN-GP has the betas of its own paper, 0 and 0.9, and 1e-3
for both (with its 1e-4 nothing is learnt in 10,000 steps). Unrolled GAN with K = 0 is a GAN with the minimax objective.
`gan_pac` is the GAN beside which PacGAN (arXiv 1712.04086) is set: networks, rates, z of length 2 and half as large a
ring, as its published code has them (github.com/fjxmlzn/PacGAN, synthetic_data_experiments), which takes 400,000 steps
of 100 from 100,000 points, both players at once; here a point never comes twice, the players take turns and batch norm
has Keras' epsilon. Prints one JSON line per run, then a table. Runs that the file has are not done again.
"""

import argparse
import dataclasses
import time

import keras
import numpy as np
import tensorflow as tf
from keras import layers as kl

from benchmarks import record
from tfgan_zoo import FGAN, GAN, LSGAN, WGANGP, UnrolledGAN
from tfgan_zoo.data import batches, toy
from tfgan_zoo.metrics import modes
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam

ROWS = {
    "gan": GAN,
    "gan_pac": GAN,
    "lsgan": LSGAN,
    "f_gan_pearson": lambda g, d, seed: FGAN(g, d, divergence="pearson", seed=seed),
    "wgan_gp": WGANGP,
    "unrolled_gan_0": lambda g, d, seed: UnrolledGAN(g, d, unroll_steps=0, seed=seed),
    "unrolled_gan_1": lambda g, d, seed: UnrolledGAN(g, d, unroll_steps=1, seed=seed),
    "unrolled_gan_5": lambda g, d, seed: UnrolledGAN(g, d, unroll_steps=5, seed=seed),
    "unrolled_gan_10": lambda g, d, seed: UnrolledGAN(g, d, unroll_steps=10, seed=seed),
}
LATENT_DIM, PER_EXECUTION = 256, 100
KEY = ("data", "row", "seed", "steps", "batch_size")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=ROWS)
    parser.add_argument("--data", nargs="+", default=["toy:ring", "toy:grid"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=25_000, help=f"a multiple of {PER_EXECUTION}")
    parser.add_argument("--batch-size", type=int, default=512)
    parser.add_argument("--json", default="modes.jsonl", help="where the results of single runs are kept")
    args = parser.parse_args()
    if args.steps < 1 or args.steps % PER_EXECUTION:
        parser.error(f"--steps={args.steps} is not a multiple of {PER_EXECUTION}")
    done = {tuple(line[name] for name in KEY): line for line in record.read(args.json)}
    for seed in range(args.seeds):  # outermost: every row has a number early
        for data in args.data:
            for row in args.rows:
                key = (data, row, seed, args.steps, args.batch_size)
                if key in done:
                    continue
                result = dict(zip(KEY, key, strict=True)) | _run(*key)
                print(record.append(args.json, result), flush=True)
                done[key] = result
    asked = (args.steps, args.batch_size)
    print(_table([r for k, r in done.items() if k[0] in args.data and k[1] in args.rows and k[3:] == asked]))


def _run(name, row, seed, steps, batch_size):
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    data, networks = toy.points(name), _networks
    adam = {"g_optimizer": Adam(1e-3, 0.5), "d_optimizer": Adam(1e-4, 0.5)}
    if row == "wgan_gp":
        adam = {player: Adam(1e-3, 0.0, 0.9) for player in adam}
    if row == "gan_pac":
        networks, adam = _pac_networks, {player: Adam(1e-4, 0.8) for player in adam}
        if name == "toy:ring":
            data = dataclasses.replace(data, modes=data.modes / 2, sigma=data.sigma / 2)
    generator, discriminator = networks()
    model = ROWS[row](generator, discriminator, seed=seed)
    model.compile(steps_per_execution=PER_EXECUTION, **adam)
    drawn = tf.data.Dataset.range(steps).map(lambda i: data.sample(batch_size * model.minibatches, tf.stack([seed, i])))
    began = time.monotonic()
    model.fit(batches.untuned(drawn.prefetch(4)), steps_per_epoch=steps, shuffle=False, verbose=0)
    took = time.monotonic() - began
    finite = all(np.isfinite(weight).all() for weight in generator.get_weights())
    score = modes.of_generator(generator, data, seed) if finite else {"diverged": True}
    return score | {"seconds": round(took, 1)}


def _networks():
    generator = mlp_generator((2,), LATENT_DIM, [128, 128], initializer=_orthogonal)
    return generator, mlp_discriminator((2,), [128], initializer=_orthogonal, scale=0.25)


def _pac_networks():
    z = x = keras.Input([2])
    for _ in range(4):
        x = kl.Dense(400, use_bias=False, kernel_initializer=_narrow())(x)
        x = kl.ReLU()(kl.BatchNormalization(momentum=0.95)(x))
    generator = keras.Model(z, kl.Dense(2, kernel_initializer=_narrow())(x), name="generator")
    return generator, mlp_discriminator((2,), [200] * 3, initializer=_narrow, pieces=5)


def _narrow():
    return keras.initializers.RandomNormal(stddev=0.02)


def _orthogonal():
    return keras.initializers.Orthogonal(gain=0.8)


def _table(results):
    lines = ["| data | family | modes found, mean (each run) | high quality | runs |", "|---|---|---|---|---|"]
    for data, row in sorted({(r["data"], r["row"]) for r in results}):
        runs = [r for r in results if (r["data"], r["row"]) == (data, row)]
        found, share = [r.get("modes", 0.0) for r in runs], [r.get("high_quality", 0.0) for r in runs]
        each = ", ".join(f"{n:.0f}" for n in found)
        lines.append(f"| {data} | {row} | {np.mean(found):.1f} ({each}) | {100 * np.mean(share):.1f} % | {len(runs)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
