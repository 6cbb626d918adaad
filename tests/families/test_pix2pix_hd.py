import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, step, weights_of
from conformance import Conformance

from tfgan_zoo import Pix2PixHD, layers
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.pix2pix_hd import Styles, edges, feature_matching, instance_mean, k_means
from tfgan_zoo.networks import pix2pix_hd as networks

SHAPE = (8, 8, 1)


def ids(count, rng, height=8, width=8):
    """Ids of rectangles, int32 [count, height, width, 1]: any numbers, negative and large ones too."""
    grid = np.zeros([count, height, width, 1], np.int32)
    for one in grid:
        for number in (7, -3, 70_000):
            top, left = rng.integers(0, height), rng.integers(0, width)
            one[top : top + 3, left : left + 4] = number
    return grid


def _batch(count, rng):
    image, target = rng.uniform(-1, 1, [2, count, *SHAPE]).astype(np.float32)
    return {"image": image, "target": target, "instance": ids(count, rng)}


class TestPix2PixHD(Conformance):
    """G1 alone, with a network that judges."""

    def make(self):
        generator = networks.global_generator((8, 8, 2), 1, width=8, downs=1, blocks=1)
        discriminator = networks.multiscale_discriminator(SHAPE, 2, width=8, layers=1, scales=2)
        return Pix2PixHD(generator, discriminator, features=lambda x: [x, x * x, x[:, 1:], x[:, :, 1:], 2.0 * x])

    def batch(self, count, rng):
        return _batch(count, rng)


class TestCoarseToFine(Conformance):
    """G1's features and the enhancer, with styles."""

    def make(self):
        features = networks.features_of(networks.global_generator((4, 4, 4), 1, width=8, downs=1, blocks=1))
        enhancer = networks.local_enhancer((8, 8, 4), 1, width=4, blocks=1)
        encoder = networks.instance_encoder(SHAPE, 2, width=4, downs=1)
        discriminator = networks.multiscale_discriminator(SHAPE, 2, width=8, layers=1, scales=2)
        return Pix2PixHD(features, discriminator, enhancer=enhancer, encoder=encoder, clusters=3)

    def batch(self, count, rng):
        return _batch(count, rng)


# ---------------------------------------------------------------------------------------------------------------------
# Steps by hand


def linear(weights, name=None):
    """A layer `x -> w x + b` of the last axis, in training; weights `[w_1, ..., b]`."""
    constant, (*kernel, bias) = keras.initializers.Constant, np.float32(weights)
    start = {"kernel_initializer": constant(np.array(kernel)[:, None]), "bias_initializer": constant(bias)}
    return keras.layers.Dense(1, name=name, **start)


def judge(scales, condition, image):
    """A discriminator `[[features, ..., logits], ...]` of linear layers, pixel by pixel; `scales`: weights of each."""
    inputs = [keras.Input(condition), keras.Input(image)]
    judged = []
    for k, weights in enumerate(scales):
        x, said = keras.layers.Concatenate()(inputs), []
        for j, w in enumerate(weights):
            x = linear(w, name=f"{k}_{j}")(x)
            said.append(x)
        judged.append([Turned()(x) for x in said])
    return keras.Model(inputs, judged)


def says(weights, given):
    """What a scale of `judge` says: `[features, ..., logits]`, each [N], of `given` [N, channels]."""
    said = [given @ weights[0][:-1] + weights[0][-1]]
    for w in weights[1:]:
        said.append(w[0] * said[-1] + w[1])
    return said


def slopes_of_scale(weights, given, slope):
    """Of a loss whose slope in the logits is `slope` [N]: those in the weights of each layer."""
    said, slopes = says(weights, given), []
    for j in reversed(range(len(weights))):
        below = given if j == 0 else said[j - 1][:, None]
        slopes.append(np.append(slope @ below, slope.sum()))
        slope = slope * weights[j][0] if j else slope
    return slopes[::-1]


