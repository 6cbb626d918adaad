import dataclasses
import gc
import importlib
import json
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import at, line, slope_at, steep, step
from conformance import Conformance

from tfgan_zoo import ProGAN, growing, losses, random, run
from tfgan_zoo.data import batches, columns, images
from tfgan_zoo.export import export
from tfgan_zoo.networks.growing import copied, growing_discriminators, progan_generators
from tfgan_zoo.run import callbacks

SHAPE = (8, 8, 1)


def levels(shape=SHAPE, width=8):
    return progan_generators(shape, 5, width), growing_discriminators(shape, width)


class TestProGAN(Conformance):
    """In the middle of a fade-in."""

    penalised = ("discriminator",)

    def make(self):
        generators, discriminators = levels()
        return ProGAN(generators[1].fading, discriminators[1].fading, stage=growing.Stage(0, -1, 6))

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)


# ---------------------------------------------------------------------------------------------------------------------
# A step by hand


def painter(weights):
    """G(z, alpha) = w_1 z + w_2 alpha + b in the first of 2x2 pixels, half of it in the others."""
    z, alpha = keras.Input([1]), keras.Input([1])
    shade = keras.layers.Reshape([1, 1, 1])(line(weights)([z, alpha]))
    return keras.Model([z, alpha], shade * np.float32([[[1.0], [0.5]], [[0.5], [0.5]]]))


def critic(weights):
    """D(x, alpha) = w_1 s + w_2 alpha + b, s the sum of x + x^2 over the pixels."""
    image, alpha = keras.Input([2, 2, 1]), keras.Input([1])
    return keras.Model([image, alpha], line(weights)([keras.ops.sum(image + image**2, axis=(1, 2)), alpha]))


