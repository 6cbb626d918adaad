"""Unrolled GAN: pictures or points from noise, by a generator that looks K discriminator steps ahead.

Default: the embedded glyphs (DejaVu Sans) at 16x16, K = 5.

    python recipes/unrolled_gan.py
    python recipes/unrolled_gan.py --preset=paper
    python recipes/unrolled_gan.py --preset=paper --unroll-steps=0

Paper (arXiv 1611.02163): section 3.1 and appendix A, the ring of 8 Gaussians, K = 10 (figure 2), and K = 0 for what it
is compared with. The networks of appendix A are from memory: its text was not at hand. Optimizers, batch, steps and z
are those of the authors' demonstration on a smaller ring (github.com/poolio/unrolled_gan).
"""

import dataclasses
from typing import Literal

from tfgan_zoo import UnrolledGAN, latent, random, run
from tfgan_zoo.data import images, toy
from tfgan_zoo.metrics import modes
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an unrolled GAN. --dataset also takes toy:gaussian, toy:ring and toy:grid."""

    image_size: int = 16
    batch_size: int = 64
    steps: int = 3000
    latent_dim: int = 64
    """Length of z."""
    network: Literal["plain", "appendix_a"] = "plain"
    """plain: two hidden layers each; appendix_a: one in D, whose input is scaled by 1/4, and orthogonal weights."""
    width: int = 256
    """Of the hidden layers."""
    unroll_steps: int = dataclasses.field(default=5, metadata={"least": 0})
    """Discriminator steps under the generator's gradient, the paper's K."""
    objective: Literal["minimax", "non_saturating"] = "non_saturating"
    """What the generator is trained on; minimax is the paper's f_K."""
    g_learning_rate: float = 2e-4
    """The generator's, of Adam with beta_1 0.5."""
    d_learning_rate: float = 2e-4
    """The discriminator's."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="toy:ring", batch_size=512, steps=25_000, latent_dim=256, network="appendix_a",
        width=128, unroll_steps=10, objective="minimax", g_learning_rate=1e-3, d_learning_rate=1e-4, sample_every=2500,
        checkpoint_every=2500,
    ),
}  # fmt: skip


def load(config):
    if toy.is_toy(config.dataset):
        return toy.points(config.dataset)
    return images.images(config.dataset, image_size=config.image_size, data_dir=config.data_dir)


def build(config, data):
    shape = (data.channels,) if data.kind == "points" else (config.image_size, config.image_size, data.channels)
    if config.network == "appendix_a":
        generator = mlp_generator(shape, config.latent_dim, [config.width] * 2, initializer=_orthogonal)
        discriminator = mlp_discriminator(shape, [config.width], initializer=_orthogonal, scale=0.25)
    else:
        generator = mlp_generator(shape, config.latent_dim, [config.width] * 2)
        discriminator = mlp_discriminator(shape, [config.width] * 2, "leaky_relu")
    model = UnrolledGAN(
        generator,
        discriminator,
        unroll_steps=config.unroll_steps,
        generator_objective=config.objective,
        seed=config.seed,
    )
    return model, {"g_optimizer": Adam(config.g_learning_rate, 0.5), "d_optimizer": Adam(config.d_learning_rate, 0.5)}


def _orthogonal():
    return keras.initializers.Orthogonal(gain=0.8)


def evaluate(model, data, config):
    if data.kind != "points":
        return {}
    with random.stream(config.seed):
        samples = model.generator(random.normal([modes.SAMPLES, config.latent_dim]), training=False)
    return modes.coverage(samples, data.modes, data.sigma)


def draw(model, config):
    if toy.is_toy(config.dataset):
        return {}
    with random.stream(config.seed):
        return latent.strips(model.generator, random.normal([16, config.latent_dim]), spherical=True)


if __name__ == "__main__":
    run.main("unrolled_gan", PRESETS, load, build, evaluate=evaluate, draw=draw)
