import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import fir, layers, random


def images(*shape, mean=0.0, dtype="float32", seed=0):
    return tf.cast(np.random.default_rng(seed).normal(size=shape) + mean, dtype)


def normalized(x, epsilon=1e-5):
    x = np.asarray(tf.cast(x, tf.float64))
    return (x - x.mean((1, 2), keepdims=True)) / np.sqrt(x.var((1, 2), keepdims=True) + epsilon)


@pytest.mark.parametrize("mean", [0.0, 1e2, 1e4])
def test_instance_normalization_equals_numpy_at_any_mean(mean):
    x = images(3, 16, 12, 5, mean=mean)
    np.testing.assert_allclose(layers.InstanceNormalization()(x), normalized(x), atol=2e-5)


def test_instance_normalization_is_stable_for_large_means_in_bfloat16():
    x = images(2, 32, 32, 4, mean=100.0, dtype="bfloat16")
    y = layers.InstanceNormalization(dtype="mixed_bfloat16")(x)
    assert y.dtype == tf.bfloat16
    np.testing.assert_allclose(tf.cast(y, tf.float32), normalized(x), atol=0.02)  # half a step of bfloat16 at 4


def test_instance_normalization_gives_zero_for_a_constant_image_and_survives_an_outlier_in_the_first_row():
    assert not np.asarray(layers.InstanceNormalization()(tf.fill([1, 8, 8, 2], 1234.567))).any()
    x = images(1, 64, 64, 1).numpy()
    x[0, 0] = 1e4
    np.testing.assert_allclose(layers.InstanceNormalization()(x), normalized(x), atol=1e-4)


@pytest.mark.parametrize("jit", [False, True], ids=["plain", "xla"])
def test_instance_normalization_has_the_values_and_gradients_of_group_normalization(jit):
    x, upstream = images(2, 8, 6, 4, mean=1.0), images(2, 8, 6, 4, seed=1)
    results = []
    for layer in layers.InstanceNormalization(), keras.layers.GroupNormalization(groups=-1, epsilon=1e-5):
        layer.build(x.shape)
        layer.gamma.assign([1.0, -2.0, 0.5, 3.0])
        layer.beta.assign([0.0, 1.0, -1.0, 2.0])

        @tf.function(jit_compile=jit)
        def step(x, layer=layer):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = layer(x)
                first = inner.gradient(y, [x, layer.gamma, layer.beta], output_gradients=upstream)
                squared = tf.reduce_sum(tf.square(first[0]))
            return [y, *first, outer.gradient(squared, x)]  # the second derivative too: a gradient penalty takes it

        results.append(step(x))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=3e-5)


def test_instance_normalization_without_affine_has_no_weights():
    layer = layers.InstanceNormalization(affine=False)
    layer(images(1, 4, 4, 2))
    assert layer.weights == []


def test_reflection_padding_mirrors_without_the_border():
    x = images(2, 5, 4, 3)
    expected = np.pad(x, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(layers.ReflectionPadding2D(3)(x), expected)
    inputs = keras.Input([5, None, 3])
    assert layers.ReflectionPadding2D(3)(inputs).shape == (None, 11, None, 3)


@pytest.mark.parametrize(("height", "width", "n"), [(8, 9, 3), (11, 8, 3), (7, 9, 3), (4, 5, 3), (4, 4, 1), (6, 7, 2)])
@pytest.mark.parametrize("compiled", [False, True])
def test_reflection_padding_and_its_gradients_are_those_of_numpy_at_any_size(height, width, n, compiled):
    x, slope = (np.array(images(2, h, w, 3)) for h, w in ((height, width), (height + 2 * n, width + 2 * n)))
    layer = layers.ReflectionPadding2D(n)

    @tf.function(jit_compile=compiled)
    def both(x):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as tape:
                tape.watch(x)
                y = layer(x)
                loss = tf.reduce_sum(slope * y**3)
            first = tape.gradient(loss, x)
            again = tf.reduce_sum(first**2)
        return y, first, outer.gradient(again, x)

    y, first, second = both(tf.constant(x))
    place = np.pad(np.arange(x.size).reshape(x.shape), [(0, 0), (n, n), (n, n), (0, 0)], mode="reflect").ravel()
    np.testing.assert_array_equal(np.ravel(y), np.ravel(x)[place])
    weight = np.bincount(place, slope.ravel(), x.size).reshape(x.shape)  # of each pixel, in all its places
    np.testing.assert_allclose(first, 3 * weight * x**2, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(second, 36 * weight**2 * x**3, rtol=1e-4, atol=1e-3)


def test_reflection_padding_refuses_a_picture_that_is_too_small():
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="paddings must be less than"):
        layers.ReflectionPadding2D(4)(images(1, 4, 9, 3))


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (1, 2)])
def test_a_halving_average_is_that_of_the_pixels_that_are_there(size):
    x = np.random.default_rng(0).normal(size=[2, *size, 3]).astype(np.float32)
    got = layers.HalvingAverage()(x)
    expected = np.zeros([2, -(-size[0] // 2), -(-size[1] // 2), 3])
    for i, j in np.ndindex(expected.shape[1:3]):
        expected[:, i, j] = x[:, max(2 * i - 1, 0) : 2 * i + 2, max(2 * j - 1, 0) : 2 * j + 2].mean((1, 2))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layers.HalvingAverage()(np.full_like(x, 0.3)), np.full_like(expected, 0.3), rtol=1e-6)


def test_dropout_zeroes_at_its_rate_and_keeps_the_mean():
    with random.stream(0):
        y = layers.Dropout(0.25)(tf.ones([4, 50, 50, 4]), training=True).numpy()
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.75)}
    assert (y == 0).mean() == pytest.approx(0.25, abs=0.01)


