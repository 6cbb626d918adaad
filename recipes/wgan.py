"""WGAN: pictures from noise, by a critic with clipped weights.

Default: the embedded glyphs (DejaVu Sans) at 32x32, with a larger learning rate than the paper's, 2,000 steps of 64.
Looked at, not scored: letter-like, with specks (the picture is of commit 0d100ce); its time was not noted.

    python recipes/wgan.py
    python recipes/wgan.py --preset=paper --dataset=path/to/pictures

Paper (arXiv 1701.07875): section 4, LSUN bedrooms at 64x64, DCGAN with the 4x4 kernels of the published code. That has
no bias in the generator's last layer and the critic's first and last, where these networks have one. The number of
steps is a guess. Not yet run here.
"""

import dataclasses

from tfgan_zoo import WGAN, latent, run
from tfgan_zoo.data import images
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a WGAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 2000
    latent_dim: int = 100
    """Length of z."""
    width: int = 32
    """Channels of the layer next to the picture; each further one has twice as many."""
    kernel: int = 5
    """Height and width of the kernels; 4 in the published code."""
    n_critic: int = 5
    """Critic steps per generator step (Algorithm 1)."""
    clip: float = 0.01
    """Largest absolute value of a weight of the critic (Algorithm 1)."""
    learning_rate: float = 5e-5
    """The rate of RMSprop, for both players (Algorithm 1)."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(learning_rate=2e-4),
    "paper": Config(
        preset="paper", dataset="lsun/bedroom", image_size=run.square(64), steps=500_000, width=64, kernel=4
    ),
}


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    shape = data.shapes["image"]

    def rmsprop():
        # Torch's, as in the published code. Keras adds its epsilon under the square root: 1e-7, its default, would
        # damp gradients below 3e-4, and those of small clipped weights are.
        return keras.optimizers.RMSprop(config.learning_rate, rho=0.99, epsilon=1e-16)

    with job.scope():
        generator = dcgan_generator(shape, config.latent_dim, config.width, kernel=config.kernel)
        discriminator = dcgan_discriminator(shape, config.width, kernel=config.kernel)
        model = WGAN(generator, discriminator, n_critic=config.n_critic, clip=config.clip, seed=config.seed)
        model.serve_average("generator", config.average)
        optimizers = {"g_optimizer": rmsprop(), "d_optimizer": rmsprop()}
    job.train(model, data, until=config.steps, **optimizers)
    job.finish(model, data, draw=latent.tour)


if __name__ == "__main__":
    run.main("wgan", PRESETS, main)
