import json
import os
import shutil
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tfgan_zoo import base, files
from tfgan_zoo.errors import InputError
from tfgan_zoo.run import callbacks


class Line(base.GenerativeModel):
    """One weight, at first 0, that goes up by 1 each step; the loss is the mean of the batch plus the weight."""

    def __init__(self, layers=1, units=1):
        inputs = x = keras.Input([1])
        for _ in range(layers):
            x = keras.layers.Dense(units, use_bias=False, kernel_initializer="zeros")(x)
        super().__init__({"generator": keras.Model(inputs, x)}, {"g_optimizer": ["generator"]})

    def train_step(self, x):
        weight = self.generator.trainable_variables[0]
        with tf.GradientTape() as tape:
            total = -tf.reduce_sum(weight)
        loss = tf.reduce_mean(x) - total
        self.minimize(total, tape, self.g_optimizer)
        return self.track(loss=loss, zero=0.0)


def compiled(strategy=None, steps_per_execution=1, **kwargs):
    with (strategy or tf.distribute.get_strategy()).scope():
        model = Line(**kwargs)
        model.compile(g_optimizer=keras.optimizers.SGD(1.0, momentum=0.0), steps_per_execution=steps_per_execution)
    return model


def fit(model, until, actions, x=10.0):
    """Trains up to step `until` on batches of the number `x`, as a run does."""
    steps = until - int(model.step.numpy())
    data = tf.data.Dataset.from_tensors(tf.constant([[x], [x]])).repeat()
    try:
        model.fit(data, steps_per_epoch=steps, verbose=0, shuffle=False, callbacks=actions)
    finally:
        for action in actions:
            action.close()


def weight(model):
    return float(model.generator.trainable_variables[0].numpy().ravel()[0])


def log(folder):
    """The writer of the TensorBoard log."""
    return tf.summary.create_file_writer(str(folder / "tensorboard"))


def logged(folder):
    """What is in the TensorBoard log: (step, value)."""
    (events,) = (folder / "tensorboard").iterdir()
    found = [tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset(str(events))]
    return [(event.step, value) for event in found for value in event.summary.value]


# --- NanGuard


@pytest.mark.parametrize("x", [np.nan, np.inf])
def test_the_nan_guard_names_the_loss_and_the_step(x):
    model = compiled()
    guard = callbacks.NanGuard()
    fit(model, 2, [guard])
    with pytest.raises(callbacks.TrainingDiverged, match=f"^the loss loss is {x} at step 3$"):
        fit(model, 6, [guard], x=x)


# --- LossLog


def test_a_line_holds_the_means_since_the_last_line(tmp_path):
    fit(compiled(), 5, [callbacks.LossLog(tmp_path, 2, log(tmp_path))])
    lines = callbacks.read_losses(tmp_path / "metrics.jsonl")  # losses are 10, 11, 12, 13, 14
    assert lines == [{"step": 2, "loss": 10.5, "zero": 0.0}, {"step": 4, "loss": 12.5, "zero": 0.0}]


def test_tensorboard_gets_the_same_numbers(tmp_path):
    fit(compiled(), 4, [callbacks.LossLog(tmp_path, 2, log(tmp_path))])
    values = {(step, value.tag): float(tf.make_ndarray(value.tensor)) for step, value in logged(tmp_path)}
    assert values == {(2, "loss"): 10.5, (4, "loss"): 12.5, (2, "zero"): 0.0, (4, "zero"): 0.0}


def test_lines_past_the_step_resumed_from_are_dropped_and_a_last_line_cut_short_too(tmp_path):
    model = compiled()
    model.step.assign(4)
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(f'{{"step": {n}, "loss": -1.0}}\n' for n in (2, 4, 6)) + '{"step": 8, "lo', "utf-8")
    fit(model, 6, [callbacks.LossLog(tmp_path, 2, log(tmp_path))])
    assert [(line["step"], line["loss"]) for line in callbacks.read_losses(path)] == [(2, -1.0), (4, -1.0), (6, 10.5)]
    assert [json.loads(line)["step"] for line in path.read_text("utf-8").splitlines()] == [2, 4, 6]


def test_no_log_reads_as_no_lines(tmp_path):
    assert callbacks.read_losses(tmp_path / "metrics.jsonl") == []


# --- when


@pytest.mark.parametrize(
    ("steps_per_execution", "every", "expected"),
    [(1, 4, [4, 8, 12]), (3, 4, [6, 9, 12]), (4, 3, [4, 8, 12]), (6, 12, [12])],
)
def test_an_execution_that_passes_a_multiple_is_due(steps_per_execution, every, expected):
    due = []

    class Look(callbacks.EveryStep):
        def after(self, logs):
            if self._is_due(every):
                due.append(int(self.model.step.numpy()))

    fit(compiled(steps_per_execution=steps_per_execution), 12, [Look()])
    assert due == expected


