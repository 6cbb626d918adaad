"""LAPGAN: pictures from noise, from coarse to fine along a Laplacian pyramid.

Default: the embedded glyphs (DejaVu Sans): 16x16, then 32x32, 16,000 steps of 64; an average of the generators is
served, which the paper has not, and without which there are specks. 28 minutes on an Intel Xeon that did other work; FD
86, precision 0.82, recall 0.52 in the features of a classifier of the letters, 150, 0.78 and 0.31 after half of it (the
first half at commit 5742a71 with --average=0.01, the second at 59525dd with --steps; one seed). Looked at: half are
letters or signs, strokes firm and frayed, a few specks. It is the 16x16 that need the steps (docs/results.md).
Starting from 5x5 (--image-size=20 --levels=3), the coarsest generator ends in a few shapes, with dropout in its
discriminator or without.

    python recipes/lapgan.py
    python recipes/lapgan.py --dataset=path/to/pictures --image-size=64 --levels=4
    python recipes/lapgan.py --preset=paper

Paper (arXiv 1506.05751): CIFAR-10 from 8x8; the finer networks, SGD and the real images of a batch as in the published
code (github.com/facebookarchive/eyescream), whose batch of 128 is half real, half fake. It departs from that code in
- the rate and the momentum, which stand still: there the momentum rises to 0.7 and the rate decays;
- the fakes of a generator's step, 64 where the code has 128;
- the data, [-1, 1] here, standardised there, where the coarsest generator is linear at its output; ours has a tanh;
- the coarsest networks: widths (two layers of 1200, and of 600 with dropout) are from memory, the code has other ones,
  a sigmoid in the generator's second layer and ReLU in the discriminator, where ours is leaky; their weights are
  Glorot's here, N(0, 0.05) and N(0, 0.005) there.
The number of steps is from memory. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import LAPGAN, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.lapgan import level_discriminator, level_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a LAPGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 16_000
    levels: int = dataclasses.field(default=2, metadata={"below": 17})
    """Sizes of the pyramid; each is half the one before."""
    latent_dim: int = 100
    """Length of the coarsest level's z; a finer one has a number per pixel."""
    coarse_width: int = dataclasses.field(default=512, metadata={"least": 2})
    """Units of both hidden layers of the coarsest, fully connected generator; its discriminator's are half as wide."""
    coarse_dropout: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """The share of hidden units of the coarsest discriminator that drop out."""
    width: int = 16
    """Channels of the finer levels' layers."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Adam with beta_1 0.5, or SGD with momentum 0.5."""
    learning_rate: float = 2e-4
    """The rate of both players, at every level; with SGD the discriminators have half of it."""
    average: float = dataclasses.field(default=0.01, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", average=0.0, dataset="cifar10", image_size=run.square(32), levels=3, steps=100_000,
        coarse_width=1200, coarse_dropout=0.5, width=64, optimizer="sgd", learning_rate=0.02,
    ),
}  # fmt: skip


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    height, breadth, channels = data.shapes["image"]
    last = 2 ** (config.levels - 1)
    if height % last or breadth % last:
        raise InputError(
            f"--image-size={config.image_size} does not halve {config.levels - 1} times; choose a multiple of"
            f" {last} or fewer --levels"
        )
    *finer, coarsest = [(height // 2**k, breadth // 2**k, channels) for k in range(config.levels)]
    width, dropout = config.coarse_width, (0.0, config.coarse_dropout, config.coarse_dropout)

    def optimizer(rate):
        return Adam(rate, 0.5) if config.optimizer == "adam" else keras.optimizers.SGD(rate, momentum=0.5)

    with job.scope():
        draws = mlp_generator(coarsest, config.latent_dim, [width] * 2)
        judges = mlp_discriminator(coarsest, [width // 2] * 2, "leaky_relu", dropout=dropout)
        model = LAPGAN(
            [*(level_generator(shape, config.width) for shape in finer), draws],
            [*(level_discriminator(shape, config.width) for shape in finer), judges],
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        g_optimizer = optimizer(config.learning_rate)
        # The published code's loss of D is one mean over real and fake images, half of ours: under SGD half the rate.
        d_optimizer = optimizer(config.learning_rate * (0.5 if config.optimizer == "sgd" else 1.0))
    job.train(model, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("lapgan", PRESETS, main)
