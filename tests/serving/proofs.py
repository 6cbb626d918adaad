"""One SavedModel, the same requests, four ways to an answer without this package, and how far they are from Python's.

A request is (signature, {input: array}); strings are arrays of bytes. An answer is {output: array}.
"""

import json
import os
import pickle
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from serving import grpc_server
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_log_pb2

from tfgan_zoo.signatures import example, told_sizes

QUIET = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
OK, INVALID_ARGUMENT = 0, 3


def load(path):
    return tf.saved_model.load(str(path)).signatures


def specs(signature):
    return signature.structured_input_signature[1]


def requests(signatures, counts=(1, 3), metadata=None):
    """What fits each signature, at each batch size; where any size of pictures does, the larger are no square."""

    def fitting(name, function, count):
        trained, sizes, _ = told_sizes(metadata or {}, name)
        height, width = trained or (16, 16)
        sides = (height, width + (count > 1) * (sizes.multiple if sizes else 0))
        inputs = specs(function).items()
        return {key: example(tf.TensorSpec(s.shape, s.dtype, key), count, sides) for key, s in inputs}

    return [(name, fitting(name, function, count)) for name, function in signatures.items() for count in counts]


def bad_requests(signatures, metadata=None):
    """What each signature has to refuse: (why, request)."""
    bad = []
    for name, good in requests(signatures, (2,), metadata):
        for key, value in good.items():

            def with_value(why, other, name=name, good=good, key=key):
                bad.append((f"{name}: {key} {why}", (name, {**good, key: other})))

            with_value("of one more axis", value[None])
            if value.ndim:
                with_value("of no examples", value[:0])
            sizes = told_sizes(metadata or {}, name)[1]
            if value.ndim == 4 and sizes and sizes.multiple > 1:
                with_value("of a side that does not fit", value[:, 1:])
            if value.ndim > 1:
                with_value("of another length", np.concatenate([value, value[..., :1]], -1))
            if value.dtype == np.float32:
                for number in (np.nan, np.inf, -np.inf):
                    other = value.copy()
                    other.flat[-1] = number
                    with_value(str(number), other)
            if key.endswith("_bytes"):
                with_value("that are no pictures", np.full_like(value, b"GIF, it says"))
                with_value("cut short", np.array([file[:40] for file in value], object))
            if key == "count":
                for count in (0, -1, 1025, 2**31 - 1):
                    with_value(str(count), np.int32(count))
            if key == "label":
                with_value("below 0", np.full_like(value, -1))
                with_value("above all", np.full_like(value, 2**40))
                if value.ndim:
                    with_value("too few", value[:1])
    return bad


def by_python(signatures, made):
    def answer(name, inputs):
        tensors = {key: tf.constant(inputs[key].tolist(), tf.string) if spec.dtype == tf.string else
                   tf.constant(inputs[key], spec.dtype) for key, spec in specs(signatures[name]).items()}  # fmt: skip
        return {key: value.numpy() for key, value in signatures[name](**tensors).items()}

    return [answer(*request) for request in made]


def by_c_api(path, made):
    """(code, message, answer) of each request, from a process that does not import TensorFlow."""
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "requests"), Path(folder, "answers")
        asked.write_bytes(pickle.dumps(made))
        program = Path(__file__).with_name("c_api.py")
        _run(sys.executable, program, path, asked, answered)
        return pickle.loads(answered.read_bytes())


def by_openvino(path, made):
    """(answer or None, the operations that OpenVINO does not know) of each request.

    OpenVINO reads one signature, `serving_default`. For another one it is given the same SavedModel with that signature
    under this name.
    """
    import openvino

    core, compiled, answers = openvino.Core(), {}, []
    definitions = _file(path).meta_graphs[0].signature_def
    for name, inputs in made:
        if name not in compiled:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    model = core.read_model(path if name == "serving_default" else _renamed(path, name, folder))
                    # On CPUs with bfloat16 it would compute in it.
                    compiled[name] = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
                except RuntimeError as error:
                    missing = re.search(r"No conversion rule found for operations: (.+)", str(error))
                    compiled[name] = missing[1] if missing else " ".join(str(error).split())[-200:]
        if isinstance(compiled[name], str):
            answers.append((None, compiled[name]))
        else:
            outputs = compiled[name](inputs)
            named = {port_name: value for port, value in outputs.items() for port_name in port.get_names()}
            answers.append(({key: named[key] for key in definitions[name].outputs}, ""))
    return answers


def _file(path):
    return saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())


def _renamed(path, signature, folder):
    model = _file(path)
    definitions = model.meta_graphs[0].signature_def
    definitions["serving_default"].CopyFrom(definitions[signature])
    Path(folder, "saved_model.pb").write_bytes(model.SerializeToString())
    Path(folder, "variables").symlink_to((path / "variables").resolve())
    return folder


