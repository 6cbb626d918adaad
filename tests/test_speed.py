"""benchmarks/speed.py: processes take turns, a line is written once, a recipe's sides answer. No time is asserted."""

import io
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from benchmarks import speed, speed_primitives, speed_sides, speed_tables, turns

SIDE = """
import contextlib
from benchmarks import turns
taken = turns.Turns()
print("what a library prints")
taken.say(parameters={"generator": 3})
with contextlib.suppress(turns.Over):
    taken.take(lambda: None)
"""


def fake_sides(words, args):
    return [sys.executable, "-c", SIDE if words[0] == "good" else "raise SystemExit('it broke')"]


@pytest.fixture
def arguments(tmp_path, monkeypatch):
    """Runs `speed.main` on measurements of sides that need no TensorFlow."""
    monkeypatch.setattr(speed, "command", fake_sides)
    both = {"ours": ["good"], "theirs": ["good"]}
    made = [speed.Measurement("run/x", both), speed.Measurement("run/y", {"ours": ["bad"], "theirs": ["good"]})]
    monkeypatch.setattr(speed, "measurements", lambda: iter(made))
    return ["--only", "run", "--seconds=0.01", "--pairs=2", f"--json={tmp_path / 'speed.jsonl'}"]


def test_a_measurement_is_written_once_and_what_fails_is_not(arguments, tmp_path, capsys):
    speed.main(arguments)
    speed.main(arguments)
    (line,) = map(json.loads, (tmp_path / "speed.jsonl").read_text().splitlines())
    assert line["name"] == "run/x" and len(line["commit"]) >= 7 and line["seed"] == 0
    assert set(line["machine"]) == {"cpu", "flags", "cores", "memory_gb"} and "tensorflow" in line["versions"]
    for side in ("ours", "theirs"):
        assert len(line["sides"][side]["ms"]) == len(line["sides"][side]["cpu_ms"]) == 2
        assert line["sides"][side]["parameters"] == {"generator": 3} and line["sides"][side]["peak_mb"] > 0
    said = capsys.readouterr()
    assert "run/x: is measured" in said.out and "run/y: failed: it broke" in said.err
    speed.main([*arguments, "--again"])
    assert len((tmp_path / "speed.jsonl").read_text().splitlines()) == 2


def test_what_a_process_writes_beside_its_answers_is_told_from_turn_to_turn():
    noisy = SIDE.replace("lambda: None", "lambda: print('a step', flush=True)")
    process = turns.Process([sys.executable, "-c", noisy])
    try:
        assert process.printed() == "what a library prints\n"
        for _ in range(2):
            steps = process.turn(0.01)["steps"] + turns.WARM_UP
            assert process.printed() == "a step\n" * steps
        assert process.printed() == ""
    finally:
        process.close()


def test_a_step_is_split_by_what_onednn_printed_of_its_primitives():
    begin, shapes = (
        "onednn_verbose,v1,primitive,exec,cpu,",
        "src:f32::blocked:acdb::f0,attr-scratchpad:user,alg:x,mb4_ic16",
    )
    calls = [
        ("convolution,brg_conv_fwd:avx512_core,forward_training", 0.5),
        ("convolution,jit:avx512_core,forward_inference", 0.25),
        ("convolution,brgconv_strided:avx512_core,backward_data", 2),
        ("deconvolution,jit:avx512_core,forward_training", 4),
        ("convolution,jit:avx512_core,backward_weights", 8),
        ("reorder,jit:uni,undef", 16),
        ("matmul,brg:avx512_core,undef", 32),
        ("batch_normalization,bnorm_jit:avx512_core,backward", 64),
    ]
    text = "".join(f"{begin}{call},{shapes},{ms}\n" for call, ms in calls) * 2  # of two steps
    other = "onednn_verbose,v1,primitive,info,template:operation,engine\nonednn_verbose,v1,info,cpu,runtime:OpenMP,9\n"
    assert speed_primitives.split(other + text, 200.0, steps=2) == [200.0, 4.75, 2, 8, 16, 96, 73.25]


def test_the_table_of_primitives_has_a_row_of_each_side_and_its_columns_add_up(monkeypatch, capsys):
    call = "onednn_verbose,v1,primitive,exec,cpu,convolution,x:y,backward_data,src:f32,,alg:z,mb4,0.5"
    said = f"lambda: print(__import__('os').environ['ONEDNN_VERBOSE'] == '1' and '{call}', flush=True)"
    monkeypatch.setattr(speed, "command", lambda *_: [sys.executable, "-c", SIDE.replace("lambda: None", said)])
    speed_primitives.main(["pix2pix", "--torch-python=python", "--pairs=2", "--seconds=0.01"])
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in capsys.readouterr().out.splitlines()]
    assert rows[0][3:] == [*speed_primitives.COLUMNS, "the rest"] and len(rows) == 6
    for recipe, side, ms, forward, by_inputs, *others, rest in rows[2:]:
        assert recipe == "pix2pix" and side in speed_primitives.SIDES
        assert (forward, by_inputs, others) == ("0", "0.5", ["0", "0", "0"])
        assert float(rest) == pytest.approx(float(ms) - 0.5, abs=0.01)


