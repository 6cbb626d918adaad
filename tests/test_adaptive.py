import keras
import numpy as np
import pytest
import second_gradient
import tensorflow as tf
from keras import layers as kl

from tfgan_zoo import DCGAN, GANCLS, SAGAN, SNGAN, ProGAN, StyleGAN, adaptive, augment, random, replicas, run
from tfgan_zoo.errors import InputError
from tfgan_zoo.networks import growing, sn_resnet, style, stylegan, text_to_image
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator
from tfgan_zoo.words import Words

SHAPE, LAYERS = (8, 8, 1), (adaptive.Adaptive, augment.Augment)


def pictures(count=6, height=8, width=8, channels=3):
    rng = np.random.default_rng(0)
    return tf.constant(rng.uniform(-1, 1, [count, height, width, channels]).astype(np.float32))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_at_probability_zero_pictures_are_the_same_to_the_bit(channels):
    image = pictures(height=7, width=12, channels=channels)
    with random.stream(0):
        np.testing.assert_array_equal(adaptive.moved(image, 0.0), image)
    with random.stream(0):
        np.testing.assert_allclose(adaptive.changed(image, 0.0), image, rtol=1e-6, atol=1e-6)


def affine(matrix, offset=(0.0, 0.0), count=1):
    return tf.constant([matrix] * count, tf.float32), tf.constant([offset] * count, tf.float32)


@pytest.mark.parametrize(
    ("matrix", "offset", "expected"),
    [
        ([[-1, 0], [0, 1]], (0, 0), lambda x: x[:, :, ::-1]),
        ([[0, 1], [-1, 0]], (0, 0), lambda x: np.rot90(x, -1, (1, 2))),
        ([[0, -1], [1, 0]], (0, 0), lambda x: np.rot90(x, 1, (1, 2))),
        ([[-1, 0], [0, -1]], (0, 0), lambda x: x[:, ::-1, ::-1]),
        ([[1, 0], [0, 1]], (2, 0), lambda x: np.pad(x, [[0, 0], [0, 0], [0, 2], [0, 0]], "reflect")[:, :, 2:]),
        ([[1, 0], [0, 1]], (0, -3), lambda x: np.pad(x, [[0, 0], [3, 0], [0, 0], [0, 0]], "reflect")[:, :-3]),
    ],
)
def test_what_moves_whole_pixels_moves_them_to_the_bit(matrix, offset, expected):
    image = pictures()
    np.testing.assert_array_equal(adaptive.resampled(image, *affine(matrix, offset, 6)), expected(image.numpy()))


def test_a_plane_is_scaled_and_turned_exactly_inside():
    # Bilinear resampling of a linear function is that function.
    y, x = np.mgrid[:17, :17] - 8.0
    plane = tf.constant((0.3 * x - 0.2 * y + 0.1)[None, :, :, None], tf.float32)
    matrix = np.array([[0.8, 0.3], [-0.4, 0.7]])
    made = adaptive.resampled(plane, *affine(matrix, (0.25, -0.5)))[0, :, :, 0]
    from_x = matrix[0, 0] * x + matrix[0, 1] * y + 0.25
    from_y = matrix[1, 0] * x + matrix[1, 1] * y - 0.5
    inside = (np.abs(from_x) <= 8) & (np.abs(from_y) <= 8)
    np.testing.assert_allclose(made[inside], (0.3 * from_x - 0.2 * from_y + 0.1)[inside], rtol=1e-4, atol=1e-5)
    assert inside.mean() > 0.5


def test_each_picture_is_moved_by_its_own_draws_and_as_probably_as_asked():
    image = tf.repeat(pictures(1, channels=1), 2000, axis=0)
    for p in (0.25, 1.0):
        with random.stream(5):
            made = adaptive.moved(image, p).numpy()
        same = np.mean(np.all(made == image.numpy(), axis=(1, 2, 3)))
        # Three changes, and two turns with 1 - p together. A flip does nothing in half of the cases, a turn by quarters
        # in a fourth, a move by whole pixels of 8 in a fourth: of -1, 0, 1 the middle has a half, squared.
        unmoved = (1 - p) ** 4 * (1 - p / 2) * (1 - p * 3 / 4) ** 2
        np.testing.assert_allclose(same, unmoved, atol=4 * np.sqrt(0.25 / 2000) * (p < 1))


def test_colours_are_those_of_the_matrices_by_hand():
    image, count = pictures(200), 200
    with random.stream(2):
        made = adaptive.coloured(image, 1.0).numpy()
    with random.stream(2):

        def gated(value):
            random.uniform([count])  # always, at p = 1
            return np.float64(value)

        brightness = gated(0.2 * random.normal([count]))
        contrast = gated(2.0 ** (0.5 * random.normal([count])))
        flip = gated(random.integers([count], 2))
        angle = gated(random.uniform([count], -np.pi, np.pi))
        saturation = gated(2.0 ** random.normal([count]))
    v = np.ones(3) / np.sqrt(3)
    for i in range(count):
        rows = (image[i].numpy().reshape(-1, 3) + brightness[i]) * contrast[i]
        rows -= 2 * flip[i] * np.outer(rows @ v, v)
        along, cosine, sine = np.outer(rows @ v, v), np.cos(angle[i]), np.sin(angle[i])
        rows = rows * cosine + np.cross(v, rows) * sine + along * (1 - cosine)  # Rodrigues
        along = np.outer(rows @ v, v)
        rows = along + saturation[i] * (rows - along)
        np.testing.assert_allclose(made[i].reshape(-1, 3), rows, rtol=1e-3, atol=1e-4)