def test_two_replicas_count_as_one_does(two_replicas, tmp_path, capsys):
    model = compiled(two_replicas)
    checkpoints = callbacks.Checkpoints(model, tmp_path / "checkpoints", every=1)
    fit(
        model,
        2,
        [callbacks.NanGuard(), callbacks.LossLog(tmp_path, 2, log(tmp_path)), checkpoints, callbacks.Progress(2)],
    )
    assert callbacks.read_losses(tmp_path / "metrics.jsonl") == [{"step": 2, "loss": 10.5, "zero": 0.0}]
    assert "2/2" in capsys.readouterr().err
    alone = compiled()
    assert callbacks.Checkpoints(alone, tmp_path / "checkpoints", every=1).restore() == 2
    assert weight(alone) == 2.0, "a checkpoint of two replicas is one of one"


# --- Checkpoints


def trained(folder, until=3, every=1, **kwargs):
    """A model trained with a checkpoint of each step."""
    model = compiled(**kwargs)
    fit(model, until, [callbacks.Checkpoints(model, folder, every)])
    return model


def restored(folder):
    """The step and the weight that a fresh model gets."""
    model = compiled()
    step = callbacks.Checkpoints(model, folder, every=1).restore()
    assert (step or 0) == int(model.step.numpy()) == int(model.g_optimizer.iterations.numpy())
    return step, weight(model)


def kept(folder):
    return sorted(int(path.stem.removeprefix("ckpt-")) for path in folder.glob("ckpt-*.index"))


def test_the_last_three_checkpoints_are_kept_with_their_step(tmp_path):
    assert restored(tmp_path / "none") == (None, 0.0)
    trained(tmp_path, until=5)
    assert kept(tmp_path) == [3, 4, 5]
    assert restored(tmp_path) == (5, 5.0)


def test_the_end_is_saved_once_whatever_the_interval(tmp_path, monkeypatch):
    saved, write = [], tf.train.Checkpoint.write
    name = lambda path: int(path.rpartition("-")[2])  # noqa: E731
    monkeypatch.setattr(tf.train.Checkpoint, "write", lambda self, path: saved.append(name(path)) or write(self, path))
    trained(tmp_path / "odd", until=5, every=2)
    trained(tmp_path / "even", until=4, every=2)
    assert saved == [2, 4, 5, 2, 4]


DATA, INDEX = "ckpt-3.data-00000-of-00001", "ckpt-3.index"


@pytest.mark.parametrize("file", [DATA, INDEX])
@pytest.mark.parametrize("left", [0, 0.5, 0.99, None])
def test_a_newest_checkpoint_that_is_damaged_gives_way_to_the_one_before(tmp_path, capsys, file, left):
    trained(tmp_path)
    if left is None:
        (tmp_path / file).unlink()
    else:
        os.truncate(tmp_path / file, int((tmp_path / file).stat().st_size * left))
    assert restored(tmp_path) == (2, 2.0)
    lines = capsys.readouterr().err.splitlines()
    if (file, left) == (INDEX, None):
        assert lines == [f"step 3 was saved in {tmp_path} and is gone; going on from step 2"]
        return
    (line,) = lines
    assert line.startswith(f"the checkpoint {tmp_path}/ckpt-3 cannot be read (")
    assert line.endswith("); trying an older one")


def test_a_flipped_bit_is_noticed(tmp_path, capsys):
    trained(tmp_path)
    data = bytearray((tmp_path / DATA).read_bytes())
    data[8] ^= 1
    (tmp_path / DATA).write_bytes(data)
    assert restored(tmp_path) == (2, 2.0)
    assert "ckpt-3 cannot be read" in capsys.readouterr().err


def test_a_step_whose_checkpoint_was_damaged_is_saved_anew(tmp_path):
    trained(tmp_path)
    os.truncate(tmp_path / DATA, 10)
    model = compiled()
    checkpoints = callbacks.Checkpoints(model, tmp_path, every=1)
    assert checkpoints.restore() == 2
    fit(model, 3, [checkpoints])
    assert restored(tmp_path) == (3, 3.0)


def test_checkpoints_that_are_all_damaged_are_an_input_error(tmp_path, capsys):
    trained(tmp_path)
    for file in tmp_path.glob("*.data*"):
        os.truncate(file, 10)
    with pytest.raises(InputError, match=f"^no checkpoint in {tmp_path} can be read; --no-resume starts afresh.*$"):
        restored(tmp_path)
    assert len(capsys.readouterr().err.splitlines()) == 3


@pytest.mark.parametrize(("one", "other"), [({}, {"units": 2}), ({}, {"layers": 2}), ({"layers": 2}, {})])
def test_a_checkpoint_of_other_networks_is_an_input_error_in_one_line(tmp_path, one, other):
    trained(tmp_path, **one)
    with pytest.raises(InputError, match=f"^the checkpoint {tmp_path}/ckpt-3 is of other networks .*--no-resume$"):
        callbacks.Checkpoints(compiled(**other), tmp_path, every=1).restore()


