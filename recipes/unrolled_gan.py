"""Unrolled GAN: pictures or points from noise, by a generator that looks K discriminator steps ahead.

Default: the embedded glyphs (DejaVu Sans) at 16x16, K = 5. 24,000 steps of 64 take 8 min of one core of an Intel
Xeon (commit 59525dd, with --steps). Looked at: half are letters, soft, with specks; FD 18, recall 0.65 in the features
of a classifier of the letters, 28 and 0.18 after 3,000 steps, 19 and 0.43 after 12,000. An average of G is no better.
The ring with the published steps and batch, three seeds (commit d5c6924): 8 of 8 modes with K = 10; the grid, five
seeds: 22, 17, 25, 20, 22.

    python recipes/unrolled_gan.py
    python recipes/unrolled_gan.py --preset=paper
    python recipes/unrolled_gan.py --preset=paper --unroll-steps=0
    python recipes/unrolled_gan.py --dataset=mnist --image-size=28 --network=recurrent --latent-dim=256 --width=128 \\
        --steps=2000 --g-learning-rate=1e-3 --d-learning-rate=1e-4
    python recipes/unrolled_gan.py --dataset=stacked_mnist --image-size=28 --network=stacked_mnist --width=64 \\
        --d-fraction=0.25 --latent-dim=256 --batch-size=128 --g-learning-rate=1e-4 --beta-2=0.99

Paper (arXiv 1611.02163): section 3.1 and appendix A, the ring of 8 Gaussians, K = 10 (figure 2), and K = 0 for what it
is compared with. The networks of appendix A are from memory: its text was not at hand. Optimizers, batch, steps and z
are those of the authors' demonstration on a smaller ring (github.com/poolio/unrolled_gan), with rates of 1e-3 and 1e-4;
appendix A has 1e-4 for both (from memory).

The fourth command is section 3.2, a recurrent generator of digits (from memory, too; with `--unroll-steps=0` it
collapses); the fifth the stacked digits, with the numbers of PacGAN's code (github.com/fjxmlzn/PacGAN):
benchmarks/stacked_mnist.py makes the table of it. On `mnist` and `stacked_mnist` a run ends with the number of digits,
or of the 1000 stacks of three, that a classifier finds in the samples; it is trained for that and stays in the run
folder.
"""

import dataclasses
from typing import Literal

import numpy as np

