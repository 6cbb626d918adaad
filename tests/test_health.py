"""What a run says when it goes wrong, and that it says nothing when it does not."""

import dataclasses
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from tfgan_zoo import DCGAN, WGAN, run
from tfgan_zoo.data import batches, columns
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.run import health

SHAPE = (8, 8, 1)
DOCS = Path(__file__).resolve().parent.parent / "docs/troubleshooting.md"


def data_of(pixels, label=None, classes=()):
    arrays = {"image": (np.asarray(pixels, np.uint8), "bicubic")}
    arrays |= {} if label is None else {"label": (np.asarray(label, np.int64), None)}
    examples = batches.from_arrays(arrays)
    return columns.Data(
        name="x", kind="images", columns=examples.columns, train=examples, test=examples, description="x",
        licence="none", classes=classes,
    )  # fmt: skip


def noise(count, low=0, high=256):
    return np.random.default_rng(0).integers(low, high, [count, *SHAPE])


def lines(data, batch_size=4):
    return list(health.of_data(data, batch_size, batches.take(data.train, health.LOOKED_AT)))


def test_nothing_is_said_of_pictures_and_labels_that_differ():
    assert lines(data_of(noise(12))) == []
    assert lines(data_of(noise(12), np.arange(12) % 2, ("a", "b"))) == []
    assert lines(data_of(noise(12), np.zeros(12), ("a",))) == [], "there is one class"


def test_fewer_examples_than_a_batch_are_told():
    (line,) = lines(data_of(noise(3)))
    assert line == "3 training examples are fewer than the 4 of a batch: each is in it several times"


def test_pictures_that_are_all_the_same_are_told():
    (line,) = lines(data_of(np.repeat(noise(1), 12, 0)))
    assert line == "all 256 pictures looked at (image) are the same"


def test_pictures_without_contrast_are_told():
    (line,) = lines(data_of(noise(12, 20, 40)))
    assert line.startswith("pixels (image) range from 20 to 39 of 0 to 255 only")


def test_labels_of_one_class_of_several_are_told():
    (line,) = lines(data_of(noise(12), np.ones(12), ("a", "b")))
    assert line == "all 256 labels looked at are b, of 2 classes"


def test_points_are_no_pictures():
    examples = batches.from_arrays({"point": (np.zeros([12, 2], np.float32), None)})
    data = dataclasses.replace(data_of(noise(2)), kind="points", columns=examples.columns, train=examples)
    assert lines(data) == []


def test_the_spread_is_the_mean_distance_of_two():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(health.spread(points), (5 + 0 + 5) / 3 / np.sqrt(2))
    assert health.spread(points[:1]) == 0.0


class Model:
    steps_per_execution = 25


def losses(*values, name="d_loss"):
    """What is said when these are the losses of executions of 25 steps."""
    said = []
    watch = health.Losses(said.append)
    watch.set_model(Model())
    for value in values:
        watch.step += 25
        watch.after({"g_loss": 0.0, name: value})
    return said, watch.step


@pytest.mark.parametrize("name", ["d_loss", "d_loss_2", "d_a_loss"])
def test_a_discriminator_that_has_won_for_200_steps_is_told_once(name):
    said, _ = losses(0.5, *[0.001] * 7, name=name)
    assert said == []
    said, step = losses(0.5, *[0.001] * 8, name=name)
    assert step == 225 and said == [
        f"{name} has been below 0.01 for 200 steps: the discriminator has won: docs/troubleshooting.md#won"
    ]
    assert len(losses(0.5, *[0.001] * 30, name=name)[0]) == 1


@pytest.mark.parametrize("value", [0.02, -0.001, 0.69])
def test_a_loss_that_is_not_next_to_0_all_the_time_is_a_good_one(value):
    assert losses(*[*[0.001] * 7, value] * 5)[0] == []


def test_other_losses_may_be_0():
    assert losses(*[0.0] * 30, name="gp")[0] == [] and losses(*[0.0] * 30, name="g_loss")[0] == []


