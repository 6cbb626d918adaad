"""Small edits of every family, each of which its tests have to notice: one file per family, `edits()`.

`python benchmarks/mutations.py` tries them. Here is what several families have.
"""

import importlib
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Mutation(NamedTuple):
    """An edit of a file: each `(old, new)` of `edits` replaces text that is there exactly once."""

    what: str
    edits: tuple
    file: str


def of_families():
    """Family -> its edits, for each file of this folder."""
    stems = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if path.stem != "__init__")
    return {stem: importlib.import_module(f"{__name__}.{stem}").edits() for stem in stems}


def mutated(mutation):
    """The text of its file after an edit.

    Raises:
        ValueError: an old text is not there exactly once.
    """
    source = (ROOT / "tfgan_zoo" / mutation.file).read_text(encoding="utf-8")
    for old, new in mutation.edits:
        if source.count(old) != 1 or old == new:
            raise ValueError(f"{mutation.file}, {mutation.what}: {source.count(old)} times in it: {old!r}")
        source = source.replace(old, new)
    return source


PAIR = "self.discriminator(real, training=True), self.discriminator(fake, training=True)"
SWAPPED = "self.discriminator(fake, training=True), self.discriminator(real, training=True)"
D_STEP, G_STEP = "self.minimize(d_loss, tape, self.d_optimizer)", "self.minimize(g_loss, tape, self.g_optimizer)"
MADE = "fake = self.generator(self.prior.like(real), training=True)"
PRIOR, UNIFORM = "latent.Prior(generator.input_shape[-1])", 'latent.Prior(generator.input_shape[-1], "uniform")'


def of(family):
    """`edit(what, old, new, old, new, ...)` of its file, or of another in `tfgan_zoo/`."""

    def edit(what, *texts, file=f"families/{family}.py"):
        return Mutation(what, tuple(zip(texts[::2], texts[1::2], strict=True)), file)

    return edit


def objective(edit, g_loss):
    """Of a generator's objective: the expression that is in the file."""
    return [
        edit("G: the sign flipped", f"g_loss = {g_loss}", f"g_loss = -{g_loss}"),
        edit("G: twice its loss", f"g_loss = {g_loss}", f"g_loss = 2.0 * {g_loss}"),
        edit("G: a gradient stopped at its images", g_loss, g_loss.replace("fake", "tf.stop_gradient(fake)")),
        edit("G: judged by D outside of training", g_loss, g_loss.replace("training=True", "training=False")),
    ]


def noise(edit, g_loss, indent=8, made=MADE, z="self.prior.like(real)"):
    """Of a family with a step of D on `PAIR`, `indent` deep, and then one of G, on what it has `made` of `z`."""
    margin, of_g = "\n" + " " * indent, f"{made}\n            g_loss"
    return [
        *objective(edit, g_loss),
        edit("D: real and fake swapped", PAIR, SWAPPED),
        edit(
            "D: the fakes made outside of training",
            f"{MADE}{margin}with",
            f"{MADE.replace('True', 'False')}{margin}with",
        ),
        edit("D: real images judged outside of training", PAIR, PAIR.replace("True", "False", 1)),
        edit("G: made outside of training", of_g, of_g.replace("True", "False")),
        edit(
            "G: on the noise of D's step",
            f"{MADE}{margin}with",
            f"z = self.prior.like(real){margin}fake = self.generator(z, training=True){margin}with",
            of_g,
            of_g.replace(z, "z"),
        ),
        edit("z of another law", PRIOR, UNIFORM),
    ]


def order(edit):
    return edit(
        "G: against D as it was before its step",
        D_STEP,
        "d_tape = tape",
        G_STEP,
        f"{G_STEP}\n        {D_STEP.replace('tape', 'd_tape')}",
    )


LOGISTIC = (
    "return tf.reduce_mean(tf.math.softplus(-_f32(real_logits))) + tf.reduce_mean(tf.math.softplus(_f32(fake_logits)))"
)


def logistic(edit):
    fake = "tf.reduce_mean(tf.math.softplus(_f32(fake_logits)))"
    return [
        edit("D: its fakes weigh half", LOGISTIC, LOGISTIC.replace(fake, f"0.5 * {fake}"), file="losses.py"),
        edit("D: halved", LOGISTIC, LOGISTIC.replace("return ", "return 0.5 * (") + ")", file="losses.py"),
    ]