def test_a_weight_that_is_not_finite_is_never_saved(tmp_path):
    model = trained(tmp_path)
    model.generator.weights[0].assign([[np.inf]])
    fit_on = callbacks.Checkpoints(model, tmp_path, every=1)
    with pytest.raises(callbacks.TrainingDiverged, match=r"^the weight .*kernel is not finite at step 4$"):
        fit(model, 4, [fit_on])
    assert kept(tmp_path) == [1, 2, 3]
    assert restored(tmp_path) == (3, 3.0)


@pytest.mark.parametrize("moment", ["before the data", "before the index"])
def test_a_crash_while_saving_leaves_the_checkpoint_before_and_the_next_run_goes_on(tmp_path, monkeypatch, moment):
    model = trained(tmp_path, until=4)
    checkpoints = callbacks.Checkpoints(model, tmp_path, every=1)
    write = tf.train.Checkpoint.write

    def crash(self, path):
        if moment == "before the index":
            write(self, path)
            os.unlink(f"{path}.index")
        raise OSError("crash")

    with monkeypatch.context() as broken, pytest.raises(OSError, match="crash"):
        broken.setattr(tf.train.Checkpoint, "write", crash)
        fit(model, 5, [checkpoints])
    assert kept(tmp_path) == [2, 3, 4], "the oldest goes last"
    assert restored(tmp_path) == (4, 4.0)

    again = compiled()
    checkpoints = callbacks.Checkpoints(again, tmp_path, every=1)
    checkpoints.restore()
    fit(again, 6, [checkpoints])
    assert restored(tmp_path) == (6, 6.0)
    assert kept(tmp_path) == [4, 5, 6]


def test_the_run_folder_may_move(tmp_path):
    trained(tmp_path / "here")
    shutil.move(tmp_path / "here", tmp_path / "there")
    assert restored(tmp_path / "there") == (3, 3.0)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_the_step_then_stops_and_gives_the_handlers_back(tmp_path, signum):
    before = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]
    model = compiled()
    kill = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: batch == 2 and os.kill(os.getpid(), signum)
    )
    kill.close = lambda: None
    with pytest.raises(callbacks.Stopped) as stop:
        fit(model, 9, [kill, callbacks.Checkpoints(model, tmp_path, every=100)])
    assert (stop.value.signum, stop.value.step) == (signum, 3)
    assert [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)] == before
    assert restored(tmp_path) == (3, 3.0)


