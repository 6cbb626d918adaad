"""LSGAN: pictures from noise, by least squares.

Default: the embedded glyphs (DejaVu Sans) at 32x32, 3,000 steps of 64, under 4 minutes on two cores of an AMD EPYC that
did other work too; an average of the generator is served, which the paper has not. Looked at: most are letters with
marks and signs, a few faint ones. FD 64.3, recall 0.68 in the features of a classifier of the letters (commit 66c9185,
one seed).

    python recipes/lsgan.py
    python recipes/lsgan.py --coding=binary
    python recipes/lsgan.py --preset=paper --dataset=path/to/pictures

Paper (arXiv 1611.04076): section 4, LSUN bedrooms at 112x112. The text was not at hand: networks, law of z, rate, batch
and the largest number of steps are those of the published code (github.com/xudonmao/LSGAN), whose default data are
churches. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import LSGAN, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.families.lsgan import vgg_generator
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an LSGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 3000
    latent_dim: int = 100
    """Length of z."""
    prior: Literal["normal", "uniform"] = "normal"
    """The law of z: N(0, 1), or uniform in [-1, 1]."""
    network: Literal["dcgan", "vgg"] = "dcgan"
    """The generator: DCGAN's, or the paper's, which has two convolutions at each of the smaller sizes."""
    width: int = 32
    """Channels of the layer next to the picture; each further one has twice as many (vgg: four times at most)."""
    coding: Literal["binary", "pearson"] = "pearson"
    """What D should say of fakes and of data, and G of its fakes: 0, 1, 1 (equation 9), or -1, 1, 0 (equation 8)."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5, for both players."""
    average: float = dataclasses.field(default=0.01, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="lsun/bedroom", image_size=run.square(112), steps=1_000_000, latent_dim=1024,
        prior="uniform", network="vgg", width=64, learning_rate=1e-3, coding="binary", average=0.0,
    ),
}  # fmt: skip
CODINGS = {"binary": (0.0, 1.0, 1.0), "pearson": (-1.0, 1.0, 0.0)}


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    with job.scope():
        build = vgg_generator if config.network == "vgg" else dcgan_generator
        generator = build(shape, latent_dim=config.latent_dim, width=config.width)
        discriminator = dcgan_discriminator(shape, width=config.width)
        prior = latent.Prior(config.latent_dim, config.prior)
        model = LSGAN(generator, discriminator, coding=CODINGS[config.coding], prior=prior, seed=config.seed)
        model.serve_average("generator", config.average)
        g_optimizer, d_optimizer = Adam(config.learning_rate, 0.5), Adam(config.learning_rate, 0.5)
    job.train(model, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("lsgan", PRESETS, main)
