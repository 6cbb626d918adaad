"""Answers requests through TensorFlow's C API: what loads a SavedModel in TensorFlow Serving, and no Python model code.

    python c_api.py SAVED_MODEL REQUESTS ANSWERS

REQUESTS is a pickled list of (signature, {input: array}). ANSWERS becomes a pickled list of (code, message,
{output: array}), where code 0 is OK and 3 INVALID_ARGUMENT. Needs the wheel of TensorFlow, but does not import it.
"""

import ctypes as c
import importlib.util
import pickle
import sys
from pathlib import Path

import numpy as np

STRING, STRING_SIZE = 7, 24  # TF_STRING, sizeof(TF_TString)
TYPES = {1: np.float32, 3: np.int32, 9: np.int64, 10: np.bool_}  # TF_DataType


class Buffer(c.Structure):
    _fields_ = [("data", c.c_void_p), ("length", c.c_size_t), ("dealloc", c.c_void_p)]


class Output(c.Structure):
    _fields_ = [("operation", c.c_void_p), ("index", c.c_int)]


class TensorFlow:
    """The functions of the two shared libraries in the wheel."""

    def __init__(self):
        folder = Path(importlib.util.find_spec("tensorflow").submodule_search_locations[0])
        names = ("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")
        self.libraries = [c.CDLL(str(folder / name), mode=c.RTLD_GLOBAL) for name in names]

    def call(self, name, *arguments, returns=c.c_void_p):
        function = next(getattr(library, name) for library in self.libraries if hasattr(library, name))
        function.restype = returns
        return function(*(c.c_void_p(a) if isinstance(a, int) else a for a in arguments))

    def code(self, status):
        return self.call("TF_GetCode", status, returns=c.c_int)

    def message(self, status):
        return self.call("TF_Message", status, returns=c.c_char_p).decode()

    def tensor(self, array, dtype):
        dims = (c.c_int64 * array.ndim)(*array.shape)
        if dtype != STRING:
            array = np.asarray(array, TYPES[dtype], order="C")
        length = c.c_size_t(array.size * STRING_SIZE if dtype == STRING else array.nbytes)
        tensor = self.call("TF_AllocateTensor", c.c_int(dtype), dims, c.c_int(array.ndim), length)
        data = self.call("TF_TensorData", tensor)
        if dtype == STRING:
            for i, value in enumerate(array.ravel()):
                self.call("TF_StringInit", data + i * STRING_SIZE, returns=None)
                self.call("TF_StringCopy", data + i * STRING_SIZE, value, c.c_size_t(len(value)), returns=None)
        elif array.size:
            c.memmove(data, array.ctypes.data, array.nbytes)
        return tensor

    def array(self, tensor):
        rank = self.call("TF_NumDims", tensor, returns=c.c_int)
        shape = [self.call("TF_Dim", tensor, c.c_int(i), returns=c.c_int64) for i in range(rank)]
        dtype, data = self.call("TF_TensorType", tensor, returns=c.c_int), self.call("TF_TensorData", tensor)
        if dtype == STRING:
            values = []
            for at in range(data or 0, (data or 0) + int(np.prod(shape)) * STRING_SIZE, STRING_SIZE):
                size = self.call("TF_StringGetSize", at, returns=c.c_size_t)
                values.append(c.string_at(self.call("TF_StringGetDataPointer", at), size))
            return np.array(values, object).reshape(shape)
        array = np.empty(shape, TYPES[dtype])
        if array.size:
            c.memmove(array.ctypes.data, data, array.nbytes)
        return array


def fields(message):
    """(number, value) of each field of a serialised protocol buffer; the value is an int or bytes."""

    def varint(at):
        value = shift = 0
        while True:
            value |= (message[at] & 127) << shift
            shift, at = shift + 7, at + 1
            if message[at - 1] < 128:
                return value, at

    at = 0
    while at < len(message):
        key, at = varint(at)
        if key & 7 == 0:
            value, at = varint(at)
        else:
            size, at = varint(at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
            value, at = message[at : at + size], at + size
        yield key >> 3, value


def signatures(meta_graph):
    """signature -> ({input: (tensor name, dtype)}, {output: ...}), from a serialised MetaGraphDef."""

    def entries(message, number):
        return (dict(fields(value)) for n, value in fields(message) if n == number)

    def tensors(signature, number):
        found = ((entry[1].decode(), dict(fields(entry[2]))) for entry in entries(signature, number))
        return {name: (info[1].decode(), info.get(2, 0)) for name, info in found}  # 0, the default, is not written

    found = {entry[1].decode(): entry[2] for entry in entries(meta_graph, 5)}
    return {name: (tensors(signature, 1), tensors(signature, 2)) for name, signature in found.items()}


class Session:
    """A SavedModel, loaded by `TF_LoadSessionFromSavedModel`."""

    def __init__(self, path):
        self.tf = TensorFlow()
        call, status = self.tf.call, self.tf.call("TF_NewStatus")
        self.graph, options, meta_graph = call("TF_NewGraph"), call("TF_NewSessionOptions"), Buffer()
        tags = (c.c_char_p * 1)(b"serve")
        self.session = call(
            "TF_LoadSessionFromSavedModel", options, None, str(path).encode(), tags, c.c_int(1), self.graph,
            c.byref(meta_graph), status,
        )  # fmt: skip
        if self.tf.code(status):
            raise RuntimeError(self.tf.message(status))
        self.signatures = signatures(c.string_at(meta_graph.data, meta_graph.length))

    def output(self, tensor_name):
        operation, index = tensor_name.split(":")
        return Output(self.tf.call("TF_GraphOperationByName", self.graph, operation.encode()), int(index))

    def run(self, signature, inputs):
        takes, gives = self.signatures[signature]
        status = self.tf.call("TF_NewStatus")
        tensors = [self.tf.tensor(np.asarray(inputs[name]), dtype) for name, (_, dtype) in takes.items()]
        values, answers = (c.c_void_p * len(takes))(*tensors), (c.c_void_p * len(gives))()
        self.tf.call(
            "TF_SessionRun", self.session, None,
            (Output * len(takes))(*(self.output(name) for name, _ in takes.values())), values, c.c_int(len(takes)),
            (Output * len(gives))(*(self.output(name) for name, _ in gives.values())), answers, c.c_int(len(gives)),
            None, c.c_int(0), None, status, returns=None,
        )  # fmt: skip
        code, message = self.tf.code(status), self.tf.message(status)
        outputs = {} if code else dict(zip(gives, map(self.tf.array, answers), strict=True))
        for tensor in (*tensors, *filter(None, answers)):
            self.tf.call("TF_DeleteTensor", tensor, returns=None)
        self.tf.call("TF_DeleteStatus", status, returns=None)
        return code, message, outputs


if __name__ == "__main__":
    session = Session(sys.argv[1])
    requests = pickle.loads(Path(sys.argv[2]).read_bytes())
    answers = [session.run(*request) for request in requests]
    assert "tensorflow" not in sys.modules
    Path(sys.argv[3]).write_bytes(pickle.dumps(answers))