def test_grey_pictures_are_coloured_as_equal_channels_are():
    grey = pictures(50, channels=1)
    with random.stream(2):
        one = adaptive.coloured(grey, 1.0)
    with random.stream(2):
        three = adaptive.coloured(tf.repeat(grey, 3, axis=3), 1.0)
    np.testing.assert_allclose(tf.repeat(one, 3, axis=3), three, rtol=1e-3, atol=1e-4)


def test_opacity_stays():
    image = pictures(channels=4)
    with random.stream(2):
        made = adaptive.coloured(image, 1.0)
    np.testing.assert_array_equal(made[..., 3], image[..., 3])
    assert np.abs(made - image)[..., :3].min(axis=(0, 1, 2)).max() > 0


def test_all_changes_are_linear_in_the_picture_and_have_second_gradients():
    image = kl.Input([6, 5, 3])
    x = adaptive.Adaptive(start=0.9)(image)
    x = kl.Conv2D(3, 3, activation="tanh")(x)
    network = keras.Model(image, kl.Dense(1)(kl.Flatten()(x)))
    second_gradient.check(network, [pictures(3, 6, 5).numpy()], np.random.default_rng(0))


def test_they_compile_with_xla_to_the_same():
    image = pictures(channels=1)

    def run(image):
        with random.stream(3):
            return adaptive.changed(image, 0.8)

    np.testing.assert_allclose(tf.function(run, jit_compile=True)(image), run(image), rtol=1e-4, atol=1e-4)


def layer(**given):
    made = adaptive.Adaptive(**given)
    made.build((None, 8, 8, 1))
    return made


def test_p_rises_by_the_share_of_pictures_seen_while_the_signs_are_above_the_target_and_falls_below_by_hand():
    ada = layer(images=100, every=2, start=0.05)
    # Batches of 4 logits. The means of the signs of two batches: 0.75, 0.5 (below 0.6), 0.625.
    seen = [
        ([1, 2, 3, -1], 0.5, 0.05),
        ([5, 1, 0.1, 9], 0.75, 0.05 + 8 / 100),
        ([1, 1, 1, 0], 0.75, 0.13),
        ([1, 1, 1, -2], 0.625, 0.13 + 8 / 100),
        ([1, 1, -1, -1], 0.0, 0.21),
        ([1, 1, 1, 1], 0.5, 0.21 - 8 / 100),
        ([-1, -1, -1, -1], -1.0, 0.13),
        ([-1, -1, -1, -1], -1.0, 0.05),
        ([-1, -1, -1, -1], -1.0, 0.05),
        ([-1, -1, -1, -1], -1.0, 0.0),  # not below 0
    ]
    for i, (logits, rate, p) in enumerate(seen):
        with random.stream(0, i):
            got = ada.observe(tf.constant(logits, tf.float32)[:, None])
        np.testing.assert_allclose(got, [rate, p], rtol=1e-5, atol=1e-6, err_msg=str(i))
        np.testing.assert_allclose(ada.p, p, rtol=1e-5, atol=1e-6)


def test_all_replicas_take_the_signs_of_all(two_replicas):
    with two_replicas.scope():
        ada = layer(images=100, every=1)
    logits = tf.constant([[2.0], [1.0], [5.0], [-1.0], [3.0], [1.0], [1.0], [1.0]])

    @tf.function
    def step():
        def own():
            with random.stream(0, 0):
                rate, p = ada.observe(tf.reshape(logits, [2, 4, 1])[replicas.index()])
                return {"rate": rate, "p": p}

        return two_replicas.run(own)

    for name, expected in (("rate", 0.75), ("p", 0.08)):
        got = two_replicas.experimental_local_results(step()[name])
        np.testing.assert_allclose(got, [expected] * 2, rtol=1e-5)
        ada.p.assign(0.0)


def test_p_stays_at_one():
    ada = layer(images=4, every=1, start=0.5)
    with random.stream(0):
        ada.observe(tf.ones([4, 1]))
    assert float(ada.p) == 1.0


def test_a_discriminator_sees_changed_pictures_in_training_alone_and_is_found_by_observe():
    network = dcgan_discriminator((8, 8, 1), width=4, normalization=None)
    assert adaptive.observe(network, tf.ones([2, 1])) == {}
    wrapped = augment.wrap(network, ada=adaptive.Adaptive(start=1.0, every=1, images=10), noise=0.1)
    image = pictures(4, channels=1)
    with random.stream(0):
        np.testing.assert_array_equal(wrapped(image), network(image))
        assert np.abs(wrapped(image, training=True) - network(image)).min() > 0
        told = adaptive.observe(wrapped, -tf.ones([4, 1]))
    np.testing.assert_allclose([told["r_t"], told["augment_p"]], [-1.0, 0.6], rtol=1e-5)