def slope_in_image(scales, s, real, fake, fm_weight):
    """That of the loss of G in its image, pixel by pixel [N], and the losses: adversarial, of features, of D."""
    count, slope, gan, matching, d_loss = len(fake), 0.0, 0.0, 0.0, 0.0
    for weights in scales:
        on_real, on_fake = (says(weights, np.column_stack([s, y])) for y in (real, fake))
        gan += np.mean((on_fake[-1] - 1) ** 2)
        d_loss += 0.5 * np.mean((on_real[-1] - 1) ** 2) + 0.5 * np.mean(on_fake[-1] ** 2)
        along, last = weights[0][-2], len(weights) - 1  # the slope of each thing it says in the image
        for j in range(len(weights)):
            along = along * weights[j][0] if j else along
            if j == last:
                slope = slope + 2 * (on_fake[j] - 1) * along / count
            else:
                share = 4 / len(scales) / last
                matching += share * np.mean(np.abs(on_real[j] - on_fake[j]))
                slope = slope + fm_weight * share * np.sign(on_fake[j] - on_real[j]) * along / count
    return slope, gan, matching, d_loss


def slopes_of_judge(network, scales, s, real, fake):
    """Of D's loss in its weights, in the order of the network's."""
    by_layer = {}
    for k, weights in enumerate(scales):
        sides = []
        for y, wanted in ((real, 1), (fake, 0)):
            given = np.column_stack([s, y])
            sides.append(slopes_of_scale(weights, given, (says(weights, given)[-1] - wanted) / len(y)))
        by_layer |= {f"{k}_{j}": a + b for j, (a, b) in enumerate(zip(*sides, strict=True))}
    return np.concatenate([by_layer[layer.name] for layer in network.layers if layer.name in by_layer])


SCALES = [
    [np.array([0.7, -0.4, 0.9, 0.1]), np.array([1.2, -0.2]), np.array([0.8, 0.3])],
    [np.array([-0.5, 0.3, 0.6, 0.2]), np.array([-1.1, 0.4])],
]


