"""Networks whose features stand for images: what Frechet distance, KID and their kin measure in.

Each is read from a given file, and its name and SHA-256 go with every number. Nothing is downloaded. Only the Inception
graph of 2015 gives what is called FID; a distance in other features is called after them.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfgan_zoo import trust
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import checks

INCEPTION_2015 = "inception-2015"
INCEPTION_V3 = "inception-v3"
# Not computed here, where the file is not: as several public repositories state it, with a size of 95,673,916 bytes.
INCEPTION_2015_SHA256 = "009d6814d1bc560d4e7b236e170e9b2d5ca6f4b57bd8037f6db05776204415c6"
_INCEPTION_2015_FROM = (
    "classify_image_graph_def.pb in http://download.tensorflow.org/models/image/imagenet/inception-2015-12-05.tgz, "
    f"SHA-256 {INCEPTION_2015_SHA256}"
)
_INCEPTION_V3_FROM = (
    "inception_v3_weights_tf_dim_ordering_tf_kernels.h5 in https://storage.googleapis.com/tensorflow/"
    "keras-applications/inception_v3/, MD5 9a0d58056eeedaa3f26cb7ebd46da564 (Keras states no SHA-256)"
)


@dataclasses.dataclass(kw_only=True)
class Flags:
    """Which network gives the features."""

    extractor: str = ""
    """inception-2015, inception-v3, or a .keras file or SavedModel of your own; none: metrics that need no network."""
    extractor_path: str = ""
    """The file of inception-2015 (a frozen graph) or inception-v3 (weights)."""
    extractor_name: str = ""
    """What metrics are named after, FD-<name>. Default: the file's name."""
    feature_layer: str = ""
    """Where the features are: a layer of a .keras file, or an output of a SavedModel."""
    extractor_size: int | None = None
    """Height and width it is given; default: those of its input."""
    extractor_offset: float = 127.5
    """It is given (x - offset) / scale of pixels x from 0 to 255."""
    extractor_scale: float = 127.5
    """See --extractor-offset."""
    extractor_logits: bool = False
    """Its last output holds logits, not probabilities."""
    trust: bool = False
    """Also open SavedModels whose graph reads or writes files, calls Python or the network."""


