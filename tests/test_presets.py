"""The networks that the `--preset=paper` of a recipe builds, counted: its data is not here, and need not be."""

import contextlib
import dataclasses
import importlib
import json
import types
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo.data import batches, captioned, domains, frames, images, instances, low_high, masked, transforms
from tfgan_zoo.data.columns import Column
from tfgan_zoo.latent import Prior
from tfgan_zoo.networks import vgg
from tfgan_zoo.run import flags

# recipe -> (trainable parameters of its networks by the published programs, channels of its data, labels)
PUBLISHED = {
    "acgan": ({"generator": 16_531_136, "discriminator": 3_015_547}, 3, 10),
    # Encoder and pictures' networks by our own count; the code discriminator is the paper's 3 x 750.
    "alpha_gan": ({"code_discriminator": 128 * 750 + 750 + 2 * (750 * 750 + 750) + 751}, 3, 0),
    "bgan": ({"generator": 6_709_185, "discriminator": 6_631_169}, 1, 0),
    "cgan": ({"generator": 2_413_984, "discriminator": 1_224_351}, 1, 10),
    "cyclegan": ({"generator_ab": 11_378_179, "discriminator_a": 2_764_737}, 3, 0),
    "dcgan": ({"generator": 18_855_043, "discriminator": 17_232_897}, 3, 0),
    "gan": ({"generator": 2_503_984, "discriminator": 1_231_441}, 1, 0),
    "infogan": ({"generator": 6_652_481, "discriminator": 6_692_173}, 1, 10),
    "lsgan": ({"generator": 15_577_667}, 3, 0),
    "partial_conv": ({"generator": 32_859_732 - 5_888}, 3, 0),  # less the encoder's frozen norms
    "pix2pix": ({"generator": 54_413_955, "discriminator": 2_768_705}, 3, 0),
    "rbm": ({"energy": 393_284}, 1, 0),
    # Of the last level; those of colours of the smaller ones are not in it.
    "progan": ({"generator": 23_079_115 - 3 * 2528 - 8 * 3, "discriminator": 23_087_249 - 4 * 2528}, 3, 0),
    "pixel_vae": ({"encoder": 218_272, "decoder": 222_962 - 576}, 1, 0),  # less a gate that leads nowhere
    # 7x7 to 256 channels, 15 blocks of 1x1, 3x3 and 1x1, two layers of 1x1.
    "pixel_cnn": (
        {"network": 50 * 256 + 15 * (257 * 128 + (9 * 128 + 1) * 128 + 129 * 256) + 257 * 256 + 257},
        1,
        0,
    ),
    "recycle_gan": (
        {"generator_ab": 7_837_699, "predictor_a": 54_412_675, "discriminator_a": 2_764_737},
        3,
        0,
    ),
    "sagan": ({"generator": 42_023_748, "discriminator": 39_451_330}, 3, 1000),
    "sngan": ({"generator": 4_274_435, "discriminator": 1_053_824}, 3, 0),
    "text_to_image": ({"generator": 18_909_699 - 4_227, "discriminator": 4_032_321 - 2_241}, 3, 0),  # less biases of 0
    "stargan": ({"generator": 8_439_936, "discriminator": 44_786_624}, 3, 8),
    "stylegan2": (
        {"mapping": 2_101_248, "synthesis": 30_370_060 - 2_101_248, "discriminator": 29_012_513},
        3,
        0,
    ),
    "vae": ({"encoder": 412_540, "decoder": 403_284}, 1, 0),
    "vae_gan": ({"encoder": 18_071_360, "decoder": 4_693_155, "discriminator": 10_953_857}, 3, 0),
    "stylegan": (
        {
            "mapping": 8 * 513 * 512,
            "synthesis": 26_219_627 - 8 * 513 * 512 - 3 * 2528 - 8 * 3,
            "discriminator": 23_087_249 - 4 * 2528,
        },
        3,
        0,
    ),
    "wgan_gp": ({"generator": 1_203_331, "discriminator": 1_053_825}, 3, 0),
}


