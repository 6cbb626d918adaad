"""The prediction service of TensorFlow Serving, as far as a client of one model sees it: its messages, its errors."""

import concurrent.futures
import contextlib

import grpc
import tensorflow as tf
from google.protobuf import any_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

ANY_SIZE = [("grpc.max_receive_message_length", -1)]


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers `Predict` and `GetModelMetadata` for one version of one model.

    Args:
        path: `.../<model>/<version>`, a SavedModel.
    """

    def __init__(self, path):
        self.name, self.version = path.parent.name, int(path.name)
        self.model = tf.saved_model.load(str(path))
        self.file = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())

    def Predict(self, request, context):
        self._check(request.model_spec, context)
        name = request.model_spec.signature_name or "serving_default"
        signature = self.model.signatures.get(name)
        if signature is None:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"no signature {name}")
        specs = signature.structured_input_signature[1]
        if set(request.inputs) != set(specs):
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"inputs must be {sorted(specs)}")
        inputs = {key: tf.constant(tf.make_ndarray(value)) for key, value in request.inputs.items()}
        for key, spec in specs.items():
            if inputs[key].dtype != spec.dtype or not spec.shape.is_compatible_with(inputs[key].shape):
                message = f"{key} must be {spec.dtype.name} {spec.shape}, got {inputs[key].shape}"
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, message)
        try:
            answer = signature(**inputs)
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = self.name, name
        response.model_spec.version.value = self.version
        for key, value in answer.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value.numpy()))
        return response

    def GetModelMetadata(self, request, context):
        self._check(request.model_spec, context)
        found = get_model_metadata_pb2.SignatureDefMap()
        for name, signature in self.file.meta_graphs[0].signature_def.items():
            found.signature_def[name].CopyFrom(signature)
        packed = any_pb2.Any()
        packed.Pack(found)
        response = get_model_metadata_pb2.GetModelMetadataResponse(metadata={"signature_def": packed})
        response.model_spec.name, response.model_spec.version.value = self.name, self.version
        return response

    def _check(self, spec, context):
        if spec.name != self.name or spec.HasField("version") and spec.version.value != self.version:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {spec.name} of that version")


@contextlib.contextmanager
def serving(path):
    """A server on 127.0.0.1; gives a client's stub for it."""
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2), options=ANY_SIZE)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(path), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=ANY_SIZE) as channel:
            yield prediction_service_pb2_grpc.PredictionServiceStub(channel)
    finally:
        server.stop(None).wait()