@dataclasses.dataclass(frozen=True)
class Extractor:
    """A network that gives features and, perhaps, probabilities of classes.

    Attributes:
        name: what metrics are called after.
        sha256: of its file, or of the files of its folder.
        layer: where the features are taken.
        preprocessing: what is done to pixels x from 0 to 255, in words.
        resize: how images get its size, in words.
        channels: 1 or 3; grey images are repeated to 3.
        function: `pixels [B, H, W, channels]` from 0 to 255 -> (features [B, D], probabilities [B, K] or None).
    """

    name: str
    sha256: str
    layer: str
    preprocessing: str
    resize: str
    channels: int
    function: Callable

    @property
    def is_canonical(self):
        """Whether its Frechet distance is FID."""
        return self.name == INCEPTION_2015

    def of(self, metric):
        """The name of a metric in these features: `FD-<name>`."""
        return metric if self.is_canonical else f"{metric}-{self.name}"

    def __call__(self, images):
        """`images [B, H, W, C]` in [-1, 1] -> NumPy features [B, D] and probabilities [B, K] or None.

        Raises:
            InputError: images of more channels than the network takes.
        """
        images = np.asarray(images, np.float32)
        if images.shape[-1] > self.channels:
            taken, given = checks.COLOURS[self.channels], checks.COLOURS[images.shape[-1]]
            raise InputError(f"{self.name} takes {taken} images, these are {given}; choose another extractor")
        features, probabilities = self.function(
            np.repeat(images, self.channels // images.shape[-1], -1) * 127.5 + 127.5
        )
        return np.asarray(features), None if probabilities is None else np.asarray(probabilities)

    def stamp(self):
        """Its part of a protocol."""
        return {
            "extractor": self.name, "extractor_sha256": self.sha256, "feature_layer": self.layer,
            "preprocessing": self.preprocessing, "resize": self.resize,
        }  # fmt: skip


def load(flags):
    """The `Extractor` that `Flags` ask for.

    Raises:
        InputError: a file that is missing or of another kind; a layer that is not there or gives no features [B, D].
    """
    if flags.extractor == INCEPTION_2015:
        return inception_2015(_existing(flags.extractor_path, flags.extractor, _INCEPTION_2015_FROM))
    if flags.extractor == INCEPTION_V3:
        return inception_v3(_existing(flags.extractor_path, flags.extractor, _INCEPTION_V3_FROM))
    path = Path(flags.extractor)
    if path.is_dir() and (path / "saved_model.pb").exists():
        return saved_model(path, flags)
    if path.is_file() and path.suffix == ".keras":
        return keras_file(path, flags)
    what = "is neither a .keras file nor a SavedModel folder" if path.exists() else "does not exist"
    raise InputError(
        f"--extractor={flags.extractor} {what}; give {INCEPTION_2015}, {INCEPTION_V3}, a .keras file or a SavedModel"
    )


def inception_2015(path, sha256=INCEPTION_2015_SHA256):
    """The graph of FID and the Inception score, run as it is, with its own bilinear resize to 299 x 299.

    Features are `pool_3`. Probabilities leave the bias of the last layer out, as the authors' code does.

    Raises:
        InputError: another file than the one with `sha256`.
    """
    found = sha256_of(path)
    if found != sha256:
        raise InputError(f"{path} is another file, with SHA-256 {found}; give {_INCEPTION_2015_FROM}")
    definition = tf.compat.v1.GraphDef.FromString(Path(path).read_bytes())
    for node in definition.node:
        node.attr.pop("_output_shapes", None)  # they say that the batch is 1

    def outputs(pixels):
        pool, product = tf.compat.v1.import_graph_def(
            definition,
            input_map={"ExpandDims:0": pixels},
            return_elements=["pool_3:0", "softmax/logits/MatMul"],
            name="",
        )
        features = tf.reshape(pool, [tf.shape(pool)[0], -1])
        return features, tf.nn.softmax(features @ product.inputs[1])

    pixels = tf.TensorSpec([None, None, None, 3], tf.float32)
    function = tf.compat.v1.wrap_function(outputs, [pixels])
    return Extractor(
        INCEPTION_2015, found, "pool_3:0", "as in the graph", "as in the graph: bilinear to 299x299, no antialiasing",
        3, lambda x: function(tf.constant(x)),
    )  # fmt: skip


def inception_v3(path):
    """`keras.applications.InceptionV3` (trained anew by Keras' authors, not the graph of FID) with weights of a file.

    A file with `notop` in its name has no classes, and so no probabilities.
    """
    top = "notop" not in Path(path).name
    with _in_float32():
        try:
            model = keras.applications.InceptionV3(include_top=top, weights=None, pooling=None if top else "avg")
            model.load_weights(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path} has no weights of InceptionV3 ({_short(error)}); give {_INCEPTION_V3_FROM}"
            ) from error
    features = model.get_layer("avg_pool").output if top else model.outputs[0]
    flags = Flags(extractor_name="InceptionV3-Keras", extractor_size=299)
    return _of_keras(model, features, flags, sha256_of(path), "avg_pool", top)


def keras_file(path, flags):
    """A `.keras` file and its `flags.feature_layer`.

    Of what `metrics.classifier` trained, known by the JSON beside it, the features are the input of its logits.

    Raises:
        InputError: Keras cannot load it, or has no such layer in it.
    """
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # zip, JSON, HDF5, unknown layers: each raises its own
        raise InputError(f"{path} cannot be loaded by Keras ({_short(error)}); give a whole .keras file") from error
    name = flags.extractor_name or Path(path).stem
    if _is_our_classifier(path) and not flags.feature_layer:
        flags = dataclasses.replace(flags, extractor_name=name, extractor_logits=True)
        return _of_keras(model, model.get_layer("logits").input, flags, sha256_of(path), "input of logits", True)
    flat = {n.name: n for n in model.layers if len(getattr(n.output, "shape", ())) == 2}
    if flags.feature_layer not in flat:
        raise InputError(
            f"--feature-layer={flags.feature_layer} is no layer of {path} that gives [B, D]; those that do: "
            f"{', '.join(flat) or 'none'}"
        )
    flags = dataclasses.replace(flags, extractor_name=name)
    features, answers = flat[flags.feature_layer].output, len(model.outputs[0].shape) == 2
    return _of_keras(model, features, flags, sha256_of(path), flags.feature_layer, answers)


