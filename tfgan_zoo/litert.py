"""An exported model -> a LiteRT (TensorFlow Lite) file for phones and small boards.

    python -m tfgan_zoo.litert exported/dcgan/1
    python -m tfgan_zoo.litert exported/cyclegan/1 --signature=b_to_a --out=b_to_a.tflite

One signature of any SavedModel goes into `<version>/litert/<signature>.tflite`, with the operations built into LiteRT
and no others: what needs more is refused, and the operations are named. A model that takes pictures of any size is
converted for the size of its training. Where LiteRT's own interpreter is installed (`pip install ai-edge-litert`), it
runs the file, and the largest difference to the SavedModel's answer is printed. Checks of the request (labels that
exist, finite numbers) are not in the file; wrong requests get some answer.
"""

import dataclasses
import tempfile
from pathlib import Path
from typing import Annotated

import numpy as np
import tensorflow as tf
import tyro
from tensorflow.lite.python.convert_phase import ConverterError

from tfgan_zoo import console, errors, files, trust
from tfgan_zoo.errors import InputError
from tfgan_zoo.signatures import example, told, told_sizes

BATCH = 3  # of the request that is answered by both


class NotConvertible(InputError):
    """LiteRT lacks `operations`, names without `tf.`; none where the converter names none."""

    def __init__(self, version, signature, operations, reason):
        why = f"LiteRT has no {', '.join(operations)}" if operations else reason
        super().__init__(f"{version}: {signature} cannot be converted: {why}; choose another --signature")
        self.operations = operations


@dataclasses.dataclass(kw_only=True)
class Config:
    """Convert one signature of an exported model to LiteRT."""

    version: Annotated[str, tyro.conf.Positional]
    """Folder of the SavedModel, exported/dcgan/1."""
    signature: str = "serving_default"
    """Which of its signatures."""
    out: str = ""
    """The file. Default: litert/<signature>.tflite in the folder of the SavedModel."""
    trust: bool = False
    """Also open a model whose graph reads or writes files, calls Python or the network."""


def load(version, trusted=False):
    """The SavedModel in the folder `version`; `trusted`: whatever its graph does, see `trust`.

    Raises:
        InputError: there is none, TensorFlow cannot read it, or it does more than compute.
    """
    if not (Path(version) / "saved_model.pb").is_file():
        raise InputError(f"{version} holds no saved_model.pb; give the folder of a version, exported/dcgan/1")
    trust.check(version, trusted)
    try:
        return tf.saved_model.load(str(version))
    except Exception as error:  # a damaged file fails in many ways
        raise InputError(f"{version} cannot be loaded ({errors.first_line(error)}); export it again") from error


def convert(version, signature="serving_default", trusted=False):
    """The LiteRT file, as bytes, of a `signature` of the SavedModel in the folder `version`.

    Raises:
        NotConvertible: it needs operations that LiteRT has not.
        InputError: there is no such SavedModel or signature.
    """
    model = load(version, trusted)
    fixed = _fixed(served(model, version, signature), version, signature)
    with tempfile.TemporaryDirectory() as folder:
        folder = version if fixed is None else folder
        if fixed is not None:
            tf.saved_model.save(model, str(folder), signatures={signature: fixed})
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[signature])
        with console.native_messages_held():  # the failing operations again, with all the graph
            try:
                return converter.convert()
            except ConverterError as error:
                refused = error
    named = {e.operator.name.removeprefix("tf.") for e in refused.errors if e.operator.name}
    # Constants are named only for an operation that reads them.
    raise NotConvertible(version, signature, sorted(named - {"Const"}), errors.first_line(refused)) from refused


def _fixed(function, version, signature):
    """A signature's function for pictures of the size of training; None where it takes no other or it is not known."""
    specs = function.structured_input_signature[1]
    if not any(spec.shape.rank == 4 and None in spec.shape[1:3] for spec in specs.values()):
        return None
    height, width = told_sizes(told(version), signature)[0] or (16, 16)
    fixed = {
        name: tf.TensorSpec([s.shape[0], height, width, s.shape[3]] if s.shape.rank == 4 else s.shape, s.dtype, name)
        for name, s in specs.items()
    }
    return tf.function(lambda **given: function(**given), autograph=False).get_concrete_function(**fixed)


def served(model, version, signature):
    """The function of a `signature` of a loaded SavedModel.

    Raises:
        InputError: there is none of that name.
    """
    if signature not in model.signatures:
        raise InputError(f"{version} has no signature {signature}; it has {', '.join(sorted(model.signatures))}")
    return model.signatures[signature]


def has_interpreter():
    """Whether LiteRT's interpreter is installed."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401
    except ImportError:
        return False
    return True


def largest_difference(content, version, signature="serving_default", trusted=False):
    """The largest absolute difference between the answers of a LiteRT file and of the SavedModel it was made of.

    Args:
        content: what `convert` gave.
        version: folder of the SavedModel.
        signature: which was converted.
        trusted: as in `load`.
    """
    from ai_edge_litert.interpreter import Interpreter

    function = served(load(version, trusted), version, signature)
    sides = told_sizes(told(version), signature)[0] or (16, 16)
    request = {name: example(spec, BATCH, sides) for name, spec in function.structured_input_signature[1].items()}
    right = function(**{name: tf.constant(values) for name, values in request.items()})
    with console.native_messages_held():
        answer = Interpreter(model_content=content).get_signature_runner(signature)(**request)
    return max(float(np.max(np.abs(answer[name].astype(np.float64) - right[name].numpy()))) for name in right)


def main(argv=None):
    """Runs the command. Exits with 2 for bad input, and for a signature that cannot be converted."""
    config = tyro.cli(Config, args=argv, prog="python -m tfgan_zoo.litert")
    with errors.one_line():
        content = convert(config.version, config.signature, config.trust)
        path = Path(config.out or Path(config.version) / "litert" / f"{config.signature}.tflite")
        _write(path, content)
        print(f"{path}: {len(content):,} bytes")
        if has_interpreter():
            difference = largest_difference(content, config.version, config.signature, config.trust)
            print(f"largest difference to the SavedModel: {difference:.3g}")
        else:
            print("not compared with the SavedModel: pip install ai-edge-litert brings the interpreter")


def _write(path, content):
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, content)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}); give another file with --out") from error


if __name__ == "__main__":
    main()