class _Job:
    """What a recipe's `main` is given; it keeps the model and what it would be trained with."""

    folder = None
    scope = staticmethod(contextlib.nullcontext)

    def train(self, model, data, **given):
        self.model, self.given = model, given

    def finish(self, model, data, **given):
        assert model is self.model or not model.trains
        self.finished = model


def built(recipe, monkeypatch, channels=3, classes=0, **changes):
    """The job of `recipe` after its paper preset, but for `changes`, was built for so many channels and labels."""
    module = importlib.import_module(f"recipes.{recipe}")
    config = module.PRESETS["paper"]
    if hasattr(config, "vgg_weights"):  # a file that only a user has
        config = dataclasses.replace(config, vgg_weights="vgg.h5")
    size = config.pictures()["image_size"]
    shapes = dict.fromkeys(("image", "target", "a", "b", "instance"), (*size, channels))
    data = types.SimpleNamespace(
        shapes=shapes,
        classes=range(classes),
        kind="images",
        test_is_paired=False,
        redraw=lambda *given: given[0],
        captions=("a grey bird", "a bird with red wings"),
        held_out=(),
        train=types.SimpleNamespace(counts=(90,)),
        test=types.SimpleNamespace(counts=(9,), columns={}),
    )
    for kind in ("images", "labelled", "pairs", "unpaired"):
        monkeypatch.setattr(images, kind, lambda *args, **kwargs: data)
    for module_of_data, kind in (
        (captioned, "captioned"), (domains, "domains"), (instances, "instances"), (low_high, "low_high")
    ):  # fmt: skip
        monkeypatch.setattr(module_of_data, kind, lambda *args, **kwargs: data)
    monkeypatch.setattr(masked, "with_holes", lambda *args, **kwargs: data)
    for user in (vgg, module) if "vgg_weights" not in changes else ():
        monkeypatch.setattr(user, "vgg_features", lambda *args, **kwargs: lambda x, training: [x], raising=False)
    clips = types.SimpleNamespace(shapes=dict.fromkeys("ab", (3, *size, channels)), kind="frames", test_is_paired=False)
    monkeypatch.setattr(frames, "frames", lambda *args, **kwargs: clips)
    job = _Job()
    module.main(job, dataclasses.replace(config, **changes))
    return job


RECIPES = sorted(path.stem for path in (Path(__file__).resolve().parent.parent / "recipes").glob("*.py"))


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_run_folder_keeps_of_a_config_comes_back_equal_or_the_run_could_not_go_on(recipe):
    for config in importlib.import_module(f"recipes.{recipe}").PRESETS.values():
        resolved = flags.resolved(config)
        assert json.loads(json.dumps(resolved)) == resolved


@pytest.mark.parametrize("recipe", RECIPES)
def test_no_paper_preset_serves_an_average_that_the_paper_does_not_have(recipe):
    assert getattr(importlib.import_module(f"recipes.{recipe}").PRESETS["paper"], "average", 0.0) == 0.0


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
        ("cgan", Prior(100, "uniform", low=0.0)),
    ],
)
def test_the_paper_preset_draws_z_as_the_published_program_does(recipe, prior, monkeypatch):
    assert built(recipe, monkeypatch, 1).model.prior == prior


def test_the_paper_preset_of_vae_has_the_prior_on_its_weights_and_starts_them_near_0(monkeypatch):
    job = built("vae", monkeypatch, 1)
    model, optimizer = job.model, job.given["vae_optimizer"]
    assert isinstance(optimizer, keras.optimizers.Adagrad) and model.samples == model.kl_weight == 1
    np.testing.assert_allclose(model.decoder_decay, 1 / 90)  # of 90 training examples
    for network in (model.encoder, model.decoder):
        kernels = [np.std(w) for w in network.get_weights() if w.ndim == 2]
        np.testing.assert_allclose(kernels, 0.01, rtol=0.05)


def test_the_rate_of_the_paper_preset_of_cgan_falls_to_a_millionth_with_its_last_step(monkeypatch):
    given = built("cgan", monkeypatch, 1, 10).given
    for name in ("g_optimizer", "d_optimizer"):
        rate = given[name]._learning_rate
        got = [float(rate(step)) for step in (0, 1, given["until"])]
        np.testing.assert_allclose(got, [0.1, 0.1 / 1.00004, 1e-6], rtol=2e-3)


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


