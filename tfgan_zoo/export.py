"""A trained model -> SavedModel with named signatures, for `tf.saved_model.load` and TensorFlow Serving.

exported/
  models.config              what a server needs to serve every model here
  <family>/<version>/        the SavedModel, and beside it
    README.md                the model card
    metadata.json            the same for programs, all of it
    assets.extra/tf_serving_warmup_requests
    assets.extra/examples/   a few held-out inputs, where they were given
"""

import contextlib
import dataclasses
import datetime
import errno
import json
import os
import re
import shutil
import sys
import warnings
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from google.protobuf import text_format

from tfgan_zoo import files, held_out, served_files, signatures
from tfgan_zoo.errors import InputError

MODELS_CONFIG = "models.config"
WEIGHTS = ("float32", "float16")
WRITTEN_HERE = "# Written by tfgan_zoo at each export. Without this line the file is yours and stays as it is.\n"
_FITTED = {
    "crop": "of another shape cut at their longer sides",
    "stretch": "of another shape stretched",
    "pad": "of another shape framed with white",
    "none": "answered in their own size",
}
_LAST_VERSION = ".last_version"  # so that a number is not given again when its version was deleted


def export(
    model,
    directory,
    about=None,
    *,
    fit=None,
    max_pixels=served_files.MAX_PIXELS,
    max_pixels_each=served_files.MAX_PIXELS_EACH,
    weights="float32",
    examples=None,
):
    """Writes `model.signatures()` as the next version `directory/<n>/`, and `models.config` beside `directory`.

    The version is written beside its place and then renamed: a half-written model is never seen. A version number is
    never used twice. A request of a wrong shape or with a number that is not finite, or whose answer would not be
    finite, fails with `InvalidArgumentError`, and so does one of no examples. Only the variables that signatures need
    are in it.

    Args:
        model: a `base.GenerativeModel`.
        directory: `exported/<family>`; made if missing. Its name is the model's name for a server.
        about: what the model itself does not know, as JSON values; all of it goes into `metadata.json`. The card shows
            `family`, `data` (`description`, `licence`), `command`, `seed`, `commit`, `device`, `metrics` (name ->
            number), `protocol` (how they were measured) and `config` (flag -> value).
        fit: how signatures of picture files make another shape fit that of training: crop, stretch or pad. By default
            a network that takes any size gets each picture in its own; for others it is what the flag `fit` in
            `config` says, how the training data was made to, or else crop.
        max_pixels: that the picture files of one request may have together; more are refused undecoded.
        max_pixels_each: that a picture may have that is translated in its own size: what it costs in the network.
        weights: what kernels are stored as. float16 halves the size; they are widened where they are read, and all is
            computed as before. Biases and statistics of normalisation stay float32.
        examples: what the gallery shows translated at once, into `assets.extra/examples/`: columns of held-out examples
            as batches hold them, pictures [N, H, W, C] in [-1, 1] and masks. What no signature reads is left out.

    Returns:
        The path of the new version.

    Raises:
        InputError: `directory` is a file, cannot be written to, or has a name that TensorFlow reads as a pattern;
            another `fit` or `weights`; `max_pixels` or `max_pixels_each` below 1; a weight that is no float16.
    """
    if weights not in WEIGHTS:
        raise InputError(f"weights is {weights!r}; give {' or '.join(WEIGHTS)}")
    given_fit = fit
    fit = fit or ((about or {}).get("config") or {}).get("fit") or "crop"
    if fit not in served_files.FITS:
        raise InputError(f"fit is {fit!r}; give {', '.join(served_files.FITS)}")
    for name, most in (("max_pixels", max_pixels), ("max_pixels_each", max_pixels_each)):
        if most < 1:
            raise InputError(f"{name} is {most}; give 1 or more")
    directory = Path(directory)
    files.check_folder(directory, "the export folder ")
    directory.mkdir(parents=True, exist_ok=True)
    files.remove_unfinished(directory)
    files.remove_unfinished(files.real(directory).parent)
    unfinished = directory / f".unfinished-{os.getpid()}"
    shutil.rmtree(unfinished, ignore_errors=True)

    served = {
        name: (_of_files(function, given_fit, fit, max_pixels, max_pixels_each), specs)
        if isinstance(function, signatures.OnFiles)
        else (function, specs)
        for name, (function, specs) in model.signatures().items()
    }
    on_files = [function for function, _ in served.values() if isinstance(function, signatures.OnFiles)]
    kept = _Halved(model) if weights == "float16" else contextlib.nullcontext()
    with kept:
        traced = {  # saving would trace a `tf.function` once more
            name: tf.function(_checked(function, specs), input_signature=specs, autograph=False).get_concrete_function()
            for name, (function, specs) in served.items()
        }
        module = tf.Module()  # holds variables only: a network's own call may not be traceable outside a random.stream
        module.weights = _captured(traced.values())
        tf.saved_model.save(module, str(unfinished), signatures=traced)
    _write_warmup(unfinished, files.real(directory).name, served)
    asked = {
        name: ([spec.name for spec in specs], list(traced[name].structured_outputs))
        for name, (_, specs) in served.items()
    }
    held_out.write(unfinished, examples or {}, asked, (about or {}).get("data") or {})
    prior = getattr(model, "prior", None)

    metadata = {
        "family": files.real(directory).name,
        **_paper(model),
        "step": int(model.step.numpy()),
        **({"noise": prior.described()} if prior else {}),
        **model.told,
        "precision": getattr(model, model.roles[0]).dtype_policy.name,
        "weights": weights,
        "parameters": {role: getattr(model, role).count_params() for role in model.roles},
        "packages": {"tensorflow": tf.__version__, "keras": keras.__version__, "numpy": np.__version__},
        **(about or {}),
        **({"picture_files": on_files[0].described()} if on_files else {}),
        "signatures": _described(served, traced),
    }
    version = _last_version(directory) + 1
    files.sync(*unfinished.rglob("*"))
    while True:
        metadata["version"] = version
        metadata["created"] = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        (unfinished / "metadata.json").write_text(json.dumps(metadata, indent=2) + "\n", encoding="utf-8")
        (unfinished / "README.md").write_text(_card(metadata), encoding="utf-8")
        files.sync(unfinished / "metadata.json", unfinished / "README.md", unfinished)
        try:
            os.rename(unfinished, directory / str(version))
            files.sync(directory)
            break
        except OSError as error:  # another export was quicker
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            version += 1
    files.write(directory / _LAST_VERSION, f"{version}\n")
    write_models_config(files.real(directory).parent)
    return directory / str(version)


