"""Convolutions in blocks of pixels: TensorFlow's numbers, and those of its gradients, first and second."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import convolutions


@pytest.fixture(params=["as in a train step", "elsewhere"], autouse=True)
def where(request):
    """With slopes in blocks, and with TensorFlow's."""
    with convolutions.slopes_in_blocks() if request.param != "elsewhere" else contextlib.nullcontext():
        yield


def slopes(function, inputs, slope):
    """The result, its gradients, and those of a function of these."""
    with tf.GradientTape() as outer:
        outer.watch(inputs)
        with tf.GradientTape() as inner:
            inner.watch(inputs)
            made = function(*inputs)
        first = inner.gradient(made, inputs, slope)
        total = sum(tf.reduce_sum(tf.sin(each)) for each in first)
    return [made, *first, *outer.gradient(total, inputs)]


def drawn(*shape):
    return tf.constant(np.random.default_rng(0).normal(size=shape))


def same(ours, theirs, shapes):
    inputs = [drawn(*shape) for shape in shapes]
    expected = slopes(theirs, inputs, drawn(*theirs(*inputs).shape))
    for a, b in zip(slopes(ours, inputs, drawn(*expected[0].shape)), expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-10)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize(
    ("kernel", "sides"), [((2, 2), (8, 8)), ((3, 4), (9, 13)), ((5, 5), (12, 10)), ((7, 7), (16, 8))]
)
@pytest.mark.parametrize("channels", [(1, 5), (5, 1), (3, 5), (5, 4), (1, 1)])
def test_a_convolution_of_few_channels_is_tensorflows(padding, strides, kernel, sides, channels):
    same(
        lambda x, k: convolutions.conv2d(x, k, strides, padding),
        lambda x, k: tf.nn.conv2d(x, k, strides, padding),
        [(2, *sides, channels[0]), (*kernel, *channels)],
    )


@pytest.mark.parametrize(("padding", "sides"), [("SAME", (8, 12)), ("VALID", (11, 15))])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_transposed_convolution_to_few_channels_is_tensorflows(padding, sides, channels):
    same(
        lambda y, k: convolutions.conv2d_transpose(y, k, 2, padding),
        lambda y, k: tf.nn.conv2d_transpose(y, k, [2, *sides, channels], 2, padding),
        [(2, 4 + (padding == "VALID"), 6 + (padding == "VALID"), 5), (3, 3, channels, 5)],
    )


@pytest.mark.parametrize("kernel", [2, 3, 4, 7])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("strides", "padding"), [(1, "SAME"), (1, "VALID"), (2, "SAME")])
def test_pictures_of_any_size_have_tensorflows_answer_and_gradients(kernel, channels, strides, padding):
    """A stride of 1 convolves, one of 2 transposes."""

    def theirs(x, k):
        if strides == 1:
            return tf.nn.conv2d(x, k, 1, padding)
        return tf.nn.conv2d_transpose(x, k, [2, 2 * tf.shape(x)[1], 2 * tf.shape(x)[2], channels], 2, padding)

    def ours(x, k):
        if strides == 1:
            return convolutions.conv2d(x, k, 1, padding)
        return convolutions.conv2d_transpose(x, k, 2, padding)

    weights = drawn(kernel, kernel, *((5, channels) if strides == 1 else (channels, 5)))
    specs = [tf.TensorSpec([None, None, None, 5], tf.float64), tf.TensorSpec(weights.shape, tf.float64)]

    def of_any_size(function):
        return tf.function(lambda x, k: slopes(function, [x, k], tf.sin(function(x, k))), input_signature=specs)

    compared = of_any_size(ours), of_any_size(theirs)
    for height, width in ((9, 10), (11, 12), (13, 16)):
        for a, b in zip(*(function(drawn(2, height, width, 5), weights) for function in compared), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-9)


def operations(function, *specs):
    return {op.type for op in tf.function(function).get_concrete_function(*specs).graph.get_operations()}


def spec(*shape):
    return tf.TensorSpec(shape, tf.float32)