def test_the_paper_preset_of_partial_conv_compares_features_and_ends_with_a_frozen_encoder(monkeypatch):
    job = built("partial_conv", monkeypatch)
    (features,) = job.model.features(np.float32([57.2985]))
    np.testing.assert_allclose(features, [1.0], rtol=1e-6)
    norms = {layer.name: layer.trainable for layer in job.model.generator.layers if "norm" in layer.name}
    assert {name for name, trains in norms.items() if not trains} == {f"encoder_norm_{i}" for i in range(1, 8)}
    assert len(norms) == 14 and job.given["phase"] == "frozen"
    np.testing.assert_allclose(float(job.given["g_optimizer"].learning_rate), 5e-5)


def test_the_paper_preset_of_semantic_inpainting_searches_the_trained_networks_as_long_as_the_paper(monkeypatch):
    job = built("semantic_inpainting", monkeypatch)
    search = job.finished
    assert search.generator is job.model.generator and search.discriminator is job.model.discriminator
    assert (search.iterations, search.prior_weight, search.window, search.weighting) == (1500, 0.003, 7, "paper")
    assert search.prior == job.model.prior == Prior(100, "uniform") and search.restarts == 1


def test_the_paper_preset_of_stylegan2_has_the_published_rates_and_sees_25_million_pictures(monkeypatch):
    job = built("stylegan2", monkeypatch)
    model, given = job.model, job.given
    assert (model.gamma, model.path_weight, model.d_every, model.g_every) == (10.0, 2.0, 16, 4)
    assert (model.mixing, model.half_life, model.style_decay, model.depth) == (0.9, 10_000, 0.995, 18)
    rates = [float(given[name].learning_rate) for name in ("g_optimizer", "d_optimizer")]
    np.testing.assert_allclose(rates, [0.0016, 0.0018823529], rtol=1e-6)
    np.testing.assert_allclose(
        [given[n].beta_2 for n in ("g_optimizer", "d_optimizer")], [0.991992, 0.990585], rtol=1e-6
    )
    assert given["until"] * 32 == 25_000_000 and given["transform"] is transforms.random_flip


def test_the_paper_preset_of_cyclegan_has_no_identity_term(monkeypatch):
    assert built("cyclegan", monkeypatch).model.identity_weight == 0


def test_the_paper_preset_of_pix2pix_hd_has_the_published_sizes_and_schedule(monkeypatch):
    from tfgan_zoo.networks import pix2pix_hd as networks

    monkeypatch.setattr(networks, "normal_002", lambda: "zeros")  # 0.7 GB, of which nothing is drawn
    job = built("pix2pix_hd", monkeypatch)
    counts = {role: getattr(job.model, role).count_params() for role in job.model.roles}
    # Of pictures and edges, 4 channels, in place of 36 or 39: 32 or 35 less in each first layer.
    kernel = 7 * 7 * 32
    assert counts == {
        "generator": 182_857_059 - 319_715 - kernel * 64,
        "enhancer": 319_715 - kernel * 32,
        "discriminator": 3 * (2_801_601 - 4 * 4 * 32 * 64),
    }
    assert job.model.discriminator.inputs[1].shape[1:] == (1024, 2048, 3) and job.model.vgg_weight == 10
    assert job.model.generator.input_shape[1:] == (512, 1024, 4) and job.given["transform"] is not None
    epoch, rates = 2975, {name: job.given[name]._learning_rate for name in ("g_optimizer", "d_optimizer")}
    assert job.given["until"] == 300 * epoch
    # G's Adam is new after 10 epochs, D's is not: 50 epochs constant, 50 to 0.
    for name, since in (("g_optimizer", 10), ("d_optimizer", 0)):
        got = [float(rates[name]((n - since) * epoch)) for n in (50, 75, 100)]
        np.testing.assert_allclose(got, [2e-4, 1e-4, 0.0], atol=1e-9)


