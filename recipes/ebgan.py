"""EBGAN: pictures from noise, by the energy of an auto-encoder.

Default: the embedded glyphs (DejaVu Sans) at 16x16, 4,000 steps of 64, 2 minutes of one core of an Intel Xeon. Looked
at: two of three are letters or signs, soft, faint specks. FD 4.0, recall 0.80 in the features of a classifier of the
letters (commit 59525dd, told the rate, three seeds). At a rate of D of 1e-3 two of three seeds fell apart after step
3,000.

    python recipes/ebgan.py
    python recipes/ebgan.py --pt-weight=0
    python recipes/ebgan.py --preset=paper --dataset=path/to/pictures

The default's pulling-away weight is ten times the paper's: with 0.1, at 32x32 and slower rates, all samples were still
alike after 250 steps.

Paper (arXiv 1609.03126): section 4.3, LSUN bedrooms at 64x64, pulling-away weight 0.1 (section 2.4), margin 80
(CelebA: 20). The appendix of settings was not seen: the margin and the auto-encoder are from memory; the generator is
DCGAN's, its width and the numbers of batch, rates and steps are guesses. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import EBGAN, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.families.ebgan import autoencoder, convolutional_autoencoder
from tfgan_zoo.networks.dcgan import dcgan_generator
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an EBGAN."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 64
    steps: int = 4000
    latent_dim: int = 100
    """Length of z."""
    width: int = 32
    """Channels of the layers next to a picture; each further one has twice as many."""
    autoencoder: Literal["dense", "convolutional"] = "dense"
    """dense: its code is a vector; convolutional: the paper's, whose code is feature maps."""
    code_dim: int = 64
    """Length of the code of a dense auto-encoder."""
    margin: float = 4.0
    """Fakes whose energy, the norm of the reconstruction error over all pixels, is above it teach D nothing."""
    pt_weight: float = 1.0
    """How much the pulling-away term counts; 0: not at all."""
    g_learning_rate: float = 5e-4
    """The rate of the generator's Adam, with beta_1 0.5."""
    d_learning_rate: float = 3e-4
    """The rate of the discriminator's Adam, with beta_1 0.5."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="lsun/bedroom", image_size=run.square(64), steps=100_000, width=64,
        autoencoder="convolutional", margin=80.0, pt_weight=0.1, g_learning_rate=2e-4, d_learning_rate=2e-4,
    ),
}  # fmt: skip


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    with job.scope():
        generator = dcgan_generator(shape, latent_dim=config.latent_dim, width=config.width)
        if config.autoencoder == "convolutional":
            discriminator = convolutional_autoencoder(shape, width=config.width)
        else:
            discriminator = autoencoder(shape, width=config.width, code_dim=config.code_dim)
        model = EBGAN(generator, discriminator, margin=config.margin, pt_weight=config.pt_weight, seed=config.seed)
        model.serve_average("generator", config.average)
        g_optimizer, d_optimizer = Adam(config.g_learning_rate, 0.5), Adam(config.d_learning_rate, 0.5)
    job.train(model, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("ebgan", PRESETS, main)
