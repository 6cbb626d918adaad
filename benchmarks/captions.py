"""Whether what is drawn of a letter's name is that letter, in its case, with its accents: read by a judge of names.

    python -m benchmarks.captions exported/text_to_image/1

The judge is a classifier of the words of the names of all Latin letters, those of held-out names too, trained on the
real pictures in ten of the twelve styles; what it reads is the name whose words are most probable together. The
pictures in the other two styles say how well it reads. One picture of every name, z drawn anew, `--each` times.

Last, what the discriminator knows of accents: whether of the names of one letter that were learned from, four or more,
it finds a picture's own the most fitting.
"""

import argparse

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo.data import batches, captioned, glyphs
from tfgan_zoo.networks.classifier import classifier

UNSEEN = (5, 8)  # styles that the judge is not trained on
AT_ONCE = 512  # pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("export", help="a folder of a version, of recipes/text_to_image.py on glyphs")
    parser.add_argument("--each", type=int, default=12, help="pictures of each name")
    parser.add_argument("--steps", type=int, default=2000, help="of the judge's training")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--data-dir", help="where prepared data is kept")
    args = parser.parse_args()
    data = captioned.captioned("glyphs", image_size=args.image_size, data_dir=args.data_dir)
    parts = [batches.take(part, part.counts[0]) for part in (data.train, data.test)]
    names = [[text.decode() for text in part["text"]] for part in parts]
    styles = [np.arange(len(told)) % len(glyphs.STYLES) for told in names]  # a character's pictures follow each other
    judge = Judge([part["image"] for part in parts], names, styles, args.steps)

    signatures = tf.saved_model.load(args.export).signatures
    serve, discriminate = signatures["serving_default"], signatures["discriminate"]
    z_dim = serve.structured_input_signature[1]["z"].shape[1]
    rng = np.random.default_rng(0)

    def drawn(wanted):
        made = []
        for i in range(0, len(wanted), AT_ONCE):
            some = wanted[i : i + AT_ONCE]
            z = tf.constant(rng.normal(size=[len(some), z_dim]), tf.float32)
            made.append(serve(z=z, text=tf.constant(some))["generated"])
        return np.concatenate(made)

    print("| | pictures | name | letter | case | accents |\n|---|---|---|---|---|---|")
    for what, part, told, style in zip(("names learned from", "held-out names"), parts, names, styles, strict=True):
        real = np.isin(style, UNSEEN)
        row(f"real, {what}", judge(part["image"][real]), [name for name, one in zip(told, real, strict=True) if one])
        wanted = sorted(set(told)) * args.each
        row(f"drawn, {what}", judge(drawn(wanted)), wanted)

    alike = {}
    for name in sorted(set(names[0])):
        alike.setdefault(parted(name)[:2], []).append(name)
    known = [(name, some) for some in alike.values() if len(some) >= 4 for name in some]
    real = parts[0]["image"][[names[0].index(name) for name, _ in known]]
    for what, pictures in ("real", real), ("drawn", drawn([name for name, _ in known])):
        found = []
        for picture, (name, some) in zip(pictures, known, strict=True):
            said = discriminate(image=tf.constant([picture] * len(some)), text=tf.constant(some))["logits"]
            found.append(some[np.argmax(said)] == name)
        print(f"D, {what} pictures of {len(known)} names: the right accents {100 * np.mean(found):.1f} %", flush=True)
    print(f"by chance {100 * np.mean([1 / len(some) for _, some in known]):.1f} %")


class Judge:
    """Reads names: `pictures [N, H, W, C] -> N names`."""

    def __init__(self, pictures, names, styles, steps):
        pictures, names, styles = np.concatenate(pictures), sum(names, []), np.concatenate(styles)
        self.names = sorted(set(names))
        words = sorted({word for name in self.names for word in name.split()})
        self.has = np.float32([[word in name.split() for word in words] for name in self.names])
        of = {name: i for i, name in enumerate(self.names)}
        seen = ~np.isin(styles, UNSEEN)
        target = self.has[[of[name] for name in names]][seen]
        keras.utils.set_random_seed(0)
        self.network = classifier(pictures.shape[1:], len(words))
        rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
        self.network.compile(
            keras.optimizers.Adam(rate), keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False
        )
        examples = tf.data.Dataset.from_tensor_slices((pictures[seen], target)).shuffle(10_000, seed=0).repeat()
        self.network.fit(examples.batch(128), steps_per_epoch=steps, verbose=0)

    def __call__(self, pictures):
        logits = self.network.predict(pictures, batch_size=AT_ONCE, verbose=0)
        return [self.names[i] for i in (logits @ self.has.T - np.logaddexp(0, logits).sum(1)[:, None]).argmax(1)]


def row(what, read, wanted):
    """Prints how many per cent are read as wanted, whole and in their parts."""
    pairs = [list(zip(parted(a), parted(b), strict=True)) for a, b in zip(read, wanted, strict=True)]
    parts = [100 * np.mean([pair[i][0] == pair[i][1] for pair in pairs]) for i in range(3)]
    whole = 100 * np.mean([a == b for a, b in zip(read, wanted, strict=True)])
    print(f"| {what} | {len(read)} | {whole:.1f} | {parts[1]:.1f} | {parts[0]:.1f} | {parts[2]:.1f} |", flush=True)


def parted(name):
    """`LATIN SMALL LETTER E WITH ACUTE` -> `("LATIN SMALL", "E", "ACUTE")`."""
    letter, _, accents = name.partition(" WITH ")
    case, _, letter = letter.partition(" LETTER ")
    return case, letter, accents


if __name__ == "__main__":
    main()