def test_blocks_are_made_where_they_pay():
    def is_in_blocks(x, k, strides=1):
        return "DepthToSpace" in operations(lambda x, k: convolutions.conv2d(x, k, strides), spec(*x), spec(*k))

    assert is_in_blocks((None, 16, 16, 8), (3, 3, 8, 1))
    assert is_in_blocks((None, 16, 16, 8), (3, 3, 8, 4))
    assert not is_in_blocks((None, 16, 16, 8), (3, 3, 8, 5))  # 20 channels
    assert not is_in_blocks((None, 16, 16, 8), (1, 1, 8, 1))  # no tap to share
    assert not is_in_blocks((None, 3, 3, 8), (3, 3, 8, 1))  # less than two blocks
    assert is_in_blocks((None, None, None, 8), (3, 3, 8, 1))  # any size
    assert not is_in_blocks((None, 16, 16, 8), (3, 3, 8, 1), strides=2)


@pytest.mark.parametrize("what", ["gpu", "tpu"])
def test_other_devices_convolve_as_they_do(what, monkeypatch):
    if what == "gpu":
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind])
    else:
        monkeypatch.setattr(tf.distribute, "get_strategy", lambda: object.__new__(tf.distribute.TPUStrategy))
    specs = spec(None, 16, 16, 8), spec(5, 5, 1, 8)
    assert "Conv2DBackpropInput" in operations(lambda y, k: convolutions.conv2d_transpose(y, k, 2), *specs)
    monkeypatch.undo()
    assert "DepthToSpace" in operations(lambda y, k: convolutions.conv2d_transpose(y, k, 2), *specs)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("transposed", [False, True])
def test_the_layers_are_kerass(policy, transposed):
    own, theirs = (convolutions.Conv2DTranspose, kl.Conv2DTranspose) if transposed else (convolutions.Conv2D, kl.Conv2D)
    arguments = {"strides": 2} if transposed else {}
    arguments |= {"padding": "same", "activation": "tanh", "bias_initializer": "ones", "dtype": policy}
    ours, other = (layer(1, 5, **arguments, name="layer") for layer in (own, theirs))
    x = tf.cast(drawn(2, 8, 8, 6), tf.float32)
    ours(x), other(x)
    other.set_weights(ours.get_weights())
    made, expected = ours(x), other(x)
    assert made.dtype == expected.dtype == ours.compute_dtype
    np.testing.assert_allclose(
        *(tf.cast(y, tf.float32) for y in (made, expected)), atol=1e-5 if policy == "float32" else 2e-2
    )
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(ours))
    assert type(again) is own and again.get_config() == ours.get_config()
    assert keras.layers.Layer.count_params(ours) == other.count_params()
    undrawn = keras.Input([None, None, 6])
    assert ours(undrawn).shape == other(undrawn).shape == (None, None, None, 1)


def test_only_a_train_step_has_gradients_of_its_own():
    def has_own(function):
        return any("_gradient_op_type" in op.node_def.attr for op in function.graph.get_operations())

    x, k = spec(None, 16, 16, 8), spec(5, 5, 8, 1)
    traced = tf.function(lambda x, k: convolutions.conv2d(x, k)).get_concrete_function(x, k)
    assert has_own(traced) == convolutions._in_blocks.get()


def test_weights_of_several_places_are_added_up_in_float32():
    """The gradient of a kernel in bfloat16 is as near to the true one as TensorFlow's."""
    x, slope = (tf.cast(drawn(4, 16, 16, n), tf.bfloat16) for n in (8, 1))
    kernel = tf.zeros([7, 7, 8, 1], tf.bfloat16)

    def gradient(function, dtype):
        with tf.GradientTape() as tape:
            taken = tf.cast(kernel, dtype)
            tape.watch(taken)
            made = function(tf.cast(x, dtype), taken, 1, "SAME")
        return tf.cast(tape.gradient(made, taken, tf.cast(slope, dtype)), tf.float64)

    true = gradient(tf.nn.conv2d, tf.float64)
    with convolutions.slopes_in_blocks():
        ours, theirs = (tf.norm(gradient(f, tf.bfloat16) - true) for f in (convolutions.conv2d, tf.nn.conv2d))
    assert ours < 1.5 * theirs  # 1.4; added up in bfloat16 1.7


@pytest.mark.parametrize("jit", [False, True])
def test_a_graph_gives_what_eager_execution_does(jit):
    x, kernel = (tf.cast(drawn(*shape), tf.float32) for shape in ((2, 8, 8, 5), (3, 3, 5, 1)))

    def of(x, kernel):
        return slopes(lambda x, k: convolutions.conv2d(x, k), [x, kernel], tf.ones([2, 8, 8, 1]))

    for a, b in zip(tf.function(of, jit_compile=jit)(x, kernel), of(x, kernel), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
