"""PartialConv: fills irregular holes.

Default: the embedded glyphs (DejaVu Sans) at 32x32 with holes of a tenth to a half of the picture, without perceptual
terms: 4,000 steps of 16. 2 min 24 s on two cores of an AMD EPYC with avx512_bf16 that did other work too. PSNR in the
holes of unseen characters: 14.62 dB, that of the mean of the hole's border 13.23 dB (commit 8cc5ad1). Strokes whose
ends are known are joined; what lies mostly in the hole stays pale. Photographs at 64x64, 8,000 steps: 16.50 dB, where
the biharmonic equation has 15.76 (docs/results.md).

    python recipes/partial_conv.py
    python recipes/partial_conv.py --dataset=path/to/photographs --masks=path/to/masks
    python recipes/partial_conv.py --preset=paper --dataset=path/to/photographs --vgg-weights=path/to/vgg16_notop.h5

Paper (arXiv 1804.07723): ImageNet, Places2 and CelebA-HQ at 512x512, batch 6, Adam at 2e-4, then at 5e-5 with the
encoder's batch norm frozen; the numbers are those of public summaries, the steps those of a public program (800,000 and
500,000) which has larger batches. Its masks are a data set of their own, with shares of 0.01 to 0.6. The weights of its
terms are for VGG16 as PyTorch has it. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import PartialConv, run
from tfgan_zoo.data import masked, transforms
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import holes
from tfgan_zoo.networks import vgg
from tfgan_zoo.networks.partial_unet import freeze_encoder, partial_unet
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train partial convolutions."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 16
    steps: int = 4000
    masks: str = "strokes"
    """Where the holes are: strokes, or strokes:LEAST,MOST for another share of the picture than 0.1 to 0.5; pixels;
    center; half; or a folder of masks that are black in the hole (white:FOLDER where they are white there)."""
    width: int = 32
    """Channels of the first layer; doubled with each level, up to 8 times."""
    levels: int = dataclasses.field(default=4, metadata={"least": 2, "below": 17})
    """How often the sides halve."""
    features: Literal["vgg16", "vgg19", "none"] = "none"
    """Whose features the perceptual and the style terms compare; none: a model without these terms."""
    vgg_weights: str = run.free("")
    """A file of Keras' weights of that network, without top."""
    flip: bool = False
    """Mirror half of the pictures; not for letters."""
    learning_rate: float = 2e-4
    """The rate of Adam in the first phase."""
    frozen_steps: int = dataclasses.field(default=800, metadata={"least": 0})
    """How many of the steps, the last ones, have the batch norm of the encoder frozen."""
    frozen_learning_rate: float = 5e-5
    """The rate of Adam in these."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="places365_small", image_size=run.square(512), batch_size=6, steps=1_300_000,
        frozen_steps=500_000, masks="strokes:0.01,0.6", width=64, levels=8, features="vgg16", flip=True,
    ),
}  # fmt: skip


def judge(config, channels):
    """What the perceptual terms compare, or None."""
    if config.features == "none":
        return None
    if not config.vgg_weights:
        raise InputError(f"--features={config.features} needs --vgg-weights=FILE; or give --features=none")
    if channels == 4:
        raise InputError(f"--features={config.features} judges grey or RGB pictures; give --channels=3")
    layers = ("block1_pool", "block2_pool", "block3_pool")
    return vgg.perceptual_features(config.vgg_weights, layers, network=config.features, channels=channels)


def main(job, config):
    if config.frozen_steps >= config.steps:
        raise InputError(f"--frozen-steps={config.frozen_steps} are all of --steps={config.steps}; give fewer")
    data = masked.masked(config.dataset, masks=config.masks, **config.pictures())
    shape = data.shapes["image"]
    with job.scope():
        generator = partial_unet(shape, width=config.width, levels=config.levels)
        model = PartialConv(generator, judge(config, shape[-1]), seed=config.seed)
        optimizer = Adam(config.learning_rate)
    how = {
        "transform": transforms.compose(transforms.random_flip, data.redraw) if config.flip else data.redraw,
        "metrics": lambda: holes.scores(model.inpaint, data, batch_size=config.batch_size),
    }
    job.train(model, data, until=config.steps - config.frozen_steps, g_optimizer=optimizer, **how)
    if config.frozen_steps:
        with job.scope():
            freeze_encoder(generator)
            model = PartialConv(generator, model.features, seed=config.seed)
            optimizer = Adam(config.frozen_learning_rate)
        job.train(model, data, until=config.steps, phase="frozen", g_optimizer=optimizer, **how)
    job.finish(model, data, metrics=how["metrics"])


if __name__ == "__main__":
    run.main("partial_conv", PRESETS, main)
