"""GAN-CLS: pictures of what a text says, by a discriminator that also looks whether the text is the right one.

Default: the Latin letters of the embedded glyphs (DejaVu Sans, serif, mono in their styles) at 32x32, told by Unicode's
names for them; a tenth of the names are held out, and with them combinations of letter, case and accents. 3,000 steps
of 64 take 11 min 37 s of an Intel Xeon with 2 cores that trained another network too, in float32. A judge of names
reads the letter that was asked for in 94.2 % of the pictures of held-out names, the case in 98.2 %, the accents in
42.4 % (seen names: 97.8, 99.0, 57.0; real ones: 97.8, 100, 94.6; commit a9fee88 with what is the default since).
Looked at: letters with their accents, grey specks beside them; all z give one picture of a name. After 30,000 steps of
wider networks, on an accelerator (the second line), strokes are crisp and 70.1 % of held-out names are drawn right,
letter, case and accents (docs/results.md).

    python recipes/text_to_image.py
    python recipes/text_to_image.py --g-width=96 --d-width=64 --text-dim=128 --embedding-dim=256 --steps=30000 \\
        --average=0.01 --diff-augment=translation
    python recipes/text_to_image.py --dataset=emoji_pairs
    python recipes/text_to_image.py --preset=paper --dataset=path/to/birds

Paper (arXiv 1605.05396): birds (CUB), flowers (Oxford-102) or COCO at 64x64, cut from 76x76, batch 64, 600 epochs (COCO
200), Adam(2e-4, 0.5) whose rate halves every 100 (40). The preset counts epochs of 8,855 birds. `--dataset` is a folder
with a text file beside each picture. The encoder is not the paper's. How the paper joins text and picture lets D tell
right from wrong without the text (docs/results.md). Not yet run here.
"""

import dataclasses

from tfgan_zoo import GANCLS, augment, run
from tfgan_zoo.data import captioned, transforms
from tfgan_zoo.networks.text_to_image import bag_of_words, gan_cls_discriminator, gan_cls_generator
from tfgan_zoo.optimizers import Adam
from tfgan_zoo.words import Words

# isort: split
import keras  # after tfgan_zoo, which keeps TensorFlow's start-up messages off the terminal


@dataclasses.dataclass(kw_only=True)
class Config(run.Augmented):
    """Train a GAN-CLS on pictures with captions."""

    image_size: run.ImageSize = run.square(32)
    batch_size: int = 64
    steps: int = 3000
    crop: int = dataclasses.field(default=0, metadata={"least": 0})
    """Learn from parts so high and wide, at random places and half of them mirrored; 0: from whole pictures."""
    latent_dim: int = 100
    """Length of z."""
    embedding_dim: int = 128
    """Length of what a text is encoded as."""
    text_dim: int = 64
    """What each player compresses that to."""
    g_width: int = 48
    """Channels of the generator's map next to the picture, twice as many with each halving of the size."""
    d_width: int = 32
    """Channels of the discriminator's first layer, twice as many with each halving of the size."""
    projection: bool = True
    """Join text and picture in D by an inner product; the paper has a convolution of both, and batch norm behind it."""
    interpolate: bool = False
    """Draw texts halfway between two as well (GAN-INT, as in the paper); halfway between two names there is none."""
    learning_rate: float = 2e-4
    """The rate of Adam with beta_1 0.5, for both players."""
    halve_every: int = dataclasses.field(default=0, metadata={"least": 0})
    """Steps after which the rate halves, again and again; 0: never."""
    average: float = dataclasses.field(default=0.0, metadata={"below": 1})
    """What a moving average of G's weights takes of the new ones in a step, if it is to be served; 0: G itself is."""


PRESETS = {
    "default": Config(),
    "paper": Config(
        preset="paper", dataset="birds", image_size=run.square(76), crop=64, steps=600 * 138, halve_every=100 * 138,
        embedding_dim=1024, text_dim=128, g_width=128, d_width=64, projection=False, interpolate=True,
    ),
}  # fmt: skip


def main(job, config):
    data = captioned.captioned(config.dataset, **config.pictures())
    words = Words.of(data.captions)
    height, width, channels = data.shapes["image"]
    shape, transform = (height, width, channels), words.transform
    if config.crop:
        shape = (config.crop, config.crop, channels)
        transform = transforms.compose(
            transforms.random_crop(config.crop, config.crop), transforms.random_flip, transform
        )  # fmt: skip

    def optimizer():
        rate = config.learning_rate
        if config.halve_every:
            rate = keras.optimizers.schedules.ExponentialDecay(rate, config.halve_every, 0.5, staircase=True)
        return Adam(rate, 0.5)

    with job.scope():
        sizes = {"embedding_dim": config.embedding_dim, "text_dim": config.text_dim}
        model = GANCLS(
            gan_cls_generator(shape, latent_dim=config.latent_dim, width=config.g_width, **sizes),
            augment.wrapper(config)(
                gan_cls_discriminator(shape, width=config.d_width, projection=config.projection, **sizes)
            ),
            bag_of_words(len(words.known), words.length, config.embedding_dim),
            words,
            interpolate=config.interpolate,
            seed=config.seed,
        )
        model.serve_average("generator", config.average)
        g_optimizer, d_optimizer = optimizer(), optimizer()
    job.train(
        model, data, until=config.steps, transform=transform, g_optimizer=g_optimizer, d_optimizer=d_optimizer
    )  # fmt: skip
    shown = (data.held_out or data.captions)[:: max(1, len(data.held_out or data.captions) // 12)][:12]
    job.finish(model, data, draw=lambda model: {"captions": model.of_each(shown, 6)})


if __name__ == "__main__":
    run.main("text_to_image", PRESETS, main)
