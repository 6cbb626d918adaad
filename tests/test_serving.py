"""What TensorFlow Serving would load and be asked, by what can be had without its server binary."""

import json
import subprocess
import sys
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from serving import grpc_server, models, proofs

from tfgan_zoo.export import export

ROOT = Path(__file__).resolve().parent.parent
KINDS = ("dcgan", "pix2pix")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder of a version 1 of each kind."""
    folder = tmp_path_factory.mktemp("serving") / "exported"
    for kind in KINDS:
        export(models.small(kind), folder / kind)
    return folder


@pytest.fixture(scope="module")
def proven(exported):
    """kind -> what the script found; and what it printed."""
    script, record = ROOT / "benchmarks/serving_proofs.py", exported.parent / "proofs.jsonl"
    done = subprocess.run(
        [sys.executable, script, exported, f"--json={record}"], capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    return {Path(line["export"]).parent.name: line for line in lines}, done.stdout


@pytest.fixture(scope="module")
def stub(exported):
    with grpc_server.serving(exported / "dcgan/1") as stub:
        yield stub


@pytest.mark.parametrize(("kind", "signatures"), [("dcgan", 4), ("pix2pix", 2)])
@pytest.mark.parametrize("way", ["c_api", "grpc", "saved_model_cli"])
def test_an_export_answers_without_its_python_code_as_it_does_with_it(proven, kind, signatures, way):
    result = proven[0][kind]
    assert (result["signatures"], result["requests"]) == (signatures, 2 * signatures)
    np.testing.assert_allclose(result[way], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("kind", "read"), [("dcgan", ["discriminate", "serving_default"]), ("pix2pix", ["serving_default"])]
)
def test_an_independent_runtime_gives_the_same_numbers(proven, kind, read):
    result = proven[0][kind]
    assert result["openvino_read"] == read
    np.testing.assert_allclose(result["openvino"], 0.0, atol=1e-6)


@pytest.mark.parametrize(("kind", "bad"), [("dcgan", 24), ("pix2pix", 11)])
def test_requests_that_do_not_fit_are_refused_as_invalid_and_do_not_end_the_server(proven, kind, bad):
    result = proven[0][kind]
    assert result["failed"] == [] and result["bad_requests"] == bad


@pytest.mark.parametrize("kind", KINDS)
def test_every_signature_is_warmed_up_by_a_request_that_is_answered(proven, kind):
    result = proven[0][kind]
    assert result["warmup"] == result["signatures"]


def test_the_script_prints_a_table_with_a_row_per_model(proven):
    rows = [line for line in proven[1].splitlines() if line.startswith("| ")]
    assert [row.split(" | ")[0] for row in rows] == ["| model", "| dcgan/1", "| pix2pix/1"]
    assert "24 of 24" in rows[1] and "11 of 11" in rows[2]


def test_the_proofs_notice_an_answer_of_another_model(exported, tmp_path):
    other = models.small("dcgan")
    for variable in other.generator.trainable_variables:
        variable.assign(variable * 0.5)
    signatures = proofs.load(exported / "dcgan/1")
    made = proofs.requests(signatures, counts=(2,))
    expected = proofs.by_python(signatures, made)
    answers = proofs.by_python(proofs.load(export(other, tmp_path / "dcgan")), made)
    apart = {name: proofs.difference(a, e) for (name, _), a, e in zip(made, answers, expected, strict=True)}
    assert apart.pop("discriminate") == 0.0
    assert min(apart.values()) > 1e-3, apart


def test_the_difference_of_two_answers_is_the_largest_of_their_numbers_and_pixels():
    values, pixels = np.zeros([2, 3], np.float32), np.zeros([2, 2, 1], np.uint8)
    other_values, other_pixels = values.copy(), pixels.copy()
    other_values[1, 2], other_pixels[1, 1] = 0.25, 51

    def files(array):
        return np.array([tf.io.encode_png(array).numpy()], object)

    assert proofs.difference({"x": values}, {"x": values}) == 0.0
    np.testing.assert_allclose(proofs.difference({"x": other_values}, {"x": values}), 0.25)
    np.testing.assert_allclose(proofs.difference({"x": files(other_pixels)}, {"x": files(pixels)}), 51 / 127.5)


def test_metadata_over_grpc_has_the_shapes_of_the_file_beside_the_model(exported, stub):
    described = json.loads((exported / "dcgan/1/metadata.json").read_text(encoding="utf-8"))["signatures"]

    def shapes(tensors):
        return {name: [-1 if d is None else d for d in t["shape"]] for name, t in tensors.items()}

    expected = {name: (shapes(s["inputs"]), shapes(s["outputs"])) for name, s in described.items()}
    assert proofs.metadata_by_grpc(stub, "dcgan") == expected


Z = np.zeros([2, 6], np.float32)


@pytest.mark.parametrize(
    ("model", "signature", "inputs", "code", "says"),
    [
        ("dcgan", "serving_default", {"z": Z + np.nan}, "INVALID_ARGUMENT", "z must be finite"),
        ("dcgan", "serving_default", {"z": Z[:, 1:]}, "INVALID_ARGUMENT", "z must be float32"),
        ("dcgan", "serving_default", {"z": Z.astype(int)}, "INVALID_ARGUMENT", "z must be float32"),
        ("dcgan", "serving_default", {"noise": Z}, "INVALID_ARGUMENT", "inputs must be"),
        ("dcgan", "paint", {"z": Z}, "INVALID_ARGUMENT", "no signature paint"),
        ("pix2pix", "serving_default", {"z": Z}, "NOT_FOUND", "no model pix2pix"),
    ],
    ids=["not finite", "shape", "type", "name", "signature", "model"],
)
def test_a_client_is_told_what_is_wrong_with_its_request(stub, model, signature, inputs, code, says):
    with pytest.raises(grpc.RpcError) as error:
        stub.Predict(proofs.predict_request(model, signature, inputs))
    assert error.value.code() == grpc.StatusCode[code] and says in error.value.details()


def test_a_response_names_model_signature_and_version(stub):
    response = stub.Predict(proofs.predict_request("dcgan", "serving_default", {"z": Z}))
    spec = response.model_spec
    assert (spec.name, spec.signature_name, spec.version.value) == ("dcgan", "serving_default", 1)
    assert tf.make_ndarray(response.outputs["generated"]).shape == (2, *models.SHAPE)