class _Halved(keras.StatelessScope):
    """Inside, what reads a kernel of a model reads a float16 copy of it, widened."""

    def __init__(self, model):
        super().__init__()
        kernels = (v for v in model.variables if v.dtype == "float32" and len(v.shape) > 1)
        self._halves = {id(v): tf.Variable(_half(v), trainable=False) for v in kernels}

    def get_current_value(self, variable):
        half = self._halves.get(id(variable))
        return super().get_current_value(variable) if half is None else tf.cast(half, tf.float32)


def _half(variable):
    half = tf.cast(tf.convert_to_tensor(variable.numpy()), tf.float16)
    if not np.isfinite(half).all():
        raise InputError(f"{variable.path} has weights that are no float16; export with float32 weights")
    return half


def _of_files(function, given_fit, fit, max_pixels, max_pixels_each):
    fit = fit if given_fit or not function.keeps_sizes else "none"
    return dataclasses.replace(function, fit=fit, max_pixels=max_pixels, max_pixels_each=max_pixels_each)


def _checked(function, specs):
    """`function` with its checks in the graph: a server checks neither shapes nor numbers before it runs one."""

    def serve(*inputs):
        right = [_some(tf.ensure_shape(x, s.shape, name=s.name), s) for x, s in zip(inputs, specs, strict=True)]
        answer = function(*(_finite(x, f"{s.name} must be finite") for x, s in zip(right, specs, strict=True)))
        return {name: _finite(x, f"{name} would not be finite") for name, x in answer.items()}

    return serve