def test_dropout_is_idle_outside_training_unless_always():
    x = images(2, 3, 3, 2)
    np.testing.assert_array_equal(layers.Dropout(0.5)(x), x)
    np.testing.assert_array_equal(layers.Dropout(0.0, always=True)(x), x)
    with pytest.raises(RuntimeError):  # always on, and no stream to draw from
        layers.Dropout(0.5, always=True)(x)
    with random.stream(0):
        assert (layers.Dropout(0.5, always=True)(x, training=False).numpy() == 0).any()


def test_dropout_masks_follow_seed_step_and_draw():
    layer, x = layers.Dropout(0.5), tf.ones([2, 8, 8, 4])

    def masks(seed, step):
        with random.stream(seed, step):
            return [layer(x, training=True).numpy() for _ in range(2)]

    first, second = masks(1, 2)
    np.testing.assert_array_equal([first, second], masks(1, 2))  # a resumed step draws the same
    assert (first != second).any()
    assert (first != masks(1, 3)[0]).any()
    assert (first != masks(2, 2)[0]).any()
    assert (first[0] != first[1]).any()


def test_dropout_of_a_shared_stream_does_not_depend_on_the_batch():
    layer = layers.Dropout(0.5, always=True)
    with random.stream(7, shared=True):
        many = layer(tf.ones([5, 4, 4, 2])).numpy()
    with random.stream(7, shared=True):
        one = layer(tf.ones([1, 4, 4, 2])).numpy()
    np.testing.assert_array_equal(many, np.repeat(one, 5, axis=0))


def test_dropout_of_pictures_of_any_size_lays_the_mask_of_its_own_size_side_by_side():
    image = keras.Input([4, 3, 2])
    network = keras.Model(image, layers.Dropout(0.5, always=True)(image))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 2])])
    def call(x):
        with random.stream(7, shared=True):
            return network(x)

    with random.stream(7, shared=True):
        own = network(tf.ones([1, 4, 3, 2])).numpy()
    np.testing.assert_array_equal(call(tf.ones([1, 4, 3, 2])), own)
    larger = call(tf.ones([2, 9, 5, 2])).numpy()
    np.testing.assert_array_equal(larger, np.tile(own, [2, 3, 2, 1])[:, :9, :5])
    kinds = {operation.type for operation in call.get_concrete_function().graph.get_operations()}
    assert not [kind for kind in kinds if "Random" in kind], "a constant, which every runtime knows"


@pytest.mark.parametrize("jit", [False, True], ids=["plain", "xla"])
def test_dropout_keeps_the_compute_dtype_and_compiles(jit):
    layer = layers.Dropout(0.5, dtype="mixed_bfloat16")

    @tf.function(jit_compile=jit)
    def step(x):
        with random.stream(0):
            return layer(x, training=True)

    assert step(images(2, 4, 4, 2)).dtype == tf.bfloat16


def test_dropout_refuses_a_rate_that_is_no_probability():
    with pytest.raises(ValueError, match="1.0"):
        layers.Dropout(1.0)


def test_batch_normalization_uses_the_batch_and_keeps_nine_tenths_of_its_running_mean():
    layer, x = layers.batch_normalization(), images(64, 4, mean=3.0)
    y = layer(x, training=True)
    np.testing.assert_allclose(y, (x - np.mean(x, 0)) / np.sqrt(np.var(x, 0) + 1e-5), atol=1e-5)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * np.mean(x, 0), rtol=1e-5)


def test_normal_002_gives_each_layer_weights_of_its_own():
    first, second = (layers.normal_002()([100, 100]) for _ in range(2))
    assert np.std(first) == pytest.approx(0.02, rel=0.05)
    assert (np.asarray(first) != np.asarray(second)).any()


def test_layers_can_be_cloned():
    image = keras.Input([8, 8, 3])
    x = layers.ReflectionPadding2D(2)(image)
    x = layers.Dropout(0.3, always=True)(layers.InstanceNormalization(affine=False, epsilon=1e-3)(x))
    _, padding, norm, dropout = keras.models.clone_model(keras.Model(image, x)).layers
    assert (padding.n, norm.affine, norm.epsilon, dropout.rate, dropout.always) == (2, False, 1e-3, 0.3, True)


def sigma(kernel):
    return np.linalg.svd(np.reshape(kernel, [-1, kernel.shape[-1]]), compute_uv=False)[0]


def spectral_layers():
    spectral = layers.SpectralNorm()
    conv, dense = layers.Conv2D(5, 3, normalization=spectral), layers.Dense(7, normalization=spectral)
    projection = layers.Projection(4)
    conv(images(2, 6, 6, 3)), dense(images(2, 9)), projection(images(2, 6), tf.constant([1, 3]))
    return {"conv": conv, "dense": dense, "projection": projection}


SPECTRAL = pytest.mark.parametrize("kind", ["conv", "dense", "projection"])


@SPECTRAL
def test_the_singular_value_of_a_normalized_kernel_is_one_and_stays_so_at_serving(kind):
    layer = spectral_layers()[kind]
    for _ in range(100):
        layer.normalized_kernel(training=True)
    for training in (True, False):
        assert sigma(layer.normalized_kernel(training).numpy()) == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(layer.normalized_kernel(), layer.kernel / sigma(layer.kernel.numpy()), atol=1e-3)