def test_networks_of_another_size_are_not_compared():
    processes = [type("", (), {"facts": {"parameters": {"generator": n}}}) for n in (1, 2)]
    with pytest.raises(turns.Failed, match="differ in size"):
        speed._same_size("torch/x", dict(enumerate(processes)))
    speed._same_size("grow/x", dict(enumerate(processes)))


@pytest.mark.parametrize("side", ["bare", "run", "pipeline"])
def test_a_recipe_answers_each_turn(side, tmp_path):
    answers = io.StringIO()
    taken = turns.Turns(io.StringIO("0\n0\n"), answers)
    tiny = ["--dataset=toy:ring", "--steps=8", "--batch-size=4", "--width=4", "--steps-per-execution=1"]
    speed_sides.main([side, "gan", *tiny], taken)
    ready, *measured = map(json.loads, answers.getvalue().splitlines())
    assert set(ready["parameters"]) == {"generator", "discriminator"} and ready["precision"]
    updated = 4e-6 * sum(ready["parameters"].values())  # each network once, float32
    assert side != "bare" or (ready["gflop"] > 0 and ready["gradients_mb"] == pytest.approx(updated))
    assert [set(answer) for answer in measured] == [{"ms", "cpu_ms", "steps", "peak_mb"}] * 2
    assert all(answer["steps"] >= 2 for answer in measured)


def test_updates_of_every_step_are_counted_and_those_of_some_steps_are_not():
    class Model:
        d_optimizer, g_optimizer = object(), object()
        trains = {"d_optimizer": ["discriminator"], "g_optimizer": ["mapping", "synthesis"]}

        def minimize(self, loss, tape, optimizer, *, missing_is_zero=False):
            self.done.append((loss, optimizer, missing_is_zero))

        def when(self, due, function, *given):
            function(*given)

    model = Model()
    model.done = []
    for role, shapes in {"discriminator": [[2, 3]], "mapping": [[5]], "synthesis": [[7], []]}.items():
        setattr(model, role, type("", (), {"trainable_variables": [keras.Variable(np.zeros(s)) for s in shapes]}))
    with speed_sides.updates(model) as updated:
        for _ in range(2):
            model.minimize(1.0, None, model.d_optimizer)
        model.when(True, lambda x: model.minimize(x, None, model.g_optimizer, missing_is_zero=True), 3.0)
        model.minimize(2.0, None, model.g_optimizer)
    assert sum(updated) == 2 * 6 + 5 + 7 + 1
    d, g = model.d_optimizer, model.g_optimizer
    assert model.done == [(1.0, d, False), (1.0, d, False), (3.0, g, True), (2.0, g, False)]
    model.minimize(2.0, None, g)
    assert sum(updated) == 25 and len(model.done) == 5


def test_a_folder_of_classes_has_as_many_as_asked_and_the_same_each_time():
    def read():
        with speed_sides.classes(3) as folder:
            return {path.relative_to(folder): path.read_bytes() for path in Path(folder).rglob("*.png")}

    files = read()
    assert len(files) == 6 and {path.parts[0] for path in files} == {"0000", "0001", "0002"} and files == read()


def test_the_tables_have_the_ratios_of_rounds_and_the_last_line_of_a_name(tmp_path):
    def side(*ms):
        return {"ms": list(ms), "cpu_ms": list(ms), "peak_mb": 7}

    def line(name, cpu="Some CPU", **sides):
        return {"name": name, "machine": {"cpu": cpu, "flags": ["avx2", "avx512f"], "cores": 2}, "sides": sides}

    old = line("run/x", bare=side(1, 1), run=side(9, 9))
    elsewhere = line("run/x", "Another CPU", bare=side(1, 1), run=side(8, 8))
    new = line("run/x", bare=side(1, 2, 4), run=side(2, 2, 6))
    other = line("keras/x", **{"plain Keras": side(4, 4), "auto": side(1, 2)})
    text = speed_tables.tables([old, elsewhere, new, other], tmp_path / "speed.png")
    first, second = text.split("\n## ")
    assert first.startswith("## Some CPU with avx512f, 2 cores\n")
    assert second.startswith("Another CPU with") and "| x |  | 1 | 8 | 8.00 (8.00 to 8.00) |" in second
    text = first
    assert "| x |  | 2 | 2 | 1.50 (1.00 to 2.00) | 1.50 (1.00 to 2.00) | 7 |" in text
    assert "| x | auto | 1.5 | 0.38 (0.25 to 0.50) | 1.5 | 0.38 (0.25 to 0.50) | 7 |" in text
    assert (tmp_path / "speed.png").stat().st_size > 1000


def test_the_model_of_many_accelerators_is_computing_over_computing_and_a_ring():
    known = {"gflop": 936.0, "gradients_mb": 100.0}  # 0.01 s at 30 % of 312 TFLOP/s
    text = speed_tables.scaled({"x": {"sides": {"bare": known}}, "y": {"sides": {"bare": {}}}})
    shares = [0.01 / (0.01 + 2 * (n - 1) / n * 0.1 / rate + 20e-6) for n, rate in ((8, 300), (64, 25), (256, 25))]
    assert text.splitlines()[2:] == [
        "| x | 936 | 100 | 10 | " + " | ".join(f"{s:.0%}".replace("%", " %") for s in shares) + " |"
    ]
