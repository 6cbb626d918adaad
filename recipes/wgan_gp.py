"""WGAN-GP: pictures from noise, by a critic that estimates the Wasserstein distance.

Default: the embedded glyphs (DejaVu Sans) at 32x32, DCGAN networks.

    python recipes/wgan_gp.py
    python recipes/wgan_gp.py --dataset=mnist --data-dir=path/to/tfds
    python recipes/wgan_gp.py --preset=paper

Paper (arXiv 1704.00028): section 5.4 and appendix F, CIFAR-10 with the ResNet. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import WGANGP, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.networks import dcgan, resnet
from tfgan_zoo.optimizers import Adam, LinearDecay


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a WGAN-GP."""

    image_size: int = 32
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
    learning_rate: float = 1e-4
    """Of Adam with betas 0 and 0.9 (Algorithm 1)."""
    decay: bool = False
    """Lower the learning rate linearly to 0."""


PRESETS = {
    "default": Config(learning_rate=2e-4),
    "paper": Config(
        preset="paper", dataset="cifar10", network="resnet", width=128, steps=100_000, learning_rate=2e-4, decay=True
    ),
}  # fmt: skip


def load(config):
    return images.images(config.dataset, image_size=config.image_size, data_dir=config.data_dir)


def build(config, data):
    shape = (config.image_size, config.image_size, data.channels)
    if config.network == "resnet":
        generator = resnet.resnet_generator(shape, latent_dim=config.latent_dim, width=config.width)
        discriminator = resnet.resnet_discriminator(shape, width=config.width)
    else:
        generator = dcgan.dcgan_generator(shape, latent_dim=config.latent_dim, width=config.width)
        discriminator = dcgan.dcgan_discriminator(shape, width=config.width, normalization=None)
    model = WGANGP(generator, discriminator, n_critic=config.n_critic, seed=config.seed)

    def adam(updates):
        rate = LinearDecay(config.learning_rate, 0, updates) if config.decay else config.learning_rate
        return Adam(rate, beta_1=0.0, beta_2=0.9)

    return model, {"g_optimizer": adam(config.steps), "d_optimizer": adam(config.steps * config.n_critic)}


if __name__ == "__main__":
    run.main("wgan_gp", PRESETS, load, build, draw=latent.tour)
