"""SavedModels that would do more than compute, and those that would not."""

import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from serving.models import small
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import op_def_registry

from tfgan_zoo import evaluate, gallery, litert, translate, trust
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.gallery import __main__ as gallery_command
from tfgan_zoo.metrics import extractors

PICTURE = tf.TensorSpec([None, 8, 8, 1], name="image")


class WritesWhenLoaded(tf.saved_model.experimental.TrackableResource):
    """Its `_initialize` is run by `tf.saved_model.load`."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    @tf.function(input_signature=[], autograph=False)
    def _create_resource(self):
        return tf.raw_ops.MutableHashTableV2(key_dtype=tf.int64, value_dtype=tf.int64)

    @tf.function(input_signature=[], autograph=False)
    def _initialize(self):
        tf.io.write_file(self.path, "written")
        return 1

    @tf.function(input_signature=[], autograph=False)
    def _destroy_resource(self):
        return 1


def save(folder, function, **parts):
    """A SavedModel that gives the negative of pictures, and does `function(image)` besides."""
    module = tf.Module()
    for name, part in parts.items():
        setattr(module, name, part)

    def serve(image):
        done = [] if function is None else [function(image)]
        with tf.control_dependencies(done):
            return {"generated": -image, "features": tf.reduce_mean(image, [1, 2])}

    module.f = tf.function(serve, input_signature=[PICTURE], autograph=False)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.f})
    return folder


def writes(path):
    return lambda image: tf.io.write_file(str(path), "written")


def within(branch):
    """The same in a branch of a condition: a function of the graph's library."""
    return lambda image: tf.cond(tf.size(image) > 0, lambda: [branch(image), tf.constant(1)][1], lambda: tf.constant(0))


def test_a_model_that_writes_a_file_when_it_is_loaded_is_not_loaded(tmp_path):
    path = save(tmp_path / "model", None, resource=WritesWhenLoaded(str(tmp_path / "written")))
    (tmp_path / "written").unlink(missing_ok=True)
    with pytest.raises(InputError, match=r"does more than compute: its graph has WriteFile; open it with --trust"):
        gallery.load(path)
    assert not (tmp_path / "written").exists()
    gallery.load(path, trusted=True)
    assert (tmp_path / "written").read_text() == "written", "it is what TensorFlow does"


DOES = {
    "WriteFile": writes("/nowhere"),
    "ReadFile": lambda image: tf.io.read_file("/nowhere"),
    "MatchingFiles": lambda image: tf.io.matching_files("/nowhere"),
    "EagerPyFunc": lambda image: tf.py_function(lambda x: x, [image], tf.float32),
    "PyFunc": lambda image: tf.numpy_function(lambda x: x, [image], tf.float32),
    "TextLineDataset": lambda image: tf.data.TextLineDataset("/nowhere").reduce(0, lambda n, _: n + 1),
    "TFRecordDataset": lambda image: tf.data.TFRecordDataset("/nowhere").reduce(0, lambda n, _: n + 1),
    "PrintV2": lambda image: tf.print("written", output_stream="file:///nowhere"),
    "SaveV2": lambda image: tf.raw_ops.SaveV2(
        prefix="/nowhere", tensor_names=["x"], shape_and_slices=[""], tensors=[image]
    ),
    "RestoreV2": lambda image: tf.raw_ops.RestoreV2(
        prefix="/nowhere", tensor_names=["x"], shape_and_slices=[""], dtypes=[tf.float32]
    )[0],
}


@pytest.mark.parametrize("branch", [False, True], ids=["outside", "in a branch"])
@pytest.mark.parametrize("name", DOES)
def test_what_does_more_than_compute_is_found_wherever_it_is(tmp_path, name, branch):
    path = save(tmp_path / "model", within(DOES[name]) if branch else DOES[name], weight=tf.Variable(1.0))
    with pytest.raises(InputError, match=rf"its graph has {name}\b"):
        trust.check(path)
    trust.check(path, trust=True)


def test_a_function_that_no_signature_calls_is_looked_at_too(tmp_path):
    own = tf.function(DOES["RestoreV2"], input_signature=[PICTURE], autograph=False)
    path = save(tmp_path / "model", None, own=own)
    with pytest.raises(InputError, match="its graph has RestoreV2"):
        trust.check(path)


@pytest.mark.parametrize("kind", ["points", "dcgan", "pix2pix"])
def test_what_is_exported_here_only_computes(tmp_path, kind):
    path = export(small(kind), tmp_path / kind)
    saved = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
    functions = saved.meta_graphs[0].graph_def.library.function
    assert "RestoreV2" in {node.op for function in functions for node in function.node_def}, "for its own variables"
    trust.check(path)


