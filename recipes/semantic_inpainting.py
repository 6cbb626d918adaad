"""SemanticInpainting: fills holes by searching a trained DCGAN for the picture that fits.

Default: the embedded glyphs (DejaVu Sans) at 32x32 with holes of a tenth to a third of the picture: 2,000 steps of a
DCGAN, then a search of 1,500 for each of 64 unseen characters. 2 min 45 s on two cores of an AMD EPYC with avx512_bf16.
PSNR in the holes: 17.00 dB, that of the mean of the hole's border 13.92 dB; the loss falls from 10.8 to 1.15 (commit
ad10c8f, with edits). Most are legible, with marks that are not quite those of the character.

    python recipes/semantic_inpainting.py
    python recipes/semantic_inpainting.py --dcgan=runs/dcgan
    python recipes/semantic_inpainting.py --dataset=path/to/faces --image-size=64 --masks=center

Paper (arXiv 1607.07539): faces of CelebA at 64x64 and a DCGAN (its batch, steps and learning rate are those of
recipes/dcgan.py); holes in the center, of four fifths of the pixels at random, and others. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import DCGAN, SemanticInpainting, run
from tfgan_zoo.data import images, masked
from tfgan_zoo.metrics import holes
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.optimizers import Adam
from tfgan_zoo.run import callbacks

# isort: split
import tensorflow as tf  # after tfgan_zoo, which keeps its start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a DCGAN and fill holes by searching it."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 2000
    latent_dim: int = 100
    """Length of z."""
    width: int = 32
    """Channels of the layer next to the picture; each further one has twice as many."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5, for both players of the DCGAN."""
    dcgan: str = ""
    """A run folder of recipes/dcgan.py with the same sizes: its networks are searched, and none are trained."""
    masks: str = "strokes:0.1,0.35"
    """Where the holes are: strokes, or strokes:LEAST,MOST for another share of the picture than 0.1 to 0.5; pixels;
    center; half; or a folder of masks that are black in the hole (white:FOLDER where they are white there)."""
    weighting: Literal["paper", "official"] = "paper"
    """How known pixels count: the nearer to the hole the more, or, as in the authors' code, the less."""
    prior_weight: float = 0.003
    """How much the discriminator counts."""
    iterations: int = dataclasses.field(default=1500, metadata={"below": 10_001})
    """The length of a search, in steps of Adam."""
    search_rate: float = 0.01
    """Adam's rate in the search."""
    restarts: int = 1
    """Searches for each picture, from different z; the best is taken."""
    evaluated: int = 64
    """Held-out pictures that are filled for the score."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="celeb_a", image_size=run.square(64), steps=100_000, width=64, masks="center"
    ),
}


def scores(model, data, count):
    """PSNR in the holes, and the loss of the z's that were found beside that of those the search began with."""
    seed, found, begun = tf.constant(model.seed, tf.int64), [], []

    def inpaint(image, mask):
        made, start = (model.complete(image, mask, tf.constant(n), seed) for n in (model.iterations, 0))
        found.append(made["loss"])
        begun.append(start["loss"])
        return made["generated"]

    psnr = holes.scores(inpaint, data, count)
    return psnr | {"loss_found": tf.reduce_mean(tf.concat(found, 0)), "loss_begun": tf.reduce_mean(tf.concat(begun, 0))}


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    holed = masked.with_holes(data, config.masks, data_dir=config.data_dir)
    shape = data.shapes["image"]
    with job.scope():
        generator = dcgan_generator(shape, latent_dim=config.latent_dim, width=config.width)
        discriminator = dcgan_discriminator(shape, width=config.width)
        gan = DCGAN(generator, discriminator, seed=config.seed)
        g_optimizer, d_optimizer = Adam(config.learning_rate, 0.5), Adam(config.learning_rate, 0.5)
        model = SemanticInpainting(
            generator, discriminator, weighting=config.weighting, prior_weight=config.prior_weight,
            iterations=config.iterations, learning_rate=config.search_rate, restarts=config.restarts, seed=config.seed,
        )  # fmt: skip
    if config.dcgan:
        callbacks.load_networks(gan, config.dcgan, flag="--dcgan")
    else:
        job.train(gan, data, until=config.steps, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    model.step.assign(gan.step)
    count = min(config.evaluated, *holed.test.counts)
    job.finish(model, holed, metrics=(lambda: scores(model, holed, count), count))


if __name__ == "__main__":
    run.main("semantic_inpainting", PRESETS, main)
