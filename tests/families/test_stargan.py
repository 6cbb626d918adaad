import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, lines, step
from conformance import Conformance

from tfgan_zoo import StarGAN, losses, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.stargan import permuted
from tfgan_zoo.layers import ReflectionPadding2D
from tfgan_zoo.networks.stargan import stargan_discriminator, stargan_generator

SHAPE, DOMAINS = (8, 8, 1), 3


class TestStarGAN(Conformance):
    penalised = ("discriminator",)

    def make(self):
        generator = stargan_generator(SHAPE, DOMAINS, width=4, blocks=1)
        return StarGAN(generator, stargan_discriminator(SHAPE, DOMAINS, width=8, layers=2), n_critic=2)

    def batch(self, count, rng):
        image = rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32)
        return {"image": image, "domain": rng.integers(0, DOMAINS, count)}


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G makes w x + b_c of x. D has two patches, d_0 (x + x^2) + d_1 and d_2 x + d_3, and class logits u_k x + e_k.
    g, d = np.array([0.6, 0.2, -0.3, 0.5]), np.array([0.4, 0.1, -0.7, 0.2])
    u, e = np.array([[0.3, -0.5, 0.8], [0.2, 0.1, -0.4]])
    x = np.array([1.0, -0.5, 0.8, 0.2, 1.2, -0.1, -0.9, 0.4])
    own = np.array([0, 1, 2, 0, 1, 2, 0, 0])
    point, constant = keras.Input([1]), keras.initializers.Constant

    def dense(values, biases, of):
        start = {"kernel_initializer": constant(np.float32([values])), "bias_initializer": constant(np.float32(biases))}
        return keras.layers.Dense(len(biases), **start)(of)

    patches = keras.layers.Concatenate()([dense(d[:1], d[1:2], point + point**2), dense(d[2:3], d[3:], point)])
    critic = keras.Model(point, [Turned()(patches), Turned()(dense(u, e, point))])
    model = StarGAN(lines(g), critic, n_critic=2, cls_weight=0.7, rec_weight=3.0, gp_weight=2.0)
    with random.stream(model.seed):  # the order of the domains asked for, then the point of each penalty
        draws = [draw() for draw in [lambda: random.uniform([4], same=True), lambda: random.uniform([4, 1])[:, 0]] * 2]
    moved, logs = step(model, {"image": x[:, None], "domain": own})

    def told(x, domain):  # what class logits lose, and the slope of their mean in them: p - 1 at the right one
        p = np.exp(u * x[:, None] + e)
        p /= p.sum(1, keepdims=True)
        return -np.log(p[np.arange(4), domain]).mean(), (p - np.eye(3)[domain]) / 4

    d_before, u_before, e_before = d.copy(), u.copy(), e.copy()
    for real, domain, order, share in zip(
        (x[::2], x[1::2]), (own[::2], own[1::2]), draws[::2], draws[1::2], strict=True
    ):
        asked = domain[np.argsort(order)]
        assert (asked != domain).any()
        fake = g[0] * real + g[1:][asked]
        mixed = np.float64(share) * real + (1 - np.float64(share)) * fake
        slope = d[0] * (1 + 2 * mixed) + d[2]  # of the sum of the patches
        d_loss = (d[0] * (fake + fake**2 - real - real**2) + d[2] * (fake - real)).mean() / 2
        gp, (d_class, of_class) = np.mean((np.abs(slope) - 1) ** 2), told(real, domain)
        of_slope = 2.0 * 2 * (np.abs(slope) - 1) * np.sign(slope)
        of_d = np.array([(fake + fake**2 - real - real**2).mean() / 2, 0, (fake - real).mean() / 2, 0])
        of_d += [np.mean(of_slope * (1 + 2 * mixed)), 0, np.mean(of_slope), 0]
        d, u, e = d - of_d, u - 0.7 * real @ of_class, e - 0.7 * of_class.sum(0)
    by_hand = np.concatenate([d_before[:2] - d[:2], d_before[2:] - d[2:], u_before - u, e_before - e])
    np.testing.assert_allclose(moved["discriminator"], by_hand, rtol=1e-5, atol=1e-6)

    g_class, of_class = told(fake, asked)  # of the last minibatch
    again = g[0] * fake + g[1:][domain]
    of_again = 3.0 * np.sign(again - real) / 4
    of_fake = -(d[0] * (1 + 2 * fake) + d[2]) / 2 / 4 + 0.7 * of_class @ u + of_again * g[0]
    of_b = np.bincount(asked, of_fake, 3) + np.bincount(domain, of_again, 3)
    of_g = np.array([np.sum(of_fake * real) + np.sum(of_again * fake), *of_b])
    np.testing.assert_allclose(moved["generator"], of_g, rtol=1e-5, atol=1e-6)
    g_loss = -(d[0] * (fake + fake**2) + d[1] + d[2] * fake + d[3]).mean() / 2
    expected = {"d_loss": d_loss, "gp": gp, "d_class": d_class, "g_loss": g_loss, "g_class": g_class}
    expected["rec"] = np.abs(again - real).mean()
    assert logs.keys() == expected.keys()
    np.testing.assert_allclose([logs[name] for name in expected], list(expected.values()), rtol=1e-5)


