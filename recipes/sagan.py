"""SAGAN: pictures from noise, by networks that see all places of a picture at once.

Default: the embedded glyphs (DejaVu Sans) at 32x32, attention at 16x16, 6,000 steps of 64, 29 minutes on two cores of
an Intel Xeon beside other work, in float32; an average of the generator is served, which the paper has not. With
`--labels`: the Latin letters, drawn as asked for. Looked at: letters, signs and marks, about a third readable; faint
specks. FD 122, recall 0.56 in the features of a classifier of the letters, after 3,000 steps 79 and 0.46 (commit
6a1add6, one seed).

    python recipes/sagan.py
    python recipes/sagan.py --labels --run-dir=runs/letters
    python recipes/sagan.py --preset=paper

Paper (arXiv 1805.08318): section 4, ImageNet at 128x128 with labels, attention at 32x32, batch 256. Its number of steps
is that of the published code, its betas are the paper's (the code has 0 and 0.999). Not yet run here.
"""

import dataclasses

from tfgan_zoo import SAGAN, augment, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Augmented):
    """Train a SAGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 6000
    labels: bool = False
    """Tell both networks the class: conditional batch norm and a projection discriminator."""
    latent_dim: int = 128
    """Length of z."""
    width: int = 16
    """Channels next to the picture; twice as many with each halving of the size."""
    attention: int = 16
    """The smaller side of the maps that self-attention follows, in both networks."""
    g_learning_rate: float = 1e-4
    """The rate of the generator's Adam, with betas 0 and 0.9."""
    d_learning_rate: float = 4e-4
    """The rate of the discriminator's Adam, with betas 0 and 0.9."""
    average: float = dataclasses.field(default=0.01, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="imagenet2012", image_size=run.square(128), batch_size=256, steps=1_000_000,
        labels=True, width=64, attention=32, average=0.0,
    ),
}  # fmt: skip


def main(job, config):
    kind = images.labelled if config.labels else images.images
    data = kind(config.dataset, **config.pictures())
    shape, classes = data.shapes["image"], len(data.classes)
    both = {"grow": True, "num_classes": classes, "attention": config.attention}
    with job.scope():
        generator = sn_resnet_generator(shape, config.latent_dim, config.width, spectral=True, **both)
        discriminator = augment.wrapper(config)(sn_resnet_discriminator(shape, config.width, bias=True, **both))
        model = SAGAN(generator, discriminator, num_classes=classes, seed=config.seed)
        model.serve_average("generator", config.average)
        g_optimizer = Adam(config.g_learning_rate, beta_1=0.0, beta_2=0.9)
        d_optimizer = Adam(config.d_learning_rate, beta_1=0.0, beta_2=0.9)
    job.train(model, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("sagan", PRESETS, main)
