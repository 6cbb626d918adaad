"""Recycle-GAN: translates video between two domains frame by frame, learned without pairs and through time.

Default: clips of the embedded glyphs, turning, DejaVu Sans <-> Serif Bold Italic at 32x32; hidden pairs score the
result. 7 minutes for 2,000 steps of 4 clips on two cores of an AMD EPYC with avx512_bf16, shared with other work, in
mixed_bfloat16; L1 per frame 0.0846 and 0.0634, where the input itself has 0.0831; flicker 0.0913 and 0.0651
(0.0735); the next frame is predicted to 0.0368 and 0.0352, where the last one again has 0.0609 and 0.0739 (commit
89666e6). So towards the bold style nothing is won in pixels yet.

    python recipes/recycle_gan.py
    python recipes/recycle_gan.py --dataset=path/to/folder     # trainA/ and trainB/ with a folder of frames per clip
    python recipes/recycle_gan.py --preset=paper --dataset=path/to/folder --steps=200000
    python -m benchmarks.recycle_gan                           # beside a CycleGAN that learns from single frames

Paper (arXiv 1808.05174) and its published scripts: 256x256, cut at random from 286x286, batch 1, 100 epochs and 100
more in which the rate goes to 0. `--steps` is 200 times the windows of the smaller domain's training clips; 20 to 40
epochs are enough where there is much data, the program's page says. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import RecycleGAN, run
from tfgan_zoo.data import frames, transforms
from tfgan_zoo.metrics import flicker
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.networks.unet import unet_generator
from tfgan_zoo.optimizers import Adam, LinearDecay


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train a Recycle-GAN."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 4
    steps: int = 2000
    width: int = 32
    """Channels of the first layer of the translators and discriminators."""
    predictor_width: int = 32
    """Channels of the first layer of the predictors."""
    blocks: int = 3
    """Residual blocks of each translator; the paper has 6."""
    patch_layers: int = 2
    """Depth of the discriminators; 3 sees patches of 70x70, 2 of 34x34."""
    distance: Literal["l1", "l2"] = "l1"
    """How far a frame is from what is predicted: l1, as the published program has it, or l2, as the paper."""
    jitter: bool = False
    """Enlarge by 286/256 and crop at random, the frames of a clip at one place; not for letters."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5: constant for the first half, then linearly to 0."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="path/to/folder", image_size=run.square(256), channels=3, batch_size=1, steps=200_000,
        width=64, predictor_width=64, blocks=6, patch_layers=3, jitter=True,
    ),
}  # fmt: skip


def main(job, config):
    data = frames.frames(config.dataset, **config.pictures())
    with job.scope():
        model = RecycleGAN(*networks(config, data.shapes["a"][1:]), distance=config.distance, seed=config.seed)
        optimizers = {"g_optimizer": adam(config), "d_optimizer": adam(config)}

    def metrics():
        translators = {"a_to_b": model.a_to_b, "b_to_a": model.b_to_a}
        return flicker.of_translators(data, translators, {"a": model.next_a, "b": model.next_b})

    jitter = transforms.independently(transforms.random_jitter(286 / 256)) if config.jitter else None
    job.train(model, data, until=config.steps, metrics=metrics, transform=jitter, **optimizers)
    job.finish(model, data, metrics=metrics)


def networks(config, shape):
    """Two translators, two predictors and two discriminators, as `RecycleGAN` takes them."""
    height, width, channels = shape

    def translator():
        return residual_translator_generator(shape, width=config.width, blocks=config.blocks)

    def predictor():
        two = (height, width, 2 * channels)
        return unet_generator(two, channels, config.predictor_width, "instance", dropout=0.0, affine=False)

    def discriminator():
        return patchgan_discriminator(shape, width=config.width, layers=config.patch_layers, normalization="instance")

    return [build() for build in (translator, predictor, discriminator) for _ in "ab"]


def adam(config):
    return Adam(LinearDecay(config.learning_rate, config.steps // 2, config.steps), 0.5)


if __name__ == "__main__":
    run.main("recycle_gan", PRESETS, main)
