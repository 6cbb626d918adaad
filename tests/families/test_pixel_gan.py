import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, off_their_start, sigmoid, softplus, step
from conformance import Conformance

from tfgan_zoo import PixelGAN, autoregressive, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import export
from tfgan_zoo.families.pixel_gan import each_category
from tfgan_zoo.masked_layers import MaskedConv2D
from tfgan_zoo.metrics.clusters import cluster_accuracy
from tfgan_zoo.networks.mlp import mlp_discriminator
from tfgan_zoo.networks.pixel_cnn import gated_pixel_cnn
from tfgan_zoo.networks.pixel_gan import pixel_gan_encoder

SHAPE = (4, 5, 1)


def small(categories=3, dim=2, **kwargs):
    decoder = gated_pixel_cnn(SHAPE, 2, 0, first_kernel=3, code_dim=categories + dim, code_maps=2)
    encoder = pixel_gan_encoder(SHAPE, categories, dim, 2)
    return PixelGAN(encoder, decoder, mlp_discriminator((categories + dim,), [4]), **kwargs)


class TestPixelGAN(Conformance):
    def make(self):
        return small(binarize="dynamic")

    def batch(self, count, rng):
        return {"image": rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32), "label": rng.integers(0, 3, count)}


class CategoriesAlone(TestPixelGAN):
    def make(self):
        return small(3, 0)


class NumbersAlone(TestPixelGAN):
    def make(self):
        return small(0, 2)


@pytest.mark.parametrize("kind", [CategoriesAlone, NumbersAlone])
def test_codes_of_one_kind_train_and_are_served(kind, tmp_path):
    kind().test_a_few_steps_move_every_trainable_weight_and_log_finite_losses()
    kind().test_calling_it_and_predict_answer_as_serving_default_and_its_names_are_known()
    kind().test_the_export_answers_every_signature_as_the_live_model_does(tmp_path)


# --- a step by hand: an encoder and a discriminator of lines, a decoder of four pixels before and of the code


def tiny(encode, kernel, of_code, judge, **kwargs):
    """Networks that answer with the other sign outside of training.

    Args:
        encode: `[7, 3]`, from the six pixels to the logits of two categories and a number; the last row is the bias.
        kernel: `[5]`, of the pixels to the upper left, above, to the upper right, to the left, and a bias.
        of_code: `[3]`, of the logits.
        judge: `[4]`, of the discriminator; the last one is its bias.
    """
    image, x, code, seen = keras.Input((2, 3, 1)), keras.Input((2, 3, 1)), keras.Input([3]), keras.Input([3])
    lines, told, judged = keras.layers.Dense(3), keras.layers.Dense(1, use_bias=False), keras.layers.Dense(1)
    said = Turned()(lines(keras.layers.Flatten()(image)))
    encoder = keras.Model(image, {"category": said[:, :2], "code": said[:, 2:]})
    first = MaskedConv2D(1, 3, "A")
    logits = keras.layers.Add()([first(x), keras.layers.Reshape([1, 1, 1])(told(code))])
    decoder = keras.Model([x, code], Turned()(logits))
    discriminator = keras.Model(seen, Turned()(judged(seen)))
    lines.set_weights([encode[:-1], encode[-1]])
    whole = np.zeros(9, np.float32)
    whole[:4] = kernel[:4]
    first.set_weights([whole.reshape(3, 3, 1, 1), kernel[4:]])
    told.set_weights([of_code[:, None]])
    judged.set_weights([judge[:3, None], judge[3:]])
    return PixelGAN(encoder, decoder, discriminator, **kwargs)


def before(x):
    """The four pixels before each, `[B, 2, 3, 4]`, of pictures `[B, 2, 3]`; zeros beyond the border."""
    wide = np.pad(x, [(0, 0), (1, 0), (1, 1)])
    return np.stack([wide[:, :2, :3], wide[:, :2, 1:4], wide[:, :2, 2:], wide[:, 1:, :3]], -1)


