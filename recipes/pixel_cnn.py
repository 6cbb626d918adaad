"""PixelCNN: the exact likelihood of pictures, and pictures drawn pixel by pixel.

Default: the embedded glyphs (DejaVu Sans) at 16x16, black and white by a threshold, the gated network. 6,000 steps of
64 take 8 min of one core of an Intel Xeon; 17.19 nats per held-out picture, 0.097 bits per pixel (commit 59525dd, told
the steps; 19.66 after 1,500). Looked at, 16 samples: letters and signs, dots, bars and accents as the data has, two
blobs.

    python recipes/pixel_cnn.py
    python recipes/pixel_cnn.py --dataset=mnist --image-size=28 --binarize=dynamic
    python recipes/pixel_cnn.py --preset=paper

`nats` is minus log p of a held-out picture, made black and white as in training (`--binarize`): the mean over them.
Most figures for MNIST in the literature are of one fixed draw of its pixels ("static"), which is not among our data.

Paper (arXiv 1601.06759): a first layer of 7x7 and 15 residual blocks of h = 128 (table 1, seen second-hand), on MNIST.
Rate, batch and steps are of a public program that came to 81.45 nats on MNIST with dynamic draws (pytorch-generative,
457 epochs); the paper's were not seen. Not yet run.
"""

import dataclasses
from typing import Literal

import numpy as np

from tfgan_zoo import PixelCNN, autoregressive, random, run
from tfgan_zoo.data import batches, images
from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn, pixel_cnn
from tfgan_zoo.optimizers import Adam

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a PixelCNN."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 64
    steps: int = 6000
    precision: Literal[run.devices.PRECISIONS] = "float32"
    """Compute precision. A likelihood is a sum over all pixels: half precision rounds it by more than models differ."""
    levels: int = dataclasses.field(default=2, metadata={"least": 2})
    """Values of each colour of a pixel; 2: black and white, 256: as files of 8 bits have them."""
    binarize: Literal["threshold", "dynamic"] = "threshold"
    """How grey pixels become black and white: by what is nearer, or drawn anew in each step."""
    gated: bool = True
    """Two stacks of gated layers, without a blind spot; else one stack of residual blocks."""
    width: int = 16
    """Channels of each stack."""
    layers: int = dataclasses.field(default=4, metadata={"least": 0})
    """Layers, or residual blocks, after the first layer."""
    kernel: int = 5
    """Side of their kernels, odd."""
    first_kernel: int = 7
    """Side of the kernel of the first layer, odd."""
    learning_rate: float = 1e-3
    """The rate of Adam."""
    decay: float = dataclasses.field(default=0.999977, metadata={"below": 1.000001})
    """What the rate is multiplied with after each step."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper",
        dataset="mnist",
        image_size=run.square(28),
        batch_size=256,
        steps=457 * 235,
        binarize="dynamic",
        gated=False,
        width=256,
        layers=15,
        kernel=3,
    ),
}


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    build = gated_pixel_cnn if config.gated else pixel_cnn
    with job.scope():
        network = build(
            data.shapes["image"],
            config.width,
            config.layers,
            kernel=config.kernel,
            first_kernel=config.first_kernel,
            levels=config.levels,
        )
        model = PixelCNN(network, levels=config.levels, binarize=config.binarize, seed=config.seed)
        rate = keras.optimizers.schedules.ExponentialDecay(config.learning_rate, 1, config.decay)
        p_optimizer = Adam(rate, 0.9)

    def likelihood():
        """Of all held-out pictures."""
        nats = []
        for i, batch in enumerate(batches.in_order(data.test, 500)):
            with random.stream(config.seed, i):
                numbers = autoregressive.training_values(batch, config.levels, config.binarize)
            nats.append(-np.array(model.of_values(numbers)))
        nats = float(np.mean(np.concatenate(nats)))
        return {"nats": nats, "bits_per_dim": nats / np.log(2.0) / model.prior.dim}

    job.train(model, data, until=config.steps, metrics=likelihood, p_optimizer=p_optimizer)
    job.finish(model, data, metrics=likelihood)


if __name__ == "__main__":
    run.main("pixel_cnn", PRESETS, main)
