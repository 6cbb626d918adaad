"""Six kinds of generative models on the same pictures: what each can say and draw, and what that costs.

    python -m benchmarks.compare
    python -m benchmarks.compare --page

The pictures are the letters of the embedded glyphs at 16x16, black and white by a threshold, written as files so that
every recipe reads the same ones. Each model is trained by its recipe, exported, and measured from its SavedModel; where
it makes grey pixels, these are compared by the same threshold. What is done is not done again; lines are in
docs/results/compare.jsonl, the table and the strips of docs/compare.md are made from them. `--page` only makes these.
"""

import argparse
import time
from pathlib import Path

# isort: split
from benchmarks import record
from tfgan_zoo import pictures
from tfgan_zoo.data import batches, images
from tfgan_zoo.metrics import extractors, frechet, neighbours

# isort: split
import keras  # after tfgan_zoo, which sets TensorFlow up before it is imported
import numpy as np
import tensorflow as tf
from PIL import Image

DOCS = record.ROOT / "docs"
LINES, PAGE, STRIPS = DOCS / "results/compare.jsonl", DOCS / "compare.md", DOCS / "pictures/compare.png"
SIDE, SAMPLES, SHOWN = 16, 1000, 16
MARK = "<!-- below: written by benchmarks/compare.py -->"
BY_PIXEL = f"{SIDE * SIDE} pixels, one after another"
# recipe -> its name and flags, what is known of -log p(x) and the held-out measure that says it, what a sample takes
ROWS = {
    "rbm": ("RBM", [], ("up to a constant only", None), "1,000 Gibbs steps"),
    "vae": ("VAE", ["--binarize=threshold", "--latent-dim=16"], ("at most", "negative_elbo"), "one pass"),
    "pixel_cnn": ("PixelCNN", ["--steps=1500"], ("exactly", "nats"), BY_PIXEL),
    "dcgan": ("DCGAN", [], ("nothing", None), "one pass"),
    "aae": ("AAE", ["--kind=basic", "--steps=6000"], ("nothing", None), "one pass"),
    "pixel_vae": ("PixelVAE", ["--steps=1500"], ("at most", "importance_nats"), BY_PIXEL),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="runs/compare", help="where pictures, runs and exports are kept")
    parser.add_argument("--data-dir", help="as the recipes have it")
    parser.add_argument("--page", action="store_true", help="train nothing, only write the page")
    args = parser.parse_args()
    out = Path(args.out).resolve()
    if not args.page:
        write_letters(out / "letters", args.data_dir)
    for name in () if args.page else args.models:
        if all(line["model"] != name for line in record.read(LINES)):
            print(record.append(LINES, measured(name, out, args.seed)), flush=True)
    write_page(out)


def write_letters(folder, data_dir):
    """<folder>/<split>/<letter>/<number>.png, once."""
    if folder.exists():
        return
    data, unfinished = images.labelled("glyphs", image_size=SIDE, data_dir=data_dir), folder.with_suffix(".unfinished")
    for split in ("train", "test"):
        number = 0
        for batch in batches.in_order(getattr(data, split), 500).as_numpy_iterator():
            for image, label in zip(batch["image"], batch["label"], strict=True):
                path = unfinished / split / data.classes[label] / f"{number:05}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                pictures.save_png(np.where(image > 0, 255, 0).astype(np.uint8), path)
                number += 1
    unfinished.rename(folder)


def letters(out):
    return images.labelled(str(out / "letters"), image_size=SIDE, data_dir=str(out))


def measured(name, out, seed):
    _, flags, nats, _ = ROWS[name]
    on = [f"--dataset={out / 'letters'}", f"--image-size={SIDE}", f"--data-dir={out}"]
    run, exported = out / f"runs/{name}", out / f"exported/{name}"
    run.parent.mkdir(parents=True, exist_ok=True)
    own, took = [f"--seed={seed}", f"--run-dir={run}", f"--export-dir={exported}"], run.with_suffix(".seconds")
    if not took.exists():
        began = time.monotonic()
        record.call([f"recipes/{name}.py", *on, *own, *flags], run.with_suffix(".log"))
        took.write_text(str(time.monotonic() - began))
    version, told = record.exported(run)
    judge = out / f"classifiers/{(out / 'letters').name}_classifier.keras"
    if not judge.exists():
        record.call(["-m", "tfgan_zoo.metrics.classifier", *on, f"--out={judge.parent}"], out / "classifier.log")
    data = letters(out)
    loaded = tf.saved_model.load(str(version))  # whose signatures do not keep its variables alive
    served = loaded.signatures
    return {
        "model": name, "seed": seed, "commit": told["commit"], "device": told["device"], "precision": told["precision"],
        "flags": flags, "steps": told["step"], "batch_size": told["config"]["batch_size"],
        "seconds": round(float(took.read_text()), 1),
        "parameters": sum(told["parameters"].values()), "nats": told["metrics"].get(nats[1]),
        "seconds_per_1000": round(_seconds_per_1000(served["sample"]), 3),
        "probe": _probe(served["encode"], data) if "encode" in served else None,
        "scores": _scores(served["sample"], data, judge),
    }  # fmt: skip