def _some(value, spec):
    """Refuses no examples: oneDNN's convolutions, on by default on many processors, answer them in a wrong shape."""
    if spec.shape.rank == 0 or spec.shape[0] is not None:
        return value
    some = tf.debugging.assert_positive(tf.shape(value)[0], f"{spec.name} must hold one example or more")
    with tf.control_dependencies([some]):
        return tf.identity(value)


def _finite(value, message):
    return tf.debugging.check_numerics(value, message) if value.dtype.is_floating else value


def _captured(traced):
    """The variables that the functions read, each once; of those mirrored over replicas, the parts on the first."""
    read = (variable for function in traced for variable in function.graph.variables)
    return list({variable.ref(): variable for variable in read}.values())


def _write_warmup(version, model_name, served):
    # Imported here: it takes a second, and most of what imports this module exports nothing.
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    (version / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(version / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        for signature, (function, specs) in served.items():
            sides = function.image_shape[:2] if isinstance(function, signatures.OnImages) else (16, 16)
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = model_name, signature
            for spec in specs:
                request.inputs[spec.name].CopyFrom(
                    tf.make_tensor_proto(signatures.example(spec, sides=sides), spec.dtype)
                )
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def _last_version(directory):
    path = directory / _LAST_VERSION
    try:
        recorded = int(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        recorded = 0
    except (OSError, ValueError) as error:  # the folders say it too, but for versions that were deleted
        files.set_aside(path, error)
        recorded = 0
    return max([recorded, *(int(p.name) for p in directory.iterdir() if p.name.isdecimal())])


def write_models_config(folder):
    """Lists every model folder in `folder`, as the server's container sees it: mounted at /models."""
    from tensorflow_serving.config import model_server_config_pb2

    path = folder / MODELS_CONFIG
    config = model_server_config_pb2.ModelServerConfig()
    for model in sorted(folder.iterdir()):
        versions = model.iterdir() if model.is_dir() and os.access(model, os.R_OK | os.X_OK) else ()
        if any(version.name.isdecimal() and (version / "saved_model.pb").exists() for version in versions):
            config.model_config_list.config.add(
                name=model.name, base_path=f"/models/{model.name}", model_platform="tensorflow"
            )
    try:
        if not path.exists() or path.read_text(encoding="utf-8").startswith(WRITTEN_HERE):
            files.write(path, WRITTEN_HERE + text_format.MessageToString(config))
    except UnicodeDecodeError as error:
        files.set_aside(path, error)
        files.write(path, WRITTEN_HERE + text_format.MessageToString(config))
    except OSError as error:  # the model is there and good, even if its neighbours cannot be listed
        warnings.warn(f"{path} could not be written ({error.strerror})", stacklevel=3)


def _paper(model):
    text = (sys.modules[type(model).__module__].__doc__ or "").strip()
    title, arxiv = re.search(r'"(.+?)"', text, re.DOTALL), re.search(r"arXiv (\d{4}\.\d{4,5})", text)
    return {
        "class": type(model).__name__,
        "title": title and " ".join(title[1].split()),
        "arxiv": arxiv and arxiv[1],
        "paper": text,
    }


def _described(served, traced):
    """name -> its inputs and outputs -> their dtype, shape (null: the batch, or a free side) and meaning; its sizes."""

    def tensors(specs):
        described = {}
        for name, spec in specs.items():
            described[name] = {"dtype": spec.dtype.name, "shape": spec.shape.as_list()}
            if name in signatures.NAMES:
                described[name]["meaning"] = signatures.NAMES[name].meaning
        return described

    return {
        name: {
            "inputs": tensors({spec.name: spec for spec in specs}),
            "outputs": tensors(traced[name].structured_outputs),
            **({"sizes": function.described()} if isinstance(function, signatures.OnImages) else {}),
        }
        for name, (function, specs) in served.items()
    }


def _card(metadata):
    data, metrics, read = (metadata.get(name, {}) for name in ("data", "metrics", "picture_files"))
    parameters = ", ".join(f"{role} {count:,}" for role, count in metadata["parameters"].items())
    packages = ", ".join(f"{name} {version}" for name, version in metadata["packages"].items())
    facts = [
        f"Data: {data['description']}. Licence: {data['licence']}" if data else "",
        f"Classes, from label 0: {', '.join(data['classes'])}" if data.get("classes") else "",
        f"Trained for {metadata['step']} steps" + (f" with `{metadata['command']}`" if "command" in metadata else ""),
        f"Seed {metadata['seed']}" if "seed" in metadata else "",
        f"Commit {metadata['commit']}" if metadata.get("commit") else "",
        f"Precision {metadata['precision']}" + (f" on {metadata['device']}" if "device" in metadata else ""),
        f"Parameters: {parameters}",
        "Kernels are stored as float16 and widened where they are read" if metadata["weights"] == "float16" else "",
        f"Picture files: PNG or JPEG, {_FITTED[read['fit']]}; {read['max_pixels']:,} pixels or less in a request"
        + (f", {read['max_pixels_each']:,} or less in each picture" if "max_pixels_each" in read else "")
        if read
        else "",
        *_sizes_in_words(metadata["signatures"]),
        f"Exported {metadata['created']} as version {metadata['version']}, with {packages}",
    ]
    facts = "\n".join(f"- {fact}" for fact in facts if fact)
    parts = [f"# {metadata['family']}", metadata["paper"], "## This version", facts]
    if metrics:
        rows = [f"| {name} | {value:.4f} |" for name, value in metrics.items()]
        parts.append(_table("Metrics", "metric | value", rows))
        protocol = metadata.get("protocol", {})
        parts.append("Measured with: " + ", ".join(f"{name} {value}" for name, value in protocol.items()) + ".")
    rows = [
        f"| `{name}` | {_list(signature['inputs'])} | {_list(signature['outputs'])} |"
        for name, signature in metadata["signatures"].items()
    ]
    parts.append(_table("Signatures", "signature | takes | gives", rows))
    meanings = {n: t["meaning"] for way in ("outputs", "inputs") for s in metadata["signatures"].values()
                for n, t in s[way].items() if "meaning" in t}  # fmt: skip
    parts.append("\n".join(f"- `{name}`: {meaning}" for name, meaning in meanings.items()))
    if metadata.get("config"):
        rows = [f"| `{name}` | {value} |" for name, value in metadata["config"].items()]
        parts.append(_table("Flags", "flag | value", rows))
    return "\n\n".join(part for part in parts if part) + "\n"


def _sizes_in_words(described):
    lines = set()
    for sizes in (signature["sizes"] for signature in described.values() if "multiple" in signature.get("sizes", {})):
        height, width = sizes["trained"]
        fits = signatures.Sizes(sizes["multiple"], sizes["least"])
        lines.add(f"Pictures in arrays: any height H and width W that are {fits}; trained at {height}x{width}")
    return sorted(lines)


def _table(title, columns, rows):
    count = columns.count("|") + 1
    return "\n".join([f"## {title}", "", f"| {columns} |", "|---" * count + "|", *rows])


def _list(tensors):
    def shape(dims):
        letters = "BHWC" if len(dims) == 4 else "B" * len(dims)
        return ", ".join(letter if d is None else str(d) for letter, d in zip(letters, dims, strict=True))

    return ", ".join(f"`{name}` {tensor['dtype']} [{shape(tensor['shape'])}]" for name, tensor in tensors.items())