def test_a_kernel_of_ones_has_the_spectral_norm_that_one_computes_by_hand():
    layer = layers.Conv2D(1, 2, normalization=layers.SpectralNorm(), use_bias=False, kernel_initializer="ones")
    y = layer(tf.ones([1, 4, 4, 1]), training=True)  # [4, 1]: norm 2, found at once
    np.testing.assert_allclose(layer.normalized_kernel(), np.full([2, 2, 1, 1], 0.5), rtol=1e-6)
    np.testing.assert_allclose(y[0, 1, 1], [2.0], rtol=1e-6)


def test_each_training_call_is_one_power_iteration_and_serving_keeps_nothing():
    layer = spectral_layers()["dense"]
    matrix, u = np.array(layer.kernel, np.float64), np.array(layer.u, np.float64)[:, 0]
    for _ in range(3):
        v = matrix @ u / np.linalg.norm(matrix @ u)
        u = matrix.T @ v / np.linalg.norm(matrix.T @ v)
        np.testing.assert_allclose(layer.normalized_kernel(), matrix / (v @ matrix @ u), rtol=1e-4, atol=1e-6)
        assert not np.allclose(layer.u[:, 0], u, rtol=1e-4)
        layer.normalized_kernel(training=True)
        np.testing.assert_allclose(layer.u[:, 0], u, rtol=1e-4, atol=1e-6)


@SPECTRAL
def test_the_gradient_is_that_of_w_over_sigma_of_w(kind, record_property):
    layer = spectral_layers()[kind]
    for _ in range(300):
        layer.normalized_kernel(training=True)
    upstream = np.random.default_rng(1).normal(size=layer.kernel.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer.normalized_kernel() * tf.cast(upstream, tf.float32))
    gradient = tape.gradient(loss, layer.kernel.value).numpy().ravel()
    kernel = np.array(layer.kernel, np.float64)

    def value(offset):
        moved = kernel + offset.reshape(kernel.shape)
        return np.sum(moved / sigma(moved) * upstream)

    steps = 1e-5 * np.eye(kernel.size)[:40]
    differences = [(value(step) - value(-step)) / 2e-5 for step in steps]
    record_property("largest difference", np.abs(gradient[:40] - differences).max())
    np.testing.assert_allclose(gradient[:40], differences, rtol=1e-3, atol=1e-3 * np.abs(differences).max())


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_power_iteration_is_float32_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    for layer in spectral_layers().values():
        assert {w.dtype for w in (layer.kernel, layer.u)} == {"float32"}
        for _ in range(100):
            layer.normalized_kernel(training=True)
        assert sigma(layer.normalized_kernel().numpy()) == pytest.approx(1.0, abs=1e-3)
    layer = layers.Conv2D(2, 3, normalization=layers.SpectralNorm())
    assert layer(images(1, 4, 4, 1), training=True).dtype == policy.removeprefix("mixed_")


def test_a_spectrally_normalized_kernel_of_zeros_stays_one():
    layer = layers.Projection(3)
    layer.build((None, 4), (None,))
    layer.kernel.assign(tf.zeros_like(layer.kernel))
    np.testing.assert_array_equal(layer(images(2, 4), tf.constant([0, 2])), np.zeros([2, 1]))


def test_a_projection_is_the_inner_product_with_the_row_of_the_label():
    layer, x, label = spectral_layers()["projection"], images(3, 6), np.array([3, 0, 3])
    rows = layer.normalized_kernel().numpy()[label]
    np.testing.assert_allclose(layer(x, tf.constant(label))[:, 0], np.sum(rows * x, axis=1), rtol=1e-5)


@pytest.mark.parametrize("jit", [False, True], ids=["plain", "xla"])
@pytest.mark.parametrize("given", [{}, {"center": False, "scale": False}], ids=["affine", "plain"])
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_fused_batch_normalization_is_that_of_keras_with_its_first_and_second_gradients(policy, given, jit):
    fused = layers.batch_normalization(dtype=policy, **given)
    plain = keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, dtype=policy, **given)
    x, weights = images(4, 3, 5, 2, mean=2.0), images(4, 3, 5, 2, seed=1)
    for norm in (fused, plain):
        norm.build(x.shape)
        for v, value in zip(norm.trainable_variables, ([0.5, 2.0], [1.0, -1.0]), strict=False):
            v.assign(value)

    def results(norm):
        @tf.function(jit_compile=jit)
        def made(x):
            with tf.GradientTape() as outer:
                outer.watch(x)
                with tf.GradientTape() as inner:
                    inner.watch(x)
                    y = tf.cast(norm(x, training=True), tf.float32)
                    loss = tf.reduce_sum(weights * tf.square(y))
                first = inner.gradient(loss, [x, *(v.value for v in norm.trainable_variables)])
                slope = tf.reduce_sum(tf.square(first[0]))
            return [y, *first, outer.gradient(slope, x)]

        return [*made(x), *(v.numpy() for v in norm.non_trainable_variables)]

    close = {"rtol": 1e-4, "atol": 1e-4} if policy == "float32" else {"rtol": 0.05, "atol": 0.3}
    for of_fused, of_plain in zip(results(fused), results(plain), strict=True):
        np.testing.assert_allclose(of_fused, of_plain, **close)