def test_the_weights_are_1_10_and_10_and_five_critic_steps_the_default():
    model = StarGAN(lines([1.0, 0.0, 0.0]), stargan_discriminator(SHAPE, 2, 4, 1))
    assert (model.cls_weight, model.rec_weight, model.gp_weight) == (1.0, 10.0, 10.0)
    assert model.n_critic == model.minibatches == 5


def test_the_penalty_holds_the_slope_of_the_sum_over_the_patches_to_1():
    # P patches a'x with |a| = s: the sum has the slope P s, each patch s alone, their mean too.
    image = keras.Input(SHAPE)
    kernel = np.random.default_rng(0).normal(size=[8, 8, 1, 1]).astype(np.float32)
    s, patches = np.linalg.norm(kernel), 6
    kernel = np.repeat(kernel, patches, axis=-1)
    logits = keras.layers.Conv2D(patches, 8, use_bias=False, kernel_initializer=keras.initializers.Constant(kernel))
    model = StarGAN(
        stargan_generator(SHAPE, DOMAINS, 4, 1),
        keras.Model(image, [logits(image), keras.layers.Dense(DOMAINS)(keras.layers.Flatten()(image))]),
        n_critic=1,
    )
    model.compile(**{name: keras.optimizers.SGD(0.0) for name in model.trains})
    logs = TestStarGAN().train(model, 1)
    np.testing.assert_allclose(logs["gp"], (patches * s - 1) ** 2, rtol=1e-4)


@pytest.mark.parametrize("domains", [3, 8])
def test_where_d_says_nothing_the_losses_of_the_domain_are_the_logarithm_of_their_number(domains):
    discriminator = stargan_discriminator(SHAPE, domains, 8, 2)
    discriminator.set_weights([np.zeros_like(w) for w in discriminator.get_weights()])
    model = StarGAN(stargan_generator(SHAPE, domains, 4, 1), discriminator, n_critic=1)
    model.compile(**{name: keras.optimizers.SGD(0.0) for name in model.trains})
    logs = TestStarGAN().train(model, 1)
    np.testing.assert_allclose([logs["d_class"], logs["g_class"]], np.log(domains), rtol=1e-6)
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"], logs["gp"]], [0, 0, 1], atol=1e-6)


def test_a_generator_that_does_nothing_reconstructs_without_a_loss():
    image, domain = keras.Input(SHAPE), keras.Input([], dtype="int64")
    same = keras.layers.Conv2D(1, 1, kernel_initializer="ones", use_bias=False)(image)
    same += 0.0 * keras.layers.Reshape([1, 1, 1])(keras.ops.cast(domain, "float32"))
    model = StarGAN(keras.Model([image, domain], same), stargan_discriminator(SHAPE, DOMAINS, 8, 2), n_critic=1)
    model.compile(**{name: keras.optimizers.SGD(0.1) for name in model.trains})
    assert TestStarGAN().train(model, 1)["rec"] == 0.0


def _to_each_domain(network, image):
    return [network([image, np.full(len(image), k)]).numpy() for k in range(DOMAINS)]