def test_a_second_interrupt_does_not_wait_for_the_step(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    model = compiled()
    checkpoints = callbacks.Checkpoints(model, tmp_path, every=100)
    twice = keras.callbacks.LambdaCallback(
        # In this thread: two sent from outside can arrive as one.
        on_train_batch_begin=lambda batch, logs: [signal.raise_signal(signal.SIGINT) for _ in range(2)]
    )
    twice.close = lambda: None
    with pytest.raises(KeyboardInterrupt):
        fit(model, 9, [twice, checkpoints])
    assert signal.getsignal(signal.SIGINT) is before
    assert not list(tmp_path.iterdir())


def test_a_worker_that_does_not_write_restores_and_stops_but_writes_nothing(tmp_path):
    trained(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    model = compiled()
    reader = callbacks.Checkpoints(model, tmp_path, every=1, writes=False)
    assert reader.restore() == 3
    kill = keras.callbacks.LambdaCallback(on_train_batch_begin=lambda batch, logs: os.kill(os.getpid(), signal.SIGTERM))
    kill.close = lambda: None
    with pytest.raises(callbacks.Stopped):
        fit(model, 6, [kill, reader])
    fit(model, 6, [reader])
    assert (weight(model), {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}) == (6.0, before)


# --- Evaluation


def evaluation(folder, values, every=2, metric="error", higher=False, protocol="p"):
    """An evaluation that finds `values[step]`."""

    def measure():
        found = {"other": -1.0, "error": values[int(evaluator.model.step.numpy())]}
        return [{"metric": k, "value": v, "details": {}, "protocol": {"by": protocol}} for k, v in found.items()]

    best = callbacks.best_folder(folder, "1")
    evaluator = callbacks.Evaluation(folder, best, every, measure, metric, higher, log(folder))
    return [evaluator]


def best(folder):
    """What best.json says, and the weight of its checkpoint."""
    model = compiled()
    found = callbacks.restore_best(model, callbacks.best_folder(folder, "1"))
    assert int(model.step.numpy()) == found["step"]
    return found["step"], found["value"], weight(model)


def test_evaluations_are_written_down_and_the_best_checkpoint_alone_is_kept(tmp_path):
    values = {2: 5.0, 4: 3.0, 6: 4.0, 8: np.nan}
    fit(compiled(), 9, evaluation(tmp_path, values))
    lines = callbacks.read_losses(tmp_path / "evaluations.jsonl")
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    assert lines[1] == {
        "step": 4,
        "metrics": {"other": -1.0, "error": 3.0},
        "protocol": {"other": {"by": "p"}, "error": {"by": "p"}},
    }
    assert best(tmp_path) == (4, 3.0, 4.0)
    files = sorted(path.name for path in (tmp_path / "checkpoints/1/best").iterdir())
    assert files == ["best.json", "ckpt-4.data-00000-of-00001", "ckpt-4.index"]
    found = [float(tf.make_ndarray(v.tensor)) for _, v in logged(tmp_path) if v.tag == "evaluation/error"]
    np.testing.assert_array_equal(found, [5, 3, 4, np.nan])


def test_where_higher_is_better_the_highest_is_kept(tmp_path):
    fit(compiled(), 6, evaluation(tmp_path, {2: 5.0, 4: 7.0, 6: 7.0}, higher=True))
    assert best(tmp_path) == (4, 7.0, 4.0), "the first of equals"


def test_a_resumed_run_evaluates_at_the_same_steps_and_keeps_the_same_best(tmp_path):
    values = {2: 5.0, 4: 3.0, 6: 4.0, 8: 1.0}
    fit(compiled(), 8, evaluation(tmp_path / "whole", values))
    model = compiled()
    folder = tmp_path / "cut/checkpoints/1"
    fit(model, 5, [*evaluation(tmp_path / "cut", values), callbacks.Checkpoints(model, folder, 3)])
    again = compiled()
    for path in folder.glob("ckpt-5*"):  # as if it was killed after step 4
        path.unlink()
    checkpoints = callbacks.Checkpoints(again, folder, 100)
    assert checkpoints.restore() == 3
    fit(again, 8, [*evaluation(tmp_path / "cut", values), checkpoints])
    for name in ("evaluations.jsonl", "checkpoints/1/best/best.json"):
        assert (tmp_path / "cut" / name).read_text() == (tmp_path / "whole" / name).read_text()
    assert best(tmp_path / "cut") == best(tmp_path / "whole") == (8, 1.0, 8.0)


def test_values_of_another_metric_or_protocol_do_not_compete(tmp_path):
    model = compiled()
    fit(model, 2, evaluation(tmp_path, {2: 1.0}))
    fit(model, 4, evaluation(tmp_path, {4: 2.0}, protocol="q"))
    assert best(tmp_path) == (4, 2.0, 4.0)
    fit(model, 6, evaluation(tmp_path, {6: 9.0}, metric="other", protocol="q"))
    assert best(tmp_path)[:2] == (6, -1.0)


def test_a_crash_while_the_best_is_replaced_leaves_the_one_before(tmp_path, monkeypatch):
    model = compiled()
    fit(model, 2, evaluation(tmp_path, {2: 5.0}))

    def crash(path, text):
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        (evaluator,) = evaluation(tmp_path, {4: 3.0})
        evaluator.begin = lambda: None
        patch.setattr(files, "write", crash)
        fit(model, 4, [evaluator])
    assert best(tmp_path) == (2, 5.0, 2.0)


def test_a_best_checkpoint_that_is_not_there_or_damaged_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=f"^{tmp_path}/checkpoints/1/best holds no best checkpoint"):
        best(tmp_path)
    fit(compiled(), 2, evaluation(tmp_path, {2: 5.0}))
    os.truncate(tmp_path / "checkpoints/1/best/ckpt-2.data-00000-of-00001", 10)
    with pytest.raises(InputError, match="best/ckpt-2 cannot be read .*; run again with --no-export-best$"):
        best(tmp_path)


# --- SampleGrid


def test_sample_grids_are_drawn_when_due_and_named_by_step(tmp_path):
    model, seen = compiled(), np.full([1, 2, 2, 1], -1.0, np.float32)
    model.preview = lambda batch: {"x": batch + weight(model) / 10}
    fit(model, 5, [callbacks.SampleGrid(tmp_path, seen, 2, log(tmp_path))])
    values = {}
    for path in sorted((tmp_path / "samples").iterdir()):
        with Image.open(path) as image:
            inside = np.asarray(image)[1:3, 1:3]
            assert (inside == inside[0, 0]).all()
            values[path.name] = inside[0, 0] / 127.5 - 1
    assert list(values) == ["step-0000002.png", "step-0000004.png"]
    np.testing.assert_allclose(list(values.values()), [-0.8, -0.6], atol=1 / 255)
    shown = {value.tag: step for step, value in logged(tmp_path)}
    assert set(shown) == {"samples"} and shown["samples"] == 4