def test_fused_batch_normalization_is_used_and_leaves_the_rest_to_keras():
    def kernels(x, **call):
        norm = layers.batch_normalization()
        norm.build(x.shape)
        graph = tf.function(lambda x: norm(x, **call)).get_concrete_function(x).graph
        return sum(op.type == "FusedBatchNormV3" for op in graph.get_operations())

    assert kernels(images(4, 3, 5, 2), training=True) == 1
    assert kernels(images(4, 3, 5, 2), training=False) == 0
    assert kernels(images(4, 2), training=True) == 0  # no picture


def test_conditional_batch_normalization_scales_each_example_by_its_label():
    layer, x, label = layers.ConditionalBatchNormalization(3), images(8, 4, 4, 2, mean=2.0), np.arange(8) % 3
    layer(x, tf.constant(label))
    gamma, beta = np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([[0.0, 1], [2, 3], [4, 5]])
    layer.gamma.assign(gamma)
    layer.beta.assign(beta)
    plain = np.asarray(normalized_over_batch(x))
    expected = plain * gamma[label][:, None, None] + beta[label][:, None, None]
    np.testing.assert_allclose(layer(x, tf.constant(label), training=True), expected, atol=1e-5)


def attending(gamma):
    layer, x = layers.SelfAttention(), images(2, 4, 3, 16)
    layer(x)
    layer.gamma.assign(gamma)
    return layer, x


def test_self_attention_begins_as_the_identity():
    layer, x = layers.SelfAttention(), images(2, 4, 3, 16)
    np.testing.assert_array_equal(layer(x, training=True), x)
    assert float(layer.gamma) == 0.0


def test_rows_of_the_attention_sum_to_one():
    layer, x = attending(1.0)
    beta = layer.attention(10 * x).numpy()
    assert beta.shape == (2, 12, 12) and (beta >= 0).all()
    np.testing.assert_allclose(beta.sum(-1), 1.0, rtol=1e-5)


def test_self_attention_equals_its_equations_in_numpy(record_property):
    layer, x = attending(0.7)
    w = {n: getattr(layer, n).normalized_kernel().numpy()[0, 0].astype(np.float64) for n in "fghv"}  # [in, out]
    assert [w[n].shape for n in "fghv"] == [(16, 2), (16, 2), (16, 2), (2, 16)]
    flat = np.asarray(x, np.float64).reshape(2, 12, 16)
    f, g, h = (np.einsum("bnc,cd->bnd", flat, w[n]) for n in "fgh")
    s = np.einsum("bid,bjd->bij", f, g)
    beta = np.exp(s) / np.exp(s).sum(1, keepdims=True)  # over i; beta_{j,i} is beta[b, i, j]
    o = np.einsum("bij,bid,dc->bjc", beta, h, w["v"])
    np.testing.assert_allclose(layer.attention(x), beta.transpose(0, 2, 1), atol=1e-5)
    record_property("largest difference", np.abs(layer(x) - (0.7 * o + flat).reshape(x.shape)).max())
    np.testing.assert_allclose(layer(x), (0.7 * o + flat).reshape(x.shape), atol=1e-5)


def test_the_layers_inside_of_a_layer_compute_in_its_precision_whatever_the_policy():
    x, label = images(2, 4, 4, 8), tf.constant([0, 2])
    attention, norm = (kind(dtype="mixed_bfloat16") for kind in (layers.SelfAttention, conditional_norm))
    assert attention(x).dtype == norm(x, label).dtype == tf.bfloat16
    keras.config.set_dtype_policy("mixed_bfloat16")
    norm = conditional_norm(dtype="float32")
    np.testing.assert_allclose(norm(x, label, training=True), normalized_over_batch(x), atol=1e-5)


def conditional_norm(**kwargs):
    return layers.ConditionalBatchNormalization(3, **kwargs)


def normalized_over_batch(x):
    return (x - np.mean(x, (0, 1, 2))) / np.sqrt(np.var(x, (0, 1, 2)) + 1e-5)


def test_spectral_and_attention_layers_can_be_cloned():
    image, label = keras.Input([8, 8, 8]), keras.Input([], dtype="int64")
    x = layers.ConditionalBatchNormalization(3)(layers.SelfAttention()(image), label)
    x = keras.layers.Flatten()(layers.Conv2D(2, 3, strides=2, normalization=layers.SpectralNorm(), use_bias=False)(x))
    model = keras.Model(
        [image, label], layers.Projection(3)(layers.Dense(5, normalization=layers.SpectralNorm())(x), label)
    )
    assert model.output_shape == (None, 1)
    clone = keras.models.clone_model(model)
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]


def weight_norm_layers(**kwargs):
    kwargs["normalization"] = layers.WeightNorm()
    conv, dense = layers.Conv2D(5, 3, **kwargs), layers.Dense(7, **kwargs)
    conv(images(2, 6, 5, 3)), dense(images(4, 9))
    return {"conv": conv, "dense": dense}


WEIGHT_NORM = pytest.mark.parametrize("kind", ["conv", "dense"])


def lengths(v):
    return np.linalg.norm(np.reshape(v, [-1, v.shape[-1]]), axis=0)


@WEIGHT_NORM
def test_a_weight_normalized_layer_begins_as_its_plain_twin(kind):
    layer = weight_norm_layers()[kind]
    x = {"conv": images(2, 6, 5, 3), "dense": images(4, 9)}[kind]
    plain = {"conv": keras.layers.Conv2D(5, 3, padding="same"), "dense": keras.layers.Dense(7)}[kind]
    plain.build(x.shape)
    plain.set_weights([layer.kernel.numpy(), layer.bias.numpy()])
    np.testing.assert_allclose(layer.g.numpy(), lengths(layer.kernel.numpy()), rtol=1e-6)
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-5, atol=1e-6)
    assert layer.kernel.numpy().std() == pytest.approx(0.05, rel=0.2)


