"""WGAN-GP: pictures from noise, by a critic that estimates the Wasserstein distance.

Default: the embedded glyphs (DejaVu Sans) at 32x32, DCGAN networks, 2,000 steps of 64 of 0.187 s each on two cores of
an AMD EPYC with avx512_bf16, in mixed_bfloat16. Looked at, not scored: many readable letters, some no letter at all
(shortly before commit 71e030a).

    python recipes/wgan_gp.py
    python recipes/wgan_gp.py --dataset=mnist --data-dir=path/to/tfds
    python recipes/wgan_gp.py --preset=paper

Paper (arXiv 1704.00028): section 5.4 and appendix F, CIFAR-10 with the ResNet; the generator's batch and the noise on
pixels are the published code's. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import WGANGP, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.networks import dcgan, resnet
from tfgan_zoo.optimizers import Adam, LinearDecay

# isort: split
import tensorflow as tf  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a WGAN-GP."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 2000
    latent_dim: int = 128
    """Length of z."""
    network: Literal["dcgan", "resnet"] = "dcgan"
    """dcgan without batch norm in the critic, or the paper's ResNet."""
    width: int = 32
    """Channels: of the layer next to the picture (dcgan), of every layer (resnet)."""
    n_critic: int = 5
    """Critic steps per generator step."""
    g_batches: int = 1
    """How many minibatches of fakes the generator's step is on."""
    dequantize: bool = False
    """Fill the gaps between the 256 values of a pixel: x / 128 - 1 plus noise, uniform in [0, 1/128]."""
    learning_rate: float = 1e-4
    """The rate of Adam with betas 0 and 0.9, for both players (Algorithm 1)."""
    decay: bool = False
    """Lower the learning rate linearly to 0."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(learning_rate=2e-4),
    "paper": Config(
        preset="paper", dataset="cifar10", network="resnet", width=128, steps=100_000, g_batches=2, dequantize=True,
        learning_rate=2e-4, decay=True,
    ),
}  # fmt: skip


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]

    def networks():
        if config.network == "resnet":
            generator = resnet.resnet_generator(shape, latent_dim=config.latent_dim, width=config.width)
            return generator, resnet.resnet_discriminator(shape, width=config.width)
        generator = dcgan.dcgan_generator(shape, latent_dim=config.latent_dim, width=config.width)
        return generator, dcgan.dcgan_discriminator(shape, width=config.width, normalization=None)

    def adam(updates):
        rate = LinearDecay(config.learning_rate, 0, updates) if config.decay else config.learning_rate
        return Adam(rate, beta_1=0.0, beta_2=0.9)

    with job.scope():
        model = WGANGP(*networks(), n_critic=config.n_critic, g_batches=config.g_batches, seed=config.seed)
        model.serve_average("generator", config.average)
        optimizers = {"g_optimizer": adam(config.steps), "d_optimizer": adam(config.steps * config.n_critic)}
    transform = dequantized if config.dequantize else None
    job.train(model, data, until=config.steps, transform=transform, **optimizers)
    job.finish(model, data, draw=latent.tour)


def dequantized(example, seed, columns):
    image = example["image"]
    noise = tf.random.stateless_uniform(tf.shape(image), seed, 0.0, 1 / 128)
    return {"image": (image + 1.0) * (127.5 / 128) - 1.0 + noise}


if __name__ == "__main__":
    run.main("wgan_gp", PRESETS, main)