def test_a_step_of_g1_moves_each_network_by_the_gradient_computed_by_hand():
    # G(s, e) = a s + c e + b; D: a scale of two features and one of one, all linear. Pictures of two pixels, whose ids
    # differ in the first example alone. What judges sees 1, 2, ..., 5 times the picture.
    g = np.array([0.6, 0.3, 0.1])
    s, real = np.array([[0.5, -0.9], [0.3, -0.2]]), np.array([[0.8, -0.1], [0.1, -0.7]])
    instance = np.array([[5, 7], [3, 3]], np.int32)
    x = keras.Input((1, 2, 2))
    network = keras.Model(x, Turned()(linear(g)(x)))
    judging = judge(SCALES, (1, 2, 2), (1, 2, 1))
    model = Pix2PixHD(network, judging, features=lambda x: [i * x for i in range(1, 6)])
    shape = (2, 1, 2, 1)
    batch = {"image": s.reshape(shape), "target": real.reshape(shape), "instance": instance.reshape(shape)}
    moved, logs = step(model, batch)

    given = np.column_stack([s.ravel(), [1, 1, 0, 0]])
    real, fake = real.ravel(), given @ g[:2] + g[2]
    slope, gan, matching, d_loss = slope_in_image(SCALES, given, real, fake, 10.0)
    weight = (
        sum(i / 2 ** (6 - i) for i in range(1, 5)) + 5
    )  # 1/32 of the first, ..., 1/4 of the fourth, all of the last
    assert weight == 1 / 32 + 2 / 16 + 3 / 8 + 4 / 4 + 5
    slope = slope + 10.0 * weight * np.sign(fake - real) / 4
    np.testing.assert_allclose(moved["generator"], np.append(slope @ given, slope.sum()), rtol=1e-4)
    np.testing.assert_allclose(moved["discriminator"], slopes_of_judge(judging, SCALES, given, real, fake), rtol=1e-4)
    expected = {"d_loss": d_loss, "g_loss": gan, "feature_matching": matching}
    expected["vgg"] = weight * np.abs(fake - real).mean()
    assert set(logs) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(logs[name], value, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("fix_global", [False, True])
def test_a_step_of_all_networks_moves_each_by_the_gradient_computed_by_hand(fix_global):
    # Two pictures of 2x2 pixels, of two instances each. E(x) = a x + b; G1, on the mean of the four pixels of (s, edge,
    # style), gives one number, which G2 adds to what it makes of each pixel.
    e, t = np.array([0.9, -0.2]), np.array([0.4, 0.2, -0.7, 0.1])
    g = np.array([0.5, -0.1, 0.8, 0.6, 0.05])
    rng = np.random.default_rng(0)
    s, real = rng.uniform(-1, 1, [2, 2, 4])  # two examples of four pixels each
    instance = np.array([[1, 1, 2, 2], [4, -9, -9, -9]], np.int32)
    edge = np.array([[1, 1, 1, 1], [1, 1, 1, 0]])

    x, coarse = keras.Input((1, 1, 3)), keras.Input((1, 1, 1))
    features = keras.Model(x, Turned()(linear(t)(x)))
    x = keras.Input((2, 2, 3))
    both = keras.layers.Concatenate()([x, keras.layers.UpSampling2D(2)(coarse)])
    enhancer = keras.Model([x, coarse], Turned()(linear(g)(both)))
    x = keras.Input((2, 2, 1))
    encoder = keras.Model(x, Turned()(linear(e)(x)))
    judging = judge(SCALES, (2, 2, 2), (2, 2, 1))
    model = Pix2PixHD(features, judging, enhancer=enhancer, encoder=encoder, fix_global=fix_global, fm_weight=3.0)
    shape = (2, 2, 2, 1)
    batch = {"image": s.reshape(shape), "target": real.reshape(shape), "instance": instance.reshape(shape)}
    moved, logs = step(model, batch)

    same = (instance[:, :, None] == instance[:, None]) / np.sum(instance[:, :, None] == instance[:, None], -1)[
        ..., None
    ]
    style = np.einsum("bij,bj->bi", same, e[0] * real + e[1])
    given = np.stack([s, edge, style], -1)  # [2, 4, 3]
    mean = given.mean(1)
    lifted = np.concatenate([given, np.repeat((mean @ t[:3] + t[3])[:, None, None], 4, 1)], -1)  # [2, 4, 4]
    fake = lifted @ g[:4] + g[4]
    condition = given[..., :2].reshape(8, 2)
    slope, gan, matching, d_loss = slope_in_image(SCALES, condition, real.ravel(), fake.ravel(), 3.0)
    slope = slope.reshape(2, 4)
    of_coarse = slope.sum(1) * g[3]  # [2]
    of_style = slope * g[2] + of_coarse[:, None] * t[2] / 4
    of_code = np.einsum("bij,bi->bj", same, of_style)
    expected = {
        "generator": np.zeros(4) if fix_global else np.append(of_coarse @ mean, of_coarse.sum()),
        "enhancer": np.append(np.einsum("bp,bpc->c", slope, lifted), slope.sum()),
        "encoder": [np.sum(of_code * real), of_code.sum()],
        "discriminator": slopes_of_judge(judging, SCALES, condition, real.ravel(), fake.ravel()),
    }
    assert set(moved) == set(expected)
    for role, value in expected.items():
        np.testing.assert_allclose(moved[role], value, rtol=1e-4, atol=1e-6, err_msg=role)
    np.testing.assert_allclose(
        [logs[n] for n in ("g_loss", "feature_matching", "d_loss")], [gan, matching, d_loss], rtol=1e-5
    )


# ---------------------------------------------------------------------------------------------------------------------
# What the paper and its published code promise


@pytest.mark.parametrize(("scale", "field"), enumerate([70, 141, 283]))
def test_a_logit_of_each_scale_sees_exactly_its_patch(scale, field, monkeypatch):
    monkeypatch.setattr(networks, "InstanceNormalization", lambda **_: keras.layers.Activation("linear"))
    network = networks.multiscale_discriminator((384, 384, 1), 1, width=1)
    for weight in network.trainable_weights:
        weight.assign(tf.ones_like(weight))
    x = tf.ones([1, 384, 384, 1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = network([x, x])[scale][-1]
        middle = logits.shape[1] // 2
        one = logits[0, middle, middle, 0]
    rows, columns = np.nonzero(tape.gradient(one, x)[0, :, :, 0].numpy())
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1, len(rows)) == (field, field, field * field)


def test_features_have_the_published_sizes_at_256_pixels():
    judged = keras.tree.map_structure(
        lambda x: x.shape[1], networks.multiscale_discriminator((256, 256, 3), 36, width=1, scales=1).outputs
    )
    assert judged == [129, 65, 33, 34, 35]


def test_matching_features_of_equal_pictures_is_zero_and_gives_the_discriminator_no_gradient_by_real_ones():
    judged = [[tf.constant([[1.0, -2.0]]), tf.constant([[5.0]])], [tf.constant([[3.0]]), tf.constant([[7.0]])]]
    assert float(feature_matching(judged, judged)) == 0.0
    network = networks.multiscale_discriminator((8, 8, 1), 1, width=4, layers=1, scales=2)
    rng = np.random.default_rng(0)
    s, x, fixed = rng.uniform(-1, 1, [3, 2, 8, 8, 1]).astype(np.float32)
    with tf.GradientTape() as tape:
        loss = feature_matching(network([s, x]), tf.nest.map_structure(tf.stop_gradient, network([s, fixed])))
    assert loss > 0 and all(gradient is None for gradient in tape.gradient(loss, network.trainable_variables))


def test_feature_matching_is_its_closed_form_on_given_lists():
    logits = tf.constant([[9.0]])
    real = [
        [tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[0.0], [1.0]]), logits],
        [tf.constant([[2.0]]), logits],
    ]
    fake = [
        [tf.constant([[1.0, 0.0], [3.0, 8.0]]), tf.constant([[0.5], [1.0]]), -logits],
        [tf.constant([[5.0]]), logits],
    ]
    # Layers: (0 + 2 + 0 + 4) / 4 and 0.25, their mean 0.875; the second scale 3. 4 times the mean over both.
    np.testing.assert_allclose(feature_matching(real, fake), 4 * (0.875 + 3.0) / 2, rtol=1e-6)