def test_the_paper_preset_of_srgan_learns_from_patches_of_96_and_ends_at_a_tenth_of_the_rate(monkeypatch, tmp_path):
    vgg = keras.applications.VGG19(include_top=False, weights=None)
    vgg.save_weights(tmp_path / "vgg.weights.h5")
    job = built("srgan", monkeypatch, vgg_weights=str(tmp_path / "vgg.weights.h5"))
    model = job.model
    assert (parameters(model.generator), parameters(model.discriminator)) == (1_550_659, 23_565_505)
    assert model.generator.input_shape == (None, 24, 24, 3) and model.discriminator.input_shape == (None, 96, 96, 3)
    assert [x.shape for x in model.features(np.zeros([1, 96, 96, 3], np.float32))] == [(1, 6, 6, 512)]
    assert job.given["until"] == 1_200_000 and model.adversarial_weight == 1e-3
    for name in ("g_optimizer", "d_optimizer"):
        got = [float(job.given[name]._learning_rate(n)) for n in (1, 100_000, 100_001, 200_000)]
        np.testing.assert_allclose(got, [1e-4, 1e-4, 1e-5, 1e-5], rtol=1e-6)
        assert job.given[name].beta_1 == 0.9


def test_the_paper_preset_of_wgan_gp_fills_the_gaps_between_the_values_of_a_pixel(monkeypatch):
    job = built("wgan_gp", monkeypatch)
    assert job.model.g_batches == 2
    image = (np.array([0, 100, 255], np.float32) / 127.5 - 1)[:, None, None] * np.ones([1, 1, 2000], np.float32)
    noisy = job.given["transform"]({"image": image}, [3, 5], None)["image"].numpy()
    for value, pixels in zip([0, 100, 255], noisy[:, 0], strict=True):
        low = value / 128 - 1
        np.testing.assert_allclose([pixels.min(), pixels.max()], [low, low + 1 / 128], atol=1e-4)
        np.testing.assert_allclose(pixels.mean(), low + 1 / 256, atol=3e-4)


def test_the_paper_preset_of_stargan_has_five_steps_of_d_for_one_and_a_rate_that_ends_at_0(monkeypatch):
    job = built("stargan", monkeypatch, classes=8)
    config, rates = job.given, [job.given[f"{player}_optimizer"]._learning_rate for player in "gd"]
    assert (job.model.n_critic, config["until"], config["transform"]) == (5, 40_000, transforms.random_flip)
    # The published 200,000 iterations, each a step of D, the second half of them towards 0.
    assert [(rate.learning_rate, rate.begin, rate.end) for rate in rates] == [
        (1e-4, 20_000, 40_000),
        (1e-4, 100_000, 200_000),
    ]
    assert (job.model.cls_weight, job.model.rec_weight) == (1.0, 10.0)
    small = {"g_width": 4, "d_width": 4, "blocks": 1}
    other = built("stargan", monkeypatch, classes=8, cls_weight=0.3, rec_weight=2.0, **small).model
    assert (other.cls_weight, other.rec_weight) == (0.3, 2.0)


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
    given = [job.given[name] for name in ("g_optimizer", "d_optimizer")]
    assert [(x.epsilon, x.below_root) for x in given] == [(1e-8, True)] * 2
    first = next(x for x in job.model.discriminator.layers if hasattr(x, "g"))
    assert np.abs(first.bias).max() > 0.1  # 0 before
    np.testing.assert_array_equal(job.model.average.get_weights()[0], job.model.discriminator.get_weights()[0])


