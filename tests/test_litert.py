import re
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from serving.models import small

from tfgan_zoo import DCGAN, litert
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator

SHAPE = (8, 8, 1)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    """A DCGAN, exported."""
    keras.utils.set_random_seed(1)
    model = DCGAN(dcgan_generator(SHAPE, latent_dim=6, width=8), dcgan_discriminator(SHAPE, width=8))
    for variable in model.variables:  # at first its pictures are all but black
        if variable.dtype == "float32" and variable.trainable:
            variable.assign(variable + tf.random.stateless_normal(variable.shape, [1, 2]) * 0.1)
    return export(model, tmp_path_factory.mktemp("exported") / "dcgan")


def save(folder, function, *specs):
    module = tf.Module()
    module.f = tf.function(function, input_signature=specs)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.f})
    return folder


@pytest.fixture(scope="module")
def line(tmp_path_factory):
    """A SavedModel that takes no time to convert."""
    return save(tmp_path_factory.mktemp("line") / "1", lambda x: {"y": 2.0 * x}, tf.TensorSpec([None, 2], name="x"))


@pytest.fixture(scope="module")
def version_with_complex_fft(tmp_path_factory):
    """A SavedModel of an operation that LiteRT has not."""
    spec = tf.TensorSpec([None, 8], tf.float32, name="x")
    inverse = lambda x: {"y": tf.math.real(tf.signal.ifft(tf.cast(x, tf.complex64)))}  # noqa: E731
    return save(tmp_path_factory.mktemp("fft") / "1", inverse, spec)


def test_the_file_answers_as_the_saved_model_does_at_a_batch_size_not_seen_before(version, capsys):
    litert.main([str(version)])
    path = version / "litert" / "serving_default.tflite"
    wrote, compared = capsys.readouterr().out.splitlines()
    assert wrote == f"{path}: {path.stat().st_size:,} bytes"
    assert float(re.fullmatch(r"largest difference to the SavedModel: (\S+)", compared)[1]) == pytest.approx(
        0, abs=1e-5
    )

    z = np.random.default_rng(0).normal(size=[5, 6]).astype(np.float32)
    answer = Interpreter(model_path=str(path)).get_signature_runner("serving_default")(z=z)["generated"]
    right = tf.saved_model.load(str(version)).signatures["serving_default"](z=tf.constant(z))["generated"].numpy()
    assert answer.shape == (5, *SHAPE) and np.std(right) > 0.01
    np.testing.assert_allclose(answer, right, atol=1e-5)
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing half-written is left"


def test_a_model_of_pictures_of_any_size_is_converted_for_that_of_its_training(tmp_path, capsys):
    path = export(small("pix2pix", (8, 16, 1)), tmp_path / "pix2pix")
    litert.main([str(path)])
    assert float(capsys.readouterr().out.split()[-1]) == pytest.approx(0, abs=1e-5)
    interpreter = Interpreter(model_path=str(path / "litert" / "serving_default.tflite"))
    assert list(interpreter.get_input_details()[0]["shape_signature"]) == [-1, 8, 16, 1]
    assert list(interpreter.get_signature_list()) == ["serving_default"]
    (path / "metadata.json").write_text("{")
    with pytest.raises(InputError, match=r"metadata.json cannot be read \(.+\); mend it or move it away"):
        litert.convert(path)


def test_another_signature_goes_into_another_file(version, tmp_path):
    litert.main([str(version), "--signature=discriminate", f"--out={tmp_path / 'new' / 'd.tflite'}"])
    runner = Interpreter(model_path=str(tmp_path / "new" / "d.tflite")).get_signature_runner("discriminate")
    image = np.random.default_rng(0).uniform(-1, 1, [2, *SHAPE]).astype(np.float32)
    right = tf.saved_model.load(str(version)).signatures["discriminate"](image=tf.constant(image))["logits"]
    np.testing.assert_allclose(runner(image=image)["logits"], right, atol=1e-5)


def test_the_difference_that_is_printed_is_that_of_two_different_models(line, tmp_path):
    other = save(tmp_path / "1", lambda x: {"y": 2.0 * x - 0.75}, tf.TensorSpec([None, 2], name="x"))
    content = litert.convert(line)
    assert litert.largest_difference(content, line) == pytest.approx(0, abs=1e-6)
    assert litert.largest_difference(content, other) == pytest.approx(0.75, abs=1e-6)


def test_what_cannot_be_converted_is_refused_in_one_line_that_names_the_operation(version_with_complex_fft, capfd):
    with pytest.raises(SystemExit) as end:
        litert.main([str(version_with_complex_fft)])
    assert end.value.code == 2
    assert capfd.readouterr().err == (
        f"error: {version_with_complex_fft}: serving_default cannot be converted: LiteRT has no IFFT; "
        "choose another --signature\n"
    )
    assert not (version_with_complex_fft / "litert").exists()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--signature=encode", "has no signature encode; it has discriminate, sample, sample_png, serving_default"),
        ("..", "holds no saved_model.pb; give the folder of a version"),
        ("damaged", "cannot be loaded"),
        ("--out=/dev/null/x.tflite", "cannot be written .*; give another file with --out"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(version, line, tmp_path, capsys, given, message):
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    folder = {"..": version.parent, "damaged": tmp_path, "--signature=encode": version}.get(given, line)
    with pytest.raises(SystemExit) as end:
        litert.main([str(folder), *([given] if given.startswith("--") else [])])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert re.fullmatch(rf"error: .*{message}.*\n", error), error


def test_without_the_interpreter_the_file_is_written_and_the_command_says_what_was_left_out(
    line, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    litert.main([str(line), f"--out={tmp_path / 'g.tflite'}"])
    assert (tmp_path / "g.tflite").stat().st_size > 500
    assert "not compared with the SavedModel: pip install ai-edge-litert" in capsys.readouterr().out


def test_a_value_error_is_what_a_program_catches(version):
    with pytest.raises(InputError):
        litert.convert(version, "encode")
    with pytest.raises(litert.NotConvertible) as refused:
        litert.convert(version, "sample")
    assert "StatelessRandomUniformFullIntV2" in refused.value.operations