def samples(*grids, real=None):
    said = []
    look = health.Samples(
        np.random.default_rng(0).normal(size=[8, 4, 4, 1]) if real is None else real, said.append
    ).look
    for step, grid in enumerate(grids):
        look({"sample": np.asarray(grid)}, step)
    return said


def test_samples_that_are_one_picture_in_two_grids_are_told_once():
    same, other = np.ones([8, 4, 4, 1]), np.random.default_rng(1).normal(size=[8, 4, 4, 1])
    (line,) = samples(other, same, same, same)
    assert line.startswith("two samples are 0 apart at step 2, two real examples 1.33: ") and "#collapsed" in line
    assert samples(same, same) == [], "before the first step they are"
    assert samples(other, same, other, same, other) == []
    assert samples(other, 0.2 * other, 0.2 * other) == []
    assert samples(same, same, same, real=same) == [], "so is the data"


def test_translations_are_no_samples():
    look = health.Samples(np.random.default_rng(0).normal(size=[8, 4, 4, 1]), pytest.fail).look
    for step in range(3):
        look({"input": np.ones([8, 4, 4, 1])}, step)


@dataclasses.dataclass(kw_only=True)
class Config(run.Config):
    image_size: run.ImageSize = run.square(8)
    batch_size: int = 4
    steps: int = 250
    sample_every: int = 125
    log_every: int = 125
    steps_per_execution: int = 25


def recipe(model_of, data):
    def main(job, config):
        with job.scope():
            model = model_of()
            rates = {"g_optimizer": 0.0, "d_optimizer": 2e-3}
            optimizers = {name: keras.optimizers.Adam(rate) for name, rate in rates.items()}
        job.train(model, data, until=config.steps, **optimizers)

    return main


def play(tmp_path, capsys, main):
    where = [f"--run-dir={tmp_path}/run", f"--export-dir={tmp_path}/exported"]
    run.main("x", {"default": Config()}, main, argv=["--strategy=one_device", "--precision=float32", *where])
    return [line[13:] for line in capsys.readouterr().out.splitlines() if line.startswith("  careful    ")]


def white(make):
    """A generator of white pictures alone, which learns nothing."""
    generator = make(SHAPE, latent_dim=4, width=4)
    return keras.Model(generator.input, keras.layers.Rescaling(0.0, 1.0, dtype="float32")(generator.output))


def test_a_run_made_to_fail_says_all_of_it(tmp_path, capsys):
    data = data_of(noise(12, 0, 20), np.zeros(12), ("a", "b"))
    data = dataclasses.replace(data, columns={"image": data.columns["image"]})
    images = batches.from_arrays({"image": (noise(12, 0, 20).astype(np.uint8), "bicubic")})
    data = dataclasses.replace(data, train=images, test=images)
    said = play(
        tmp_path, capsys, recipe(lambda: DCGAN(white(dcgan_generator), dcgan_discriminator(SHAPE, width=4)), data)
    )
    assert [re.search(r"troubleshooting.md#(\w+)", line)[1] for line in said] == ["data", "won", "collapsed"], said


def test_a_run_that_goes_well_says_nothing(tmp_path, capsys):
    images = data_of(noise(40))

    def model():
        z = keras.Input([4])
        flat = keras.layers.Dense(64, activation="tanh", kernel_initializer=keras.initializers.RandomNormal(stddev=1.0))
        generator = keras.Model(z, keras.layers.Reshape(SHAPE)(flat(z)))
        return WGAN(generator, dcgan_discriminator(SHAPE, width=4), n_critic=1)

    assert play(tmp_path, capsys, recipe(model, images)) == []


def test_every_place_that_a_line_leads_to_is_there():
    headings = {line.strip("# ").split()[0].lower() for line in DOCS.read_text().splitlines() if line.startswith("## ")}
    anchors = set(re.findall(r'<a id="(\w+)">', DOCS.read_text()))
    assert {"won", "collapsed", "data"} <= anchors and len(headings) > 3
