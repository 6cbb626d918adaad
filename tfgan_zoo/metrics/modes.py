"""Mode coverage: how many Gaussians of a mixture, or stacks of digits, a generator has found."""

import numpy as np

from tfgan_zoo import random
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks

SAMPLES = 2500  # what VEEGAN draws
STACKED_SAMPLES = 25_600  # what PacGAN's code draws (github.com/fjxmlzn/PacGAN, stacked_MNIST_experiments)


def coverage(samples, modes, sigma):
    """VEEGAN's protocol (Srivastava et al. 2017, arXiv 1705.07761, section 4), told from memory of its text.

    A sample is of high quality within 3 sigma of the nearest mode (Euclidean distance); a mode is found when it is the
    nearest of at least one such sample.

    Args:
        samples: `[N, dim]`; the protocol draws `SAMPLES`.
        modes: `[M, dim]`.
        sigma: standard deviation of a mode.

    Returns:
        `{"modes": how many are found, "high_quality": the share of such samples}`.
    """
    distance = np.linalg.norm(np.asarray(samples, np.float64)[:, None] - np.asarray(modes), axis=-1)  # [N, M]
    nearest = distance.argmin(axis=1)
    good = distance.min(axis=1) <= 3 * sigma
    return {"modes": float(len(np.unique(nearest[good]))), "high_quality": float(good.mean())}


def of_generator(generator, data, seed):
    """`coverage` of `SAMPLES` points from normal noise.

    Args:
        generator: `z [N, latent_dim] -> point [N, dim]`.
        data: `toy.Points`.
        seed: of z.
    """
    with random.stream(seed):
        z = random.normal([SAMPLES, generator.input_shape[-1]])
    return coverage(generator(z, training=False), data.modes, data.sigma)


def digit_modes(images, classify, classes=10):
    """Modes of stacked pictures: which of `classes` each channel shows, read by a classifier of single channels.

    Three channels of digits have 1000 modes (Unrolled GAN, arXiv 1611.02163; its text was not at hand, the count and
    the divergence are as PacGAN's code has them). A mode is found when one picture shows it, good or bad.

    Args:
        images: `[N, H, W, C]` in [-1, 1]; that protocol draws `STACKED_SAMPLES`.
        classify: `[M, H, W, 1] -> logits or probabilities [M, classes]`, as `classifier.load_classifier` gives it.
        classes: of one channel.

    Returns:
        `{"modes": how many of classes**C are found, "kl": KL(found histogram || uniform) in nats}`. `kl` is 0 when all
        come equally often and log(classes**C) when there is but one. Of uniform modes it is about
        (classes**C - 1) / 2N.

    Raises:
        InputError: pictures of another shape or range, a classifier of another number of classes.
    """
    images = checks.images(images)
    total, channels = classes ** images.shape[-1], np.moveaxis(images, -1, 0)[..., None]  # [C, N, H, W, 1]
    scores = [checks.matrix(classify(channel), "scores", f"{classes}") for channel in channels]
    if any(score.shape != (len(images), classes) for score in scores):
        given = ", ".join(str(list(score.shape)) for score in scores)
        raise InputError(f"the classifier gives {given}; expected [{len(images)}, {classes}]: give one of this data")
    mode = np.ravel_multi_index([score.argmax(axis=1) for score in scores], [classes] * len(scores))
    share = np.bincount(mode, minlength=total) / len(mode)
    found = share[share > 0]
    return {"modes": float(len(found)), "kl": float(np.sum(found * np.log(found * total)))}
