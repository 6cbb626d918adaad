import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import line, step
from conformance import Conformance, sgd

from tfgan_zoo import PartialConv, base, layers
from tfgan_zoo.families.partial_conv import gram, total_variation
from tfgan_zoo.networks.partial_unet import freeze_encoder, partial_unet


def _judge():
    """Features at two scales."""
    image = keras.Input([None, None, 1])
    fine = keras.layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    coarse = keras.layers.AveragePooling2D(2)(fine)
    return base.as_function(keras.Model(image, [fine, coarse]))


class TestPartialConv(Conformance):
    def make(self):
        return PartialConv(partial_unet((8, 8, 1), width=8, levels=2), _judge())

    def batch(self, count, rng):
        target = rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)
        mask = (rng.uniform(size=[count, 8, 8, 1]) > 0.4).astype(np.float32)
        return {"image": target * mask, "mask": mask, "target": target}


def _random(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def _mask(*shape, seed=0, known=0.5):
    return (np.random.default_rng(seed).uniform(size=[*shape, 1]) < known).astype(np.float32)


def _built(layer, *shapes):
    """The layer with random weights, for maps of these shapes with a mask each."""
    masks = [(*shape[:-1], 1) for shape in shapes]
    layer.build(*([list(shapes), masks] if len(shapes) > 1 else [shapes[0], masks[0]]))
    for i, weight in enumerate(layer.weights):
        weight.assign(_random(*weight.shape, seed=5 + i))
    return layer


def _by_a_loop(x, mask, kernel, bias, stride, padding):
    """Equations 1 and 2 as they stand; `mask` has as many channels as `x`."""
    size, n = kernel.shape[0], kernel.shape[0] // 2 if padding == "same" else 0
    x, mask = (np.pad(np.float64(v), [(0, 0), (n, n), (n, n), (0, 0)]) for v in (x, mask))
    rows, columns = ((side - size) // stride + 1 for side in x.shape[1:3])
    y, new = np.zeros([len(x), rows, columns, kernel.shape[-1]]), np.zeros([len(x), rows, columns, 1])
    for b in range(len(x)):
        for i in range(rows):
            for j in range(columns):
                window = np.s_[b, i * stride : i * stride + size, j * stride : j * stride + size]
                if mask[window].sum() > 0:
                    weighted = (x[window] * mask[window])[..., None] * kernel
                    y[b, i, j] = weighted.sum((0, 1, 2)) * mask[window].size / mask[window].sum() + bias
                    new[b, i, j] = 1
    return y, new


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(3, 1, "same"), (5, 2, "same"), (7, 2, "same"), (3, 2, "valid")]
)
def test_a_layer_does_what_equations_1_and_2_say_of_two_maps_with_masks_of_their_own(size, stride, padding):
    a, b, known_a, known_b = _random(2, 8, 10, 3), _random(2, 8, 10, 2, seed=1), _mask(2, 8, 10, known=0.2), None
    known_b = _mask(2, 8, 10, seed=1, known=0.1)
    known_a[:, :5, :6], known_b[:, :5, :6] = 0, 0
    layer = _built(layers.PartialConv2D(4, size, stride, padding, use_bias=True), a.shape, b.shape)
    kernel, bias = (np.float64(w) for w in layer.weights)
    masks = np.concatenate([np.repeat(known_a, 3, -1), np.repeat(known_b, 2, -1)], -1)
    expected, new = _by_a_loop(np.concatenate([a, b], -1), masks, kernel, bias, stride, padding)
    y, known = layer([a, b], [known_a, known_b])
    np.testing.assert_array_equal(known, new)
    assert 0 < new.mean() < 1
    np.testing.assert_allclose(y, expected, atol=2e-5)