def test_a_step_in_a_fade_in_moves_each_network_by_the_gradient_computed_by_hand():
    # Whole pictures are 4x4, those of the level 2x2, alpha is 1/4. lambda is 10, the drift's weight 1/2.
    g, d, mean = np.array([0.4, -0.3, 0.2]), np.array([0.15, 0.4, -0.1]), np.array([0.1, 0.6, -0.2])
    whole = np.random.default_rng(0).uniform(-1, 1, [3, 4, 4, 1])
    average = painter(mean)
    average.trainable = False
    model = ProGAN(painter(g), critic(d), average, stage=growing.Stage(1, -1, 4), drift_weight=0.5)
    with random.stream(model.seed):
        z, e, z_of_g = (np.float64(draw([3, 1]))[:, 0] for draw in (random.normal, random.uniform, random.normal))
    moved, logs = step(model, whole)

    level = whole[..., 0].reshape(3, 2, 2, 2, 2).mean((2, 4))
    real = 0.75 * level.mean((1, 2), keepdims=True) + 0.25 * level
    alpha, pattern = np.full(3, 0.25), np.array([[1.0, 0.5], [0.5, 0.5]])

    def seen(x):
        return (x + x**2).sum((1, 2))

    fake = at(g, z, alpha)[:, None, None] * pattern
    on_real, on_fake = at(d, seen(real), alpha), at(d, seen(fake), alpha)
    mixed = e[:, None, None] * real + (1 - e)[:, None, None] * fake
    steep = np.sqrt(((1 + 2 * mixed) ** 2).sum((1, 2))) / 2  # of a D with w_1 = 1, in the pixels of a whole picture
    slope = abs(d[0]) * steep
    of_gp = np.array([np.mean(2 * (slope - 1) * steep * np.sign(d[0])), 0, 0])
    of_drift = slope_at(2 * on_real, seen(real), alpha)
    of_d = slope_at(1.0, seen(fake), alpha) - slope_at(1.0, seen(real), alpha) + 10 * of_gp + 0.5 * of_drift
    np.testing.assert_allclose(moved["discriminator"], of_d, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logs["d_loss"], on_fake.mean() - on_real.mean(), rtol=1e-5)
    np.testing.assert_allclose(logs["gp"], np.mean((slope - 1) ** 2), rtol=1e-5)

    after, shade = d - of_d, at(g, z_of_g, alpha)
    fake = shade[:, None, None] * pattern
    along = (pattern * (1 + 2 * fake)).sum((1, 2))  # of s in the shade
    of_g = slope_at(-after[0] * along, z_of_g, alpha)
    np.testing.assert_allclose(moved["generator"], of_g, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(logs["g_loss"], -at(after, seen(fake), alpha).mean(), rtol=1e-5)
    # The average takes 1/1000 of G as it was before its step.
    np.testing.assert_allclose(
        np.concatenate([w.ravel() for w in average.get_weights()]), mean + 0.001 * (g - mean), rtol=1e-5
    )


def test_the_penalty_of_a_small_level_is_that_of_the_pixels_of_whole_pictures():
    whole, fake = (
        np.random.default_rng(i).uniform(-1, 1, [4, n, n, 1]).astype(np.float32) for i, n in ((0, 16), (1, 4))
    )
    fake = np.repeat(fake[:1], 4, axis=0)
    z, constant = keras.Input([5]), keras.initializers.Constant
    start = {"kernel_initializer": "zeros", "bias_initializer": constant(fake[0].ravel())}
    generator = keras.Model(z, keras.layers.Reshape([4, 4, 1])(keras.layers.Dense(16, **start)(z)))
    network, stage = levels((16, 16, 1))[1][0].steady, growing.Stage(2)
    model = ProGAN(generator, network, stage=stage)

    def of_whole(x, training):
        return network(stage.real(x, None), training=training)

    with random.stream(model.seed):
        model.prior.draw(4)
        expected = losses.gradient_penalty(of_whole, whole, stage.whole(fake))
    _, logs = step(model, whole)
    np.testing.assert_allclose(logs["gp"], expected, rtol=1e-5)


def test_the_numbers_that_the_method_fixes_are_the_papers():
    generators, discriminators = levels()
    model = ProGAN(generators[0].steady, discriminators[0].steady)
    assert (model.gp_weight, model.drift_weight, model.decay) == (10.0, 0.001, 0.999)
    assert model.prior.law == "normal" and model.stage == growing.Stage()


def test_what_is_served_and_shown_is_the_average_in_the_size_of_whole_pictures_faded_as_far_as_the_step_is(tmp_path):
    generators, discriminators = levels((16, 16, 1))
    means = copied(generators)
    for weight in means[1].fading.weights:
        weight.assign(weight + 0.3)
    stage = growing.Stage(1, 10, 4)
    model = ProGAN(generators[1].fading, discriminators[1].fading, means[1].fading, stage=stage)
    z = np.random.default_rng(0).normal(size=[2, 5]).astype(np.float32)
    for number, alpha in (10, 0.0), (13, 0.75), (99, 1.0):
        model.step.assign(number)
        made = np.clip(means[1].fading([z, np.full([2, 1], alpha, np.float32)]), -1, 1)
        expected = made.repeat(2, 1).repeat(2, 2)
        np.testing.assert_allclose(model(z)["generated"], expected, atol=1e-6)
        assert np.abs(expected).max() == 1.0, "clipped"
    assert model.preview(np.zeros([3, 16, 16, 1], np.float32))["sample"].shape == (3, 16, 16, 1)
    whole = np.random.default_rng(0).uniform(-1, 1, [2, 16, 16, 1]).astype(np.float32)
    model.step.assign(11)
    judge, _ = model.signatures()["discriminate"]
    alpha = tf.constant(0.25)
    on = discriminators[1].fading(stage.given(stage.real(whole, alpha), alpha))
    np.testing.assert_allclose(judge(whole)["logits"], on, rtol=1e-5, atol=1e-6)
    told = json.loads((export(model, tmp_path / "progan") / "metadata.json").read_text())
    assert told["ema"] is True and told["noise"] == {"law": "normal"}


def test_under_float16_a_slope_beyond_its_range_is_penalised_as_it_is():
    keras.config.set_dtype_policy("mixed_float16")
    critic, black = steep(30_000.0, 4.0), np.zeros([4, 1, 1, 1], np.float32)
    with random.stream(0):
        assert not np.isfinite(losses.gradient_penalty(critic, tf.constant(black), tf.constant(black)))
    z, zeros = keras.Input([1]), {"kernel_initializer": "zeros", "dtype": "float32"}
    generator = keras.Model(z, keras.layers.Dense(1, **zeros)(keras.layers.Reshape([1, 1, 1])(z)))
    moved, logs = step(ProGAN(generator, critic, gp_weight=1e-5), black)
    # lambda (k_1 k_2 - 1)^2; on black pictures the other terms have no slope in the kernels.
    np.testing.assert_allclose(logs["gp"], 119_999.0**2, rtol=1e-5)
    slope = 2e-5 * 119_999.0
    np.testing.assert_allclose(moved["discriminator"], [4 * slope, 30_000 * slope], rtol=1e-3)


# ---------------------------------------------------------------------------------------------------------------------
# A whole run


def noise():
    pixels = np.random.default_rng(0).integers(0, 256, [12, *SHAPE], dtype=np.uint8)
    examples = batches.from_arrays({"image": (pixels, "bicubic")})
    return columns.Data(
        name="noise", kind="images", columns=examples.columns, train=examples, test=examples, description="noise",
        licence="none",
    )  # fmt: skip


class Killed(BaseException):
    """Nobody handles it: what is not saved is gone."""


@pytest.fixture
def main(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(images, "images", lambda *args, **kwargs: noise())
    recipe = importlib.import_module("recipes.progan")
    config = dataclasses.replace(
        recipe.PRESETS["default"], image_size=run.square(8), width=4, latent_dim=3, start=4, batch_size=4,
        batch_sizes="8:2", phase_images=8, steps=10,
    )  # fmt: skip

    def call(name, *flags):
        keras.backend.clear_session()  # the names of a new process
        where = [f"--run-dir={tmp_path / name}", f"--export-dir={tmp_path / name / 'exported'}"]
        quick = ["--strategy=one_device", "--precision=float32", "--log-every=1", "--checkpoint-every=2", "--ada"]
        run.main("progan", {"default": config}, recipe.main, argv=[*quick, *where, *flags])
        return capsys.readouterr().out

    return call


def tensors(path):
    reader = tf.train.load_checkpoint(str(path))
    names = [n for n in reader.get_variable_to_shape_map() if not n.startswith(("_CHECKPOINTABLE", "save_counter"))]
    return {name: reader.get_tensor(name) for name in names}


PHASES = ["4", "8_fade", "8"]  # until 2, 6, 10


def test_a_run_that_is_killed_in_the_middle_of_a_fade_in_ends_with_the_same_bits(main, tmp_path, monkeypatch):
    living, adams = [], []
    made, begun = ProGAN.__init__, keras.optimizers.Adam.__init__

    def counted(self, *args, **kwargs):
        gc.collect()
        living.append([sum(one() is not None for one in kept) for kept in (models, optimizers)])
        made(self, *args, **kwargs)
        models.append(weakref.ref(self))

    def noted(self, *args, **kwargs):
        begun(self, *args, **kwargs)
        optimizers.append(weakref.ref(self))
        adams.append((args, kwargs))

    models, optimizers = [], []
    monkeypatch.setattr(ProGAN, "__init__", counted)
    monkeypatch.setattr(keras.optimizers.Adam, "__init__", noted)
    main("whole")
    monkeypatch.undo()
    monkeypatch.setattr(images, "images", lambda *args, **kwargs: noise())
    # When a phase begins nothing is left of those before but the last, and each has optimizers of its own.
    assert len(living) == len(PHASES) and len(adams) == 2 * len(PHASES)
    assert max(living) == [1, 2], living

    def dies(self, batch, logs=None):
        if int(self.model.step.numpy()) == 5:  # in 8_fade: the last checkpoint is that of step 4, alpha 1/2
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.NanGuard, "on_train_batch_end", dies)
        with pytest.raises(Killed):
            main("run")
    out = main("run")
    assert "phase 4, from step 2 to 2" in out and "phase 8_fade, from step 4 to 6" in out
    for phase, until in ("8_fade", 6), ("8", 10):
        expected, got = (tensors(tmp_path / n / f"checkpoints/{phase}/ckpt-{until}") for n in ("whole", "run"))
        assert expected.keys() == got.keys() and len(expected) > 60
        for name, value in expected.items():
            np.testing.assert_array_equal(got[name], value, err_msg=name)
    logs = [callbacks.read_losses(tmp_path / name / "metrics.jsonl") for name in ("whole", "run")]
    assert logs[0] == logs[1] and [line["step"] for line in logs[0]] == list(range(1, 11))


def test_the_paper_preset_grows_from_4_to_1024_in_17_phases_with_the_papers_batches():
    config = importlib.import_module("recipes.progan").PRESETS["paper"]
    of = growing.by_height(config.batch_sizes, config.batch_size)
    heights = [4 * 2**n for n in range(9)]
    phases = growing.phases(heights, of, start=config.start, images=config.phase_images, steps=config.steps)
    assert [p.batch_size for p in phases] == [16] * 11 + [14] * 2 + [6] * 2 + [3] * 2
    lengths = np.diff([0, *(p.until for p in phases)])
    shown = lengths * [p.batch_size for p in phases]
    np.testing.assert_allclose(shown[:-1], 800_000, rtol=1e-5)
    np.testing.assert_allclose(shown.sum(), 19e6, rtol=1e-5)
    assert config.decay == 0.999 and config.learning_rate == 1e-3