@WEIGHT_NORM
def test_g_is_the_length_of_the_kernel_whatever_that_of_v(kind):
    layer = weight_norm_layers()[kind]
    g = np.linspace(-2.0, 3.0, layer.g.shape[0])
    layer.g.assign(g)
    kernel = layer.normalized_kernel().numpy()
    np.testing.assert_allclose(kernel, g * layer.kernel.numpy() / lengths(layer.kernel.numpy()), rtol=1e-5)
    layer.kernel.assign(100.0 * layer.kernel)
    np.testing.assert_allclose(layer.normalized_kernel(), kernel, rtol=1e-5)


@WEIGHT_NORM
@pytest.mark.parametrize("jit", [False, True], ids=["plain", "xla"])
def test_the_gradient_of_weight_normalization_is_that_of_finite_differences(kind, jit):
    layer = weight_norm_layers()[kind]
    layer.g.assign(np.linspace(0.5, 2.0, layer.g.shape[0]))
    upstream = np.random.default_rng(1).normal(size=layer.kernel.shape)

    @tf.function(jit_compile=jit)
    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer.normalized_kernel() * tf.cast(upstream, tf.float32))
        return tape.gradient(loss, [layer.g.value, layer.kernel.value])

    g, v = layer.g.numpy().astype(np.float64), layer.kernel.numpy().astype(np.float64)

    def differences(function, at):
        steps = 1e-6 * np.eye(at.size).reshape(at.size, *at.shape)
        return np.reshape([(function(at + s) - function(at - s)) / 2e-6 for s in steps], at.shape)

    of_g = differences(lambda g: np.sum(g * v / lengths(v) * upstream), g)
    of_v = differences(lambda v: np.sum(g * v / lengths(v) * upstream), v)
    for gradient, expected in zip(gradients(), [of_g, of_v], strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    np.testing.assert_allclose(np.sum(np.reshape(v * of_v, [-1, g.size]), 0), 0.0, atol=1e-6)  # v turns, g scales


@WEIGHT_NORM
def test_after_initialize_the_answers_to_the_batch_have_mean_zero_and_variance_one(kind):
    layer = weight_norm_layers()[kind]
    x = {"conv": images(2, 6, 5, 3, mean=4.0), "dense": images(40, 9, mean=4.0)}[kind]
    layer.bias.assign(layer.bias + 5.0)  # the start does not depend on it
    layer.normalization.initialize(layer, x)
    y = layer(x).numpy().reshape(-1, layer.g.shape[0])
    np.testing.assert_allclose(y.mean(0), 0.0, atol=1e-5)
    np.testing.assert_allclose(y.var(0), 1.0, rtol=1e-4)
    if kind == "dense":
        t = x.numpy() @ (layer.kernel.numpy() / lengths(layer.kernel.numpy()))
        np.testing.assert_allclose(layer.g.numpy(), 1 / t.std(0), rtol=1e-4)
        np.testing.assert_allclose(layer.bias.numpy(), -t.mean(0) / t.std(0), rtol=1e-4)


def test_a_network_is_initialized_from_its_first_to_its_last_layer():
    image, weight_norm = keras.Input([8, 8, 3]), layers.WeightNorm()  # one for all layers
    x = keras.layers.LeakyReLU(0.2)(layers.Conv2D(6, 3, strides=2, normalization=weight_norm, name="first")(image))
    x = layers.Conv2D(4, 3, normalization=weight_norm, use_bias=False, name="second")(x)
    network = keras.Model(image, layers.Dense(2, normalization=weight_norm, name="last")(keras.layers.Flatten()(x)))
    batch = images(64, 8, 8, 3, mean=1.0)
    layers.initialize_weight_norm(network, batch)
    for name, has_bias in ("first", True), ("second", False), ("last", True):
        y = keras.Model(image, network.get_layer(name).output)(batch).numpy()
        y = y.reshape(-1, y.shape[-1])
        np.testing.assert_allclose(y.var(0), 1.0, rtol=1e-3, err_msg=name)
        assert np.allclose(y.mean(0), 0.0, atol=1e-4) == has_bias, name


def test_a_network_without_weight_normalization_cannot_be_initialized_so():
    network = keras.Sequential([keras.Input([4]), keras.layers.Dense(2)], name="plain")
    with pytest.raises(ValueError, match="plain has no weight-normalised layer"):
        layers.initialize_weight_norm(network, images(2, 4))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_weight_normalization_is_float32_under_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    for kind, layer in weight_norm_layers().items():
        x = {"conv": images(2, 6, 5, 3), "dense": images(40, 9)}[kind]
        assert {w.dtype for w in layer.weights} == {"float32"}
        layer.normalization.initialize(layer, x)
        assert layer.normalized_kernel().dtype == tf.float32
        np.testing.assert_allclose(lengths(layer.normalized_kernel().numpy()), layer.g.numpy(), rtol=1e-6)
        y = layer(x)
        assert y.dtype == policy.removeprefix("mixed_")
        y = tf.cast(y, tf.float32).numpy().reshape(-1, layer.g.shape[0])
        np.testing.assert_allclose([y.mean(0), y.var(0) - 1], 0.0, atol=0.03)


def test_a_weight_normalized_kernel_of_zeros_stays_one():
    layer = layers.Dense(3, normalization=layers.WeightNorm(), kernel_initializer="zeros")
    with tf.GradientTape() as tape:
        y = layer(images(2, 4))
    np.testing.assert_array_equal(y, np.zeros([2, 3]))
    assert all(np.isfinite(g).all() for g in tape.gradient(y, [w.value for w in layer.weights]))
    layer.normalization.initialize(layer, images(2, 4))
    assert np.isfinite(layer(images(2, 4))).all()


def test_replicas_begin_with_one_g_and_a_checkpoint_holds_it(two_replicas, tmp_path):
    with two_replicas.scope():
        layer = weight_norm_layers()["conv"]
    first, second = (part.numpy() for part in two_replicas.experimental_local_results(layer.g.value))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(first, lengths(layer.kernel.numpy()), rtol=1e-6)
    path = tf.train.Checkpoint(layer=layer).write(str(tmp_path / "layer"))
    restored = weight_norm_layers()["conv"]
    tf.train.Checkpoint(layer=restored).read(path).assert_existing_objects_matched()
    for expected, weight in zip(layer.weights, restored.weights, strict=True):
        np.testing.assert_array_equal(weight.numpy(), expected.numpy())


def test_weight_normalized_layers_can_be_cloned():
    image = keras.Input([8, 8, 3])
    x = keras.layers.Flatten()(layers.Conv2D(2, 3, strides=2, normalization=layers.WeightNorm(), use_bias=False)(image))
    model = keras.Model(image, layers.Dense(5, normalization=layers.WeightNorm())(x))
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone(images(2, 8, 8, 3)), model(images(2, 8, 8, 3)))