def saved_model(path, flags):
    """A SavedModel whose `serving_default` takes images and gives `flags.feature_layer`.

    Probabilities are its other output of rank 2, if there is just one.

    Raises:
        InputError: it does more than compute, has no such signature or no such output.
    """
    trust.check(path, flags.trust)
    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures.get("serving_default")
    inputs = serve.structured_input_signature[1] if serve else {}
    served = serve.structured_outputs if serve else {}
    outputs = {name: served[name] for name in sorted(served) if served[name].shape.rank == 2}  # saved in no order
    if len(inputs) != 1 or next(iter(inputs.values())).shape.rank != 4:
        raise InputError(f"{path} has no signature serving_default of images alone; give a SavedModel that has")
    if flags.feature_layer not in outputs:
        raise InputError(
            f"--feature-layer={flags.feature_layer} is no output of {path} that gives [B, D]; those that do: "
            f"{', '.join(outputs) or 'none'}"
        )
    ((given, spec),) = inputs.items()
    others = [name for name in outputs if name != flags.feature_layer]

    def network(x):
        answer = serve(**{given: tf.cast(x, spec.dtype)})
        return answer[flags.feature_layer], answer[others[0]] if len(others) == 1 else None

    network.loaded = loaded  # a signature does not keep its variables alive
    flags = dataclasses.replace(flags, extractor_name=flags.extractor_name or Path(path).resolve().name)
    return _prepared(network, spec.shape, flags, sha256_of(path), flags.feature_layer)


def sha256_of(path):
    """Of a file; of a folder, of the names and contents of all its files."""
    path, whole = Path(path), hashlib.sha256()
    if not path.is_dir():
        with open(path, "rb") as file:
            while part := file.read(2**20):
                whole.update(part)
        return whole.hexdigest()
    for file in sorted(p for p in path.rglob("*") if p.is_file()):
        whole.update(f"{file.relative_to(path).as_posix()} {sha256_of(file)}\n".encode())
    return whole.hexdigest()


def _of_keras(model, features, flags, sha256, layer, answers):
    network = keras.Model(model.inputs, [features, model.outputs[0]])

    def call(x):
        found, answer = network(x, training=False)
        return tf.cast(found, tf.float32), tf.cast(answer, tf.float32) if answers else None

    return _prepared(call, tf.TensorShape(model.inputs[0].shape), flags, sha256, layer)


def _prepared(network, shape, flags, sha256, layer):
    """`network` behind a resize and (x - offset) / scale. `shape` is that of its input, `[B, H, W, C]`."""
    if shape.rank != 4 or shape[3] not in (1, 3):
        raise InputError(f"the extractor takes {shape}; expected images [B, H, W, C] of 1 or 3 channels")
    own = shape[1:3].as_list() if None not in shape[1:3].as_list() else None
    size = [flags.extractor_size] * 2 if flags.extractor_size else own
    if own and size != own:
        raise InputError(f"--extractor-size={flags.extractor_size}, but the extractor takes {own[0]}x{own[1]} only")
    if flags.extractor_scale == 0 or not np.isfinite([flags.extractor_scale, flags.extractor_offset]).all():
        raise InputError(f"--extractor-scale={flags.extractor_scale} must be a number other than 0")

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, shape[3]], tf.float32)], autograph=False)
    def function(pixels):
        if size:
            pixels = tf.image.resize(pixels, size, antialias=True)
        features, answer = network((pixels - flags.extractor_offset) / flags.extractor_scale)
        if answer is None:
            return features, None
        return features, tf.nn.softmax(answer) if flags.extractor_logits else answer

    return Extractor(
        name=flags.extractor_name,
        sha256=sha256,
        layer=layer,
        preprocessing=f"(x - {flags.extractor_offset:g}) / {flags.extractor_scale:g}",
        resize=f"bilinear with antialiasing to {size[0]}x{size[1]}" if size else "none",
        channels=shape[3],
        function=function,
    )


def _is_our_classifier(path):
    try:
        return {"classes", "accuracy"} <= set(json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return False


def _existing(path, name, source):
    if not path:
        raise InputError(f"--extractor={name} needs --extractor-path: {source}")
    if not os.path.isfile(path):
        raise InputError(f"--extractor-path={path} is no file; it is {source}")
    return path


def _short(error):
    return " ".join(str(error).split())[:120]


@contextlib.contextmanager
def _in_float32():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(policy)
