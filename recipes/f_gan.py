"""f-GAN: pictures from noise, by an f-divergence of your choice.

Default: the embedded glyphs (DejaVu Sans) at 32x32, Jensen-Shannon divergence, 3,000 steps of 64, 3 minutes on two
cores of an Intel Xeon that did little else; an average of the generator is served, which the paper has not. Looked at:
letters and signs, with specks. FD 54, recall 0.70 in the features of a classifier of the letters, means of three seeds
(commit 69bddee).

    python recipes/f_gan.py
    python recipes/f_gan.py --divergence=kl
    python recipes/f_gan.py --preset=paper --dataset=path/to/pictures

Of the other divergences only squared Hellinger was run for long here (3,000 steps): it does not draw, its losses
explode (docs/results.md).

Paper (arXiv 1606.00709): section 4, LSUN classrooms at 96x96 with DCGAN's networks and optimizer; from memory, the text
was not at hand. The number of steps is a guess. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import FGAN, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.families.f_gan import DIVERGENCES
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an f-GAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 3000
    divergence: Literal[tuple(DIVERGENCES)] = "jensen_shannon"
    """Which divergence of the data from the generator is minimised (tables 2 and 6)."""
    objective: Literal["non_saturating", "minimax"] = "non_saturating"
    """What the generator is trained on: section 3.2, or Algorithm 1 as it stands."""
    latent_dim: int = 100
    """Length of z."""
    width: int = 32
    """Channels of the layer next to the picture; each further one has twice as many."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5, for both players."""
    average: float = dataclasses.field(default=0.01, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", average=0.0, dataset="lsun/classroom", image_size=run.square(96), steps=20_000, width=64
    ),
}


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    with job.scope():
        model = FGAN(
            dcgan_generator(shape, latent_dim=config.latent_dim, width=config.width),
            dcgan_discriminator(shape, width=config.width),
            divergence=config.divergence,
            generator_objective=config.objective,
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        g_optimizer, d_optimizer = Adam(config.learning_rate, 0.5), Adam(config.learning_rate, 0.5)
    job.train(model, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("f_gan", PRESETS, main)