EQUALIZED = pytest.mark.parametrize("kind, x", [("conv", images(2, 6, 5, 3)), ("dense", images(4, 9))])


def equalized_layer(kind, **kwargs):
    keras.utils.set_random_seed(1)
    normalization = layers.EqualizedRate(**kwargs)
    make = {"conv": functools.partial(layers.Conv2D, kernel_size=3), "dense": layers.Dense}[kind]
    return make(64, normalization=normalization)


def test_an_equalized_kernel_is_the_stored_one_times_gain_and_rate_over_the_root_of_the_fan_in():
    conv = layers.Conv2D(2, 3, normalization=layers.EqualizedRate(gain=5.0, rate=0.1), kernel_initializer="ones")
    y = conv(tf.ones([1, 5, 5, 4]))
    np.testing.assert_allclose(conv.normalized_kernel(), np.full([3, 3, 4, 2], 5 * 0.1 / 6), rtol=1e-6)  # fan_in 36
    np.testing.assert_allclose(y[0, 2, 2], [3.0, 3.0], rtol=1e-6)
    conv.bias.assign([1.0, -2.0])
    np.testing.assert_allclose(conv(tf.zeros([1, 5, 5, 4]))[0, 0, 0], [0.1, -0.2], rtol=1e-6)
    dense = layers.Dense(2, normalization=layers.EqualizedRate(), kernel_initializer="ones")
    dense.build((None, 8))
    np.testing.assert_allclose(dense.normalized_kernel(), np.full([8, 2], 0.5), rtol=1e-6)  # sqrt(2 / 8)


@EQUALIZED
def test_an_equalized_layer_begins_alike_at_every_rate_and_learns_by_its_square(kind, x):
    plain, slow = equalized_layer(kind), equalized_layer(kind, rate=0.01)
    np.testing.assert_allclose(slow(x), plain(x), rtol=1e-4, atol=1e-5)
    assert np.std(plain.kernel) == pytest.approx(1.0, rel=0.1)
    assert np.std(slow.kernel) == pytest.approx(100.0, rel=0.1)
    moves = []
    for layer in plain, slow:
        before = layer.normalized_kernel().numpy()
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(x) - 1.0))
        keras.optimizers.SGD(0.01).apply(tape.gradient(loss, [w.value for w in layer.weights]), layer.weights)
        moves.append([layer.normalized_kernel().numpy() - before, layer(tf.zeros_like(x)).numpy()])
    for of_plain, of_slow in zip(*moves, strict=True):  # the kernel, then the bias alone
        assert np.abs(of_plain).max() > 0.01
        np.testing.assert_allclose(of_slow, 1e-4 * of_plain, atol=2e-2 * 1e-4 * np.abs(of_plain).max())


@EQUALIZED
def test_equalized_layers_multiply_in_float32_under_mixed_precision(kind, x):
    keras.config.set_dtype_policy("mixed_float16")
    layer = equalized_layer(kind, rate=1e-5)  # its weights would be infinite in float16
    y = layer(x)
    assert y.dtype == tf.float16 and layer.normalized_kernel().dtype == tf.float32
    keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(tf.cast(y, tf.float32), equalized_layer(kind, rate=1e-5)(x), atol=0.01)


def test_a_convolution_without_padding_gives_the_places_where_the_kernel_fits():
    layer, x = layers.Conv2D(2, 3, 2, "valid", normalization=layers.EqualizedRate()), images(2, 8, 7, 3)
    y = layer(x).numpy()
    assert y.shape == (2, 3, 3, 2)
    np.testing.assert_allclose(
        y[:, 1, 2], np.einsum("bhwi,hwio->bo", x[:, 2:5, 4:7], layer.normalized_kernel()), atol=1e-5
    )


# --- what the GAN that learns from few labels has


