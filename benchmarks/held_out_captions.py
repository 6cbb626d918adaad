"""Draws a text-to-image model what its captions of glyphs say that it has never seen, and has a classifier read it.

    python benchmarks/held_out_captions.py exported/text_to_image/1

The classifier tells all captions of the Latin letters apart, those that were held out from the model too. It learns
from 11 of the 12 styles of each and is tested on the other. Of each caption the model draws 12 pictures. Printed is the
share that is read as the caption asked for, and that of which the letter with its case, and of which the accents are
right: for captions that the model learned from, and for those it did not. About five minutes on two CPU cores.
"""

import argparse
import json

import keras  # noqa: F401  before TensorFlow
import numpy as np
import tensorflow as tf

from tfgan_zoo.data import batches, captioned
from tfgan_zoo.data.columns import Data
from tfgan_zoo.metrics.classifier import load_classifier, train_classifier

STYLES = 12


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="version folder of an export")
    parser.add_argument("--data-dir", default=None)
    parser.add_argument("--out", default="classifiers", help="folder of the classifier")
    parser.add_argument("--steps", type=int, default=1500, help="of its training")
    parser.add_argument("--count", type=int, default=12, help="pictures of each caption")
    parser.add_argument("--seed", type=int, default=0, help="of z")
    given = parser.parse_args()

    serve = tf.saved_model.load(given.model).signatures["serving_default"]
    specs = serve.structured_input_signature[1]
    size, dim = serve.structured_outputs["generated"].shape[1:3].as_list(), specs["z"].shape[1]
    data = captioned.captioned("glyphs", image_size=size, data_dir=given.data_dir)
    judged = by_caption(data)
    path = train_classifier(judged, given.out, steps=given.steps)
    accuracy = json.loads(path.with_suffix(".json").read_text())["accuracy"]
    print(f"the classifier reads {accuracy:.1%} of {judged.test.counts[0]:,} real pictures in another style")

    read, rng, captions = load_classifier(path), np.random.default_rng(given.seed), np.array(judged.classes)
    rates = {}
    for which, asked in (("seen", data.captions), ("held out", data.held_out)):
        texts, found = np.repeat(asked, given.count), []
        for some in np.split(texts, range(240, len(texts), 240)):
            z = tf.constant(rng.standard_normal([len(some), dim]), tf.float32)
            found.append(read(serve(z=z, text=tf.constant(some))["generated"]).argmax(1))
        found = captions[np.concatenate(found)]
        parts = [np.array([text.partition(" WITH ")[::2] for text in some]) for some in (texts, found)]
        rates[which] = np.mean(found == texts), *np.mean(parts[0] == parts[1], axis=0)
        whole, letter, accents = rates[which]
        print(
            f"{which:9} {len(asked)} captions, {len(texts):,} pictures: {whole:.1%} as asked for, "
            f"letter and case {letter:.1%}, accents {accents:.1%}"
        )
    return rates


def by_caption(data):
    """The pictures of captioned glyphs, to learn from and held out, as labelled ones: a class for each caption."""
    parts = [batch for part in (data.train, data.test) for batch in batches.in_order(part, 512).as_numpy_iterator()]
    pixels = np.rint((np.concatenate([batch["image"] for batch in parts]) + 1) * 127.5).astype(np.uint8)
    captions, label = np.unique(np.concatenate([batch["text"] for batch in parts]).astype(str), return_inverse=True)
    number = np.arange(len(label))
    apart = number % STYLES == number // STYLES % STYLES  # of each caption another style

    def examples(chosen):
        return batches.from_arrays({"image": (pixels[chosen], "bicubic"), "label": (label[chosen], None)})

    train, test = examples(~apart), examples(apart)
    return Data(
        name="glyph_captions", kind="labelled", columns=train.columns, train=train, test=test, description="",
        licence=data.licence, classes=tuple(captions.tolist()), fingerprint=data.fingerprint,
    )  # fmt: skip


if __name__ == "__main__":
    main()