def predict_request(model, name, inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = model, name
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def by_grpc(stub, model, made):
    def answer(name, inputs):
        response = stub.Predict(predict_request(model, name, inputs))
        return {key: tf.make_ndarray(value) for key, value in response.outputs.items()}

    return [answer(*request) for request in made]


def metadata_by_grpc(stub, model):
    """signature -> ({input: shape}, {output: shape}), -1 for the batch."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    packed = stub.GetModelMetadata(request).metadata["signature_def"]
    found = get_model_metadata_pb2.SignatureDefMap()
    assert packed.Unpack(found)

    def shapes(tensors):
        return {name: [d.size for d in tensor.tensor_shape.dim] for name, tensor in tensors.items()}

    return {
        name: (shapes(definition.inputs), shapes(definition.outputs))
        for name, definition in found.signature_def.items()
        if not name.startswith("__")
    }


def warmup(path):
    """The `PredictRequest`s of the warm-up file."""
    file = str(path / "assets.extra" / "tf_serving_warmup_requests")
    logs = [prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in tf.data.TFRecordDataset(file)]
    assert {log.WhichOneof("log_type") for log in logs} == {"predict_log"}
    return [log.predict_log.request for log in logs]


def cli_show(path):
    """signature -> (names of its inputs, of its outputs)."""
    shown = _run(Path(sys.executable).with_name("saved_model_cli"), "show", "--dir", path, "--all")
    parts = re.split(r"signature_def\['(\w+)'\]:", shown)[1:]
    return {
        name: (set(re.findall(r"inputs\['(\w+)'\]", text)), set(re.findall(r"outputs\['(\w+)'\]", text)))
        for name, text in zip(parts[::2], parts[1::2], strict=True)
        if not name.startswith("__")
    }


def by_cli(path, request):
    name, inputs = request
    with tempfile.TemporaryDirectory() as folder:
        for key, value in inputs.items():
            np.save(Path(folder, f"{key}.in.npy"), value.astype("S") if value.dtype == object else value)
        given = ";".join(f"{key}={folder}/{key}.in.npy" for key in inputs)
        _run(
            Path(sys.executable).with_name("saved_model_cli"), "run", "--dir", path, "--tag_set", "serve",
            "--signature_def", name, "--inputs", given, "--outdir", folder,
        )  # fmt: skip
        files = [file for file in Path(folder).glob("*.npy") if not file.name.endswith(".in.npy")]
        return {file.stem: np.load(file, allow_pickle=True) for file in files}


def difference(answer, expected):
    """The largest one between two answers; pictures in files count as those in arrays, in [-1, 1]."""
    assert answer.keys() == expected.keys()
    largest = 0.0
    for key, value in expected.items():
        assert answer[key].shape == value.shape, key
        if value.dtype == object:
            pairs = [(a, b) for a, b in zip(answer[key], value, strict=True) if a != b]
            apart = [np.abs(_pixels(a) - _pixels(b)).max() for a, b in pairs]
        else:
            assert answer[key].dtype == value.dtype, key
            apart = [np.abs(answer[key] - value).max(initial=0)]
        largest = max([largest, *map(float, apart)])
    return largest


def _pixels(file):
    return tf.io.decode_png(file).numpy() / 127.5


def _run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=QUIET)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def prove(path):
    """All of it for one export: proof -> largest difference, and under `failed` what did not hold."""
    result = dict.fromkeys(("c_api", "openvino", "grpc", "saved_model_cli"))
    result |= dict.fromkeys(("signatures", "requests", "bad_requests", "refused", "warmup"), 0)
    result |= {"export": str(path), "openvino_read": [], "openvino_cannot": {}, "failed": []}
    try:
        _prove(path, result)
    except Exception as error:  # the next model is to be proven all the same
        result["failed"].append(f"{type(error).__name__}: {' '.join(str(error).split())[:500]}")
    return result


def _prove(path, result):
    signatures = load(path)
    metadata = json.loads((path / "metadata.json").read_text(encoding="utf-8"))
    made = requests(signatures, metadata=metadata)
    expected = by_python(signatures, made)
    result["signatures"], result["requests"] = len(signatures), len(made)

    bad = bad_requests(signatures, metadata)
    c_api = by_c_api(path, made + [request for _, request in bad])
    good = list(zip(made, c_api[: len(made)], expected, strict=True))
    result["failed"] += [f"C API: {name}: {message}" for (name, _), (code, message, _), _ in good if code != OK]
    result["c_api"] = max((difference(answer, e) for _, (code, _, answer), e in good if code == OK), default=None)
    codes = [(why, code) for (why, _), (code, _, _) in zip(bad, c_api[len(made) :], strict=True)]
    result["failed"] += [
        f"not refused as invalid: {why} (code {code})" for why, code in codes if code != INVALID_ARGUMENT
    ]
    result["bad_requests"], result["refused"] = len(bad), sum(code == INVALID_ARGUMENT for _, code in codes)

    openvino = list(zip(made, by_openvino(path, made), expected, strict=True))
    read = [(answer, e) for _, (answer, _), e in openvino if answer is not None]
    result["openvino"] = max((difference(answer, e) for answer, e in read), default=None)
    result["openvino_read"] = sorted({name for (name, _), (answer, _), _ in openvino if answer is not None})
    result["openvino_cannot"] = {name: why for (name, _), (answer, why), _ in openvino if answer is None}

    model = path.parent.name
    with grpc_server.serving(path) as stub:
        result["grpc"] = max(map(difference, by_grpc(stub, model, made), expected))
        described = metadata_by_grpc(stub, model)
        if {n: (set(i), set(o)) for n, (i, o) in described.items()} != cli_show(path):
            result["failed"].append("saved_model_cli shows other signatures than GetModelMetadata")
        replayed = [stub.Predict(request) for request in warmup(path)]
    if sorted(r.model_spec.signature_name for r in replayed) != sorted(signatures):
        result["failed"].append("the warm-up requests do not have each signature once")
    result["warmup"] = len(replayed)

    default = [i for i, (name, _) in enumerate(made) if name == "serving_default"][-1]
    result["saved_model_cli"] = difference(by_cli(path, made[default]), expected[default])
