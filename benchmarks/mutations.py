"""Whether a wrong objective fails a test: small edits of every family, each of which its tests have to notice.

    python benchmarks/mutations.py
    python benchmarks/mutations.py --family cyclegan pix2pix --jobs 1

For each edit the package and its tests are copied, the copy is edited, and the family's tests run on it: those whose
expected numbers are computed by hand; where none of them fails, its other tests; then the tests that all families have.
Slow ones are left out. Each test that failed has to pass on a copy without an edit. Prints which failed first, and a
table; writes the former as JSON, with the message. Exit code 1 if an edit survived.
"""

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
STAGES = "by hand", "its own", "of all families"
LIMIT = 300  # seconds for the tests of one edit, or a step that never ends would never be noticed


class Mutation(NamedTuple):
    """An edit of a file: each `(old, new)` of `edits` replaces text that is there exactly once."""

    what: str
    edits: tuple
    file: str


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", default=list(MUTATIONS), choices=MUTATIONS)
    parser.add_argument("--jobs", type=int, default=2, help="edits tried at the same time")
    parser.add_argument("--json", default="mutations.json", help="where the results are written")
    args = parser.parse_args()
    started = time.time()
    _import_tensorflow()
    left = [(family, mutation.what) for family in args.family for mutation in MUTATIONS[family]]
    rows = {edit: {"family": edit[0], "what": edit[1], "caught": None} for edit in left}
    for stage in STAGES:
        for edit, caught in _run(left, args.jobs, stage):
            rows[edit].update({"caught": stage, **caught} if caught else {})
        left = [edit for edit in left if not rows[edit]["caught"]]
        Path(args.json).write_text(json.dumps(list(rows.values()), indent=2) + "\n", encoding="utf-8")
    for family, what in left:
        print(f"{family}: {what}: SURVIVED")
    print(f"\n{_table(rows.values())}\n\n{time.time() - started:.0f} s with --jobs={args.jobs}")
    sys.exit(1 if left else 0)


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


def _import_tensorflow():
    # The module that does so quietly, and nothing else of the package: each edit imports its own copy.
    spec = importlib.util.spec_from_file_location("console", ROOT / "tfgan_zoo/console.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    import keras  # noqa: F401
    import pytest  # noqa: F401


def _run(edits, jobs, stage):
    """Yields each edit with the first test of a stage that failed, or None; prints those."""
    failed = {}
    # A process for each, forked from one that has imported TensorFlow and run nothing.
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        tried = pool.imap(_try, [(*edit, stage, None) for edit in edits], chunksize=1)
        for (family, what), caught in zip(edits, tried, strict=True):
            if caught:
                print(f"{family}: {what}: {caught['by']}", flush=True)
                failed.setdefault(family, set()).add(caught["by"])
            yield (family, what), caught
        unedited = pool.imap(_try, [(family, None, stage, tests) for family, tests in failed.items()], chunksize=1)
        for family, caught in zip(failed, unedited, strict=True):
            if caught:
                sys.exit(f"{family}: {caught['by']} fails without any edit: {caught['why']}")


class _Stage:
    """A plugin of pytest that chooses the tests of a stage, or some of them, and remembers the first that failed."""

    def __init__(self, stage, tests):
        self.stage, self.tests, self.failed = stage, tests, None

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if self.of(item) == self.stage and not item.get_closest_marker("slow")]
        if self.tests:
            items[:] = [item for item in items if item.nodeid.partition("::")[2] in self.tests]

    def of(self, item):
        return STAGES[0] if "computed_by_hand" in item.name else STAGES[1] if item.cls is None else STAGES[2]

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed = {"by": report.nodeid.partition("::")[2], "why": crash.message.strip() if crash else ""}

    def pytest_collectreport(self, report):
        if report.failed and not self.failed:
            self.failed = {"by": "the import of the tests", "why": str(report.longrepr)}