def test_where_all_is_known_the_border_counts_as_hole_ratios_1_and_1_5_and_2_25():
    ones = np.ones([1, 4, 5, 1], np.float32)
    layer = layers.PartialConv2D(1, 3, kernel_initializer="ones")
    plain = keras.layers.Conv2D(1, 3, padding="same", kernel_initializer="ones")
    ratio = (layer(ones, ones)[0] / plain(ones))[0, ..., 0]
    expected = np.full([4, 5], 1.0)
    expected[[0, -1]], expected[:, [0, -1]] = 1.5, 1.5
    expected[np.ix_([0, -1], [0, -1])] = 2.25
    np.testing.assert_allclose(ratio, expected, rtol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_with_an_all_ones_mask_it_is_a_valid_convolution(stride):
    x, mask = _random(2, 9, 8, 3), np.ones([2, 9, 8, 1], np.float32)
    layer = _built(layers.PartialConv2D(4, 3, stride, "valid", use_bias=True), x.shape)
    y, known = layer(x, mask)
    np.testing.assert_allclose(y, tf.nn.conv2d(x, layer.kernel, stride, "VALID") + layer.bias, atol=1e-5)
    np.testing.assert_array_equal(known, np.ones(known.shape))


def test_a_uniform_kernel_gives_the_mean_of_the_known_pixels_and_a_constant_stays_one_around_holes():
    mask = _mask(2, 7, 7)
    x = _random(2, 7, 7, 3)
    layer = layers.PartialConv2D(1, 3, kernel_initializer=keras.initializers.Constant(1 / 27))
    y, known = layer(x, mask)
    for b, i, j in np.argwhere(known[..., 0] == 1):
        rows, columns = slice(max(i - 1, 0), i + 2), slice(max(j - 1, 0), j + 2)
        valid = x[b, rows, columns][mask[b, rows, columns, 0] == 1]
        np.testing.assert_allclose(y[b, i, j, 0], valid.mean(), atol=1e-6)
    constant, known = layer(np.where(mask > 0, np.float32(0.3), np.float32(9)) * np.ones([1, 1, 1, 3], "f"), mask)
    np.testing.assert_allclose(constant, 0.3 * known, atol=1e-6)


@pytest.mark.parametrize("side", [1, 2, 3, 6, 7])
def test_a_square_hole_of_side_h_shrinks_by_2_a_layer_and_is_gone_after_half_of_h_layers(side):
    mask = np.ones([1, 16, 16, 1], np.float32)
    mask[:, 4 : 4 + side, 4 : 4 + side] = 0
    layer, left = layers.PartialConv2D(1, 3), []
    for _ in range(-(-side // 2)):
        _, mask = layer(np.zeros([1, 16, 16, 1], np.float32), mask)
        left.append(int(np.sum(mask == 0)))
    assert left == [max(side - 2 * (i + 1), 0) ** 2 for i in range(len(left))] and left[-1] == 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_half_precision_counts_known_pixels_exactly_and_xla_computes_the_same(policy):
    # Of the 4,635 elements of a window: bfloat16 has no number for most counts up to it.
    x, mask = _random(1, 4, 4, 515), _mask(1, 4, 4)
    half, whole = (layers.PartialConv2D(2, 3, kernel_initializer="ones", dtype=p) for p in (policy, "float32"))
    (y, known), (expected, new) = half(np.abs(x) / 515, mask), whole(np.abs(x) / 515, mask)
    assert y.dtype == known.dtype == half.compute_dtype
    np.testing.assert_allclose(tf.cast(y, tf.float32), expected, rtol=1e-2)
    np.testing.assert_array_equal(tf.cast(known, tf.float32), new)
    compiled = tf.function(lambda x, m: whole(x, m), jit_compile=True)(tf.constant(np.abs(x) / 515), tf.constant(mask))
    np.testing.assert_allclose(compiled[0], expected, rtol=1e-5)


def test_a_layer_of_an_even_kernel_or_another_padding_is_refused():
    with pytest.raises(ValueError, match="expected an odd number"):
        layers.PartialConv2D(1, 4)
    with pytest.raises(ValueError, match="same or valid"):
        layers.PartialConv2D(1, 3, padding="reflect")


def test_neither_the_output_nor_a_step_nor_what_is_served_depends_on_what_is_in_the_hole():
    family, rng = TestPartialConv(), np.random.default_rng(0)
    batch = family.batch(4, rng)
    noise = rng.uniform(-1, 1, [4, 8, 8, 1]).astype(np.float32)
    noisy = batch | {"image": np.where(batch["mask"] > 0, batch["image"], noise)}
    moved = []
    for given in (batch, noisy):
        model = family.compiled(sgd)
        shown = model([given["image"], given["mask"]])["generated"].numpy()
        logs = model.fit(tf.data.Dataset.from_tensors(given), verbose=0).history
        moved.append([shown, *logs.values(), *(np.array(w) for w in model.generator.weights)])
    for a, b in zip(*moved, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    image = tf.constant(noisy["image"])
    with tf.GradientTape() as tape:
        tape.watch(image)
        out = model.generator([image, tf.constant(batch["mask"])], training=True)
    slope = tape.gradient(out, image).numpy()
    np.testing.assert_array_equal(slope[batch["mask"] == 0], 0.0)
    assert np.abs(slope[batch["mask"] == 1]).min() > 0


def test_what_is_known_is_served_as_it_is_and_the_rest_lies_between_black_and_white():
    family = TestPartialConv()
    model = family.compiled()
    model.generator.weights[-1].assign([3.0])  # of the last layer, the bias
    image, mask = _random(3, 8, 8, 1), _mask(3, 8, 8)
    generated = model([image, mask])["generated"].numpy()
    np.testing.assert_array_equal(generated[mask == 1], image[mask == 1])
    assert np.abs(generated[mask == 0]).max() <= 1 and (generated[mask == 0] == 1).mean() > 0.5


def test_a_mask_in_a_file_is_known_where_it_is_nearer_to_white():
    model = TestPartialConv().compiled()
    image, mask = _random(2, 8, 8, 1), _mask(2, 8, 8)
    pixels = np.rint(image * 127.5 + 127.5).astype(np.uint8)
    files = [tf.io.encode_png(x).numpy() for x in pixels]
    masks = [tf.io.encode_png(np.where(x > 0, 200, 60).astype(np.uint8)).numpy() for x in mask]
    function, _ = model.signatures()["inpaint_bytes"]
    made = np.array(
        [tf.io.decode_png(x) for x in function(tf.constant(files), tf.constant(masks))["generated_bytes"].numpy()]
    )
    expected = model.inpaint(pixels / np.float32(127.5) - 1, mask)
    np.testing.assert_allclose(made, np.rint(np.array(expected) * 127.5 + 127.5), atol=1)
    function, _ = model.signatures()["serving_default"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="one mask per image"):
        function(tf.constant(image), tf.constant(mask[:1]))


def test_the_networks_have_as_many_parameters_as_the_paper_s():
    def count(**how):
        return sum(int(np.prod(w.shape)) for w in partial_unet(**how).trainable_weights)

    assert count(image_shape=(512, 512, 3)) == count(image_shape=(256, 256, 3), levels=8) == 32_859_732
    assert count(image_shape=(256, 256, 3), levels=7) == 25_779_796


def test_a_frozen_encoder_keeps_its_statistics_its_scales_and_its_offsets_and_the_rest_learns():
    family = TestPartialConv()
    model = family.compiled()
    family.train(model, 2)
    freeze_encoder(model.generator)
    frozen = PartialConv(model.generator, model.features)
    frozen.compile(g_optimizer=keras.optimizers.Adam(1e-3))
    before = {w.path: np.array(w) for w in model.generator.weights}
    family.train(frozen, 2)
    still = {w.path for w in model.generator.weights if np.array_equal(before[w.path], np.array(w))}
    assert still == {path for path in before if "encoder_norm" in path} and len(still) == 4


def test_a_gram_matrix_is_that_of_the_channels_divided_by_all_elements():
    x = np.float64(_random(2, 3, 4, 5))
    expected = np.einsum("bijc,bijd->bcd", x, x) / (3 * 4 * 5)
    np.testing.assert_allclose(gram(tf.constant(x, tf.float32)), expected, atol=1e-6)
    assert np.isfinite(gram(tf.fill([1, 64, 64, 64], tf.constant(300, tf.float16)))).all()


def test_total_variation_counts_neighbours_in_the_hole_and_one_pixel_around_it():
    image, mask = _random(2, 6, 7, 2), _mask(2, 6, 7, known=0.9)
    total = 0.0
    for b in range(2):
        near = {(i + a, j + c) for i, j, _ in np.argwhere(mask[b] == 0) for a in (-1, 0, 1) for c in (-1, 0, 1)}
        for i in range(6):
            for j in range(7):
                for other in ((i + 1, j), (i, j + 1)):
                    if {(i, j), other} <= near and other[0] < 6 and other[1] < 7:
                        total += np.abs(np.float64(image[b, i, j]) - image[(b, *other)]).sum()
    np.testing.assert_allclose(total_variation(tf.constant(image), tf.constant(mask)), total / image.size, rtol=1e-5)
    np.testing.assert_array_equal(total_variation(tf.constant(image), tf.ones_like(mask)), 0.0)


def test_a_step_moves_the_network_by_the_gradient_computed_by_hand():
    # G(x, m) = a x + b m + c, of pictures of 3x4 pixels; features 3 x, and x and x^2 as two channels of 2 rows.
    g = np.array([0.7, -0.2, 0.15])
    target, mask = np.float64(_random(2, 3, 4, 1)), np.float64(_mask(2, 3, 4, seed=3))
    image = target * mask + 0.4 * (1 - mask)  # the network of this test sees it, others do not

    def features(x):
        return [3.0 * x, tf.concat([x, x * x], -1)[:, 1:]]

    model = PartialConv(line(g, (3, 4, 1)), features)
    assert (model.valid_weight, model.hole_weight, model.perceptual_weight) == (1, 6, 0.05)
    moved, logs = step(model, {"image": image, "mask": mask, "target": target})

    def terms(g):
        out = g[0] * image + g[1] * mask + g[2]
        comp = mask * target + (1 - mask) * out
        by_hand = {"valid": np.mean(mask * abs(out - target)), "hole": np.mean((1 - mask) * abs(out - target))}
        of_out, of_comp, of_target = ([3 * x, np.concatenate([x, x**2], -1)[:, 1:]] for x in (out, comp, target))
        pairs = [*zip(of_out, of_target, strict=True), *zip(of_comp, of_target, strict=True)]
        by_hand["perceptual"] = sum(np.mean(abs(a - b)) for a, b in pairs)

        def matrix(x):
            return np.einsum("bijc,bijd->bcd", x, x) / np.prod(x.shape[1:])

        by_hand["style"] = sum(np.mean(abs(matrix(a) - matrix(b))) for a, b in pairs)
        hole = np.pad(1 - mask[..., 0], [(0, 0), (1, 1), (1, 1)])
        near = np.max([hole[:, i : i + 3, j : j + 4] for i in range(3) for j in range(3)], axis=0)
        down = abs(np.diff(comp[..., 0], axis=1)) * near[:, 1:] * near[:, :-1]
        across = abs(np.diff(comp[..., 0], axis=2)) * near[:, :, 1:] * near[:, :, :-1]
        by_hand["tv"] = (down.sum() + across.sum()) / comp.size
        return by_hand

    def total(g):
        by_hand = terms(g)
        return sum(w * by_hand[k] for k, w in
                   {"valid": 1, "hole": 6, "perceptual": 0.05, "style": 120, "tv": 0.1}.items())  # fmt: skip

    np.testing.assert_allclose(logs["g_loss"], total(g), rtol=1e-5)
    for name, value in terms(g).items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-5)
    slope = [(total(g + e) - total(g - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(moved["generator"], slope, rtol=1e-4, atol=1e-4)
    plain = PartialConv(line(g, (3, 4, 1)))
    moved, logs = step(plain, {"image": image, "mask": mask, "target": target})
    np.testing.assert_allclose(logs["g_loss"], total(g) - 0.05 * terms(g)["perceptual"] - 120 * terms(g)["style"], 1e-4)
