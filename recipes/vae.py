"""VAE: codes of pictures and pictures of codes, by a bound of their likelihood; or a plain auto-encoder.

Default: the embedded glyphs (DejaVu Sans) at 32x32, pixels black and white by a new draw in each step. 8,000 steps of
128 take 50 s of an AMD EPYC with 2 cores that did other work too, in mixed_bfloat16; held-out negative ELBO 60.6 nats,
of which the divergence is 14.6, with 13 of 32 numbers of code active (commit 237333b). Looked at: unseen characters are
legible again, fine parts blurred; of the samples few are letters, most are smeared strokes.

    python recipes/vae.py
    python recipes/vae.py --dataset=mnist --image-size=28
    python recipes/vae.py --kl-weight=0 --deterministic
    python recipes/vae.py --preset=paper

Scores are of held-out pictures, made black and white at 1/2: `negative_elbo` in nats per picture (one sample of z), its
part `kl`, and `active_units`, numbers of the code that say something. `benchmarks/vae_bound.py` has the tighter bound
of 5,000 samples, under the binarisation of training: -88.0 nats of MNIST after 50,000 steps (docs/results.md).

Paper (arXiv 1312.6114): section 5 and the appendix, digits: 500 tanh units, 20 numbers of code (of 3, 5, 10, 20 and
200), Adagrad, minibatches of 100, one sample of z, weights from N(0, 0.01) and the prior N(0, 1) on the decoder's; its
step is chosen from 0.01, 0.02 and 0.1 there; that it is 100,000 steps is our choice. For faces: 200 units,
--likelihood=gaussian_with_variance. Not yet run here.
"""

import dataclasses
from typing import Literal

import numpy as np

from tfgan_zoo import VAE, latent, random, run
from tfgan_zoo.data import batches, images
from tfgan_zoo.families.vae import active_units
from tfgan_zoo.networks.vae import vae_decoder, vae_encoder
from tfgan_zoo.optimizers import Adam

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a VAE, or an auto-encoder."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 128
    steps: int = 8000
    latent_dim: int = 32
    """Length of a code."""
    hidden: tuple[int, ...] = (512, 512)
    """Units of the encoder's hidden layers; the decoder has the same, the last one first."""
    activation: Literal["tanh", "relu"] = "relu"
    """What the hidden units do."""
    likelihood: Literal["bernoulli", "gaussian", "gaussian_with_variance"] = "bernoulli"
    """The law of a picture given its code: of black and white pixels, or of grey ones with a fixed or a learned
    deviation."""
    binarize: Literal["dynamic", "threshold", "none"] = "dynamic"
    """How grey pixels become black and white: by a new draw in each step, at 1/2, or not at all; bernoulli alone."""
    deviation: float = 1.0
    """The deviation of pixels in [-1, 1] from their mean; gaussian alone."""
    deterministic: bool = False
    """One code for each picture, as in a plain auto-encoder; give --kl-weight=0 with it."""
    kl: Literal["analytic", "sampled"] = "analytic"
    """The estimator of the bound: of equation 7 or 6."""
    kl_weight: float = 1.0
    """How much the divergence of codes from N(0, 1) counts; 1: the bound of the likelihood."""
    samples: int = 1
    """How many z are drawn for each picture and step, the paper's L."""
    prior_on_weights: bool = False
    """Let the decoder's weights have the prior N(0, 1)."""
    optimizer: Literal["adam", "adagrad"] = "adam"
    """What both networks are trained by."""
    learning_rate: float = 1e-3
    """The rate of the optimizer."""
    initial_deviation: float = 0.0
    """Weights start from N(0, this squared); 0: as Keras starts them."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="mnist", image_size=run.square(28), batch_size=100, steps=100_000,
        latent_dim=20, hidden=(500,), activation="tanh", prior_on_weights=True,
        optimizer="adagrad", learning_rate=0.01, initial_deviation=0.01,
    ),
}  # fmt: skip


def model_of(config, shape, examples):
    """The model of these flags, for pictures of `shape` and so many training examples."""

    def initializer():
        return keras.initializers.RandomNormal(stddev=config.initial_deviation)

    layers = {"activation": config.activation, "initializer": initializer if config.initial_deviation else None}
    law = config.likelihood
    return VAE(
        vae_encoder(shape, config.latent_dim, config.hidden, deterministic=config.deterministic, **layers),
        vae_decoder(shape, config.latent_dim, config.hidden[::-1], law=law, **layers),
        likelihood="bernoulli" if law == "bernoulli" else "gaussian",
        binarize=config.binarize,
        deviation=config.deviation,
        kl=config.kl,
        kl_weight=config.kl_weight,
        samples=config.samples,
        decoder_decay=1 / examples if config.prior_on_weights else 0.0,
        seed=config.seed,
    )


def main(job, config):
    data = images.images(config.dataset, **config.pictures())
    with job.scope():
        model = model_of(config, data.shapes["image"], sum(data.train.counts))
        kind = keras.optimizers.Adagrad if config.optimizer == "adagrad" else Adam
        optimizer = kind(config.learning_rate)

    def held_out():
        log_likelihood, kl, means = [], [], []
        for number, image in enumerate(batches.in_order(data.test, 500)):
            seen = model.seen(image)
            with random.stream(config.seed, number):
                noise = random.normal([len(image), 1, config.latent_dim])
            of_pixels, of_code = model.terms(seen, noise)
            log_likelihood.append(of_pixels)
            kl.append(of_code)
            means.append(model.posterior(seen)[0])
        kl, log_likelihood = np.mean(np.concatenate(kl)), np.mean(np.concatenate(log_likelihood))
        measured = {"negative_elbo": kl - log_likelihood, "kl": kl} if model.has_deviation else {}
        return measured | {"reconstruction": -log_likelihood, "active_units": active_units(np.concatenate(means))}

    job.train(model, data, until=config.steps, metrics=held_out, vae_optimizer=optimizer)
    job.finish(model, data, metrics=held_out, draw=walks if model.has_deviation else None)


def walks(model):
    """Walks between codes drawn from N(0, 1), and sums of them."""
    with random.stream(model.seed):
        return latent.strips(model.decode, model.prior.draw(16), spherical=True)


if __name__ == "__main__":
    run.main("vae", PRESETS, main)
