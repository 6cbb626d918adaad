"""Every important GAN family as a Keras model whose `train_step` reads like its paper's algorithm box."""

from tfgan_zoo import console  # noqa: F401, I001  first: it keeps TensorFlow's start-up messages off the terminal

from tfgan_zoo import adaptive, augment, layers, masked_layers  # noqa: F401  what a `.keras` file holds can be loaded

from tfgan_zoo.families.aae import AAE as AAE
from tfgan_zoo.families.acgan import ACGAN as ACGAN
from tfgan_zoo.families.alpha_gan import AlphaGAN as AlphaGAN
from tfgan_zoo.families.bgan import BGAN as BGAN
from tfgan_zoo.families.cgan import CGAN as CGAN
from tfgan_zoo.families.cyclegan import CycleGAN as CycleGAN
from tfgan_zoo.families.dcgan import DCGAN as DCGAN
from tfgan_zoo.families.ebgan import EBGAN as EBGAN
from tfgan_zoo.families.f_gan import FGAN as FGAN
from tfgan_zoo.families.gan import GAN as GAN
from tfgan_zoo.families.gogan import GoGAN as GoGAN
from tfgan_zoo.families.infogan import InfoGAN as InfoGAN
from tfgan_zoo.families.lapgan import LAPGAN as LAPGAN
from tfgan_zoo.families.lsgan import LSGAN as LSGAN
from tfgan_zoo.families.partial_conv import PartialConv as PartialConv
from tfgan_zoo.families.pix2pix import Pix2Pix as Pix2Pix
from tfgan_zoo.families.pix2pix_hd import Pix2PixHD as Pix2PixHD
from tfgan_zoo.families.rbm import RBM as RBM
from tfgan_zoo.families.progan import ProGAN as ProGAN
from tfgan_zoo.families.pixel_cnn import PixelCNN as PixelCNN
from tfgan_zoo.families.pixel_gan import PixelGAN as PixelGAN
from tfgan_zoo.families.pixel_vae import PixelVAE as PixelVAE
from tfgan_zoo.families.recycle_gan import RecycleGAN as RecycleGAN
from tfgan_zoo.families.sagan import SAGAN as SAGAN
from tfgan_zoo.families.semantic_inpainting import SemanticInpainting as SemanticInpainting
from tfgan_zoo.families.sgan import SGAN as SGAN
from tfgan_zoo.families.sngan import SNGAN as SNGAN
from tfgan_zoo.families.stargan import StarGAN as StarGAN
from tfgan_zoo.families.srgan import SRGAN as SRGAN, SRResNet as SRResNet
from tfgan_zoo.families.stylegan2 import StyleGAN2 as StyleGAN2
from tfgan_zoo.families.stylegan import StyleGAN as StyleGAN
from tfgan_zoo.families.text_to_image import GANCLS as GANCLS
from tfgan_zoo.families.unrolled_gan import UnrolledGAN as UnrolledGAN
from tfgan_zoo.families.vae import VAE as VAE
from tfgan_zoo.families.vae_gan import VAEGAN as VAEGAN
from tfgan_zoo.families.wgan import WGAN as WGAN
from tfgan_zoo.families.wgan_gp import WGANGP as WGANGP