def test_g1_keeps_its_bits_while_the_enhancer_alone_trains():
    family = TestCoarseToFine()
    whole = family.make()
    networks_of = {role: getattr(whole, role) for role in whole.roles}
    model = Pix2PixHD(**networks_of, fix_global=True, clusters=3)
    adam = keras.optimizers.Adam
    model.compile(g_optimizer=adam(1e-2), d_optimizer=adam(1e-2), run_eagerly=True)
    before = {role: weights_of(network) for role, network in networks_of.items()}
    family.train(model, 3)
    unmoved = [role for role, network in networks_of.items() if np.array_equal(before[role], weights_of(network))]
    assert unmoved == ["generator"]
    whole.compile(g_optimizer=adam(1e-2), d_optimizer=adam(1e-2), run_eagerly=True)
    family.train(whole, 1)
    assert not np.array_equal(before["generator"], weights_of(whole.generator))


def test_an_enhancer_without_features_of_g1_is_its_own_path():
    enhancer = networks.local_enhancer((16, 12, 3), 1, width=4, blocks=1)
    rng = np.random.default_rng(0)
    x, features = rng.uniform(-1, 1, [2, 16, 12, 3]).astype(np.float32), np.zeros([2, 8, 6, 8], np.float32)
    merge = next(layer for layer in enhancer.layers if isinstance(layer, keras.layers.Add))
    before, after = keras.Model(enhancer.inputs[0], merge.input[0]), keras.Model(merge.output, enhancer.output)
    np.testing.assert_array_equal(enhancer([x, features]), after(before(x)))
    assert np.abs(enhancer([x, features + 1]) - enhancer([x, features])).max() > 1e-4


