import numpy as np
from closed_form import at, line, logistic_loss, logistic_slopes, noise, sigmoid, slope_at, softplus, step
from conformance import Conformance

from tfgan_zoo import DCGAN, random
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator


class TestDCGAN(Conformance):
    def make(self):
        return DCGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), dcgan_discriminator((8, 8, 1), width=8))

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def test_a_step_moves_each_network_by_the_gradient_computed_by_hand():
    # G(z) = a z + b, z uniform in [-1, 1]; D(x) = sigmoid(w x + c).
    g, d, x = np.array([0.8, 0.3]), np.array([1.5, -0.4]), np.array([0.5, -1.0, 2.0])
    model = DCGAN(line(g), line(d))
    z, last = noise(model, 3, 2, draw=lambda shape: random.uniform(shape, -1.0, 1.0))
    moved, logs = step(model, x[:, None])

    real, fake = (x,), (at(g, z),)
    after = d - logistic_slopes(d, real, fake)
    logits = at(after, at(g, last))
    np.testing.assert_allclose(moved["discriminator"], d - after, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(moved["generator"], slope_at(-sigmoid(-logits) * after[0], last), rtol=1e-5, atol=1e-6)
    expected = logistic_loss(d, real, fake), softplus(-logits).mean()
    np.testing.assert_allclose([logs["d_loss"], logs["g_loss"]], expected, rtol=1e-5)
