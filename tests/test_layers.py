import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgan_zoo import layers, random


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
