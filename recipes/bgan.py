"""BGAN: black and white pictures from noise, by a policy gradient; or continuous ones.

Default: the embedded glyphs (DejaVu Sans) at 16x16, each pixel black or white, 4,000 steps of 64, 2 minutes of one
core of an Intel Xeon. Looked at: letters, signs and small marks, one in ten blank (of the data, made black and white,
one in thirty). Precision 0.89, recall 0.80 in the features of a classifier of the letters, against such data (commit
937e36a, three seeds).

    python recipes/bgan.py
    python recipes/bgan.py --pixels=continuous
    python recipes/bgan.py --preset=paper

The default departs from the paper in the baseline. With batch norm in the discriminator, it won within 150 steps.

Paper (arXiv 1702.08431): binary MNIST. Batch, M, networks, law of z and optimizer are those of the published code's
script for discrete images, steps are its 100 epochs (of 60,000 digits; which of them its loader takes was not looked
up). Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import BGAN, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.families.bgan import mnist_discriminator, mnist_generator
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.optimizers import Adam

# isort: split
import tensorflow as tf  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a BGAN."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 64
    steps: int = 4000
    pixels: Literal["discrete", "continuous"] = "discrete"
    """discrete: the data is made black and white, and the generator draws such pixels; continuous: grey as it is."""
    samples: int = dataclasses.field(default=20, metadata={"least": 2})
    """Images per z that importance weights are normalised over, the paper's M; only where pixels are discrete."""
    baseline: bool = True
    """Take 1 / M from each weight: the same gradient on average, with less noise; only where pixels are discrete."""
    latent_dim: int = 64
    """Length of z."""
    network: Literal["dcgan", "mnist"] = "dcgan"
    """dcgan without batch norm in the discriminator and z from N(0, 1), or the published code's networks for digits
    and z uniform, as they want it."""
    width: int = 32
    """Channels of the layer next to the picture; each further one has twice as many."""
    g_learning_rate: float = 1e-3
    """The rate of the generator's Adam, with beta_1 0.5."""
    d_learning_rate: float = 1e-3
    """The rate of the discriminator's Adam, with beta_1 0.5."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="mnist", image_size=run.square(28), steps=93_700, baseline=False,
        network="mnist", width=64,
        g_learning_rate=1e-4, d_learning_rate=1e-4,
    ),
}  # fmt: skip


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    with job.scope():
        if config.network == "mnist":
            generator = mnist_generator(shape, latent_dim=config.latent_dim, width=config.width)
            discriminator = mnist_discriminator(shape, width=config.width)
            prior = latent.Prior(config.latent_dim, "uniform")
        else:
            generator = dcgan_generator(shape, latent_dim=config.latent_dim, width=config.width)
            discriminator = dcgan_discriminator(shape, width=config.width, normalization=None)
            prior = None
        model = BGAN(
            generator,
            discriminator,
            pixels=config.pixels,
            samples=config.samples,
            baseline=config.baseline,
            prior=prior,
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        g_optimizer, d_optimizer = Adam(config.g_learning_rate, 0.5), Adam(config.d_learning_rate, 0.5)
    transform = black_and_white if config.pixels == "discrete" else None
    job.train(model, data, until=config.steps, transform=transform, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, draw=latent.tour)


def black_and_white(example, seed, columns):
    return {"image": tf.where(example["image"] > 0.0, 1.0, -1.0)}


if __name__ == "__main__":
    run.main("bgan", PRESETS, main)