def test_gaussian_noise_has_its_deviation_in_training_and_is_not_there_when_serving():
    layer, x = layers.GaussianNoise(0.3), tf.fill([200, 50], 2.0)
    np.testing.assert_array_equal(layer(x, training=False), x)
    with random.stream(0):
        noisy, again = (layer(x, training=True).numpy() for _ in range(2))
    np.testing.assert_allclose([noisy.mean(), noisy.std()], [2.0, 0.3], atol=0.01)
    assert (noisy != again).all()
    with pytest.raises(RuntimeError, match="outside"):
        layer(x, training=True)


def test_a_frozen_length_does_not_train_and_the_gradient_is_at_right_angles_to_the_kernel():
    frozen = layers.Dense(3, normalization=layers.WeightNorm(frozen=True))
    free = layers.Dense(3, normalization=layers.WeightNorm())
    x = images(8, 4)
    for layer in (frozen, free):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(x)))
        gradient = tape.gradient(loss, layer.kernel)
        assert np.abs(gradient).max() > 0.1
        np.testing.assert_allclose(np.sum(gradient * layer.kernel, axis=0), 0.0, atol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(layer.normalized_kernel(), axis=0), layer.g, rtol=1e-5)
    assert [w.path.split("/")[-1] for w in frozen.trainable_weights] == ["kernel", "bias"]
    assert len(free.trainable_weights) == 3
    assert layers.Dense.from_config(frozen.get_config()).normalization.frozen


def test_minibatch_discrimination_counts_the_equal_rows_beside_each():
    layer = layers.MinibatchDiscrimination(kernels=7, dims=3)
    x = tf.tile(images(1, 4), [6, 1])
    np.testing.assert_allclose(layer(x)[:, 4:], 6 - 1 - 1, rtol=1e-5)  # n - 1, and the bias -1
    np.testing.assert_array_equal(layer(x)[:, :4], x)


def test_minibatch_discrimination_is_the_sum_over_others_of_exp_of_minus_the_l1_distance():
    layer = layers.MinibatchDiscrimination(kernels=2, dims=3)
    x = np.float64(images(5, 4))
    layer(x.astype(np.float32))
    rng = np.random.default_rng(0)
    layer.log_length.assign(rng.normal(size=[2, 3]))
    layer.bias.assign([0.3, -0.7])
    kernel = np.float64(layer.kernel) / np.linalg.norm(layer.kernel, axis=0)
    m = (x @ kernel).reshape(5, 2, 3) * np.exp(np.float64(layer.log_length))
    expected = [
        [sum(np.exp(-np.abs(m[i, b] - m[j, b]).sum()) for j in range(5) if j != i) for b in range(2)] for i in range(5)
    ]
    np.testing.assert_allclose(layer(x.astype(np.float32))[:, 4:], np.array(expected) + [0.3, -0.7], rtol=1e-4)


def test_minibatch_discrimination_begins_with_neighbours_at_distance_2_and_answers_of_mean_0():
    image = keras.Input([4])
    x = layers.Dense(6, normalization=layers.WeightNorm())(image)
    network = keras.Model(image, layers.MinibatchDiscrimination(5)(x))
    batch = images(50, 4)
    layers.initialize_weight_norm(network, batch)
    dense, layer = network.layers[1:]
    before = dense(batch)
    apart = layer.distances(before).numpy() + 1e9 * np.eye(50)[:, :, None]
    np.testing.assert_allclose(apart.min(1).mean(0), 2.0, rtol=1e-4)
    np.testing.assert_allclose(layer(before).numpy()[:, 6:].mean(0), 0.0, atol=1e-5)


def test_virtual_batch_normalization_uses_the_reference_batch_and_the_example_alone():
    for shape, axes in (((5, 3), (0,)), ((5, 2, 4, 3), (0, 1, 2))):
        layer, reference = layers.VirtualBatchNormalization(), images(*shape, mean=2.0)
        x = images(4, *shape[1:], mean=-1.0)
        y, beside = (np.array(v) for v in layer(x, reference))
        wide = np.float64(reference)
        np.testing.assert_allclose(
            beside, (wide - wide.mean(axes)) / np.sqrt(wide.var(axes) + 1e-5), rtol=1e-3, atol=1e-4
        )
        for i in range(4):  # as if it were one of six
            among = np.concatenate([wide, np.float64(x)[i : i + 1]])
            expected = (np.float64(x)[i] - among.mean(axes)) / np.sqrt(among.var(axes) + 1e-5)
            np.testing.assert_allclose(y[i], expected, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(layer(x[:1], reference)[0], y[:1], atol=1e-6)


def test_a_reference_batch_stays_and_is_uniform():
    layer = layers.Reference(500)
    first = layer(tf.zeros([2, 20])).numpy()
    np.testing.assert_array_equal(layer(tf.ones([7, 20])), first)
    assert layer.trainable_weights == [] and first.min() >= -1 and first.max() <= 1
    np.testing.assert_allclose([first.mean(), first.std()], [0, 3**-0.5], atol=0.02)


def test_pixel_norm_gives_each_pixel_a_mean_square_of_one_and_is_the_same_at_any_scale():
    x = images(2, 3, 4, 5)
    y = layers.PixelNorm()(x)
    squares = np.mean(np.square(x), -1)
    np.testing.assert_allclose(np.mean(np.square(y), -1), squares / (squares + 1e-8), rtol=1e-5)
    np.testing.assert_allclose(layers.PixelNorm()(1e3 * x), y, rtol=1e-5)
    np.testing.assert_allclose(layers.PixelNorm()(x[:, 0, 0]), y[:, 0, 0], rtol=1e-6)
    half = layers.PixelNorm(dtype="mixed_float16")(300.0 * x)  # the squares are infinite in float16
    assert half.dtype == tf.float16
    np.testing.assert_allclose(tf.cast(half, tf.float32), y, atol=2e-3)


def deviations(x, group=4, features=1):
    """Group by group, in NumPy."""
    said = []
    for start in range(0, len(x), group):
        rows = np.float64(x[start : start + group])
        deviation = np.sqrt(rows.var(0) + 1e-8)
        parts = [part.mean() for part in np.split(deviation, features, axis=-1)]
        said += [parts] * len(rows)
    return np.broadcast_to(np.array(said)[:, None, None], [*x.shape[:3], features])


@pytest.mark.parametrize(("count", "group", "features"), [(8, 4, 1), (4, 4, 2), (7, 3, 4), (2, 4, 1), (1, 4, 1)])
def test_the_minibatch_deviation_is_that_of_each_group_on_its_own(count, group, features):
    x = images(count, 3, 2, 4).numpy()
    layer = layers.MinibatchDeviation(group, features)
    expected = np.concatenate([x, deviations(x, group, features)], -1)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5, atol=1e-6)
    any_batch = tf.function(layer, input_signature=[tf.TensorSpec([None, 3, 2, 4])])
    np.testing.assert_allclose(any_batch(x), expected, rtol=1e-5, atol=1e-6)
    parts = [layer(x[start : start + group]) for start in range(0, count, group)]
    np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-5, atol=1e-6)


