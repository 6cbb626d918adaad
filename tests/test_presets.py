"""The networks that the `--preset=paper` of a recipe builds, counted: its data is not here, and need not be."""

import contextlib
import importlib
import json
import types
from pathlib import Path

import numpy as np
import pytest

from tfgan_zoo.data import batches
from tfgan_zoo.latent import Prior
from tfgan_zoo.run import flags

# recipe -> (trainable parameters of its networks by the published programs, channels of its data, labels)
PUBLISHED = {
    "bgan": ({"generator": 6_709_185, "discriminator": 6_631_169}, 1, 0),
    "cyclegan": ({"generator_ab": 11_378_179, "discriminator_a": 2_764_737}, 3, 0),
    "dcgan": ({"generator": 18_855_043, "discriminator": 17_232_897}, 3, 0),
    "gan": ({"generator": 2_503_984, "discriminator": 1_231_441}, 1, 0),
    "infogan": ({"generator": 6_652_481, "discriminator": 6_692_173}, 1, 10),
    "lsgan": ({"generator": 15_577_667}, 3, 0),
    "pix2pix": ({"generator": 54_413_955, "discriminator": 2_768_705}, 3, 0),
    "sagan": ({"generator": 42_023_748, "discriminator": 39_451_330}, 3, 1000),
    "sngan": ({"generator": 4_274_435, "discriminator": 1_053_824}, 3, 0),
    "wgan_gp": ({"generator": 1_203_331, "discriminator": 1_053_825}, 3, 0),
}


class _Job:
    """What a recipe's `main` is given; it keeps the model and what it would be trained with."""

    folder = None
    scope = staticmethod(contextlib.nullcontext)

    def train(self, model, data, **given):
        self.model, self.given = model, given

    def finish(self, model, data, **given):
        assert model is self.model


def built(recipe, monkeypatch, channels=3, classes=0):
    """The job of `recipe` after its paper preset was built for pictures of so many channels and labels."""
    module = importlib.import_module(f"recipes.{recipe}")
    config = module.PRESETS["paper"]
    size = config.pictures()["image_size"]
    shape = (*size, channels)
    shapes = dict.fromkeys(("image", "target", "a", "b"), shape)
    data = types.SimpleNamespace(shapes=shapes, classes=range(classes), kind="images", test_is_paired=False)
    for kind in ("images", "labelled", "pairs", "unpaired"):
        monkeypatch.setattr(module.images, kind, lambda *args, **kwargs: data)
    job = _Job()
    module.main(job, config)
    return job


RECIPES = sorted(path.stem for path in (Path(__file__).resolve().parent.parent / "recipes").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_run_folder_keeps_of_a_config_comes_back_equal_or_the_run_could_not_go_on(recipe):
    for config in importlib.import_module(f"recipes.{recipe}").PRESETS.values():
        resolved = flags.resolved(config)
        assert json.loads(json.dumps(resolved)) == resolved


def parameters(network):
    return sum(int(np.prod(w.shape)) for w in network.trainable_weights)


@pytest.mark.parametrize("recipe", PUBLISHED)
def test_the_paper_preset_builds_networks_of_the_published_size(recipe, monkeypatch):
    counts, channels, classes = PUBLISHED[recipe]
    model = built(recipe, monkeypatch, channels, classes).model
    assert {role: parameters(getattr(model, role)) for role in counts} == counts


@pytest.mark.parametrize(
    ("recipe", "prior"),
    [
        ("gan", Prior(100, "uniform", bound=3**0.5)),
        ("lsgan", Prior(1024, "uniform")),
        ("bgan", Prior(64, "uniform")),
        ("dcgan", Prior(100, "uniform")),
    ],
)
def test_the_paper_preset_draws_z_as_the_published_program_does(recipe, prior, monkeypatch):
    assert built(recipe, monkeypatch, 1).model.prior == prior


@pytest.mark.parametrize(("recipe", "rates"), [("lapgan", (0.02, 0.01)), ("gan", (0.1, 0.05))])
def test_where_the_published_loss_of_d_is_one_mean_d_has_half_the_rate_of_g(recipe, rates, monkeypatch):
    given = built(recipe, monkeypatch, 1).given
    got = [float(given[name].learning_rate) for name in ("g_optimizer", "d_optimizer")]
    np.testing.assert_allclose(got, rates, rtol=1e-6)


def test_the_paper_preset_of_wgan_has_kernels_of_4x4(monkeypatch):
    model = built("wgan", monkeypatch).model
    kernels = [w for n in (model.generator, model.discriminator) for w in n.trainable_weights if len(w.shape) == 4]
    assert len(kernels) == 8 and all(w.shape[:2] == (4, 4) for w in kernels)


def test_the_paper_preset_of_ebgan_has_a_code_of_feature_maps(monkeypatch):
    assert built("ebgan", monkeypatch).model.discriminator.output_shape[1] == (None, 8, 8, 256)


def test_the_paper_preset_of_cyclegan_has_no_identity_term(monkeypatch):
    assert built("cyclegan", monkeypatch).model.identity_weight == 0


def test_the_paper_preset_of_wgan_gp_fills_the_gaps_between_the_values_of_a_pixel(monkeypatch):
    job = built("wgan_gp", monkeypatch)
    assert job.model.g_batches == 2
    image = (np.array([0, 100, 255], np.float32) / 127.5 - 1)[:, None, None] * np.ones([1, 1, 2000], np.float32)
    noisy = job.given["transform"]({"image": image}, [3, 5], None)["image"].numpy()
    for value, pixels in zip([0, 100, 255], noisy[:, 0], strict=True):
        low = value / 128 - 1
        np.testing.assert_allclose([pixels.min(), pixels.max()], [low, low + 1 / 128], atol=1e-4)
        np.testing.assert_allclose(pixels.mean(), low + 1 / 256, atol=3e-4)


def test_the_paper_preset_of_sgan_builds_networks_of_the_published_size_and_normalises_their_start(monkeypatch):
    module, job = importlib.import_module("recipes.sgan"), _Job()
    pictures = np.random.default_rng(0).integers(0, 256, [20, 28, 28, 1]).astype(np.uint8)
    train = batches.from_arrays({"unlabelled": (pictures, "bicubic"), "label": (np.arange(20) % 10, None)})
    data = types.SimpleNamespace(shapes={"image": (28, 28, 1)}, classes=range(10), train=train, test=train)
    asked = {}
    monkeypatch.setattr(module, "few_labels", lambda dataset, **how: asked.update(how, dataset=dataset) or data)
    module.main(job, module.PRESETS["paper"])
    assert (asked["dataset"], asked["labels_per_class"], asked["image_size"]) == ("mnist", 10, (28, 28))
    counts = {"generator": 694_568, "discriminator": 1_538_770}
    assert {role: parameters(getattr(job.model, role)) for role in counts} == counts
    assert job.model.prior == Prior(100, "uniform") and job.given["until"] == 300 * 600
    first = next(x for x in job.model.discriminator.layers if hasattr(x, "g"))
    assert np.abs(first.bias).max() > 0.1  # 0 before
    np.testing.assert_array_equal(job.model.average.get_weights()[0], job.model.discriminator.get_weights()[0])
