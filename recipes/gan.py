"""GAN: pictures, or points on a line or plane, from noise, by fully connected networks.

Default: the embedded glyphs (DejaVu Sans) at 16x16, 20,000 steps of 64, 1 min 7 s of one core of an Intel Xeon. Looked
at: most are letters or signs, soft, a few specks. Frechet distance to the training characters 6.1, recall 0.79 in the
features of a classifier of the letters (commit 937e36a, told the steps, three seeds; 7.6 and 0.70 after 10,000).

    python recipes/gan.py
    python recipes/gan.py --dataset=toy:gaussian --steps=3000
    python recipes/gan.py --dataset=toy:ring --steps=10000
    python recipes/gan.py --preset=paper

A run on `toy:...` ends with `through_training.png`; on `toy:gaussian` that is the paper's figure 1.
Paper (arXiv 1406.2661): section 5, MNIST, with the numbers of the published code's `mnist.yaml`: widths, maxout,
dropout, batch, law of z, learning rate and its decay. Left out: the ramp of its momentum from 0.5 to 0.7, the least
rate of 1e-6 that its decay ends at, its bounds of the first weights, the first biases of its output layer (those of
the data's means), its sigmoid output (tanh here; pictures are in [-1, 1]). Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import GAN, latent, run
from tfgan_zoo.data import images, toy
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import modes
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a GAN. --dataset also takes toy:gaussian, toy:ring and toy:grid."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 64
    steps: int = 20_000
    steps_per_execution: int = run.free(25)
    latent_dim: int = 64
    """Length of z."""
    prior: Literal["normal", "uniform"] = "normal"
    """The law of z, of variance 1 per component: N(0, 1), or uniform between -sqrt(3) and sqrt(3)."""
    width: int = 256
    """Units of the two hidden layers of each network; those of D are divided by the maxout pieces."""
    maxout: int = 1
    """Linear pieces of each hidden unit of D; 1: leaky ReLU."""
    dropout: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """The share of D's hidden units that drop out, and 2/5 of it of its inputs."""
    k: int = 1
    """Discriminator steps per generator step."""
    objective: Literal["non_saturating", "minimax"] = "non_saturating"
    """What the generator is trained on."""
    optimizer: Literal["adam", "sgd"] = "adam"
    """Adam with beta_1 0.5, or SGD with momentum 0.5 and a decay of 4e-6 per update."""
    learning_rate: float = 2e-4
    """The rate of both players."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="mnist", image_size=run.square(28), batch_size=100, steps=125_000, latent_dim=100,
        prior="uniform", width=1200, maxout=5, dropout=0.5, optimizer="sgd", learning_rate=0.1,
    ),
}  # fmt: skip


def main(job, config):
    if config.maxout > config.width:
        raise InputError(f"--maxout={config.maxout} is above the --width={config.width} that it divides; give fewer")
    if toy.is_toy(config.dataset):
        data, what = toy.points(config.dataset), "point"
    else:
        data, what = images.images(config.dataset, **config.pictures()), "image"
    shape = data.shapes[what]
    dropout = (0.4 * config.dropout, config.dropout, config.dropout) if config.dropout else ()

    def optimizer(rate):
        if config.optimizer == "adam":
            return Adam(rate, 0.5)
        return keras.optimizers.SGD(keras.optimizers.schedules.ExponentialDecay(rate, 1, 1 / 1.000004), momentum=0.5)

    with job.scope():
        generator = mlp_generator(shape, config.latent_dim, [config.width] * 2)
        discriminator = mlp_discriminator(
            shape, [config.width // config.maxout] * 2, "leaky_relu", pieces=config.maxout, dropout=dropout
        )
        model = GAN(
            generator,
            discriminator,
            k=config.k,
            generator_objective=config.objective,
            prior=latent.Prior(config.latent_dim, config.prior, bound=3**0.5),
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        g_optimizer = optimizer(config.learning_rate)
        # The published code halves D's loss; under SGD that is half the rate.
        d_optimizer = optimizer(config.learning_rate * (0.5 if config.optimizer == "sgd" else 1.0))

    def metrics():
        return modes.of_generator(model.served("generator"), data, config.seed)

    metrics = metrics if what == "point" else ""
    job.train(model, data, until=config.steps, metrics=metrics, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, metrics=metrics, draw=latent.tour)


if __name__ == "__main__":
    run.main("gan", PRESETS, main)
