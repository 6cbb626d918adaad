import keras
import numpy as np
import pytest
import tensorflow as tf
from closed_form import Turned, sigmoid, softplus, step
from conformance import Conformance

from tfgan_zoo import VAE, VAEGAN, random
from tfgan_zoo.errors import InputError
from tfgan_zoo.families.vae_gan import feature_loss
from tfgan_zoo.latent import Prior
from tfgan_zoo.networks.vae_gan import vae_gan_decoder, vae_gan_discriminator, vae_gan_encoder

SHAPE = (8, 8, 1)


def small(**kwargs):
    discriminator = vae_gan_discriminator(SHAPE, [3, 4, 4], 6)
    return VAEGAN(vae_gan_encoder(SHAPE, 3, [3, 4], 6), vae_gan_decoder(SHAPE, 3, [4, 3]), discriminator, **kwargs)


class TestVAEGAN(Conformance):
    def make(self):
        return small(gamma=0.05)

    def batch(self, count, rng):
        return {"image": rng.uniform(-1, 1, [count, *SHAPE]).astype(np.float32), "domain": np.arange(count)}


class Gated(TestVAEGAN):
    def make(self):
        return small(gamma=0.05, gate=(0.68, 0.35), fakes="samples")


def test_gating_makes_on_two_replicas_the_update_that_one_makes(two_replicas):
    Gated().test_two_replicas_make_the_update_that_one_makes(two_replicas)
    Gated().test_the_step_compiles_with_xla_and_computes_the_same()


# --- a step by hand: q(z|x) = N(A x + a, diag exp(B x + b)), x~ = C z + c, features F x + f, logits F' features + f'


def dense(kernel, bias):
    constant = keras.initializers.Constant
    kernel, bias = np.float32(kernel), np.float32(bias)
    return keras.layers.Dense(len(bias), kernel_initializer=constant(kernel), bias_initializer=constant(bias))


WEIGHTS = {
    "mean": ([[0.7, -0.4], [0.2, 0.9]], [0.1, -0.3]),
    "log_variance": ([[0.3, 0.5], [-0.6, 0.2]], [-0.5, 0.4]),
    "decoder": ([[0.8, -0.5], [0.6, 1.1]], [0.2, -0.1]),
    "features": ([[0.5, -0.3], [0.4, 0.9]], [-0.2, 0.3]),
    "logits": ([[1.2], [-0.7]], [0.1]),
}
POINTS = np.array([[0.5, -0.8], [-1.0, 0.3], [0.9, 0.6]])


def linear(weights=None, turn=True, **kwargs):
    """A `VAEGAN` of points whose networks are dense layers, and turn the sign outside of training."""
    weights, turned = weights or WEIGHTS, Turned() if turn else lambda x: x
    x, z = keras.Input([2]), keras.Input([2])
    code = {name: turned(dense(*weights[name])(x)) for name in ("mean", "log_variance")}
    features = dense(*weights["features"])(x)
    said = {"logits": turned(dense(*weights["logits"])(features)), "features": turned(features)}
    decoder = keras.Model(z, turned(dense(*weights["decoder"])(z)))
    return VAEGAN(keras.Model(x, code), decoder, keras.Model(x, said), **kwargs)


def draws(model, count):
    """The noise of the codes, and z, of the next step."""
    with random.stream(model.seed):
        return [np.float64(random.normal([count, 2])) for _ in range(2)]