def test_g1s_features_are_those_before_its_last_layer():
    generator = networks.global_generator((8, 8, 2), 1, width=4, downs=1, blocks=1)
    x = np.random.default_rng(0).uniform(-1, 1, [2, 8, 8, 2]).astype(np.float32)
    features = networks.features_of(generator)(x)
    last = generator.layers[-2]
    padded = np.pad(features, [[0, 0], [3, 3], [3, 3], [0, 0]], mode="reflect")
    np.testing.assert_allclose(generator(x), np.tanh(last(padded)), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("side", [1, 2, 5])
def test_the_edges_of_a_square_are_its_inner_rim_and_its_outer_neighbours(side):
    square = np.zeros([1, 12, 12, 1], np.int32)
    square[0, 3 : 3 + side, 4 : 4 + side] = 9
    rim = 4 * (side - 1) if side > 1 else 1
    assert edges(square).numpy().sum() == rim + 4 * side


def test_edges_are_those_of_a_loop():
    instance = ids(3, np.random.default_rng(1), 9, 7)
    expected = np.zeros(instance.shape, np.float32)
    for b, y, x in np.ndindex(3, 9, 7):
        for i, j in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= i < 9 and 0 <= j < 7 and instance[b, i, j] != instance[b, y, x]:
                expected[b, y, x] = 1
    np.testing.assert_array_equal(edges(tf.constant(instance)), expected)


def test_pooling_over_instances_keeps_their_means_and_is_idempotent_whatever_they_are_called():
    rng = np.random.default_rng(2)
    instance, features = ids(3, rng), rng.normal(size=[3, 8, 8, 2]).astype(np.float32)
    pooled = instance_mean(tf.constant(features), tf.constant(instance)).numpy()
    for b in range(3):
        for number in np.unique(instance[b]):
            inside = instance[b, ..., 0] == number
            expected = np.broadcast_to(features[b][inside].mean(0), pooled[b][inside].shape)
            np.testing.assert_allclose(pooled[b][inside], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(instance_mean(pooled, instance), pooled, rtol=1e-5, atol=1e-6)
    renamed = np.select([instance == 0, instance == 7, instance == -3], [5, -(2**31), 2**31 - 1], 0).astype(np.int32)
    np.testing.assert_allclose(instance_mean(features, renamed), pooled, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(edges(tf.constant(renamed)), edges(tf.constant(instance)))


def test_the_discriminators_of_coarser_scales_see_averages_of_what_is_there():
    network = networks.multiscale_discriminator((12, 8, 1), 1, width=2, layers=1, scales=3)
    pairs = [layer.output for layer in network.layers if isinstance(layer, layers.HalvingAverage)]
    s, x = np.full([1, 12, 8, 1], 0.75, np.float32), np.full([1, 12, 8, 1], -0.5, np.float32)
    seen = keras.Model(network.inputs, pairs)([s, x])
    assert [y.shape[1:3] for y in seen] == [(6, 4), (3, 2)]
    for y in seen:  # the border's zeros would pull these towards 0
        np.testing.assert_allclose(y, np.broadcast_to([0.75, -0.5], y.shape), rtol=1e-6)


BUILDERS = {
    "global_generator": lambda size, c: networks.global_generator((*size, c), 2, width=2, downs=1, blocks=1),
    "local_enhancer": lambda size, c: networks.local_enhancer((*size, c), 2, width=2, blocks=1),
    "multiscale_discriminator": lambda size, c: networks.multiscale_discriminator((*size, c), 2, 2, layers=1, scales=2),
    "instance_encoder": lambda size, c: networks.instance_encoder((*size, c), 2, width=2, downs=1),
}


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("name", BUILDERS)
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_networks_take_rectangles_of_any_channels_and_give_float32_and_every_kernel_a_gradient(name, channels, policy):
    keras.config.set_dtype_policy(policy)
    network = BUILDERS[name]((12, 20), channels)
    inputs = [tf.random.stateless_normal([2, *x.shape[1:]], [0, i]) for i, x in enumerate(network.inputs)]
    with tf.GradientTape() as tape:
        said = keras.tree.flatten(network(inputs if len(inputs) > 1 else inputs[0]))
        loss = tf.add_n([tf.reduce_sum(y * tf.random.stateless_normal(y.shape, [3, i])) for i, y in enumerate(said)])
    assert all(y.dtype == tf.float32 for y in said)
    if name != "multiscale_discriminator":
        assert said[0].shape == (2, 12, 20, 2) and np.abs(said[0]).max() <= 1
    kernels = [w for w in network.trainable_weights if w.path.endswith("kernel")]
    assert kernels and all(np.any(gradient) for gradient in tape.gradient(loss, kernels))


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (
            lambda: networks.global_generator((24, 8, 1), downs=3),
            "image size 24x8: .* of 8, at least 16, for 3 halvings",
        ),
        (lambda: networks.global_generator((12, 12, 1), downs=3), "expected multiples of 8, .* like 16x16"),
        (lambda: networks.local_enhancer((9, 8, 1)), "image size 9x8: expected multiples of 2"),
        (lambda: networks.multiscale_discriminator((4, 9, 1), 1), "image size 4x9 with 3 patch layers and 3 scales"),
        (lambda: networks.multiscale_discriminator((8, 8, 1), 1, layers=0), "expected 1 or more of each"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(build, says):
    with pytest.raises(InputError, match=says):
        build()


def test_networks_have_the_parameters_of_the_published_ones():
    counts = {
        "discriminators": networks.multiscale_discriminator((256, 256, 3), 36).count_params(),
        "encoder": networks.instance_encoder((256, 256, 3)).count_params(),
        "enhancer": networks.local_enhancer((256, 256, 36), 3).count_params(),
    }
    assert counts == {"discriminators": 3 * 2_801_601, "encoder": 788_803, "enhancer": 319_715}


def test_g1_has_the_parameters_of_the_published_one(monkeypatch):
    monkeypatch.setattr(networks, "normal_002", lambda: "zeros")  # 0.7 GB, for a second: nothing is drawn
    generator = networks.global_generator((64, 64, 36), 3)
    assert generator.count_params() == 182_546_755
    assert networks.features_of(generator).count_params() + 319_715 == 182_857_059


# ---------------------------------------------------------------------------------------------------------------------
# Styles


def test_a_style_is_drawn_for_each_instance_whatever_its_name_and_neighbours():
    styles = Styles(50, 2)
    styles.centres.assign(np.random.default_rng(0).normal(size=[50, 2]))
    instance = ids(3, np.random.default_rng(3))
    drawn = styles.sample(tf.constant(instance), 4).numpy()
    of_each = [{tuple(v) for v in drawn[b][instance[b, ..., 0] == n]} for b in range(3) for n in np.unique(instance[b])]
    assert all(len(found) == 1 for found in of_each) and len(set.union(*of_each)) > 3
    known = {tuple(row) for row in styles.centres.numpy()}
    assert set.union(*of_each) <= known
    np.testing.assert_array_equal(styles.sample(tf.constant(instance * -5 + 1), 4), drawn)
    np.testing.assert_array_equal(styles.sample(tf.constant(instance[2:]), 4), drawn[2:])
    assert (styles.sample(tf.constant(instance), 5).numpy() != drawn).any()


def test_k_means_finds_planted_clusters_and_fills_what_has_no_member():
    rng = np.random.default_rng(0)
    planted = np.array([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]])
    points = np.repeat(planted, 20, 0) + rng.normal(size=[60, 2]) * 0.01
    found = k_means(points, 3, rng)
    np.testing.assert_allclose(sorted(map(tuple, found)), sorted(map(tuple, planted)), atol=0.02)
    expected = [points[20 * i : 20 * i + 20].mean(0) for i in range(3)]
    np.testing.assert_allclose(sorted(map(tuple, found)), sorted(map(tuple, expected)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(k_means(planted[1:2], 4, rng), np.repeat(planted[1:2], 4, 0))
    np.testing.assert_array_equal(k_means(planted[:0], 4, rng), np.zeros([4, 2]))


def test_styles_are_those_of_large_instances_and_are_served():
    model = TestCoarseToFine().make()
    rng = np.random.default_rng(0)
    target = rng.uniform(-1, 1, [1, *SHAPE]).astype(np.float32)
    instance = np.zeros([1, *SHAPE], np.int32)
    instance[0, :4] = 1
    instance[0, 0, 0] = 2  # a share of 1/64: not above it
    model.cluster([{"target": target, "instance": instance}])
    own = model.encode(target, instance).numpy()[0]
    centres = {tuple(row) for row in np.round(model.styles.centres.numpy(), 6)}
    assert centres == {tuple(np.round(own[3, 3], 6)), tuple(np.round(own[6, 4], 6))}
    image = tf.constant(target)
    function, _ = model.signatures()["sample_styles"]
    answers = [function(image, tf.constant(instance), tf.constant(seed, tf.int64))["generated"] for seed in range(6)]
    assert len({answer.numpy().tobytes() for answer in answers}) > 1
    np.testing.assert_array_equal(model([image, instance])["generated"], answers[model.seed])


def test_without_ids_there_are_no_edges_and_files_are_translated():
    network = networks.global_generator((8, 8, 1), 1, width=4, downs=1, blocks=1)
    judging = networks.multiscale_discriminator((8, 8, 1), 1, width=4, layers=1, scales=1)
    model = Pix2PixHD(network, judging, instances=False)
    model.compile(g_optimizer=keras.optimizers.Adam(), d_optimizer=keras.optimizers.Adam())
    x = np.random.default_rng(0).uniform(-1, 1, [4, 8, 8, 1]).astype(np.float32)
    model.fit({"image": x, "target": -x}, batch_size=2, verbose=0)
    np.testing.assert_allclose(model(x)["generated"], network(x), rtol=1e-5, atol=1e-6)
    assert set(model.signatures()) == {"serving_default", "translate_bytes"}


@pytest.mark.parametrize(
    ("given", "says"),
    [({"fix_global": True}, "nothing of G to train"), ({"encoder": True, "instances": False}, "leave instances on")],
)
def test_what_does_not_fit_together_is_refused(given, says):
    network = networks.global_generator((8, 8, 1), 1, width=4, downs=1, blocks=1)
    with pytest.raises(ValueError, match=says):
        Pix2PixHD(network, network, **given)
    with pytest.raises(ValueError, match="no encoder"):
        TestPix2PixHD().make().cluster([])