def sn_networks():
    return sn_resnet.sn_resnet_generator(SHAPE, 3, 4), sn_resnet.sn_resnet_discriminator(SHAPE, 4)


def style_networks():
    return style.mapping_network(3, 4, depth=1), stylegan.stylegan_syntheses(SHAPE, 4, 4)[1].steady


def grown():
    return growing.growing_discriminators(SHAPE, 4)[1].steady


FAMILIES = {  # family -> the model of a discriminator that is wrapped, its networks
    "dcgan": (lambda d, g: DCGAN(g, d), lambda: (dcgan_discriminator(SHAPE, 4), dcgan_generator(SHAPE, 3, 4))),
    "sngan": (lambda d, g: SNGAN(g, d, n_dis=1), lambda: sn_networks()[::-1]),
    "sagan": (lambda d, g: SAGAN(g, d), lambda: sn_networks()[::-1]),
    "stylegan": (lambda d, *g: StyleGAN(*g, d), lambda: (grown(), *style_networks())),
    "progan": (lambda d, g: ProGAN(g, d), lambda: (grown(), growing.progan_generators(SHAPE, 3, 4)[1].steady)),
}


@pytest.fixture
def seen(monkeypatch):
    """What `Adaptive` layers observe."""
    found, observe = [], adaptive.Adaptive.observe
    monkeypatch.setattr(adaptive.Adaptive, "observe", lambda *given: found.append(given[1].numpy()) or observe(*given))
    return found


def stepped(model, batch):
    model.compile(**{name: keras.optimizers.SGD(0.01) for name in model.trains})
    with random.stream(0):
        return model.train_step(batch)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_step_of_a_family_observes_what_its_discriminator_says_of_training_pictures(family, seen):
    model, networks = FAMILIES[family]
    keras.utils.set_random_seed(0)
    untouched = networks()[0]
    keras.utils.set_random_seed(0)
    discriminator, *others = networks()
    model = model(augment.wrap(discriminator, ada=adaptive.Adaptive(0.999, images=64, every=1)), *others)
    image = pictures(8, channels=1)
    logs = stepped(model, image)
    expected = np.array(untouched(image, training=True))
    if family == "progan":  # the critic's answers are those below and above the middle of both
        expected -= expected.mean()
        np.testing.assert_allclose(seen[0].mean(), -logs["d_loss"] / 2, rtol=1e-4, atol=1e-6)
        seen[0] -= seen[0].mean()
    np.testing.assert_allclose(seen[0], expected, rtol=1e-4, atol=1e-5)
    (layer,) = (layer for layer in model.discriminator.layers if isinstance(layer, adaptive.Adaptive))
    assert len(seen) == 1 and float(logs["r_t"]) <= 1.0
    np.testing.assert_allclose(logs["augment_p"], layer.p)


def test_gan_cls_observes_what_its_discriminator_says_of_pictures_with_their_texts(seen):
    words, encoder = Words.of(["a b", "c"]), text_to_image.bag_of_words(3, 2, 4)
    sizes = {"embedding_dim": 4, "text_dim": 3, "width": 4}
    keras.utils.set_random_seed(0)
    untouched = text_to_image.gan_cls_discriminator(SHAPE, **sizes)
    keras.utils.set_random_seed(0)
    wrapped = augment.wrap(text_to_image.gan_cls_discriminator(SHAPE, **sizes), ada=adaptive.Adaptive())
    model = GANCLS(text_to_image.gan_cls_generator(SHAPE, latent_dim=3, **sizes), wrapped, encoder, words)
    image, text = pictures(8, channels=1), tf.constant(["a b", "c"] * 4)
    expected = untouched([image, encoder(words.ids(text))], training=True)
    logs = stepped(model, {"image": image, "wrong": image[::-1], "text": text})
    np.testing.assert_allclose(seen, [expected], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(logs["r_t"], np.mean(np.sign(expected)), rtol=1e-5)


def test_the_discriminators_of_one_wrapper_share_p():
    config = run.Augmented(ada=True, ada_target=0.5, ada_images=100, diff_augment="color")
    wrapped = augment.wrapper(config)
    layers = [[x for x in wrapped(dcgan_discriminator(SHAPE, 4)).layers if isinstance(x, LAYERS)] for _ in range(2)]
    assert [type(x) for x in layers[0]] == [adaptive.Adaptive, augment.Augment]
    assert layers[0][0] is layers[1][0] and layers[0][0].target == 0.5 and layers[0][0].images == 100
    plain = dcgan_discriminator(SHAPE, 4)
    assert augment.wrapper(run.Augmented())(plain) is plain


def test_it_is_asked_for_with_a_target_and_channels_that_fit():
    with pytest.raises(InputError, match="target 2, start 0.0; expected -1 to 1 and 0 to 1"):
        adaptive.Adaptive(target=2)
    with random.stream(0), pytest.raises(InputError, match="of 2 channels: expected pictures of 1, 3 or 4"):
        adaptive.changed(pictures(channels=2), 0.5)