from tfgan_zoo import UnrolledGAN, latent, random, run
from tfgan_zoo.data import images, stacked_mnist, toy
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.unrolled_gan import recurrent_generator, stacked_generator, strided_discriminator
from tfgan_zoo.metrics import modes
from tfgan_zoo.metrics.classifier import load_classifier, train_classifier
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.optimizers import Adam

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train an unrolled GAN. --dataset also takes toy:gaussian, toy:ring, toy:grid and stacked_mnist."""

    image_size: run.ImageSize = run.square(16)
    batch_size: int = 64
    steps: int = 24_000
    latent_dim: int = 64
    """Length of z."""
    network: Literal["plain", "appendix_a", "recurrent", "stacked_mnist"] = "plain"
    """plain: two hidden layers each; appendix_a: one in D, whose input is scaled by 1/4, and orthogonal weights;
    recurrent: G an LSTM over the columns of a picture, D convolutional; stacked_mnist: both convolutional."""
    width: int = 256
    """Units of G's hidden layers or its LSTM, or (stacked_mnist) channels of its first layer; 64 in the paper."""
    d_fraction: float = 1.0
    """The width of D over that of G; the paper's stacked MNIST has 1/4 and 1/2."""
    unroll_steps: int = dataclasses.field(default=5, metadata={"least": 0})
    """Discriminator steps under the generator's gradient, the paper's K."""
    objective: Literal["minimax", "non_saturating"] = "non_saturating"
    """What the generator is trained on; minimax is the paper's f_K."""
    g_learning_rate: float = 2e-4
    """The rate of the generator's Adam, with beta_1 0.5."""
    d_learning_rate: float = 2e-4
    """The rate of the discriminator's Adam, with beta_1 0.5."""
    beta_2: float = dataclasses.field(default=0.999, metadata={"below": 1})
    """The beta_2 of both Adams."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="toy:ring", batch_size=512, steps=25_000, latent_dim=256, network="appendix_a",
        width=128, unroll_steps=10, objective="minimax", g_learning_rate=1e-3, d_learning_rate=1e-4, sample_every=2500,
        checkpoint_every=2500,
    ),
}  # fmt: skip


def main(job, config):
    if toy.is_toy(config.dataset):
        data = toy.points(config.dataset)
    elif config.dataset == stacked_mnist.NAME:
        data = stacked_mnist.stacks(image_size=config.image_size, data_dir=config.data_dir)
    else:
        data = images.images(config.dataset, **config.pictures())
    (shape,) = data.shapes.values()
    with job.scope():
        model = UnrolledGAN(
            *networks(config, shape),
            unroll_steps=config.unroll_steps,
            generator_objective=config.objective,
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        g_optimizer = Adam(config.g_learning_rate, 0.5, config.beta_2)
        d_optimizer = Adam(config.d_learning_rate, 0.5, config.beta_2)

    def points():
        return modes.of_generator(model.served("generator"), data, config.seed)

    def digits():
        real = images.labelled(
            "mnist", image_size=config.image_size, channels=1, data_dir=config.data_dir
        )  # fmt: skip
        classify = load_classifier(train_classifier(real, job.folder))
        with random.stream(config.seed):
            z = model.prior.draw(modes.STACKED_SAMPLES).numpy()
        samples = [model.served("generator")(part, training=False) for part in np.split(z, range(500, len(z), 500))]
        return modes.digit_modes(np.concatenate(samples), classify)

    of_digits = config.dataset in ("mnist", stacked_mnist.NAME)
    metrics = points if data.kind == "points" else digits if of_digits else ""
    job.train(model, data, until=config.steps, metrics=metrics, g_optimizer=g_optimizer, d_optimizer=d_optimizer)
    job.finish(model, data, metrics=metrics, draw=latent.tour)


def networks(config, shape):
    if config.network in ("plain", "appendix_a"):
        hidden, initializer = [config.width] * 2, None
        if config.network == "appendix_a":
            initializer = _orthogonal
            discriminator = mlp_discriminator(shape, _of_d(config, 1), initializer=initializer, scale=0.25)
        else:
            discriminator = mlp_discriminator(shape, _of_d(config, 1, 1), "leaky_relu")
        return mlp_generator(shape, config.latent_dim, hidden, initializer=initializer), discriminator
    if len(shape) == 1:
        raise InputError(f"--network={config.network} makes pictures, not points; give appendix_a or plain")
    if config.network == "recurrent":
        return (
            recurrent_generator(shape, config.latent_dim, config.width),
            strided_discriminator(shape, _of_d(config, 1 / 16, 1 / 8, 1 / 8)),
        )
    if config.width % 8:
        raise InputError(f"--width={config.width} halves three times in stacked_mnist; give a multiple of 8")
    return (
        stacked_generator(shape, config.latent_dim, config.width),
        strided_discriminator(shape, _of_d(config, 1 / 8, 1 / 4, 1 / 2)),
    )


def _of_d(config, *parts):
    """The widths of D's layers: these parts of its share of G's width."""
    widths = [config.width * config.d_fraction * part for part in parts]
    if any(width != round(width) or width < 1 for width in widths):
        raise InputError(
            f"--width={config.width} with --d-fraction={config.d_fraction} gives D layers of {widths[0]:g} and more "
            "units; give numbers whose product makes whole ones"
        )
    return [round(width) for width in widths]


def _orthogonal():
    return keras.initializers.Orthogonal(gain=0.8)


if __name__ == "__main__":
    run.main("unrolled_gan", PRESETS, main)
