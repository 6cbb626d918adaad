"""The bound of log p(x) that many samples of z give, of a finished run of the VAE's recipe.

    python recipes/vae.py --dataset=mnist --image-size=28 --run-dir=runs/vae_mnist
    python -m benchmarks.vae_bound --run-dir=runs/vae_mnist --samples=5000 --images=1000

Pixels of held-out pictures are drawn black and white once, by a seed, with the probability of their brightness: the
binarisation called dynamic. Prints the evidence lower bound and the importance weighted one (Burda, Grosse and
Salakhutdinov, arXiv 1509.00519), means over the pictures in nats, with the standard error of the latter over pictures.
"""

import argparse
import json
import time
import types
from pathlib import Path

import numpy as np

from recipes import vae
from tfgan_zoo import likelihoods, random
from tfgan_zoo.data import batches, images
from tfgan_zoo.run import callbacks

# isort: split
import tensorflow as tf  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal

AT_ONCE = 100  # pictures, and samples of each


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run-dir", default="runs/vae")
    parser.add_argument("--samples", type=int, default=5000, help="of z for each picture, a multiple of 100")
    parser.add_argument("--images", type=int, default=1000, help="held-out pictures, the first ones")
    parser.add_argument("--seed", type=int, default=0, help="of the binarisation and of z")
    args = parser.parse_args()
    started = time.time()
    pictures, model = restored(args.run_dir, args.images)

    @tf.function
    def log_weights(image, part):
        with random.stream(args.seed, part):
            return model.log_weights(image, random.normal([tf.shape(image)[0], AT_ONCE, model.prior.dim]))

    elbo, bound = [], []
    for start in range(0, len(pictures), AT_ONCE):
        with random.stream(args.seed, start):
            image = likelihoods.draw_binary(pictures[start : start + AT_ONCE])
        parts = range(1, args.samples // AT_ONCE + 1)
        weights = np.concatenate([log_weights(image, tf.constant(-start * 10_000 - i)) for i in parts], 1)
        elbo.append(weights.mean(1, dtype=np.float64))
        most = weights.max(1, keepdims=True)
        bound.append(np.log(np.exp(weights - most).mean(1, dtype=np.float64)) + most[:, 0])
    elbo, bound = np.concatenate(elbo), np.concatenate(bound)
    error = bound.std() / np.sqrt(len(bound))
    print(
        f"{len(bound)} pictures, dynamically binarised: ELBO {elbo.mean():.2f}, bound of {args.samples} samples "
        f"{bound.mean():.2f} +- {error:.2f} nats; {time.time() - started:.0f} s"
    )


def restored(run_dir, count):
    """The first held-out pictures of a run's data, and its model with the weights of its last checkpoint."""
    config = types.SimpleNamespace(**json.loads((Path(run_dir) / "config.json").read_text(encoding="utf-8")))
    size = [int(side) for side in config.image_size.split("x")]
    data = images.images(
        config.dataset,
        image_size=(size[0], size[-1]),
        channels=config.channels,
        fit=config.fit,
        data_dir=config.data_dir,
    )
    model = vae.model_of(config, data.shapes["image"], data.train.counts[0])
    callbacks.load_networks(model, run_dir, "--run-dir")
    return batches.take(data.test, count), model


if __name__ == "__main__":
    main()