def _drawn(sample, count, seed):
    given = {"count": count, "seed": seed}
    specs = sample.structured_input_signature[1]
    return sample(**{name: tf.cast(given[name], spec.dtype) for name, spec in specs.items()})["generated"].numpy()


def _seconds_per_1000(sample):
    """The median of three, after a first one."""
    took = []
    for number in range(4):
        began = time.monotonic()
        _drawn(sample, SAMPLES, number)
        took.append(time.monotonic() - began)
    return float(np.median(took[1:]))


def _scores(sample, data, judge):
    """Of as many samples as there are training letters, black and white by the same threshold."""
    extractor = extractors.load(extractors.Flags(extractor=str(judge), extractor_name="letters"))
    real = [extractor(batch["image"])[0] for batch in batches.in_order(data.train, SAMPLES).as_numpy_iterator()]
    counts = [len(features) for features in real]
    made = [extractor(np.where(_drawn(sample, n, i) > 0, 1.0, -1.0))[0] for i, n in enumerate(counts)]
    moments = frechet.Moments(), frechet.Moments()
    for kept, parts in zip(moments, (real, made), strict=True):
        for part in parts:
            kept.update(part)
    shares = neighbours.prdc(np.concatenate(real), np.concatenate(made), k_precision=3, k_density=5)
    return {"FD": float(frechet.frechet_distance(*moments)), **{name: float(value) for name, value in shares.items()}}


def _probe(encode, data):
    """How many unseen letters a linear classifier of codes names, trained on codes of the training letters."""

    def codes(part):
        found = [], []
        for batch in batches.in_order(part, 500).as_numpy_iterator():
            found[0].append(encode(image=tf.constant(batch["image"]))["code"].numpy())
            found[1].append(batch["label"])
        code, label = (np.concatenate(parts) for parts in found)
        return code, label

    (x, label), (x_test, label_test) = codes(data.train), codes(data.test)
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input(x.shape[1:]), keras.layers.Dense(len(data.classes))])
    network.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit((x - mean) / deviation, label, batch_size=500, epochs=60, verbose=0)
    return float(np.mean(network.predict((x_test - mean) / deviation, verbose=0).argmax(1) == label_test))


# ---------------------------------------------------------------------------------------------------------------------
# The page


def write_page(out):
    found = {line["model"]: line for line in record.read(LINES)}
    if not found:
        return
    heads = [
        "model", "known of -log p(x) of unseen pictures, nats", "a sample is", "seconds per 1,000", "parameters",
        "training", "FD", "precision", "recall", "code: letters named",
    ]  # fmt: skip
    rows = []
    for name in (name for name in ROWS if name in found):
        line, (title, _, nats, turns) = found[name], ROWS[name]
        minutes = f"{line['seconds'] / 60:.1f} min, {line['steps']:,} steps of {line['batch_size']}"
        rows.append([
            title, f"{nats[0]} {line['nats']:.1f}" if line["nats"] else nats[0], turns,
            f"{line['seconds_per_1000']:.3g}", f"{line['parameters']:,}", minutes,
            *(f"{line['scores'][metric]:.3g}" for metric in ("FD", "precision", "recall")),
            f"{line['probe']:.1%}" if line["probe"] else "no code is served",
        ])  # fmt: skip
    record.write_below(PAGE, MARK, record.table(heads, rows))
    strips = {}
    for name in (name for name in ROWS if (out / f"exported/{name}").exists()):
        version, _ = record.exported(out / f"runs/{name}")
        loaded = tf.saved_model.load(str(version))
        strips[ROWS[name][0]] = _drawn(loaded.signatures["sample"], SHOWN, 0)
    if strips:  # a row for each model
        across = {str(i): np.stack([made[i] for made in strips.values()]) for i in range(SHOWN)}
        with Image.fromarray(pictures.tile(across)[..., 0]) as sheet:
            sheet.resize((sheet.width * 2, sheet.height * 2), Image.NEAREST).save(STRIPS)


if __name__ == "__main__":
    main()
