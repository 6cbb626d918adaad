"""pix2pix: translates pictures, learned from pairs.

Default: the embedded glyphs, DejaVu Sans -> Serif Bold Italic at 64x64, 1,200 steps of 16. From a fresh clone, on an
Intel Xeon with AMX, in mixed_bfloat16: 3 min 9 s, L1 0.0402 on unseen characters (commit e00b023); on two cores of an
AMD EPYC with AVX2 only, in float32: 8 min 6 s, L1 0.0393 (commit 08abe86); of one with AVX512-BF16, in mixed_bfloat16:
2 min 9 s, L1 0.0412 (commit 7f9d04f). The input itself: 0.0869.

    python recipes/pix2pix.py
    python recipes/pix2pix.py --dataset=path/to/facades --direction=b_to_a --image-size=128 --batch-size=4 --steps=6000
    python recipes/pix2pix.py --preset=paper --dataset=path/to/facades --strategy=mirrored

Paper (arXiv 1611.07004): appendix 6.1 and 6.2; facades: 400 pairs, 200 epochs, batch 1, 256x256. Not yet run here.
"""

import dataclasses
from typing import Literal

from tfgan_zoo import Pix2Pix, run
from tfgan_zoo.data import images, transforms
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.unet import unet_generator
from tfgan_zoo.optimizers import Adam


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    """Train pix2pix."""

    steps: int = 1200
    direction: Literal["a_to_b", "b_to_a"] = "a_to_b"
    """Which half of a pair is the input: a is the left one, or the source style of the glyphs."""
    width: int = 32
    """Channels of the first layer."""
    normalization: Literal["batch", "instance"] = "batch"
    """instance is what the paper's batch norm does at batch size 1."""
    patch_layers: int = 2
    """Depth of the discriminator; 3 sees patches of 70x70, 2 of 34x34. A picture has 3 * 2**layers pixels a side or
    more."""
    jitter: bool = False
    """Enlarge by 286/256, crop at random and mirror (appendix 6.2); not for letters."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5, for both players (section 3.3)."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="facades", image_size=run.square(256), batch_size=1, steps=80_000, width=64,
        normalization="instance", patch_layers=3, jitter=True, direction="b_to_a",
    ),
}  # fmt: skip


def main(job, config):
    data = images.pairs(config.dataset, direction=config.direction, **config.pictures())
    source, target = data.shapes["image"], data.shapes["target"]
    with job.scope():
        generator = unet_generator(source, target[-1], width=config.width, normalization=config.normalization)
        discriminator = patchgan_discriminator(
            target, width=config.width, layers=config.patch_layers, condition_channels=source[-1],
            normalization=config.normalization, affine=True,
        )  # fmt: skip
        model = Pix2Pix(generator, discriminator, seed=config.seed)
        g_optimizer, d_optimizer = Adam(config.learning_rate, 0.5), Adam(config.learning_rate, 0.5)
    jitter = transforms.compose(transforms.random_jitter(286 / 256), transforms.random_flip) if config.jitter else None
    job.train(
        model, data, until=config.steps, metrics="l1", transform=jitter, g_optimizer=g_optimizer,
        d_optimizer=d_optimizer,
    )  # fmt: skip
    job.finish(model, data, metrics="l1")


if __name__ == "__main__":
    run.main("pix2pix", PRESETS, main)