def test_the_domain_reaches_the_generator_through_the_zeros_at_the_border_alone():
    shape = (16, 16, 1)
    image = np.random.default_rng(0).uniform(-1, 1, [2, *shape]).astype(np.float32)
    generator = stargan_generator(shape, DOMAINS, width=4, blocks=1)
    first = generator.get_layer("first")
    a, b, _ = _to_each_domain(keras.Model(generator.inputs, first.output), image)
    inner = (a - b)[:, 3:-3, 3:-3]
    np.testing.assert_allclose(inner, np.broadcast_to(inner[:, :1, :1], inner.shape), atol=1e-6)
    assert np.abs(inner[0, 0, 0]).max() > 1e-3 and np.abs((a - b)[0, 0, 0] - inner[0, 0, 0]).max() > 1e-3
    a, b, c = _to_each_domain(generator, image)
    assert min(np.abs(a - b).max(), np.abs(b - c).max()) > 1e-3

    mirrored = keras.layers.Conv2D(4, 7, use_bias=False)
    x = mirrored(ReflectionPadding2D(3)(first.input))
    mirrored.set_weights(first.get_weights())
    rest = keras.Model(first.output, generator.output)
    a, b, c = _to_each_domain(keras.Model(generator.inputs, rest(x)), image)
    np.testing.assert_allclose(a, b, atol=2e-5)
    np.testing.assert_allclose(b, c, atol=2e-5)


def test_the_domains_asked_for_are_those_of_the_batch_in_another_order():
    domain, seen = np.array([0, 0, 1, 2, 2, 2]), set()
    for n in range(40):
        with random.stream(3, n):
            asked = permuted(tf.constant(domain)).numpy()
        np.testing.assert_array_equal(np.sort(asked), domain)
        seen.add(tuple(asked))
    assert len(seen) > 20


def test_networks_have_as_many_parameters_as_the_published_ones():
    for domains, g, d in ((5, 8_430_528, 44_762_048), (8, 8_439_936, 44_786_624)):
        generator = stargan_generator((128, 128, 3), domains)
        discriminator = stargan_discriminator((128, 128, 3), domains)
        assert (generator.count_params(), discriminator.count_params()) == (g, d)
        assert discriminator.output_shape == [(None, 2, 2, 1), (None, domains)]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_discriminator_of_rectangular_pictures_has_a_logit_per_patch_and_a_gradient_everywhere(channels):
    network = stargan_discriminator((13, 24, channels), DOMAINS, 4, layers=2)
    with tf.GradientTape() as tape:
        logits, of_class = network(tf.random.stateless_normal([2, 13, 24, channels], [0, 1]))
        loss = tf.reduce_sum(tf.square(logits)) + tf.reduce_sum(tf.square(of_class))
    assert (logits.shape, of_class.shape) == ((2, 3, 6, 1), (2, DOMAINS))
    assert all(np.any(gradient) for gradient in tape.gradient(loss, network.trainable_weights))


def test_sizes_that_do_not_fit_are_refused_with_those_that_do():
    with pytest.raises(InputError, match="image size 30x32: expected multiples of 4, at least 8, like 28x32 or 32x32"):
        stargan_generator((30, 32, 1), DOMAINS)
    with pytest.raises(InputError, match="image size 32x64 with 6 layers: expected 1 layer or more, and images of"):
        stargan_discriminator((32, 64, 1), DOMAINS)


def test_a_request_for_a_domain_that_is_not_there_fails():
    model = TestStarGAN().compiled()
    image = np.zeros([2, *SHAPE], np.float32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="domain must be from 0 to 2"):
        model.translate(image, np.array([0, 3]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="there must be one domain per example"):
        model.translate(image, np.array([0]))


def test_held_out_examples_are_shown_with_their_target_and_the_way_back():
    model, rng = TestStarGAN().compiled(), np.random.default_rng(0)
    batch = TestStarGAN().batch(5, rng) | {"target": rng.uniform(-1, 1, [5, *SHAPE]), "source": np.arange(5) % 3}
    shown = model.preview(batch)
    assert list(shown) == ["image", "generated", "target", "and back"]
    np.testing.assert_array_equal(shown["target"], batch["target"])
    generated = model.generator([tf.constant(batch["image"]), tf.constant(batch["domain"])])
    np.testing.assert_allclose(shown["generated"], generated, atol=1e-6)
    np.testing.assert_allclose(shown["and back"], model.generator([generated, tf.constant(batch["source"])]), atol=1e-5)


def test_cross_entropy_is_that_of_the_softmax_of_logits_whatever_their_precision():
    logits, label = np.array([[1.0, 2.0, -1.0], [0.5, 0.0, 3.0]]), np.array([2, 0])
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = -np.log(p[[0, 1], label]).mean()
    np.testing.assert_allclose(losses.cross_entropy(tf.constant(logits, tf.float32), label), expected, rtol=1e-6)
    half = losses.cross_entropy(tf.constant(logits, tf.float16), label)
    assert half.dtype == tf.float32
    np.testing.assert_allclose(half, expected, rtol=1e-3)
