"""RBM: black and white pictures from a restricted Boltzmann machine, to compare with.

Default: the embedded glyphs (DejaVu Sans) at 24x24, pixels black and white by a new draw in each step, 8,000 steps of
64 in under 2 minutes on two cores of an AMD EPYC with avx512_bf16 (commit fc9396c): negative_pseudo_log_likelihood 46.6
of 210 held-out pictures. Looked at: mean pictures of 1,000 Gibbs steps are grey, blurred letters of few kinds; so are
reconstructions.

    python recipes/rbm.py
    python recipes/rbm.py --preset=paper

The score, `negative_pseudo_log_likelihood`, is minus the sum over pixels of log p(pixel | all others) in nats, of
held-out pictures made black and white at 1/2; it is no log-likelihood.

Paper: the program of the Deep Learning Tutorials on MNIST, 500 hidden units, 20 chains of 15 Gibbs steps, SGD at 0.1,
minibatches of 20, 15 epochs (of its 50,000 digits). Not yet run here.
"""

import dataclasses
import math

import numpy as np

from tfgan_zoo import RBM, run
from tfgan_zoo.data import batches, images
from tfgan_zoo.families.rbm import seen
from tfgan_zoo.networks.rbm import rbm_energy
from tfgan_zoo.optimizers import LinearDecay

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a restricted Boltzmann machine."""

    image_size: run.ImageSize = run.square(24)
    batch_size: int = 64
    steps: int = 8000
    hidden: int = 400
    """How many hidden units there are."""
    gibbs_steps: int = 15
    """How many steps the chains go in each step of training."""
    chains: int = dataclasses.field(default=64, metadata={"least": 0})
    """How many chains go on from step to step; 0: they start at the data each time."""
    sample_steps: int = 1000
    """How many Gibbs steps lead to a sample."""
    learning_rate: float = 0.05
    """The rate of SGD; it falls linearly to 0 with the last step where --decay is given."""
    decay: bool = True
    """Let the rate fall to 0 with the last step."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="mnist", image_size=run.square(28), batch_size=20, steps=37_500, hidden=500, chains=20,
        learning_rate=0.1, decay=False,
    ),
}  # fmt: skip


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    with job.scope():
        model = RBM(
            rbm_energy(data.shapes["image"], config.hidden),
            gibbs_steps=config.gibbs_steps,
            chains=config.chains,
            sample_steps=config.sample_steps,
            seed=config.seed,
        )
        falling = LinearDecay(config.learning_rate, 0, config.steps)
        optimizer = keras.optimizers.SGD(falling if config.decay else config.learning_rate)

    count = min(500, *data.test.counts)

    def pixels():
        """All pixels of so many held-out pictures, each given the others."""
        image = seen(batches.take(data.test, count))
        each = [np.mean(model.pseudo_log_likelihood(image, i)) for i in range(math.prod(image.shape[1:]))]
        return {"negative_pseudo_log_likelihood": -np.mean(each)}

    job.train(model, data, until=config.steps, metrics=(pixels, count), rbm_optimizer=optimizer)
    job.finish(model, data, metrics=(pixels, count))


if __name__ == "__main__":
    run.main("rbm", PRESETS, main)