def test_a_table_of_numbers_a_print_to_the_terminal_and_a_model_of_keras_only_compute(tmp_path):
    numbers = tf.lookup.KeyValueTensorInitializer(tf.constant([1, 2]), tf.constant([3, 4]))
    trust.check(
        save(tmp_path / "table", lambda image: tf.print(tf.shape(image)), t=tf.lookup.StaticHashTable(numbers, 0))
    )
    image = keras.Input([8, 8, 1])
    keras.Model(image, keras.layers.Conv2D(1, 3)(image)).export(str(tmp_path / "keras"), verbose=False)
    trust.check(tmp_path / "keras")


def test_a_graph_of_tensorflow_1_may_restore_its_variables_and_nothing_else(tmp_path):
    def saved(folder, answer):
        graph = tf.Graph()
        with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
            image = tf.compat.v1.placeholder(tf.float32, [None, 2], name="image")
            weight = tf.compat.v1.get_variable("weight", [2], use_resource=True)
            session.run(tf.compat.v1.global_variables_initializer())
            tf.compat.v1.saved_model.simple_save(
                session, str(folder), {"image": image}, {"generated": answer(image * weight)}
            )
        return folder

    trust.check(saved(tmp_path / "plain", tf.identity))
    other = saved(tmp_path / "other", lambda x: x + DOES["RestoreV2"](x))
    with pytest.raises(InputError, match="its graph has RestoreV2"):
        trust.check(other)
    path = tmp_path / "plain" / "saved_model.pb"
    changed = saved_model_pb2.SavedModel.FromString(path.read_bytes())
    (graph,) = changed.meta_graphs
    (restore,) = (node for node in graph.graph_def.node if node.name == graph.saver_def.restore_op_name)
    restore.input.append(f"^{graph.saver_def.save_tensor_name.partition(':')[0]}")  # it is run when it is loaded
    path.write_bytes(changed.SerializeToString())
    with pytest.raises(InputError, match="its graph has .*SaveV2"):
        trust.check(tmp_path / "plain")


def test_every_name_of_the_list_is_one_of_tensorflow():
    for names in (trust._FILES, trust._CODE, trust._NETWORK, trust._QUEUES, trust.CHECKPOINT, set(trust._DATASETS)):
        assert [name for name in names if op_def_registry.get(name) is None] == []
    for harmless in (
        "Conv2D",
        "ReadVariableOp",
        "AssignVariableOp",
        "DecodePng",
        "TensorArrayReadV3",
        "PrintV2",
        "While",
    ):
        assert not trust.is_dangerous(harmless), harmless
    for dangerous in (
        "WriteFile", "ExperimentalSqlDataset", "WholeFileReaderV2", "CreateSummaryFileWriter", "WriteSummary",
        "CollectiveReduceV3", "DebugIdentityV2", "FIFOQueueV2", "DataServiceDatasetV4",
    ):  # fmt: skip
        assert trust.is_dangerous(dangerous), dangerous


def test_every_command_refuses_it_and_opens_it_with_the_flag(tmp_path, capsys, monkeypatch):
    written = tmp_path / "written"
    path = str(save(tmp_path / "exported" / "model" / "1", writes(written)))
    Flags = extractors.Flags

    def refused(run, *arguments):
        with pytest.raises(SystemExit) as end:
            run([*arguments])
        error = capsys.readouterr().err
        assert end.value.code == 2 and "does more than compute: its graph has WriteFile" in error

    refused(evaluate.main, path)
    refused(litert.main, path)
    (tmp_path / "x.png").write_bytes(b"not looked at")
    refused(translate.main, path, str(tmp_path / "x.png"), str(tmp_path / "y.png"))
    with pytest.raises(InputError, match="does more than compute"):
        extractors.load(Flags(extractor=path, feature_layer="features"))
    assert not written.exists()
    features, _ = extractors.load(Flags(extractor=path, feature_layer="features", trust=True))(np.zeros([1, 8, 8, 1]))
    assert features.shape == (1, 1) and written.exists()

    import streamlit  # noqa: F401  before a part of it is replaced

    started = []
    monkeypatch.setitem(
        sys.modules, "streamlit.web", type("web", (), {"cli": type("cli", (), {"main": started.append})})
    )
    gallery_command.main([str(tmp_path / "exported"), "--port=8791"])
    gallery_command.main([str(tmp_path / "exported"), "--port=8791", "--trust"])
    assert [arguments[arguments.index("--") + 2 :] for arguments in started] == [[], ["--trust"]]


def test_a_keras_file_with_code_of_its_own_is_no_extractor(tmp_path):
    image = keras.Input([8, 8, 1])
    network = keras.Model(image, keras.layers.Lambda(lambda x: tf.reduce_mean(x, [1, 2]), name="mean")(image))
    network.save(tmp_path / "net.keras")
    with pytest.raises(InputError, match="net.keras cannot be loaded by Keras"):
        extractors.load(extractors.Flags(extractor=str(tmp_path / "net.keras"), feature_layer="mean"))


def test_what_is_no_saved_model_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"no protobuf")
    with pytest.raises(InputError, match="cannot be loaded .*; export it again"):
        trust.check(tmp_path)
