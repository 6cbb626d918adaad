import numpy as np
from conformance import Conformance

from tfgan_zoo import DCGAN
from tfgan_zoo.networks.dcgan import dcgan_discriminator, dcgan_generator


class TestDCGAN(Conformance):
    def make(self):
        return DCGAN(dcgan_generator((8, 8, 1), latent_dim=6, width=8), dcgan_discriminator((8, 8, 1), width=8))

    def batch(self, count, rng):
        return rng.uniform(-1, 1, [count, 8, 8, 1]).astype(np.float32)