def test_the_minibatch_deviation_of_equal_pictures_is_1e_4_and_of_plus_and_minus_one_is_one():
    equal = layers.MinibatchDeviation()(np.tile(images(1, 2, 3, 5), [4, 1, 1, 1]))
    np.testing.assert_allclose(equal[..., -1], np.full([4, 2, 3], 1e-4), rtol=1e-3)
    ones = np.ones([1, 2, 3, 5], np.float32)
    opposite = layers.MinibatchDeviation(2)(np.concatenate([ones, -ones]))
    np.testing.assert_allclose(opposite[..., -1], np.full([2, 2, 3], np.sqrt(1 + 1e-8)), rtol=1e-6)


@pytest.mark.parametrize("group", [2, 3, 4])
def test_the_minibatch_deviation_of_two_replicas_is_that_of_the_global_batch(two_replicas, group):
    x, upstream = images(4, 3, 2, 4), images(4, 3, 2, 5, seed=1)
    layer = layers.MinibatchDeviation(group)
    layer.build(x.shape)

    def step(x, upstream):
        """The answers, their gradient, and that of its squared norm: as a gradient penalty takes it."""
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                y = layer(x)
            slope = inner.gradient(y, x, output_gradients=upstream)
            penalty = tf.reduce_sum(tf.square(slope))
        return y, slope, outer.gradient(penalty, x)

    @tf.function
    def on_both():
        def on_one():
            first = 2 * tf.distribute.get_replica_context().replica_id_in_sync_group
            return step(x[first : first + 2], upstream[first : first + 2])

        return tf.nest.map_structure(two_replicas.experimental_local_results, two_replicas.run(on_one))

    for expected, parts in zip(step(x, upstream), on_both(), strict=True):
        np.testing.assert_allclose(np.concatenate(parts), expected, rtol=1e-4, atol=1e-5)


def test_the_minibatch_deviation_is_float32_inside_and_refuses_parts_that_are_not_equal():
    x = 400.0 * images(4, 2, 2, 4)
    half = layers.MinibatchDeviation(dtype="mixed_float16")(x)
    assert half.dtype == tf.float16
    np.testing.assert_allclose(half[..., -1], deviations(x.numpy())[..., 0], rtol=2e-3)
    with pytest.raises(ValueError, match="4 channels"):
        layers.MinibatchDeviation(features=3).build((None, 2, 2, 4))


@pytest.mark.parametrize("per_channel", [True, False])
def test_pixel_noise_adds_one_number_per_pixel_times_a_strength_that_begins_as_none(per_channel):
    layer, x = layers.PixelNoise(per_channel), images(3, 4, 5, 2)
    with random.stream(1, 2):
        np.testing.assert_array_equal(layer(x), x)
    strength = np.float32([2.0, -0.5]) if per_channel else np.float32(3.0)
    layer.strength.assign(strength)
    with random.stream(1, 2):
        y = layer(x)
    with random.stream(1, 2):
        noise = random.normal([3, 4, 5, 1])
    np.testing.assert_allclose(y, x + noise * strength, rtol=1e-6)
    with random.stream(7, shared=True):
        many = layer(tf.zeros_like(x))
    with random.stream(7, shared=True):
        np.testing.assert_array_equal(many, np.repeat(layer(tf.zeros_like(x[:1])), 3, axis=0))
    with pytest.raises(RuntimeError, match="outside"):
        layer(x)


def test_filters_are_layers_too():
    x = images(2, 6, 4, 3)
    for layer, expected in [
        (layers.Blur(), fir.blur(x)),
        (layers.Blur(fir.BILINEAR, (1, 1), 4.0), fir.blur(x, fir.BILINEAR, (1, 1), 4.0)),
        (layers.Upsample(), fir.upsample(x)),
        (layers.Downsample((1, 2, 1)), fir.downsample(x, (1, 2, 1))),
    ]:
        again = type(layer).from_config(layer.get_config())
        np.testing.assert_array_equal(again(x), expected)
        image = keras.Input([6, 4, 3])
        assert layer(image).shape == (None, *expected.shape[1:])