def _try(work):
    """Runs tests of a family on a copy with one of its edits, or with none; the first that failed, or None."""
    import pytest

    family, what, *chosen = work
    first = _Stage(*chosen)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        for part in ("tfgan_zoo", "tests"):
            shutil.copytree(ROOT / part, f"{folder}/{part}", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for mutation in MUTATIONS[family]:
            if mutation.what == what:
                Path(folder, "tfgan_zoo", mutation.file).write_text(mutated(mutation), encoding="utf-8")
        os.chdir(folder)
        sys.path[:0] = [folder, f"{folder}/tests"]
        sys.dont_write_bytecode = True
        flags = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", f"tests/families/test_{family}.py"]
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            try:
                code = pytest.main(flags, plugins=[first])
            except TimeoutError:
                return {"by": "the clock", "why": f"more than {LIMIT} s"}
            finally:
                signal.alarm(0)
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and not first.failed:
            raise RuntimeError(f"pytest ended with {code} on {family}, {what}")
        import tfgan_zoo

        if not tfgan_zoo.__file__.startswith(folder):
            raise RuntimeError(f"the tests ran on {tfgan_zoo.__file__}")
    return first.failed


def _too_long(*_):
    raise TimeoutError


def _table(rows):
    lines = [f"| family | mutations | caught {' | '.join(STAGES)} | survivors |", "|---|---|---|---|---|---|"]
    for family in dict.fromkeys(row["family"] for row in rows):
        of_it = [row for row in rows if row["family"] == family]
        counts = [sum(row["caught"] == stage for row in of_it) for stage in STAGES]
        survivors = [row["what"] for row in of_it if not row["caught"]]
        lines.append(f"| {family} | {len(of_it)} | {' | '.join(map(str, counts))} | {', '.join(survivors) or 'none'} |")
    return "\n".join(lines)


# The edits ------------------------------------------------------------------------------------------------------------

PAIR = "self.discriminator(real, training=True), self.discriminator(fake, training=True)"
SWAPPED = "self.discriminator(fake, training=True), self.discriminator(real, training=True)"
D_STEP, G_STEP = "self.minimize(d_loss, tape, self.d_optimizer)", "self.minimize(g_loss, tape, self.g_optimizer)"
MADE = "fake = self.generator(self.prior.like(real), training=True)"
PRIOR, UNIFORM = "latent.Prior(generator.input_shape[-1])", 'latent.Prior(generator.input_shape[-1], "uniform")'


def _of(family):
    """`edit(what, old, new, old, new, ...)` of its file, or of another in `tfgan_zoo/`."""

    def edit(what, *texts, file=f"families/{family}.py"):
        return Mutation(what, tuple(zip(texts[::2], texts[1::2], strict=True)), file)

    return edit


def _objective(edit, g_loss):
    """Of a generator's objective: the expression that is in the file."""
    return [
        edit("G: the sign flipped", f"g_loss = {g_loss}", f"g_loss = -{g_loss}"),
        edit("G: twice its loss", f"g_loss = {g_loss}", f"g_loss = 2.0 * {g_loss}"),
        edit("G: a gradient stopped at its images", g_loss, g_loss.replace("fake", "tf.stop_gradient(fake)")),
        edit("G: judged by D outside of training", g_loss, g_loss.replace("training=True", "training=False")),
    ]


def _noise(edit, g_loss, indent=8, made=MADE, z="self.prior.like(real)"):
    """Of a family with a step of D on `PAIR`, `indent` deep, and then one of G, on what it has `made` of `z`."""
    margin, of_g = "\n" + " " * indent, f"{made}\n            g_loss"
    return [
        *_objective(edit, g_loss),
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


def _order(edit):
    return edit(
        "G: against D as it was before its step",
        D_STEP,
        "d_tape = tape",
        G_STEP,
        f"{G_STEP}\n        {D_STEP.replace('tape', 'd_tape')}",
    )


_LOGISTIC = (
    "return tf.reduce_mean(tf.math.softplus(-_f32(real_logits))) + tf.reduce_mean(tf.math.softplus(_f32(fake_logits)))"
)


def _logistic(edit):
    fake = "tf.reduce_mean(tf.math.softplus(_f32(fake_logits)))"
    return [
        edit("D: its fakes weigh half", _LOGISTIC, _LOGISTIC.replace(fake, f"0.5 * {fake}"), file="losses.py"),
        edit("D: halved", _LOGISTIC, _LOGISTIC.replace("return ", "return 0.5 * (") + ")", file="losses.py"),
    ]


def _minibatches(edit, name):
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


def _gan():
    edit = _of("gan")
    both = '"non_saturating": losses.non_saturating_generator_loss,\n    "minimax": losses.minimax_generator_loss,'
    exchanged = '"non_saturating": losses.minimax_generator_loss,\n    "minimax": losses.non_saturating_generator_loss,'
    return [
        *_noise(edit, "self.generator_loss(self.discriminator(fake, training=True))", indent=12),
        *_minibatches(edit, "k"),
        *_logistic(edit),
        *_given(edit, PRIOR),
        edit("G: the two objectives exchanged", both, exchanged),
        edit(
            "G: minimax by default",
            '*, k=1, generator_objective="non_saturating"',
            '*, k=1, generator_objective="minimax"',
        ),
        edit("k = 2 by default", "*, k=1,", "*, k=2,"),
    ]


def _dcgan():
    edit = _of("dcgan")
    g_loss = "losses.non_saturating_generator_loss(self.discriminator(fake, training=True))"
    prior = 'latent.Prior(generator.input_shape[-1], "uniform")'
    return [
        *[m for m in _noise(edit, g_loss) if m.what != "z of another law"],
        edit("z of another law", prior, "latent.Prior(generator.input_shape[-1])"),
        edit("z within another bound", prior, 'latent.Prior(generator.input_shape[-1], "uniform", 0.5)'),
        *_logistic(edit),
        _order(edit),
        edit("G: minimax", "losses.non_saturating_generator_loss", "losses.minimax_generator_loss"),
    ]


def _lsgan():
    edit = _of("lsgan")
    g_loss = "losses.lsgan_generator_loss(self.discriminator(fake, training=True), c)"
    return [
        *_noise(edit, g_loss),
        *_given(edit, PRIOR),
        _order(edit),
        edit("D: its two targets exchanged", "training=True), a, b", "training=True), b, a"),
        edit("G: the target of D's fakes", "training=True), c)", "training=True), a)"),
        edit("G: the target of D's real images", "training=True), c)", "training=True), b)"),
        edit("targets ignored", "a, b, c = self.coding", "a, b, c = 0.0, 1.0, 1.0"),
        edit("the targets of equation 8 by default", "coding=(0.0, 1.0, 1.0)", "coding=(-1.0, 1.0, 0.0)"),
        edit(
            "D: without 1/2",
            "return 0.5 * (tf.reduce_mean(tf.square(_f32(real_logits) - b))",
            "return (tf.reduce_mean(tf.square(_f32(real_logits) - b))",
            file="losses.py",
        ),
        edit(
            "G: without 1/2",
            "return 0.5 * tf.reduce_mean(tf.square(_f32(fake_logits) - c))",
            "return tf.reduce_mean(tf.square(_f32(fake_logits) - c))",
            file="losses.py",
        ),
    ]


_CLIP = "weight.assign(tf.clip_by_value(weight, -self.clip, self.clip))"


def _clipping(edit):
    loop = "            for weight in self.discriminator.trainable_variables:"
    return [
        edit("the clip dropped", _CLIP, "weight.assign(weight)"),
        edit("clipped from above alone", _CLIP, "weight.assign(tf.minimum(weight, self.clip))"),
        edit("clipped after the last critic step alone", loop, loop[4:], f"    {_CLIP}", _CLIP),
        edit("G clipped in the critic's place", loop, loop.replace("discriminator", "generator")),
        edit("the kernel alone is clipped", loop, loop.replace("variables:", "variables[:1]:")),
    ]


def _wgan():
    edit = _of("wgan")
    return [
        *_noise(edit, "losses.wasserstein_generator_loss(self.discriminator(fake, training=True))", indent=12),
        *_minibatches(edit, "n_critic"),
        *_clipping(edit),
        edit("n_critic = 1 by default", "n_critic=5", "n_critic=1"),
        edit("clip = 0.1 by default", "clip=0.01", "clip=0.1"),
        edit(
            "D: halved",
            "return tf.reduce_mean(_f32(fake_logits)) - tf.reduce_mean(_f32(real_logits))",
            "return 0.5 * (tf.reduce_mean(_f32(fake_logits)) - tf.reduce_mean(_f32(real_logits)))",
            file="losses.py",
        ),
    ]


def _given(edit, default):
    """Of a family that may be given the law of z."""
    return [edit("the law of z that is given ignored", f"self.prior = prior or {default}", f"self.prior = {default}")]


def _wgan_gp():
    edit = _of("wgan_gp")
    z = "self.prior.draw(self.g_batches * tf.shape(real)[0])"
    made = MADE.replace("self.prior.like(real)", z)
    total, gp = "total = d_loss + self.gp_weight * gp", "losses.gradient_penalty(self.discriminator, real, fake)"
    square = "tf.reduce_mean(tf.square(slope - 1.0))"
    return [
        *_noise(edit, "losses.wasserstein_generator_loss(self.discriminator(fake, training=True))", 12, made, z),
        *_minibatches(edit, "n_critic"),
        edit("g_batches ignored", "self.g_batches * tf.shape", "1 * tf.shape"),
        edit("g_batches = 2 by default", "g_batches=1", "g_batches=2"),
        edit("the penalty dropped", total, "total = d_loss"),
        edit("the penalty's weight 1", total, "total = d_loss + gp"),
        edit("the penalty's sign flipped", total, total.replace("+", "-")),
        edit("the penalty alone", total, "total = self.gp_weight * gp"),
        edit("lambda = 1 by default", "gp_weight=10.0", "gp_weight=1.0"),
        edit("n_critic = 1 by default", "n_critic=5", "n_critic=1"),
        edit("the penalty at real images", gp, gp.replace("fake", "real")),
        edit("the penalty at fakes", gp, gp.replace("real", "fake")),
        edit("one-sided", square, "tf.reduce_mean(tf.square(tf.nn.relu(slope - 1.0)))", file="losses.py"),
        edit("the slope pulled to 0", square, "tf.reduce_mean(tf.square(slope))", file="losses.py"),
        edit("one e for all examples", "tf.stack([tf.shape(real)[0]] +", "tf.stack([1] +", file="losses.py"),
        edit(
            "the slope squared",
            "slope = safe_sqrt(tf.reduce_sum(tf.square(gradient)",
            "slope = (tf.reduce_sum(tf.square(gradient)",
            file="losses.py",
        ),
    ]


def _hinge(edit, indent):
    margin = "\n" + " " * indent
    label = "fake_label = random.labels(count, self.num_classes)"
    real, fake = (
        "self.discriminator(base.given(real, label), training=True)",
        "self.discriminator(base.given(fake, fake_label), training=True)",
    )
    line, of_g = f"{margin}        ", f"logits = {fake}"
    loss = "tf.reduce_mean(tf.nn.relu(1.0 - _f32(real_logits))) + tf.reduce_mean(tf.nn.relu(1.0 + _f32(fake_logits)))"
    made = "fake = self.generate(fake_label, count)"
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
        else edit("G: on the labels of D's fakes", f"{D_STEP}\n\n        {label}", D_STEP),
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


def _sngan():
    edit = _of("sngan")
    return [*_hinge(edit, 12), *_minibatches(edit, "n_dis"), edit("n_dis = 1 by default", "n_dis=5", "n_dis=1")]


def _sagan():
    edit = _of("sagan")
    return [*_hinge(edit, 8), _order(edit)]


def _pix2pix():
    edit = _of("pix2pix")
    real, fake = (
        "self.discriminator([source, real], training=True)",
        "self.discriminator([source, fake], training=True)",
    )
    pair, g_loss = f"{real}, {fake}", f"losses.non_saturating_generator_loss({fake})"
    total, d_step = "total = g_loss + self.l1_weight * l1", "self.minimize(d_loss, d_tape, self.d_optimizer)"
    g_step = "self.minimize(total, g_tape, self.g_optimizer)"
    return [
        *_objective(edit, g_loss),
        edit("D: real and fake swapped", pair, f"{fake}, {real}"),
        edit("D: not halved", "d_loss = 0.5 * losses", "d_loss = losses"),
        edit("D: doubled", "d_loss = 0.5 * losses", "d_loss = 2.0 * losses"),
        edit("the weight of L1 0", total, "total = g_loss + 0.0 * l1"),
        edit("the weight of L1 1", total, "total = g_loss + l1"),
        edit("L1 alone", total, "total = self.l1_weight * l1"),
        edit("L1's sign flipped", total, total.replace("+", "-")),
        edit("lambda = 1 by default", "l1_weight=100.0", "l1_weight=1.0"),
        edit("L1 to the source in place of the target", "losses.l1(real, fake)", "losses.l1(source, fake)"),
        edit("L1 through a stopped gradient", "losses.l1(real, fake)", "losses.l1(real, tf.stop_gradient(fake))"),
        edit("L1 squared", "losses.l1(real, fake)", "tf.reduce_mean(tf.square(real - fake))"),
        edit("D: fakes beside their targets", pair, f"{real}, {fake.replace('source', 'real')}"),
        edit("G: judged beside the target", g_loss, g_loss.replace("source", "real")),
        edit("D: real images beside fakes", pair, f"{real.replace('source', 'fake')}, {fake}"),
        edit("D: real images judged outside of training", pair, f"{real.replace('True', 'False')}, {fake}"),
        edit(
            "G: translates outside of training",
            "fake = self.generator(source, training=True)",
            "fake = self.generator(source, training=False)",
        ),
        edit(
            "G: translates the target",
            "fake = self.generator(source, training=True)",
            "fake = self.generator(real, training=True)",
        ),
        edit("G: against D as it was before its step", d_step, "", g_step, f"{g_step}\n        {d_step}"),
        *_logistic(edit),
    ]


def _cyclegan():
    edit = _of("cyclegan")
    of_a, of_b = (
        f"losses.lsgan_discriminator_loss(\n                self.discriminator_{x}(real_{x}, training=True), "
        f"self.discriminator_{x}(old_{x}, training=True)"
        for x in "ab"
    )
    g_b, g_a = (
        "losses.lsgan_generator_loss(self.discriminator_b(fake_b, training=True))",
        "losses.lsgan_generator_loss(self.discriminator_a(fake_a, training=True))",
    )
    cycle_a, cycle_b = "self.generator_ba(fake_b, training=True)", "self.generator_ab(fake_a, training=True)"
    same_b, same_a = (
        "losses.l1(real_b, self.generator_ab(real_b, training=True))",
        "losses.l1(\n                    real_a, self.generator_ba(real_a, training=True)",
    )
    total, identity = (
        "total = g_loss + self.cycle_weight * cycle",
        "total += self.identity_weight * self.cycle_weight * identity",
    )
    pools, d_step, g_step = (
        "old_a, old_b = self.pool_a(fake_a), self.pool_b(fake_b)",
        "self.minimize(d_loss, d_tape, self.d_optimizer)",
        "self.minimize(total, g_tape, self.g_optimizer)",
    )
    return [
        edit("G: the factor 2 dropped", "g_loss = 2.0 *", "g_loss = 1.0 *"),
        edit("G: the factor 2 a tenth", "g_loss = 2.0 *", "g_loss = 0.1 *"),
        edit("G: the sign flipped", "g_loss = 2.0 *", "g_loss = -2.0 *"),
        edit("D of a: not halved", f"d_loss = {of_a}", f"d_loss = 2.0 * {of_a}"),
        edit("D of b: not halved", of_b, f"2.0 * {of_b}"),
        edit(
            "D of a: real and fake swapped",
            of_a,
            of_a.replace("old_", "x_").replace("real_", "old_").replace("x_", "real_"),
        ),
        edit(
            "D of b: real and fake swapped",
            of_b,
            of_b.replace("old_", "x_").replace("real_", "old_").replace("x_", "real_"),
        ),
        edit("D of a: real images of b", of_a, of_a.replace("real_a", "real_b")),
        edit("D of b: real images of a", of_b, of_b.replace("real_b", "real_a")),
        edit("D of a: the fakes of b", of_a, of_a.replace("old_a", "old_b")),
        edit("D of a: without its pool", pools, "old_a, old_b = fake_a, self.pool_b(fake_b)"),
        edit("D of b: without its pool", pools, "old_a, old_b = self.pool_a(fake_a), fake_b"),
        edit(
            "the pool gives back the newest", "returned = tf.where(as_image(swap), stored, fresh)", "returned = fresh"
        ),
        edit(
            "the pool gives back an old one always",
            "random.uniform([batch], same=True) < 0.5",
            "random.uniform([batch], same=True) < 1.5",
        ),
        edit("the pool gives back zeros while it fills", "swap = ~filling & (", "swap = ("),
        edit(
            "the pool keeps what it gave back",
            "kept = tf.where(as_image(filling | swap), fresh, stored)",
            "kept = tf.where(as_image(filling), fresh, stored)",
        ),
        edit("the cycle's weight 0", total, "total = g_loss + 0.0 * cycle"),
        edit("the cycle's weight 1", total, "total = g_loss + cycle"),
        edit("lambda = 1 by default", "cycle_weight=10.0", "cycle_weight=1.0"),
        edit(
            "no cycle through b", f"cycle = losses.l1(real_a, {cycle_a})", f"cycle = 0.0 * losses.l1(real_a, {cycle_a})"
        ),
        edit(
            "no cycle through a",
            f"+ losses.l1(\n                real_b, {cycle_b}",
            f"+ 0.0 * losses.l1(\n                real_b, {cycle_b}",
        ),
        edit("the cycle of a ends in b", cycle_a, cycle_a.replace("generator_ba", "generator_ab")),
        edit(
            "the cycle of a through a stopped gradient", cycle_a, cycle_a.replace("fake_b", "tf.stop_gradient(fake_b)")
        ),
        edit(
            "the cycle of b through a stopped gradient", cycle_b, cycle_b.replace("fake_a", "tf.stop_gradient(fake_a)")
        ),
        edit("the identity's weight 0", identity, "total += 0.0 * identity"),
        edit("the identity's weight 1", identity, "total += self.cycle_weight * identity"),
        edit("the identity's weight not times the cycle's", identity, "total += self.identity_weight * identity"),
        edit("the identity off by default", "identity_weight=0.5", "identity_weight=0.0"),
        edit("the identity of b by the wrong generator", same_b, same_b.replace("generator_ab", "generator_ba")),
        edit("the identity of a: of b", same_a, same_a.replace("(real_a", "(real_b")),
        edit("no identity of a", f"+ {same_a}", f"+ 0.0 * {same_a}"),
        edit("G: a to b is not judged", g_b, f"0.0 * {g_b}"),
        edit("G: b to a is not judged", g_a, f"0.0 * {g_a}"),
        edit(
            "G: judged by each other's discriminator",
            g_b,
            g_b.replace("discriminator_b", "discriminator_a"),
            g_a,
            g_a.replace("discriminator_a", "discriminator_b"),
        ),
        edit("G: a gradient stopped at fakes of b", g_b, g_b.replace("fake_b", "tf.stop_gradient(fake_b)")),
        edit("G: judged by D of a outside of training", g_a, g_a.replace("True", "False")),
        edit(
            "a to b outside of training",
            "fake_b = self.generator_ab(real_a, training=True)",
            "fake_b = self.generator_ab(real_a, training=False)",
        ),
        edit("both generators translate a", "fake_a = self.generator_ba(real_b", "fake_a = self.generator_ba(real_a"),
        edit("G: against D as it was before its step", d_step, "", g_step, f"{g_step}\n        {d_step}"),
    ]


def _bgan():
    edit = _of("bgan")
    continuous = "continuous_generator_loss(self.discriminator(fake, training=True))"
    weights = "tf.nn.softmax(tf.cast(logits, tf.float32), axis=1)"
    pixels = "u < tf.cast(mean, tf.float32)[:, None], 1.0, -1.0"
    square, log_g = (
        "tf.reduce_mean(tf.square(tf.cast(fake_logits, tf.float32)))",
        "log_g = tf.reduce_sum(tf.math.log((1.0 + images * mean) / 2.0)",
    )
    value = "-tf.reduce_mean(tf.reduce_sum(weights * log_g, axis=1))"
    made = f"tape:\n            {MADE}"
    return [
        edit("D: real and fake swapped", PAIR, SWAPPED),
        edit("D: sees means in place of pixels", "fake = draw_pixels(fake, 1)[:, 0]", "fake = fake + 0.0"),
        edit(
            "D: the fakes made outside of training",
            f"{MADE}\n        if",
            f"{MADE.replace('True', 'False')}\n        if",
        ),
        *_logistic(edit),
        edit("discrete G: the sign flipped", f"return {value}", f"return {value[1:]}"),
        edit("discrete G: weights not normalised", weights, "tf.exp(tf.cast(logits, tf.float32))"),
        edit("discrete G: weights over the batch", weights, weights.replace("axis=1", "axis=0")),
        edit("discrete G: weights the wrong way round", weights, weights.replace("logits", "-logits")),
        edit("discrete G: all weights equal", weights, weights.replace("logits", "0.0 * logits")),
        edit("discrete G: a mean over the samples", value, value.replace("reduce_sum", "reduce_mean")),
        edit("discrete G: log g of the other pixel", log_g, log_g.replace("1.0 + images", "1.0 - images")),
        edit("discrete G: log g a mean over pixels", log_g, log_g.replace("reduce_sum", "reduce_mean")),
        edit(
            "discrete G: judged outside of training",
            "tf.reshape(images, [-1, *mean.shape[1:]]), training=True",
            "tf.reshape(images, [-1, *mean.shape[1:]]), training=False",
        ),
        edit("the baseline ignored", "baseline=self.baseline)", "baseline=False)"),
        edit("the baseline always", "baseline=self.baseline)", "baseline=True)"),
        edit("one sample too many", "= pixels, samples, baseline", "= pixels, samples + 1, baseline"),
        edit("pixels the wrong way round", pixels, pixels.replace("1.0, -1.0", "-1.0, 1.0")),
        edit("continuous G: the sign flipped", f"g_loss = {continuous}", f"g_loss = -{continuous}"),
        edit("continuous G: halved", f"return {square}", f"return 0.5 * {square}"),
        edit("continuous G: not squared", square, square.replace("square", "abs")),
        edit(
            "continuous G: a gradient stopped at its images",
            continuous,
            continuous.replace("fake", "tf.stop_gradient(fake)"),
        ),
        edit(
            "the two kinds exchanged",
            'if self.pixels == "discrete":\n                g_loss',
            'if self.pixels != "discrete":\n                g_loss',
        ),
        edit("G: made outside of training", made, made.replace("True", "False")),
        edit("z of another law", PRIOR, UNIFORM),
        *_given(edit, PRIOR),
        _order(edit),
    ]


def _ebgan():
    edit = _of("ebgan")
    real, fake = (
        "real_energy = energy(real, self.discriminator(real, training=True)[0])",
        "fake_energy = energy(fake, self.discriminator(fake, training=True)[0])",
    )
    loss, total = (
        "tf.reduce_mean(real_energy) + tf.reduce_mean(tf.nn.relu(margin - fake_energy))",
        "total = g_loss + self.pt_weight * pt",
    )
    g_loss, pt = "tf.reduce_mean(energy(fake, reconstruction))", "pulling_away(code)"
    made, order = f"tape:\n            {MADE}", G_STEP.replace("g_loss", "total")
    return [
        edit(
            "D: real and fake swapped",
            "margin_loss(real_energy, fake_energy, self.margin)",
            "margin_loss(fake_energy, real_energy, self.margin)",
        ),
        edit("D: the margin ignored", loss, loss.replace("tf.nn.relu(margin - fake_energy)", "margin - fake_energy")),
        edit(
            "D: the margin for real images",
            loss,
            loss.replace("reduce_mean(real_energy)", "reduce_mean(tf.nn.relu(real_energy - margin))"),
        ),
        edit("D: another margin", "fake_energy, self.margin)", "fake_energy, 2.0 * self.margin)"),
        edit("D: without fakes", loss, "tf.reduce_mean(real_energy)"),
        edit("D: without real images", loss, loss.replace("tf.reduce_mean(real_energy) + ", "")),
        edit("D: real images outside of training", real, real.replace("True", "False")),
        edit("D: the reconstruction of fakes held to real images", fake, fake.replace("energy(fake", "energy(real")),
        edit("G: the sign flipped", f"g_loss = {g_loss}", f"g_loss = -{g_loss}"),
        edit(
            "G: the energy's gradient through the reconstruction alone",
            g_loss,
            g_loss.replace("fake", "tf.stop_gradient(fake)"),
        ),
        edit(
            "G: a gradient stopped at its images",
            "self.discriminator(fake, training=True)\n",
            "self.discriminator(tf.stop_gradient(fake), training=True)\n",
        ),
        edit(
            "G: judged outside of training",
            "self.discriminator(fake, training=True)\n",
            "self.discriminator(fake, training=False)\n",
        ),
        edit("the pulling-away term's weight 0", total, "total = g_loss + 0.0 * pt"),
        edit("the pulling-away term's weight 1", total, "total = g_loss + pt"),
        edit("the pulling-away term pushes together", total, total.replace("+", "-")),
        edit("the pulling-away term of reconstructions", f"pt = {pt}", "pt = pulling_away(reconstruction)"),
        edit("the pulling-away term off by default", "pt_weight=0.1", "pt_weight=0.0"),
        edit("the pulling-away term of each code and itself too", "axis=1) - itself) / others", "axis=1)) / others"),
        edit("the pulling-away term divided by N", "- itself) / others", "- itself) / (others + 1.0)"),
        edit("cosines not squared", "squared = tf.square(tf.matmul", "squared = (tf.matmul"),
        edit(
            "the energy squared",
            "return losses.safe_sqrt(tf.reduce_sum(tf.square(difference)",
            "return (tf.reduce_sum(tf.square(difference)",
        ),
        edit("G: made outside of training", made, made.replace("True", "False")),
        edit("z of another law", PRIOR, UNIFORM),
        edit(
            "G: against D as it was before its step",
            D_STEP,
            "d_tape = tape",
            order,
            f"{order}\n        {D_STEP.replace('tape', 'd_tape')}",
        ),
    ]


def _f_gan():
    edit = _of("f_gan")
    bound = "bound = tf.reduce_mean(self.divergence.activation(real_v)) - of_fake"
    g_step = f"{G_STEP}  # the tape remembers the omega of before"
    other = "g_loss = -tf.reduce_mean(self.divergence.activation(fake_v))"
    return [
        edit("D: the sign flipped", "d_loss = -bound", "d_loss = 1.0 * bound"),
        edit("D: halved", "d_loss = -bound", "d_loss = -0.5 * bound"),
        edit("D: fakes added", bound, bound.replace("- of", "+ of")),
        edit(
            "D: real and fake swapped",
            "self.divergence.of_fake(fake_v)",
            "self.divergence.of_fake(real_v)",
            "self.divergence.activation(real_v)",
            "self.divergence.activation(tf.identity(fake_v))",
        ),
        edit(
            "D: real images judged outside of training",
            "self.discriminator(real, training=True)",
            "self.discriminator(real, training=False)",
        ),
        edit("D: no activation", bound, bound.replace("self.divergence.activation(real_v)", "real_v")),
        edit("fakes made outside of training", MADE, MADE.replace("True", "False")),
        edit(
            "fakes judged outside of training",
            "self.discriminator(fake, training=True)",
            "self.discriminator(fake, training=False)",
        ),
        edit(
            "a gradient stopped at fakes",
            "self.discriminator(fake, training=True)",
            "self.discriminator(tf.stop_gradient(fake), training=True)",
        ),
        edit("minimax G: the sign flipped", "g_loss = -of_fake", "g_loss = 1.0 * of_fake"),
        edit("minimax G: the whole bound's negative", "g_loss = -of_fake", "g_loss = -bound"),
        edit("non-saturating G: the sign flipped", other, other.replace("-tf", "tf")),
        edit("non-saturating G: no activation", other, "g_loss = -tf.reduce_mean(fake_v)"),
        edit(
            "the objectives exchanged",
            'if self.generator_objective == "minimax":',
            'if self.generator_objective != "minimax":',
        ),
        edit("minimax by default", 'generator_objective="non_saturating", seed', 'generator_objective="minimax", seed'),
        edit("kl by default", 'divergence="gan"', 'divergence="kl"'),
        edit("kl: f* without its shift", "of_fake=lambda v: tf.exp(v - 1.0)", "of_fake=lambda v: tf.exp(v)"),
        edit(
            "reverse kl: the activation's sign in the exponent",
            "activation=lambda v: -tf.exp(-v)",
            "activation=lambda v: -tf.exp(v)",
        ),
        edit(
            "pearson: f* without its factor",
            "of_fake=lambda v: tf.square(v) / 4.0 + v",
            "of_fake=lambda v: tf.square(v) / 2.0 + v",
        ),
        edit(
            "hellinger: f* of another sign", "of_fake=lambda v: tf.exp(v) - 1.0", "of_fake=lambda v: 1.0 - tf.exp(-v)"
        ),
        edit(
            "jensen-shannon: without log 2",
            "activation=lambda v: LOG_2 - tf.math.softplus(-v)",
            "activation=lambda v: -tf.math.softplus(-v)",
        ),
        edit(
            "neyman: f* without its half",
            "of_fake=lambda v: 2.0 - 2.0 * tf.exp(-v / 2.0)",
            "of_fake=lambda v: 2.0 - 2.0 * tf.exp(-v)",
        ),
        edit(
            "G: against D after its step",
            g_step,
            "with tf.GradientTape() as tape:\n            fake = self.generator(z, training=True)\n"
            "            fake_v = self.discriminator(fake, training=True)\n"
            "            g_loss = -tf.reduce_mean(self.divergence.activation(fake_v))\n        " + G_STEP,
            "with tf.GradientTape(persistent=True) as tape:",
            "z = self.prior.like(real)\n        with tf.GradientTape(persistent=True) as tape:",
            MADE,
            "fake = self.generator(z, training=True)",
        ),
        edit("z of another law", PRIOR, UNIFORM),
    ]


def _gogan():
    edit = _of("gogan")
    g_loss, d_loss = (
        "losses.wasserstein_generator_loss(self.discriminator(fake, training=True))",
        "d_loss = margin + self.rank_weight * rank",
    )
    rank = "margin_loss(real_logits, old_logits, 2.0 * self.epsilon)"
    loss = "tf.nn.relu(tf.cast(fake_logits, tf.float32) + margin - tf.cast(real_logits, tf.float32))"
    copied = "old.assign(tf.where(later & (step_of_stage == 0), new, old))"
    made = f"tape:\n            {MADE}"
    return [
        *_objective(edit, g_loss),
        edit(
            "D: real and fake swapped",
            "margin_loss(real_logits, fake_logits, self.epsilon)",
            "margin_loss(fake_logits, real_logits, self.epsilon)",
        ),
        edit("D: no hinge", loss, loss.replace("tf.nn.relu", "")),
        edit(
            "D: no margin",
            "margin_loss(real_logits, fake_logits, self.epsilon)",
            "margin_loss(real_logits, fake_logits, 0.0)",
        ),
        edit("the rank's weight 0", d_loss, "d_loss = margin + 0.0 * rank"),
        edit("the rank's weight 1", d_loss, "d_loss = margin + rank"),
        edit("the rank alone", d_loss, "d_loss = self.rank_weight * rank"),
        edit("the rank's margin that of neighbours", rank, rank.replace("2.0 * ", "")),
        edit("the rank of new fakes", rank, rank.replace("old_logits", "fake_logits")),
        edit("the rank of fakes above old fakes", rank, rank.replace("real_logits", "fake_logits")),
        edit("the rank in the first stage too", f"rank = tf.where(later, {rank}, 0.0)", f"rank = {rank}"),
        edit(
            "old fakes from other noise",
            "self.previous(z, training=False)",
            "self.previous(self.prior.like(real), training=False)",
        ),
        edit("the old generator in training", "self.previous(z, training=False)", "self.previous(z, training=True)"),
        edit(
            "old fakes made by the new generator",
            "self.previous(z, training=False)",
            "self.generator(z, training=False)",
        ),
        edit("the old generator copied at every step", copied, "old.assign(tf.where(later, new, old))"),
        edit("the old generator never copied", copied, "old.assign(old)"),
        edit(
            "a stage one step too early", "random.step() // self.stage_steps", "(random.step() + 1) // self.stage_steps"
        ),
        edit("G: made outside of training", made, made.replace("True", "False")),
        edit("z of another law", PRIOR, UNIFORM),
        *_minibatches(edit, "n_critic"),
        *_clipping(edit),
        edit("the margin 0.1 by default", "epsilon=1.0", "epsilon=0.1"),
        edit("the rank's weight 1 by default", "rank_weight=0.5", "rank_weight=1.0"),
    ]


def _lapgan():
    edit = _of("lapgan")
    pairs = "zip(self.logits(real), self.logits(fake), strict=True)"
    g_losses = "[losses.non_saturating_generator_loss(logits) for logits in self.logits(fake)]"
    of_d, drawn = "fake = self.fakes(real, self.prior.like(image))\n        with", "(low, g([low, z_k], training=True))"
    of_g = "tape:\n            fake = self.fakes(real, self.prior.like(image))"
    return [
        edit("D: real and fake swapped", pairs, "zip(self.logits(fake), self.logits(real), strict=True)"),
        edit("D: the finest level alone", "d_loss = tf.add_n(d_losses)", "d_loss = d_losses[0] + 0.0 * d_losses[1]"),
        edit("D: a mean over levels", "d_loss = tf.add_n(d_losses)", "d_loss = tf.add_n(d_losses) / 2.0"),
        edit("G: the coarsest level alone", "g_loss = tf.add_n(g_losses)", "g_loss = g_losses[-1] + 0.0 * g_losses[0]"),
        edit("G: a mean over levels", "g_loss = tf.add_n(g_losses)", "g_loss = tf.add_n(g_losses) / 2.0"),
        edit("G: the sign flipped", g_losses, g_losses.replace("[losses", "[-losses")),
        edit("G: minimax", "losses.non_saturating_generator_loss(logits)", "losses.minimax_generator_loss(logits)"),
        edit(
            "G: a gradient stopped at its images",
            "for logits in self.logits(fake)",
            "for logits in self.logits(tf.nest.map_structure(tf.stop_gradient, fake))",
        ),
        edit("G: judged with real residuals", "for logits in self.logits(fake)", "for logits in self.logits(real)"),
        edit("judged outside of training", "d(_inputs(part), training=True)", "d(_inputs(part), training=False)"),
        edit("drawn outside of training", drawn, drawn.replace("True", "False")),
        edit(
            "the coarsest drawn outside of training", "coarsest(last, training=True)", "coarsest(last, training=False)"
        ),
        edit("an image in place of its residual", drawn, "(low, low + g([low, z_k], training=True))"),
        edit("the low-pass image hidden from G", drawn, "(low, g([0.0 * low, z_k], training=True))"),
        edit("the low-pass image hidden from D", drawn, "(0.0 * low, g([low, z_k], training=True))"),
        edit("the real residual is the image", "parts.append((low, image - low))", "parts.append((low, image))"),
        edit("the residual's sign", "parts.append((low, image - low))", "parts.append((low, low - image))"),
        edit("d: every second pixel, not blurred", "coarse = down(image)", "coarse = image[:, ::2, ::2]"),
        edit(
            "the noise of levels in another order",
            "*noise, last = self._split(z)",
            "*noise, last = self._split(z[:, ::-1])",
        ),
        edit(
            "z of another law", 'latent.Prior(sum(self.latent_dims), "uniform")', "latent.Prior(sum(self.latent_dims))"
        ),
        edit(
            "G: on the noise of D's step",
            of_d,
            "z = self.prior.like(image)\n        fake = self.fakes(real, z)\n        with",
            of_g,
            "tape:\n            fake = self.fakes(real, z)",
        ),
        _order(edit),
        *_logistic(edit),
    ]


def _unrolled_gan():
    edit = _of("unrolled_gan")
    steps, step = "for _ in range(self.unroll_steps):", "weights = rule.step(weights, gradients)"
    minimax = "return -losses.non_saturating_discriminator_loss(self.d_logits(weights, real), fake_logits)"
    inner = "self.d_logits(weights, real), self.d_logits(weights, fake)\n"
    first = "g_loss = self.generator_loss(real, self.generator(self.prior.like(real), training=True))"
    return [
        edit("D: real and fake swapped", PAIR, SWAPPED),
        edit("D: real images judged outside of training", PAIR, PAIR.replace("True", "False", 1)),
        edit("D: the fakes made outside of training", MADE, MADE.replace("True", "False")),
        edit("G: made outside of training", first, first.replace("True", "False")),
        edit("G: the sign flipped", first, first.replace("= self", "= -self")),
        edit(
            "G: a gradient stopped at its images",
            first,
            first.replace(
                "self.generator(self.prior.like(real), training=True)",
                "tf.stop_gradient(self.generator(self.prior.like(real), training=True))",
            ),
        ),
        edit("K ignored", steps, "for _ in range(0):"),
        edit("one step too many", steps, "for _ in range(self.unroll_steps + 1):"),
        edit(
            "a gradient stopped at every unrolled step",
            step,
            f"{step[:10]}[tf.stop_gradient(w) for w in rule.step(weights, gradients)]",
        ),
        edit(
            "a gradient stopped at the gradients of unrolled steps",
            step,
            step.replace("gradients", "[tf.stop_gradient(g) for g in gradients]"),
        ),
        edit(
            "unrolled steps on detached fakes",
            "weights = self.unrolled(real, fake)",
            "weights = self.unrolled(real, tf.stop_gradient(fake))",
        ),
        edit(
            "unrolled steps with real and fake swapped",
            inner,
            "self.d_logits(weights, fake), self.d_logits(weights, real)\n",
        ),
        edit("unrolled steps uphill", "w - self.rate * g for", "w + self.rate * g for"),
        edit("unrolled steps of rate 1", "w - self.rate * g for", "w - g for"),
        edit("unrolled steps outside of training", "frozen, x, training=True)", "frozen, x, training=False)"),
        edit("Adam: the count stands still", "self.count += 1.0", "self.count += 0.0"),
        edit("Adam: the second moment's decay", "self.v = [beta_2 * v +", "self.v = [beta_1 * v +"),
        edit("Adam: no momentum", "self.m = [beta_1 * m + (1.0 - beta_1) * g", "self.m = [0.0 * m + g"),
        edit("minimax: the sign flipped", minimax, minimax.replace("-losses", "losses")),
        edit("minimax: without the term of real images", minimax, "return losses.minimax_generator_loss(fake_logits)"),
        edit(
            "non-saturating: minimax in its place",
            "return losses.non_saturating_generator_loss(fake_logits)",
            "return losses.minimax_generator_loss(fake_logits)",
        ),
        edit(
            "non-saturating by default",
            'unroll_steps=10, generator_objective="minimax"',
            'unroll_steps=10, generator_objective="non_saturating"',
        ),
        edit(
            "judged by D as it is",
            "fake_logits = self.d_logits(weights, fake)",
            "fake_logits = self.discriminator(fake, training=True)",
        ),
        edit(
            "D: on the fakes of G's step",
            first,
            f"z = self.prior.like(real)\n            {first.replace('self.prior.like(real)', 'z')}",
            MADE,
            "fake = self.generator(z, training=True)",
        ),
        edit(
            "D: fakes of G as it was before its step",
            G_STEP,
            "g_tape = tape",
            D_STEP,
            f"{D_STEP}\n        {G_STEP.replace('tape', 'g_tape')}",
        ),
        edit(
            "D: takes the unrolled steps too",
            D_STEP,
            "for weight, ahead in zip(self.discriminator.trainable_variables, self.unrolled(real, fake)):\n"
            f"            weight.assign(ahead)\n        {D_STEP}",
        ),
        edit("z of another law", PRIOR, UNIFORM),
        *_logistic(edit),
    ]


MUTATIONS = {
    "gan": _gan(),
    "dcgan": _dcgan(),
    "lsgan": _lsgan(),
    "wgan": _wgan(),
    "wgan_gp": _wgan_gp(),
    "sngan": _sngan(),
    "sagan": _sagan(),
    "pix2pix": _pix2pix(),
    "cyclegan": _cyclegan(),
    "bgan": _bgan(),
    "ebgan": _ebgan(),
    "f_gan": _f_gan(),
    "gogan": _gogan(),
    "lapgan": _lapgan(),
    "unrolled_gan": _unrolled_gan(),
}

if __name__ == "__main__":
    main()