def by_hand(x, noise, z, fakes):
    """The three losses, and the gradient of each in the weights of each network, `[loss][role]`, by NumPy."""
    (a, a0), (b, b0), (c, c0), (f, f0), (g, g0) = ((np.array(k), np.array(v)) for k, v in WEIGHTS.values())
    count = len(x)
    mean, log_variance = x @ a + a0, x @ b + b0
    spread = np.exp(log_variance / 2)
    code = mean + spread * noise
    made, sample = code @ c + c0, z @ c + c0

    def layer(inputs, slope):
        return [(inputs.T @ slope).ravel(), slope.sum(0)]

    def encoder(of_mean, of_log_variance):
        return np.concatenate(layer(x, of_log_variance) + layer(x, of_mean))  # Keras' order: that of the heads' names

    def through_code(of_code):
        return encoder(of_code, of_code * noise * spread / 2)

    def discriminator(parts):
        """Of (input, slope in the features, slope in the logits) of each call; features come before logits."""
        total = 0.0
        for inputs, of_features, of_logits in parts:
            of_features = of_features + of_logits @ g.T
            total = total + np.concatenate(layer(inputs, of_features) + layer(inputs @ f + f0, of_logits))
        return total

    kl = (mean**2 + spread**2 - 1 - log_variance).sum(1).mean() / 2
    nothing = {"encoder": 0.0, "decoder": 0.0, "discriminator": 0.0}
    of_kl = nothing | {"encoder": encoder(mean / count, (spread**2 - 1) / 2 / count)}

    error = made @ f - x @ f
    of_made = error @ f.T / count
    zeros = np.zeros([count, 1])
    of_reconstruction = {
        "encoder": through_code(of_made @ c.T),
        "decoder": np.concatenate(layer(code, of_made)),
        "discriminator": discriminator([(made, error / count, zeros), (x, -error / count, zeros)]),
    }

    def logits(v):
        return (v @ f + f0) @ g + g0

    both = fakes == "both"
    cost = [softplus(-logits(x)), softplus(logits(sample)), softplus(logits(made))]
    j = cost[0].mean() + cost[1].mean() + both * cost[2].mean()
    slopes = [-sigmoid(-logits(x)) / count, sigmoid(logits(sample)) / count, both * sigmoid(logits(made)) / count]
    to_x = g.T @ f.T
    of_j = {
        "encoder": through_code(slopes[2] @ to_x @ c.T),
        "decoder": np.concatenate(layer(z, slopes[1] @ to_x)) + np.concatenate(layer(code, slopes[2] @ to_x)),
        "discriminator": discriminator([(v, 0.0, s) for v, s in zip((x, sample, made), slopes, strict=True)]),
    }
    return (kl, (error**2).sum(1).mean() / 2, j), {"kl": of_kl, "reconstruction": of_reconstruction, "d_loss": of_j}


# network -> how much each loss moves it
TABLE = {
    "encoder": {"kl": 1.0, "reconstruction": 1.0, "d_loss": 0.0},
    "decoder": {"kl": 0.0, "reconstruction": "gamma", "d_loss": "gamma - 1"},
    "discriminator": {"kl": 0.0, "reconstruction": 0.0, "d_loss": 1.0},
}


@pytest.mark.parametrize("fakes", ["both", "samples"])
@pytest.mark.parametrize("gamma", [0.3, 0.0, 1.0])
def test_a_step_moves_three_networks_by_three_losses_computed_by_hand(gamma, fakes):
    model = linear(gamma=gamma, fakes=fakes)
    expected, of = by_hand(POINTS, *draws(model, 3), fakes)
    moved, logs = step(model, {"image": POINTS, "domain": np.arange(3)})
    np.testing.assert_allclose([logs[name] for name in of], expected, rtol=1e-5)
    weight = {"gamma": gamma, "gamma - 1": gamma - 1}
    for role, row in TABLE.items():
        gradient = sum(weight.get(w, w) * of[loss][role] for loss, w in row.items())
        np.testing.assert_allclose(moved[role], gradient, rtol=2e-5, atol=2e-6, err_msg=role)
    # What is left out of the table would have moved them.
    for loss, role in (("reconstruction", "discriminator"), *[("d_loss", "encoder")] * (fakes == "both")):
        assert np.abs(of[loss][role]).max() > 0.01


