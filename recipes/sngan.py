"""SNGAN: pictures from noise, by a discriminator whose every layer has spectral norm 1.

Default: the embedded glyphs (DejaVu Sans) at 32x32, 3,000 steps of 64, 22 minutes on two cores of an Intel Xeon that
did much other work; an average of the generator is served, which the papers have not. With `--labels`: the Latin
letters, drawn as asked for. Looked at: half are letters, clean strokes; one of sixteen blank. FD 102, recall 0.55 in
the features of a classifier of the letters (commit 5742a71 with --n-dis=2, one seed).

    python recipes/sngan.py
    python recipes/sngan.py --labels --run-dir=runs/letters
    python recipes/sngan.py --labels --dataset=mnist
    python recipes/sngan.py --preset=paper

The default departs from the paper in two discriminator steps per generator step: with five, a third of the glyphs were
still blank after 600 steps, the generator's tanh saturated at white; with one, FD was 126 and recall 0.35.

Papers (arXiv 1802.05957, 1802.05637): CIFAR-10 with the ResNet, sizes and schedule of the published code. Not yet run
here.
"""

import dataclasses

from tfgan_zoo import SNGAN, augment, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.networks.sn_resnet import sn_resnet_discriminator, sn_resnet_generator
from tfgan_zoo.optimizers import Adam, LinearDecay


@dataclasses.dataclass(kw_only=True)
class Config(run.Augmented):
    """Train an SNGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 3000
    labels: bool = False
    """Tell both networks the class: conditional batch norm and a projection discriminator."""
    latent_dim: int = 128
    """Length of z."""
    g_width: int = 32
    """Channels of every layer of the generator."""
    d_width: int = 32
    """Channels of every layer of the discriminator."""
    n_dis: int = 2
    """Discriminator steps per generator step; the paper's 5 win too early on glyphs."""
    learning_rate: float = 2e-4
    """The rate of Adam with betas 0 and 0.9, for both players."""
    decay: bool = False
    """Lower the learning rate linearly to 0."""
    average: float = dataclasses.field(default=0.01, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", average=0.0, dataset="cifar10", steps=50_000, g_width=256, d_width=128, n_dis=5, decay=True
    ),
}


def main(job, config):
    kind = images.labelled if config.labels else images.images
    data = kind(config.dataset, **config.pictures())
    shape, classes = data.shapes["image"], len(data.classes)

    def adam(updates):
        rate = LinearDecay(config.learning_rate, 0, updates) if config.decay else config.learning_rate
        return Adam(rate, beta_1=0.0, beta_2=0.9)

    with job.scope():
        generator = sn_resnet_generator(shape, config.latent_dim, config.g_width, num_classes=classes)
        discriminator = augment.wrapper(config)(sn_resnet_discriminator(shape, config.d_width, num_classes=classes))
        model = SNGAN(generator, discriminator, num_classes=classes, n_dis=config.n_dis, seed=config.seed)
        model.serve_average("generator", config.average)
        optimizers = {"g_optimizer": adam(config.steps), "d_optimizer": adam(config.steps * config.n_dis)}
    job.train(model, data, until=config.steps, **optimizers)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("sngan", PRESETS, main)
