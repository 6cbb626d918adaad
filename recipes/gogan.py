"""GoGAN: pictures from noise, by stages of critics that rank new fakes above those of the stage before.

Default: the embedded glyphs (DejaVu Sans) at 16x16, three stages of 400 steps. Looked at, not scored: most are
letter-like (the picture is of commit 9c865d8); its time was not noted.

    python recipes/gogan.py
    python recipes/gogan.py --dataset=toy:ring
    python recipes/gogan.py --preset=paper --dataset=path/to/pictures

A stage takes `--stage-steps`; a run of more `--steps` has more stages. On `toy:...` both networks are fully connected.
Paper (arXiv 1704.04865): CelebA, LSUN bedrooms and CIFAR-10 by its abstract. Sizes and schedule were not seen: the
preset has those of WGAN (arXiv 1701.07875, section 4), and three stages. Not yet run here.
"""

import dataclasses

from tfgan_zoo import GoGAN, latent, run
from tfgan_zoo.data import images, toy
from tfgan_zoo.metrics import modes
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a GoGAN. --dataset also takes toy:gaussian, toy:ring and toy:grid."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 32
    steps: int = 1200
    stage_steps: int = 400
    """Steps of each stage."""
    latent_dim: int = 100
    """Length of z."""
    width: int = 32
    """Channels of the layer next to the picture; each further one has twice as many. Hidden layers of networks for
    points have twice the width."""
    epsilon: float = 1.0
    """Margin between neighbours in the ranking."""
    rank_weight: float = 0.5
    """How much the term counts that ranks real examples above the last stage's fakes."""
    n_critic: int = 5
    """Critic steps per generator step."""
    clip: float = 0.1
    """Largest absolute value of a weight of the critic."""
    learning_rate: float = 5e-4
    """The rate of RMSprop, for both players."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="lsun/bedroom", image_size=run.square(64), batch_size=64, steps=600_000,
        stage_steps=200_000, width=64, learning_rate=5e-5,
    ),
}  # fmt: skip


def main(job, config):
    if toy.is_toy(config.dataset):
        data, metrics = (
            toy.points(config.dataset),
            lambda: modes.of_generator(model.served("generator"), data, config.seed),
        )
    else:
        data, metrics = images.images(config.dataset, **config.pictures()), ""

    def networks():
        if data.kind == "points":
            shape, widths = data.shapes["point"], [2 * config.width] * 2
            return mlp_generator(shape, config.latent_dim, widths), mlp_discriminator(shape, widths, "leaky_relu")
        shape = data.shapes["image"]
        generator = dcgan_generator(shape, latent_dim=config.latent_dim, width=config.width)
        return generator, dcgan_discriminator(shape, width=config.width)

    def rmsprop():
        # As in recipes/wgan.py: Keras' default epsilon would damp the small gradients of clipped weights.
        return keras.optimizers.RMSprop(config.learning_rate, rho=0.99, epsilon=1e-16)

    with job.scope():
        model = GoGAN(
            *networks(),
            stage_steps=config.stage_steps,
            epsilon=config.epsilon,
            rank_weight=config.rank_weight,
            n_critic=config.n_critic,
            clip=config.clip,
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        optimizers = {"g_optimizer": rmsprop(), "d_optimizer": rmsprop()}
    job.train(model, data, until=config.steps, metrics=metrics, **optimizers)
    job.finish(model, data, metrics=metrics, draw=latent.tour)


if __name__ == "__main__":
    run.main("gogan", PRESETS, main)
