import numpy as np
from conformance import Conformance

from tfgan_zoo import DCGAN, latent, pictures, random
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator


class TestDCGAN(Conformance):
    def make(self):
        return DCGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), dcgan_discriminator((8, 8, 1), width=8))

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)


def test_interpolation_and_arithmetic_in_the_latent_space_make_pictures():
    family = TestDCGAN()
    model = family.compiled()
    family.train(model, 2)
    with random.stream(0):
        z = model.prior.draw(16)
    for columns in latent.strips(model.generator, z).values():
        picture = pictures.tile(columns)
        assert picture.dtype == np.uint8 and picture.std() > 0