@pytest.mark.parametrize(
    ("gate", "learns"),
    [
        ((0.7, 0.65), (True, True)),
        ((2.0, 0.1), (False, True)),  # a cost below 1.9
        ((0.1, 0.1), (True, False)),  # one above 0.2
        ((0.72, 0.01), (True, True)),  # one below and one above: both
    ],
)
def test_a_network_that_is_far_ahead_is_skipped_computed_by_hand(gate, learns):
    model = linear(gamma=0.3, gate=gate, fakes="samples")
    (_, _, j), of = by_hand(POINTS, *draws(model, 3), "samples")
    moved, logs = step(model, POINTS)
    np.testing.assert_allclose(logs["d_loss"], j, rtol=1e-5)
    np.testing.assert_allclose(moved["discriminator"], learns[0] * of["d_loss"]["discriminator"], rtol=1e-5, atol=1e-6)
    decoder = 0.3 * of["reconstruction"]["decoder"] - 0.7 * of["d_loss"]["decoder"]
    np.testing.assert_allclose(moved["decoder"], learns[1] * decoder, rtol=1e-5, atol=1e-6)
    encoder = of["kl"]["encoder"] + of["reconstruction"]["encoder"]
    np.testing.assert_allclose(moved["encoder"], encoder, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("logit", [-3.0, -0.2, 0.5, 3.0])
def test_the_gate_has_the_bounds_of_the_published_code(logit):
    turns = small(gate=(0.68, 0.35)).turns(tf.fill([4, 1], 0.1), [tf.fill([4, 1], logit)])
    costs = np.array([np.log1p(np.exp(-0.1)), np.log1p(np.exp(logit))])
    assert [bool(turn) for turn in turns] == [bool((costs > 0.33).all()), bool((costs < 1.03).all())]
    assert small().turns(None, None) == (1.0, 1.0)


# --- promises


def test_with_gamma_0_the_decoder_steps_as_the_generator_of_a_minimax_gan():
    model = linear(gamma=0.0, fakes="samples")
    _, z = draws(model, 3)
    frozen = linear(turn=False)
    with tf.GradientTape() as tape:
        logits = frozen.discriminator(frozen.decoder(np.float32(z)))["logits"]
        loss = tf.reduce_mean(tf.math.log(1.0 - tf.sigmoid(logits)))  # saturating
    gradient = np.concatenate([np.ravel(g) for g in tape.gradient(loss, frozen.decoder.trainable_variables)])
    moved, _ = step(model, POINTS)
    np.testing.assert_allclose(moved["decoder"], gradient, rtol=1e-5, atol=1e-6)


def test_with_pixels_for_features_and_no_gan_it_is_a_gaussian_vae_whose_decoder_is_gamma_times_as_fast():
    blind = WEIGHTS | {"features": (np.eye(2), np.zeros(2)), "logits": (np.zeros([2, 1]), [0.0])}
    moved, logs = step(linear(blind, gamma=0.2), POINTS)
    model = linear(blind)
    vae = VAE(model.encoder, model.decoder, likelihood="gaussian")
    of_vae, logs_of_vae = step(vae, POINTS)  # its first draw is the same noise
    np.testing.assert_allclose(moved["encoder"], of_vae["encoder"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["decoder"], 0.2 * of_vae["decoder"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(logs["reconstruction"], logs_of_vae["reconstruction"] - np.log(2 * np.pi), rtol=1e-5)
    np.testing.assert_allclose(logs["d_loss"], 3 * np.log(2), rtol=1e-6)


def test_equal_features_are_no_loss_and_others_are_summed_over_all_of_them():
    features = tf.random.stateless_normal([3, 4, 4, 2], [0, 1])
    np.testing.assert_array_equal(feature_loss(features, features), 0.0)
    np.testing.assert_allclose(feature_loss(features, features + 0.5), 0.5 * 0.25 * 32, rtol=1e-5)


def test_a_gamma_of_no_weight_and_unknown_fakes_are_refused():
    for gamma in (-0.1, 1.5):
        with pytest.raises(InputError, match="expected 0 to 1"):
            small(gamma=gamma)
    with pytest.raises(InputError, match="fakes is 'all'; expected both or samples"):
        small(fakes="all")


# --- networks, what is served


def test_the_published_networks_have_their_parameters_and_features():
    shape = (64, 64, 3)

    def count(network):
        return sum(int(np.prod(w.shape)) for w in network.trainable_weights)

    discriminator = vae_gan_discriminator(shape)
    networks = vae_gan_encoder(shape), vae_gan_decoder(shape), discriminator
    assert [count(network) for network in networks] == [18_071_360, 4_693_155, 10_953_857]
    assert discriminator.output["features"].shape[1:] == (8, 8, 256)
    assert count(vae_gan_encoder(shape, units=2048)) == 35_112_768


def test_features_are_those_before_the_last_normalisation():
    network = small().discriminator
    last = [layer for layer in network.layers if isinstance(layer, keras.layers.Conv2D)][-1]
    before = keras.Model(network.input, last.output)
    image = TestVAEGAN().batch(3, np.random.default_rng(0))["image"]
    np.testing.assert_array_equal(network(image, training=True)["features"], before(image, training=True))


@pytest.mark.parametrize("build", [vae_gan_encoder, vae_gan_decoder, vae_gan_discriminator])
def test_sides_that_do_not_halve_are_refused(build):
    with pytest.raises(InputError, match="image size 20x24: expected multiples of 8, like 16x24 or 24x24"):
        build((20, 24, 1))


def test_what_is_served_is_the_mean_of_the_code_and_the_law_of_z_is_normal():
    model = small()
    image = tf.constant(TestVAEGAN().batch(3, np.random.default_rng(0))["image"])
    served, said = model.signatures(), model.encoder(image, training=False)
    answer = served["encode"][0](image)
    np.testing.assert_allclose(answer["code"], said["mean"], rtol=1e-6)
    np.testing.assert_allclose(answer["code_deviation"], np.exp(said["log_variance"] / 2), rtol=1e-6)
    again = model.decoder(said["mean"], training=False)
    np.testing.assert_allclose(served["reconstruct"][0](image)["generated"], again, atol=1e-6)
    np.testing.assert_allclose(
        served["discriminate"][0](image)["logits"], model.discriminator(image, training=False)["logits"], atol=1e-6
    )
    assert model.prior == Prior(3) and VAEGAN.__init__.__kwdefaults__["gamma"] == 1e-6
    shown = model.preview({"image": image})
    assert list(shown) == ["image", "reconstruction", "sample"]
    np.testing.assert_allclose(shown["reconstruction"], again, atol=1e-6)
