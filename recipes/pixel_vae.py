"""PixelVAE: codes of pictures, and pictures drawn pixel by pixel given a code.

Default: the Latin letters of the embedded glyphs (DejaVu Sans, in any case, accent and style) at 16x16, black and white
by a threshold; a decoder that sees a pixel to the left and two rows above by itself. 6,000 steps of 64 take 2 min of
one core of an Intel Xeon. Of 552 held-out pictures: minus the bound 20.1 nats, 19.2 by 10 codes each; KL divergence
7.3; the code of another picture costs 16.6 more (commit 937e36a, told the steps; after 1,500: 22.5, 21.6, 5.7, 9.1).
Looked at: samples are letters with accents, a few in pieces; a code keeps weight and accents, pixels vary the letter.
With `--layers=2 --first-kernel=5 --code-maps=0 --kl-steps=500`, at a smaller start of the kernels, the code went
unused: 0.03 nats of KL divergence after 1,000 steps.

    python recipes/pixel_vae.py
    python recipes/pixel_vae.py --layers=0 --first-kernel=3
    python recipes/pixel_vae.py --dataset=mnist --image-size=28 --binarize=dynamic
    python recipes/pixel_vae.py --preset=paper

How far the decoder sees by itself is `--layers`, `--kernel` and `--first-kernel`: the less, the more the code has to
say. Of held-out pictures, in nats: `nats`, minus the bound; `kl`; `importance_nats`, minus the bound of
`--importance-samples` codes each; and `shuffled_gap`, what a picture costs more by the code of another one, 0 where the
decoder ignores the code.

Paper (arXiv 1611.05013): binarised MNIST as its published program has it, `-L 12 -fs 5 -dpx 16 -ldim 16`. That has one
fixed draw of black and white pixels, which is not among our data: here they are drawn anew. Not yet run. Smaller
networks on MNIST, 4 epochs: minus the bound 84.4 nats (docs/results.md).
"""

import dataclasses
from typing import Literal

import numpy as np

from tfgan_zoo import PixelVAE, autoregressive, base, layers, random, run
from tfgan_zoo.data import batches, images
from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn
from tfgan_zoo.networks.pixel_vae import pixel_vae_encoder
from tfgan_zoo.optimizers import Adam

# isort: split
import tensorflow as tf  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a PixelVAE."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 64
    steps: int = 6000
    precision: Literal[run.devices.PRECISIONS] = "float32"
    """Compute precision. A likelihood is a sum over all pixels: half precision rounds it by more than models differ."""
    labels: bool = True
    """Take labelled pictures, of glyphs the letters; their labels are not looked at."""
    levels: int = dataclasses.field(default=2, metadata={"least": 2})
    """Values of each colour of a pixel; 2: black and white, 256: as files of 8 bits have them."""
    binarize: Literal["threshold", "dynamic"] = "threshold"
    """How grey pixels become black and white: by what is nearer, or drawn anew in each step."""
    latent_dim: int = 16
    """Length of the code."""
    width: int = 16
    """Channels of the first layers of the encoder."""
    decoder_width: int = 16
    """Channels of each stack of the decoder."""
    layers: int = dataclasses.field(default=0, metadata={"least": 0})
    """Layers of the decoder after its first one."""
    kernel: int = 3
    """Side of their kernels, odd."""
    first_kernel: int = 3
    """Side of the kernel of the first layer, odd."""
    code_maps: int = dataclasses.field(default=4, metadata={"least": 0})
    """How many maps of the picture's size the decoder's gates are told the code by; 0: by one bias for all pixels."""
    kl_steps: int = 1000
    """Over how many steps the weight of the KL divergence rises to 1."""
    importance_samples: int = 10
    """Codes per picture of the tighter bound that is measured."""
    learning_rate: float = 1e-3
    """The rate of Adam."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper",
        dataset="mnist",
        image_size=run.square(28),
        batch_size=100,
        steps=200_000,
        binarize="dynamic",
        width=32,
        layers=12,
        code_maps=0,
        kernel=5,
        first_kernel=7,
        kl_steps=10_000,
    ),
}


def main(job, config):
    kind = images.labelled if config.labels else images.images
    data = kind(config.dataset, **config.pictures())
    shape = data.shapes["image"]
    with job.scope():
        encoder = pixel_vae_encoder(shape, config.latent_dim, config.width)
        decoder = gated_pixel_cnn(
            shape,
            config.decoder_width,
            config.layers,
            kernel=config.kernel,
            first_kernel=config.first_kernel,
            levels=config.levels,
            code_dim=config.latent_dim,
            code_maps=config.code_maps,
            normalization=layers.WeightNorm(),
        )
        how = {"levels": config.levels, "binarize": config.binarize, "kl_steps": config.kl_steps}
        model = PixelVAE(encoder, decoder, **how, seed=config.seed)
        vae_optimizer = Adam(config.learning_rate, 0.9)

    @tf.function
    def measured(numbers, noise):
        """Of some pictures: what `bounds` has the means of."""
        kl = tf.reduce_mean(model.kl(numbers))
        nats = -tf.reduce_mean(model.bound(numbers, noise[0]))
        importance = -tf.reduce_mean(model.importance_bound(numbers, noise))
        gap = tf.reduce_mean(model.shuffled_gap(numbers, noise[0]))
        return {"nats": nats, "kl": kl, "importance_nats": importance, "shuffled_gap": gap}

    def bounds():
        """Of all held-out pictures."""
        rows, counts = [], []
        for i, batch in enumerate(batches.in_order(data.test, 100)):
            real, _ = base.image_and_label(batch)
            with random.stream(config.seed, i):
                numbers = autoregressive.training_values(real, config.levels, config.binarize)
                noise = tf.stack([model.prior.like(real) for _ in range(config.importance_samples)])
            rows.append([float(value) for value in measured(numbers, noise).values()])
            counts.append(len(real))
        names = ("nats", "kl", "importance_nats", "shuffled_gap")
        return dict(zip(names, np.average(rows, axis=0, weights=counts), strict=True))

    job.train(model, data, until=config.steps, metrics=bounds, vae_optimizer=vae_optimizer)
    job.finish(model, data, metrics=bounds, draw=same_codes)


def same_codes(model):
    """A row per code: pictures drawn with other numbers."""
    with random.stream(model.seed):
        z = model.prior.draw(8)
        return {"same_codes": {f"{i}": model.decode(z) for i in range(8)}}


if __name__ == "__main__":
    run.main("pixel_vae", PRESETS, main)