class Encoded:
    """The code of pictures by NumPy, and the gradient of the encoder for a slope in the code."""

    def __init__(self, encode, flat):
        self.flat = flat
        said = flat @ encode[:-1] + encode[-1]
        p = np.exp(said[:, :2])
        self.p = p / p.sum(1, keepdims=True)
        self.code = np.concatenate([self.p, said[:, 2:]], 1)

    def gradient(self, slope):
        """`[7, 3]`, of slopes `[B, 3]` in the code."""
        of_p = slope[:, :2]
        of_logits = self.p * (of_p - (of_p * self.p).sum(1, keepdims=True))
        of_said = np.concatenate([of_logits, slope[:, 2:]], 1)
        return np.concatenate([self.flat.T @ of_said, of_said.sum(0, keepdims=True)])


@pytest.mark.parametrize("binarize", ["threshold", "dynamic"])
def test_a_step_moves_each_network_by_its_gradients_one_after_the_other_computed_by_hand(binarize, monkeypatch):
    monkeypatch.setattr(autoregressive, "_POINTWISE", (*autoregressive._POINTWISE, Turned))
    rng = np.random.default_rng(0)
    encode, kernel, of_code, judge = 0.3 * rng.normal(size=[7, 3]), *(0.7 * rng.normal(size=n) for n in (5, 3, 4))
    image = rng.uniform(-1, 1, [4, 2, 3, 1]).astype(np.float32)
    model = tiny(encode, kernel, of_code, judge, seed=3, binarize=binarize)
    with random.stream(3):
        share = random.uniform([4, 2, 3, 1]).numpy() if binarize == "dynamic" else 0.5
        category, number = random.integers([4], 2).numpy(), np.float64(random.normal([4, 1]))
    value = (share <= (image + 1) / 2)[..., 0].astype(float)
    moved, logs = step(model, {"image": image, "label": np.arange(4)})

    flat, seen = (2 * value - 1).reshape(4, 6), before(2 * value - 1)
    first = Encoded(encode, flat)
    logits = seen @ kernel[:4] + (first.code @ of_code)[:, None, None] + kernel[4]
    nats = (softplus(logits) - value * logits).sum() / 4
    slope = (sigmoid(logits) - value) / 4
    each = slope.sum((1, 2))
    of_kernel = np.zeros(9)
    of_kernel[:4] = np.einsum("bij,bijs->s", slope, seen)
    np.testing.assert_allclose(moved["decoder"], [*(first.code.T @ each), *of_kernel, each.sum()], rtol=1e-4, atol=1e-5)
    of_reconstruction = first.gradient(each[:, None] * of_code)

    drawn = np.concatenate([np.eye(2)[category], number], 1)
    second = Encoded(encode - of_reconstruction, flat)

    def said(codes, judge):
        return codes @ judge[:3] + judge[3]

    d_loss = softplus(-said(drawn, judge)).mean() + softplus(said(second.code, judge)).mean()
    of_drawn, of_made = -sigmoid(-said(drawn, judge)) / 4, sigmoid(said(second.code, judge)) / 4
    of_judge = np.array([*(drawn.T @ of_drawn + second.code.T @ of_made), of_drawn.sum() + of_made.sum()])
    np.testing.assert_allclose(moved["discriminator"], of_judge, rtol=1e-4, atol=1e-5)

    after = judge - of_judge
    g_loss = softplus(-said(second.code, after)).mean()
    of_regularisation = second.gradient(-sigmoid(-said(second.code, after))[:, None] / 4 * after[:3])
    both = of_reconstruction + of_regularisation
    np.testing.assert_allclose(moved["encoder"], both.ravel(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose([logs[n] for n in ("nats", "d_loss", "g_loss")], [nats, d_loss, g_loss], rtol=1e-5)


# --- codes


def test_codes_of_the_prior_are_one_hot_categories_each_equally_likely_and_normal_numbers():
    with random.stream(0):
        code = small().draw_code(6000).numpy()
    assert code.shape == (6000, 5) and set(np.unique(code[:, :3])) == {0.0, 1.0}
    np.testing.assert_array_equal(code[:, :3].sum(1), 1.0)
    np.testing.assert_allclose(code[:, :3].mean(0), 1 / 3, atol=0.025)
    np.testing.assert_allclose(code[:, 3:].mean(0), 0.0, atol=0.06)
    np.testing.assert_allclose(code[:, 3:].std(0), 1.0, atol=0.05)
    assert small(3, 0).draw_code is not None and not hasattr(small(3, 0), "prior")


def test_the_code_of_a_picture_is_its_probabilities_and_its_numbers():
    model = small()
    image = np.random.default_rng(0).uniform(-1, 1, [4, *SHAPE]).astype(np.float32)
    told = model.signatures()["encode"][0](image)
    said = model.encoder(np.where(image >= 0, 1, -1), training=False)
    np.testing.assert_allclose(told["category_probabilities"], tf.nn.softmax(said["category"]), atol=1e-6)
    np.testing.assert_allclose(told["code"], said["code"], atol=1e-6)
    code = model.as_code(told).numpy()
    np.testing.assert_array_equal(code, np.concatenate([told["category_probabilities"], told["code"]], 1))
    logits = model.signatures()["discriminate"][0](image)["code_logits"]
    np.testing.assert_allclose(logits, model.discriminator(code, training=False), atol=1e-6)


def test_four_pictures_get_a_category_each_as_often_as_the_prior_has_it(record_property):
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)
    four = rng.choice([-1.0, 1.0], [4, 5, 5, 1])
    label = np.arange(32) % 4
    flips = np.where(rng.uniform(size=[32, 5, 5, 1]) < 0.05, -1.0, 1.0)
    batch = (four[label] * flips).astype(np.float32)
    decoder = gated_pixel_cnn((5, 5, 1), 4, 0, first_kernel=1, code_dim=4, code_maps=4)
    model = PixelGAN(pixel_gan_encoder((5, 5, 1), 4, 0, 4), decoder, mlp_discriminator((4,), [32, 32]))
    adam = keras.optimizers.Adam
    model.compile(
        r_optimizer=adam(3e-3), d_optimizer=adam(1e-3, 0.5), g_optimizer=adam(1e-3, 0.5), steps_per_execution=50
    )
    model.fit(tf.data.Dataset.from_tensors(batch).repeat(600), shuffle=False, verbose=0)
    told = model.encode(batch)["category_probabilities"].numpy()
    numbers = autoregressive.values(batch, 2)
    own, other = (model.log_p(numbers, np.roll(told, i, 0)).numpy().mean() for i in (0, 1))
    record_property("shares of the categories", np.round(told.mean(0), 3).tolist())
    record_property("nats by the own code, by another one", f"{-own:.2f} {-other:.2f}")
    np.testing.assert_allclose(told.mean(0), 0.25, atol=0.02)
    assert cluster_accuracy(told.argmax(1), label) == {"cluster_accuracy": 1.0}
    assert own - other > 5.0


# --- what the decoder sees


@pytest.mark.parametrize("code_maps", [0, 2])
def test_every_logit_changes_with_the_code_and_none_with_its_own_pixel_or_a_later_one(code_maps):
    decoder = off_their_start(gated_pixel_cnn(SHAPE, 6, 2, kernel=5, code_dim=5, code_maps=code_maps))
    x = np.random.default_rng(0).choice([-1.0, 1.0], [1, *SHAPE]).astype(np.float32)
    codes = np.eye(5, dtype=np.float32)[[0, 1]]
    one, other = (decoder([x, codes[i : i + 1]]).numpy() for i in (0, 1))
    assert (np.abs(one - other) > 1e-6).all()
    for place in range(20):
        turned = x.copy().reshape(20)
        turned[place] *= -1
        changed = (decoder([turned.reshape(1, *SHAPE), codes[:1]]).numpy() != one).reshape(20)
        assert not changed[: place + 1].any() and (place == 19 or changed[place + 1 :].any())


def test_given_a_code_the_probabilities_of_all_3x3_pictures_sum_to_1():
    decoder = off_their_start(gated_pixel_cnn((3, 3, 1), 6, 1, kernel=3, first_kernel=3, code_dim=2, code_maps=2))
    model = PixelGAN(pixel_gan_encoder((3, 3, 1), 2, 0, 2), decoder, mlp_discriminator((2,), [4]))
    numbers = (np.arange(512)[:, None] >> np.arange(9) & 1).reshape(512, 3, 3, 1).astype(np.float32)
    for code in ([1.0, 0.0], [0.0, 1.0]):
        given = model.log_p(numbers, np.tile(np.float32([code]), [512, 1]))
        np.testing.assert_allclose(np.exp(np.float64(given)).sum(), 1.0, atol=1e-5)


# --- what is served


def test_pictures_are_functions_of_category_numbers_and_seed():
    model = small()
    off_their_start(model.decoder)
    served = {name: function for name, (function, _) in model.signatures().items()}
    category, z = (
        tf.constant([0, 2, 1], tf.int64),
        tf.constant(np.random.default_rng(0).normal(size=[3, 2]), tf.float32),
    )
    code = np.concatenate([np.eye(3)[[0, 2, 1]], z], 1).astype(np.float32)
    made = served["decode"](category, z, tf.constant(5, tf.int64))["generated"]
    with random.stream(5):
        np.testing.assert_array_equal(made, model.sampler(random.uniform([3, 20]), code))
    alike = served["serving_default"](category, z)["generated"]
    np.testing.assert_array_equal(served["serving_default"](category[1:2], z[1:2])["generated"], alike[1:2])
    image = np.random.default_rng(0).uniform(-1, 1, [3, *SHAPE]).astype(np.float32)
    again = served["reconstruct"](image)["generated"]
    with random.stream(0, shared=True):
        expected = model.sampler(random.uniform([3, 20]), model.as_code(model.encode(image)))
    np.testing.assert_array_equal(again, expected)
    columns = each_category(model, 4)
    assert list(columns) == ["0", "1", "2"] and columns["1"].shape == (4, *SHAPE)


def test_a_category_that_there_is_none_of_is_refused_by_the_export(tmp_path):
    served = tf.saved_model.load(str(export(small(3, 0), tmp_path / "pixel_gan"))).signatures["serving_default"]
    assert served(category=tf.constant([2], tf.int64))["generated"].shape == (1, *SHAPE)
    with pytest.raises(tf.errors.InvalidArgumentError, match="category must be from 0 to 2"):
        served(category=tf.constant([3], tf.int64))


def test_networks_that_do_not_fit_are_refused():
    def decoder(length):
        return gated_pixel_cnn(SHAPE, 2, 0, code_dim=length)

    def judge(length):
        return mlp_discriminator((length,), [4])

    encoder = pixel_gan_encoder(SHAPE, 3, 2, 2)
    for networks in ((decoder(4), judge(5)), (decoder(5), judge(3)), (decoder(0), judge(5))):
        with pytest.raises(
            InputError, match=r"decoder and discriminator take .*; expected \[\(4, 5, 1\), \(5,\), \(5,"
        ):
            PixelGAN(encoder, *networks)
    with pytest.raises(
        InputError, match="the encoder's heads are {'category': 1}; expected category, of 2 or more, or"
    ):
        PixelGAN(pixel_gan_encoder(SHAPE, 1, 0, 2), decoder(1), judge(1))
    with pytest.raises(InputError, match="binarize 'grey'"):
        small(binarize="grey")
