"""What the graph of a SavedModel would do beside computing: a look at its operations before it is opened.

A SavedModel is a program. Some of it is run when it is loaded (initializers of tables and other resources), the rest
when it is called. This list holds what reads or writes files, calls Python, native code or another machine. It is no
sandbox: a graph can still use up memory and time, and TensorFlow's kernels have had faults of their own.
"""

from pathlib import Path

from tensorflow.core.protobuf import saved_model_pb2

from tfgan_zoo.errors import InputError

_FILES = {
    "ReadFile", "WriteFile", "MatchingFiles", "ImmutableConst", "FileSystemSetConfiguration", "RecordInput",
    "InitializeTableFromTextFile", "InitializeTableFromTextFileV2", "GenerateVocabRemapping", "LoadAndRemapMatrix",
    "DecodeProtoV2", "EncodeProto", "Skipgram",
}  # fmt: skip
_CODE = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "XlaCustomCall", "XlaCustomCallV2", "XlaHostCompute"}
_NETWORK = {
    "RemoteCall", "Send", "Recv", "_Send", "_Recv", "_HostSend", "_HostRecv", "RegisterDataset", "RegisterDatasetV2",
    "ConfigureDistributedTPU", "DistributedSave", "TPUPartitionedCall",
}  # fmt: skip
_KINDS = (  # beginnings and ends of names of kinds of operations, for what TensorFlow has many of
    ("Collective", ""), ("Debug", ""), ("Rpc", ""), ("Py", "Func"), ("", "Reader"), ("", "ReaderV2"), ("Reader", ""),
    ("CreateSummary", ""), ("Write", "Summary"), ("ImportEvent", ""), ("SnapshotDataset", ""), ("SnapshotChunk", ""),
    ("SnapshotNested", ""), ("", "SnapshotChunksDataset"), ("DataService", ""), ("", "DatasetToTFRecord"),
    ("LoadDataset", ""), ("SaveDataset", ""), ("TRT", ""), ("", "TRTResource"), ("IO>", ""),
)  # fmt: skip
_DATASETS = (  # of files; tf.data had other names for them once
    "TextLineDataset", "FixedLengthRecordDataset", "TFRecordDataset", "SqlDataset", "LMDBDataset", "CSVDataset",
    "MatchingFilesDataset", "CacheDataset",
)  # fmt: skip
_QUEUES = {  # which outlive a call, and wait
    "FIFOQueue", "FIFOQueueV2", "PaddingFIFOQueue", "PaddingFIFOQueueV2", "PriorityQueue", "PriorityQueueV2",
    "RandomShuffleQueue", "RandomShuffleQueueV2", "Barrier",
}  # fmt: skip
# Every SavedModel has these for its own variables; elsewhere they read and write any file.
_WRITE = {"Save", "SaveV2", "SaveSlices", "MergeV2Checkpoints"}
CHECKPOINT = {*_WRITE, "Restore", "RestoreV2", "RestoreSlice"}


def is_dangerous(operation, attributes=()):
    """Whether an operation does more than compute. The operations of checkpoints (`CHECKPOINT`) are not meant.

    Args:
        operation: its name, `ReadFile`.
        attributes: of the node, name -> `AttrValue`.
    """
    if operation in _FILES | _CODE | _NETWORK | _QUEUES:
        return True
    plain = operation.removeprefix("Experimental")
    if any(plain in (name, f"{name}V2", f"{name}V3") for name in _DATASETS):
        return True
    if operation == "PrintV2":  # to the terminal, or to a file
        return attributes["output_stream"].s.startswith(b"file:") if "output_stream" in attributes else False
    return any(operation.startswith(first) and operation.endswith(last) for first, last in _KINDS)


def check(folder, trust=False):
    """Refuses a SavedModel that would read, write, call Python or the network, when it is opened or called.

    Args:
        folder: of its `saved_model.pb`.
        trust: open it all the same: nothing is looked at.

    Raises:
        InputError: an operation of the list; or the file is no SavedModel.
    """
    if trust:
        return
    try:
        saved = saved_model_pb2.SavedModel.FromString((Path(folder) / "saved_model.pb").read_bytes())
    except Exception as error:  # protobuf has errors of its own, and no file is another
        reason = " ".join(str(error).split())[:100]
        raise InputError(f"{folder} cannot be loaded ({reason}); export it again") from error
    found = sorted({name for graph in saved.meta_graphs for name in _dangerous(graph)})
    if found:
        raise InputError(
            f"{folder} does more than compute: its graph has {', '.join(found[:5])}{', ...' * (len(found) > 5)}; "
            "open it with --trust if you know where it is from"
        )


def _dangerous(meta):
    """Names of operations of one graph."""
    functions = {function.signature.name: function for function in meta.graph_def.library.function}
    everywhere = [*meta.graph_def.node, *(node for f in functions.values() for node in f.node_def)]
    found = {node.op for node in everywhere if is_dangerous(node.op, node.attr)}
    outputs = [info for signature in meta.signature_def.values() for info in signature.outputs.values()]
    starts = {tensor for info in outputs for tensor in _names(info)}
    for name, collection in meta.collection_def.items():
        if "init_op" in name or "main_op" in name or name == "table_initializer":
            starts |= set(collection.node_list.value)
    called = set(meta.object_graph_def.concrete_functions)
    called |= {gradient.gradient_func for gradient in meta.graph_def.library.gradient}
    found |= _run(meta, functions, starts, called) & CHECKPOINT
    # Restoring, which is a part of loading, reads the files of this model. It has nothing to write.
    return found | _run(meta, functions, {meta.saver_def.restore_op_name}, set()) & _WRITE


def _run(meta, functions, starts, called):
    """Names of the operations that are run for tensors or nodes of the graph, and by functions that are called."""
    nodes = {node.name: node for node in meta.graph_def.node}
    waiting, called = {_node_of(tensor) for tensor in starts}, set(called)
    seen, known = set(), set()
    while waiting or called:
        if called:
            name = called.pop()
            if name in known or name not in functions:
                continue
            known.add(name)
            found = functions[name].node_def  # all of them: one without a reader may have an effect
        else:
            node = nodes.pop(waiting.pop(), None)  # each is looked at once
            if node is None:
                continue
            found = [node]
            waiting |= {_node_of(tensor) for tensor in node.input}
        for node in found:
            seen.add(node.op)
            called |= {name for value in node.attr.values() for name in _functions_of(value)} | {node.op}
    return seen


def _names(info):
    """Of the tensors of a `TensorInfo`."""
    yield info.name
    yield from (info.coo_sparse.values_tensor_name, info.coo_sparse.indices_tensor_name)
    for part in info.composite_tensor.components:
        yield from _names(part)


def _node_of(tensor):
    return tensor.removeprefix("^").partition(":")[0]


def _functions_of(value):
    if value.HasField("func"):
        yield value.func.name
    yield from (part.name for part in value.list.func)