def minibatches(edit, name):
    return [
        edit(f"{name} ignored: one step on all", f"base.split(batch, self.{name})", "[batch]"),
        edit(
            f"{name} ignored: one step on the first",
            f"base.split(batch, self.{name})",
            f"base.split(batch, self.{name})[:1]",
        ),
        edit(
            f"{name} steps on one minibatch",
            f"base.split(batch, self.{name})",
            f"base.split(batch, self.{name})[:1] * self.{name}",
        ),
    ]


CLIP = "weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))"


def clipping(edit):
    loop = "            for weight in self.discriminator.trainable_variables:"
    return [
        edit("the clip dropped", CLIP, "weight.assign(weight)"),
        edit("clipped from above alone", CLIP, "weight.assign(tf.minimum(weight, self.clip))"),
        edit("clipped after the last critic step alone", loop, loop[4:], f"    {CLIP}", CLIP),
        edit("G clipped in the critic's place", loop, loop.replace("discriminator", "generator")),
        edit("the kernel alone is clipped", loop, loop.replace("variables:", "variables[:1]:")),
    ]


def given(edit, default):
    """Of a family that may be given the law of z."""
    return [edit("the law of z that is given ignored", f"self.prior = prior or {default}", f"self.prior = {default}")]


def hinge(edit, indent):
    margin = "\n" + " " * indent
    label = "fake_label = random.labels(count, self.num_classes)"
    real, fake = (
        "self.discriminator(base.given(real, label), training=True)",
        "self.discriminator(base.given(fake, fake_label), training=True)",
    )
    line, of_g = f"{margin}        ", f"logits = {fake}"
    loss = "tf.reduce_mean(tf.nn.relu(1.0 - _f32(real_logits))) + tf.reduce_mean(tf.nn.relu(1.0 + _f32(fake_logits)))"
    made = "fake = self.generate(fake_label, count)"
    observed = "        augmentation = adaptive.observe(self.discriminator, real_logits)\n"
    return [
        edit("D: real and fake swapped", f"{real},{line}{fake}", f"{fake},{line}{real}"),
        edit(
            "D: fakes judged with the labels of real images",
            f"{line}{fake}",
            f"{line}{fake.replace('fake_label', 'label')}",
        ),
        edit("D: real images judged with the labels of fakes", real, real.replace("label", "fake_label")),
        edit("D: real images judged outside of training", real, real.replace("True", "False")),
        edit(
            "D: fakes made for other labels",
            f"{made}{margin}with",
            f"{made.replace('fake_label', 'label')}{margin}with",
        ),
        edit("G: judged with the labels of real images", of_g, of_g.replace("fake_label", "label")),
        edit("G: judged outside of training", of_g, of_g.replace("True", "False")),
        edit(
            "G: made for the labels of real images",
            f"tape:\n            {made}",
            f"tape:\n            {made.replace('fake_label', 'label')}",
        ),
        edit("G: on the labels of D's fakes", f"\n\n        {label}\n        with", "\n\n        with")
        if indent > 8
        else edit("G: on the labels of D's fakes", f"{observed}\n        {label}", observed),
        edit("G: a gradient stopped at its images", of_g, of_g.replace("given(fake,", "given(tf.stop_gradient(fake),")),
        edit("G: the sign flipped", "g_loss = losses", "g_loss = -losses"),
        edit("made outside of training", "label), training=True)\n\n    def", "label), training=False)\n\n    def"),
        edit("D: the hinge of real images at 0", loss, loss.replace("1.0 - ", "0.0 - "), file="losses.py"),
        edit("D: the hinge of fakes at 0", loss, loss.replace("1.0 + ", "0.0 + "), file="losses.py"),
        edit("D: no hinge", loss, loss.replace("tf.nn.relu", ""), file="losses.py"),
        edit("D: halved", f"return {loss}", f"return 0.5 * ({loss})", file="losses.py"),
        edit(
            "z of another law",
            "Prior(generator.inputs[0].shape[-1])",
            'Prior(generator.inputs[0].shape[-1], "uniform")',
        ),
    ]
