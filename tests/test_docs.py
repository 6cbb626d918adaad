"""What docs/adding_a_family.md and the README say: the programs of the page do it, flags and sizes are as they are."""

import ast
import dataclasses
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import affine
from conformance import Conformance, sgd

from tfgan_zoo.errors import InputError
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.networks.mlp import mlp_discriminator, mlp_generator
from tfgan_zoo.networks.patchgan import patchgan_discriminator
from tfgan_zoo.networks.residual_translator import residual_translator_generator
from tfgan_zoo.networks.unet import unet_generator
from tfgan_zoo.run import flags

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/adding_a_family.md").read_text(encoding="utf-8")


def program(heading):
    """The Python block of the page below a heading."""
    return re.search(rf"^{heading}\n.*?^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the repository's code with the three files of the page in it."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("tfgan_zoo", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    (tree / "recipes").mkdir()
    for path, heading in {
        "tfgan_zoo/families/lsgan.py": "## 1. The family",
        "recipes/lsgan.py": "## 2. The recipe",
        "tests/families/test_lsgan.py": "## 3. The test",
    }.items():
        (tree / path).write_text(program(heading), encoding="utf-8")
    return tree


def run(tree, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=tree, env=os.environ | {"PYTHONPATH": str(tree)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_family_of_the_page_passes_the_test_of_the_page(tree):
    some = "computed_by_hand or few_steps or answers_every_signature"
    printed = run(tree, "-m", "pytest", "-n", "0", "-q", "tests/families/test_lsgan.py", "-k", some)
    assert "3 passed" in printed


@pytest.mark.slow
def test_the_recipe_of_the_page_trains_and_exports(tree):
    printed = run(tree, "recipes/lsgan.py", "--image-size=8", "--width=8", "--batch-size=4", "--steps=2")
    assert 'model(z=tf.random.normal([1, 100]))["generated"]' in printed
    assert (tree / "exported/lsgan/1/saved_model.pb").exists()


@pytest.fixture(scope="module")
def lazy_r1():
    space = {"__name__": "lazy_r1"}
    exec(compile(program("### A regulariser every n-th step"), "lazy_r1.py", "exec"), space)
    return space["LazyR1GAN"]


def by_hand(real, steps, rate, gamma, every):
    """w and c of D(x) = w x + c and the losses (d_loss, r1) after each step, G(z) being 2."""
    w, c, rows = 0.5, 0.25, []
    for step in range(steps):
        of_real, of_fake = 1 / (1 + np.exp(w * real + c)), 1 / (1 + np.exp(-2 * w - c))  # sigmoid(-D(x)), sigmoid(D(2))
        r1 = w**2 if step % every == 0 else 0.0
        d_loss = -np.mean(np.log(1 - of_real)) - np.log(1 - of_fake)
        slope_w = -np.mean(of_real * real) + 2 * of_fake + (every * gamma * w if step % every == 0 else 0.0)
        w, c = w - rate * slope_w, c - rate * (-np.mean(of_real) + of_fake)
        rows.append((w, c, d_loss, r1))
    return np.array(rows)


@pytest.mark.parametrize("where", ["one device", "XLA", "two replicas"])
def test_the_regulariser_of_the_page_counts_in_steps_0_2_and_4_alone(lazy_r1, where, request):
    strategy = request.getfixturevalue("two_replicas") if where == "two replicas" else tf.distribute.get_strategy()
    real = np.array([[1.0], [-0.5], [3.0], [0.5]], np.float32)
    with strategy.scope():
        model = lazy_r1(affine(0.0, 2.0), affine(0.5, 0.25), gamma=0.3, every=2)
        model.compile(
            g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(0.1), jit_compile=where == "XLA"
        )
    got = []
    for _ in range(5):
        history = model.fit(tf.data.Dataset.from_tensors(real), shuffle=False, verbose=0).history
        weights = [weight.item() for weight in model.discriminator.get_weights()]
        got.append((*weights, history["d_loss"][0], history["r1"][0]))
    np.testing.assert_allclose(got, by_hand(real.astype(np.float64), 5, 0.1, 0.3, 2), rtol=1e-5, atol=1e-7)


class _LazyR1(Conformance):
    def __init__(self, family):
        self.family = family

    def make(self):
        critic = dcgan_discriminator((8, 8, 1), width=8, normalization=None)
        return self.family(dcgan_generator((8, 8, 1), latent_dim=6, width=8), critic, every=2)

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


@pytest.mark.slow
def test_convolutional_networks_with_the_regulariser_of_the_page_train_alike_under_xla_and_resume(lazy_r1):
    family = _LazyR1(lazy_r1)
    family.test_a_restart_halfway_ends_with_the_same_bits()
    plain, compiled = family.compiled(sgd), family.compiled(sgd, jit_compile=True)
    for step in range(2):
        expected, got = family.train(plain, 1, skip=step), family.train(compiled, 1, skip=step)
        for name, value in expected.items():
            np.testing.assert_allclose(got[name], value, rtol=1e-3, atol=1e-4, err_msg=name)


def test_an_update_inside_of_a_cond_fails_on_two_replicas_as_the_page_says(lazy_r1, two_replicas):
    class Inside(lazy_r1):
        def train_step(self, real):
            def update():
                with tf.GradientTape() as tape:
                    loss = tf.reduce_mean(self.discriminator(real, training=True))
                self.minimize(loss, tape, self.d_optimizer)
                return loss

            return self.track(loss=tf.cond(tf.reduce_mean(real) > 0.0, update, lambda: 0.0))

    with two_replicas.scope():
        model = Inside(affine(0.0, 2.0), affine(0.5, 0.25))
        model.compile(g_optimizer=keras.optimizers.SGD(0.0), d_optimizer=keras.optimizers.SGD(0.1))
    with pytest.raises(RuntimeError, match="merge_call"):
        model.fit(tf.data.Dataset.from_tensors(np.ones([4, 1], np.float32)), shuffle=False, verbose=0)


def test_the_readme_names_every_flag_that_all_recipes_have_and_no_other():
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Flags")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(--[a-z-]+)", "".join(re.findall(r"^\|.*\|$", section, re.MULTILINE))))
    fields = {flags.flag_of(field.name) for field in dataclasses.fields(flags.Config)} - {"--dry-run"}  # in the text
    assert named - {"--no-resume"} == fields and "`--dry-run`" in section


def _fits(build, size):
    try:
        build((*size, 1))
    except InputError:
        return False
    return True


def test_the_sizes_that_the_readme_calls_fitting_fit_and_their_neighbours_do_not():
    networks = {
        "pix2pix": lambda shape: unet_generator(shape, width=2),
        "patches": lambda shape: patchgan_discriminator(shape, 2, layers=2),  # 3 * 2**2
        "CycleGAN": lambda shape: residual_translator_generator(shape, width=2, blocks=1),
        "noise": lambda shape: (dcgan_generator(shape, width=2), dcgan_discriminator(shape, width=2)),
        "GAN": lambda shape: (mlp_generator(shape, 2, [2]), mlp_discriminator(shape, [2])),
    }
    fit = {
        "pix2pix": ([(8, 8), (24, 40)], [(12, 16), (8, 20)]),
        "patches": ([(12, 12), (13, 17)], [(11, 12), (12, 11)]),
        "CycleGAN": ([(8, 8), (12, 20)], [(8, 10), (4, 8)]),
        "noise": ([(28, 28), (32, 32), (64, 128), (96, 160)], [(30, 30), (32, 36)]),
        "GAN": ([(5, 7), (1, 1)], []),
    }
    for name, (fitting, others) in fit.items():
        assert [size for size in fitting if not _fits(networks[name], size)] == [], name
        assert [size for size in others if _fits(networks[name], size)] == [], name


@pytest.mark.parametrize("page", ["README.md", "docs/library.md", "docs/adding_a_family.md"])
def test_what_a_page_links_to_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (ROOT / page).parent / path
        assert found.exists(), target
        heads = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        anchors = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
        assert not anchor or anchor in anchors, target


RECIPES = sorted((ROOT / "recipes").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_says_what_its_default_gave_and_at_which_commit_or_that_it_was_not_run(recipe):
    header = ast.get_docstring(ast.parse(recipe.read_text(encoding="utf-8")))
    default = re.search(r"^Default: .*?(?=\n\n)", header, re.MULTILINE | re.DOTALL)[0]
    assert re.search(r"commit\s[0-9a-f]{7}\b", default) or "Not yet run." in default


@pytest.mark.parametrize("file", [*RECIPES, ROOT / "tfgan_zoo/run/flags.py"], ids=lambda path: path.stem)
def test_the_help_of_a_flag_is_there_and_no_half_of_a_sentence(file):
    (config,) = [n for n in ast.parse(file.read_text()).body if isinstance(n, ast.ClassDef) and n.name == "Config"]
    inherited = {field.name for field in dataclasses.fields(flags.Config)} if file in RECIPES else set()
    for field, after in zip(config.body, [*config.body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and field.target.id not in inherited:
            text = after.value.value if isinstance(after, ast.Expr) else ""
            assert text.endswith(".") and not text.startswith(("Of ", "of ")), field.target.id