def test_the_paper_preset_of_aae_learns_from_100_labels_by_sgd_with_a_momentum_for_each_phase(monkeypatch):
    module, job = importlib.import_module("recipes.aae"), _Job()
    train = types.SimpleNamespace(counts=(100, 60_000, 60_000))
    data = types.SimpleNamespace(shapes={"image": (28, 28, 1)}, classes=range(10), train=train, test=train)
    asked = {}
    monkeypatch.setattr(module, "few_labels", lambda dataset, **how: asked.update(how, dataset=dataset) or data)
    module.main(job, module.PRESETS["paper"])
    assert (asked["dataset"], asked["labels_per_class"], asked["image_size"]) == ("mnist", 10, (28, 28))
    counts = {
        "encoder": 1_806_020,
        "decoder": 1_806_784,
        "discriminator": 1_013_001,
        "category_discriminator": 1_013_001,
    }
    assert {role: parameters(getattr(job.model, role)) for role in job.model.roles} == counts
    first, *_ = job.model.encoder.get_weights()
    np.testing.assert_allclose(first.std(), 0.01, rtol=0.01)
    momenta = {"reconstruction_optimizer": 0.9, "d_optimizer": 0.1, "g_optimizer": 0.1, "label_optimizer": 0.9}
    rates = {"reconstruction_optimizer": 0.01, "d_optimizer": 0.1, "g_optimizer": 0.1, "label_optimizer": 0.1}
    for name, momentum in momenta.items():
        optimizer = job.given[name]
        assert isinstance(optimizer, keras.optimizers.SGD) and optimizer.momentum == momentum
        got = [float(optimizer._learning_rate(step)) for step in (0, 30_001, 600_001)]
        np.testing.assert_allclose(got, rates[name] * np.array([1.0, 0.1, 0.01]), rtol=1e-5)


def test_the_paper_preset_of_recycle_gan_crops_the_frames_of_a_clip_at_one_place_and_never_mirrors(monkeypatch):
    job = built("recycle_gan", monkeypatch)
    assert job.model.recycle_weights == job.model.prediction_weights == (10.0, 10.0)
    assert [job.model.predictor_a.input_shape, job.model.predictor_a.output_shape] == [
        (None, 256, 256, 6),
        (None, 256, 256, 3),
    ]
    across = np.broadcast_to(np.linspace(-1, 1, 256, dtype=np.float32)[:, None], (3, 256, 256, 3))
    columns = dict.fromkeys("ab", Column(tf.TensorSpec(across.shape, tf.uint8), "bicubic"))
    starts = set()
    for i in range(5):
        moved = job.given["transform"]({"a": tf.constant(across), "b": tf.constant(across)}, [3, i], columns)
        for clip in moved.values():
            assert clip.shape == across.shape
            np.testing.assert_array_equal(clip[1:], clip[:-1])
            np.testing.assert_allclose(clip[0, 0, 10:, 0] - clip[0, 0, :-10, 0], 10 * 2 / 255 * 256 / 286, atol=2e-3)
            starts.add(float(clip[0, 0, 0, 0]))
    assert len(starts) > 6


def test_the_paper_preset_of_text_to_image_cuts_64_from_76_and_halves_its_rate_every_100_epochs(monkeypatch):
    job = built("text_to_image", monkeypatch)
    model, epoch = job.model, -(-8_855 // 64) - 1
    assert model.generator.output_shape == (None, 64, 64, 3) and model.encoder.output_shape == (None, 1024)
    assert model.prior == Prior(100) and model.words.known == ("a", "bird", "grey", "red", "wings", "with")
    assert (model.cls_weight, model.interpolate, model.beta) == (0.5, True, 0.5)
    other = built("text_to_image", monkeypatch, projection=True, g_width=4, d_width=4, embedding_dim=4).model
    joins = [[isinstance(x, keras.layers.Dot) for x in m.discriminator.layers] for m in (model, other)]
    assert [sum(of_one) for of_one in joins] == [0, 1]
    picture = Column(tf.TensorSpec([76, 76, 3], tf.uint8), "bicubic")
    columns = {"image": picture, "wrong": picture, "text": captioned.TEXT}
    example = {"image": tf.zeros([76, 76, 3]), "wrong": tf.ones([76, 76, 3]), "text": tf.constant("red bird")}
    moved = job.given["transform"](example, tf.constant([1, 2]), columns)
    assert moved["wrong"].shape == (64, 64, 3) and moved["text"].numpy().tolist() == [4, 2, 0, 0, 0]
    assert job.given["until"] == 600 * epoch
    for name in ("g_optimizer", "d_optimizer"):
        rate = job.given[name]._learning_rate
        got = [float(rate(n * epoch)) for n in (0, 99, 100, 599)]
        np.testing.assert_allclose(got, [2e-4, 2e-4, 1e-4, 2e-4 / 32], rtol=1e-5)
