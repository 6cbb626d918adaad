"""The PyTorch side of `benchmarks/speed.py`: the networks and the step of a recipe's default, as PyTorch has them.

    python -m benchmarks.speed_torch dcgan --compile --channels-last --bfloat16

Networks of the same layers and as many parameters as those of `tfgan_zoo`, the same batch, one in memory, the same
steps of the same losses; Adam by its fused kernel, weights as PyTorch draws them. Needs PyTorch alone.
"""

import argparse
import contextlib
import copy
import itertools

import torch
from torch import nn
from torch.nn import functional

from benchmarks import turns


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", choices=sorted(STEPS))
    parser.add_argument("--compile", action="store_true", help="the networks by torch.compile")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--bfloat16", action="store_true", help="autocast; weights stay float32")
    args = parser.parse_args()
    taken = turns.Turns()
    torch.manual_seed(0)
    kept = torch.channels_last if args.channels_last else torch.contiguous_format
    made = (lambda n: torch.compile(n)) if args.compile else (lambda n: n)

    def autocast():
        return torch.autocast("cpu", torch.bfloat16) if args.bfloat16 else contextlib.nullcontext()

    networks, step = STEPS[args.recipe](kept, made, autocast)
    with contextlib.suppress(turns.Over):
        for _ in range(2):
            step()
        counts = {role: _count(network) for role, network in networks.items()}
        taken.say(parameters=counts, versions={"torch": torch.__version__}, threads=torch.get_num_threads())
        taken.take(step)


def _count(network):
    """Parameters, with the moving averages of norms, as Keras counts them."""
    tensors = itertools.chain(network.parameters(), (b for b in network.buffers() if b.dim()))
    return sum(tensor.numel() for tensor in tensors)


def adam(network, rate, betas=(0.5, 0.999)):
    return torch.optim.Adam(network.parameters(), rate, betas, fused=True)


class Reshape(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.reshape(-1, *self.shape)


def dcgan_networks(latent, norm, width=32):
    """Of 32x32x1: a generator, and a discriminator or critic."""

    def up(n, m, bias):
        return nn.ConvTranspose2d(n, m, 5, 2, 2, output_padding=1, bias=bias)

    generator = nn.Sequential(
        nn.Linear(latent, 16 * 4 * width, bias=False), Reshape(4 * width, 4, 4), nn.BatchNorm2d(4 * width), nn.ReLU(),
        up(4 * width, 2 * width, False), nn.BatchNorm2d(2 * width), nn.ReLU(),
        up(2 * width, width, False), nn.BatchNorm2d(width), nn.ReLU(),
        up(width, 1, True), nn.Tanh(),
    )  # fmt: skip
    layers, n = [], 1
    for i, m in enumerate((width, 2 * width, 4 * width)):
        normed = norm and i > 0
        layers += [nn.Conv2d(n, m, 5, 2, 2, bias=not normed)]
        layers += [nn.BatchNorm2d(m)] if normed else []
        layers += [nn.LeakyReLU(0.2)]
        n = m
    return generator, nn.Sequential(*layers, nn.Flatten(), nn.Linear(16 * n, 1))


def dcgan(kept, made, autocast, batch=64, latent=100):
    networks = [n.to(memory_format=kept) for n in dcgan_networks(latent, norm=True)]
    g_adam, d_adam = adam(networks[0], 2e-4), adam(networks[1], 2e-4)
    generator, discriminator = map(made, networks)
    real = (torch.rand(batch, 1, 32, 32) * 2 - 1).to(memory_format=kept)

    def noise():
        return torch.rand(batch, latent) * 2 - 1

    def step():
        with torch.no_grad(), autocast():
            fake = generator(noise())
        d_adam.zero_grad()
        with autocast():
            on_real, on_fake = discriminator(real), discriminator(fake)
        d_loss = functional.softplus(-on_real.float()).mean() + functional.softplus(on_fake.float()).mean()
        d_loss.backward()
        d_adam.step()
        g_adam.zero_grad()
        with frozen(discriminator), autocast():
            on_fake = discriminator(generator(noise()))
        functional.softplus(-on_fake.float()).mean().backward()
        g_adam.step()

    return {"generator": networks[0], "discriminator": networks[1]}, step


@contextlib.contextmanager
def frozen(network):
    """No gradients of its weights are made."""
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    yield
    for parameter in network.parameters():
        parameter.requires_grad_(True)


def wgan_gp(kept, made, autocast, batch=64, latent=128, n_critic=5):
    networks = [n.to(memory_format=kept) for n in dcgan_networks(latent, norm=False)]
    g_adam, d_adam = (adam(network, 2e-4, (0.0, 0.9)) for network in networks)
    generator, critic = map(made, networks)
    slope_of = networks[1]  # torch.compile has no second-order gradients
    real = (torch.rand(batch, 1, 32, 32) * 2 - 1).to(memory_format=kept)

    def critic_step():
        with torch.no_grad(), autocast():
            fake = generator(torch.randn(batch, latent))
        epsilon = torch.rand(batch, 1, 1, 1)
        mixed = (epsilon * real + (1 - epsilon) * fake.float()).requires_grad_()
        d_adam.zero_grad()
        with autocast():
            on_real, on_fake, on_mixed = critic(real), critic(fake), slope_of(mixed)
        (slope,) = torch.autograd.grad(on_mixed.float().sum(), mixed, create_graph=True)
        penalty = (slope.float().square().sum((1, 2, 3)).sqrt() - 1).square().mean()
        (on_fake.float().mean() - on_real.float().mean() + 10 * penalty).backward()
        d_adam.step()

    def step():
        for _ in range(n_critic):
            critic_step()
        g_adam.zero_grad()
        with frozen(critic), autocast():
            on_fake = critic(generator(torch.randn(batch, latent)))
        (-on_fake.float().mean()).backward()
        g_adam.step()

    return {"generator": networks[0], "discriminator": networks[1]}, step


class UNet(nn.Module):
    """pix2pix's, of 64x64x1."""

    def __init__(self, width=32, depth=6):
        super().__init__()
        channels = [width * min(2**i, 8) for i in range(depth)]
        inputs = [1, *channels[:-1]]
        self.downs = nn.ModuleList(nn.Conv2d(n, m, 4, 2, 1, bias=False) for n, m in zip(inputs, channels, strict=True))
        self.down_norms = nn.ModuleList(nn.BatchNorm2d(n) for n in channels[1:-1])
        outputs = [*reversed(channels[:-1]), 1]
        inputs = [channels[-1], *(2 * n for n in reversed(channels[:-1]))]
        self.ups = nn.ModuleList(
            nn.ConvTranspose2d(n, m, 4, 2, 1, bias=i == depth - 1)
            for i, (n, m) in enumerate(zip(inputs, outputs, strict=True))
        )
        self.up_norms = nn.ModuleList(nn.BatchNorm2d(n) for n in outputs[:-1])
        self.noisy = min(3, max(1, depth - 4))

    def forward(self, x):
        x = self.downs[0](x)
        skips = [x]
        for down, norm in zip(self.downs[1:-1], self.down_norms, strict=True):
            x = norm(down(functional.leaky_relu(x, 0.2)))
            skips.append(x)
        x = self.downs[-1](functional.leaky_relu(x, 0.2))
        for i, (up, norm) in enumerate(zip(self.ups[:-1], self.up_norms, strict=True)):
            x = norm(up(functional.relu(x)))
            if i < self.noisy:
                x = functional.dropout(x, 0.5)
            x = torch.cat([x, skips[-1 - i]], 1)
        return torch.tanh(self.ups[-1](functional.relu(x)))


def patchgan(channels=2, norm=nn.BatchNorm2d, width=32):
    """Of pictures of so many channels, a condition's among them; two layers with stride 2."""
    bias = norm is nn.InstanceNorm2d
    return nn.Sequential(
        nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=bias), norm(2 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, 4, 1, 1, bias=bias), norm(4 * width), nn.LeakyReLU(0.2),
        nn.Conv2d(4 * width, 1, 4, 1, 1),
    )  # fmt: skip


def pix2pix(kept, made, autocast, batch=16):
    networks = [n.to(memory_format=kept) for n in (UNet(), patchgan())]
    g_adam, d_adam = adam(networks[0], 2e-4), adam(networks[1], 2e-4)
    generator, discriminator = map(made, networks)
    source, real = ((torch.rand(batch, 1, 64, 64) * 2 - 1).to(memory_format=kept) for _ in range(2))

    def step():
        with autocast():
            fake = generator(source)
        d_adam.zero_grad()
        with autocast():
            on_real = discriminator(torch.cat([source, real], 1))
            on_fake = discriminator(torch.cat([source, fake.detach()], 1))
        d_loss = functional.softplus(-on_real.float()).mean() + functional.softplus(on_fake.float()).mean()
        (0.5 * d_loss).backward()
        d_adam.step()
        g_adam.zero_grad()
        with frozen(discriminator), autocast():
            on_fake = discriminator(torch.cat([source, fake], 1))
        l1 = (real - fake.float()).abs().mean()
        (functional.softplus(-on_fake.float()).mean() + 100 * l1).backward()
        g_adam.step()

    return {"generator": networks[0], "discriminator": networks[1]}, step


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, *layers):
        super().__init__()
        self.inner = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.inner(x)


def translator(width=32, blocks=4):
    """CycleGAN's generator, of one channel."""

    def normed(layer, n):
        return [layer, nn.InstanceNorm2d(n), nn.ReLU()]

    def same(n):
        return nn.Conv2d(n, n, 3, padding=1, padding_mode="reflect")

    layers = normed(nn.Conv2d(1, width, 7, padding=3, padding_mode="reflect"), width)
    for n in (width, 2 * width):
        layers += normed(nn.Conv2d(n, 2 * n, 3, 2, 1), 2 * n)
    for _ in range(blocks):
        n = 4 * width
        layers.append(Residual(*normed(same(n), n), same(n), nn.InstanceNorm2d(n)))
    for n in (4 * width, 2 * width):
        layers += normed(nn.ConvTranspose2d(n, n // 2, 3, 2, 1, output_padding=1), n // 2)
    return nn.Sequential(*layers, nn.Conv2d(width, 1, 7, padding=3, padding_mode="reflect"), nn.Tanh())


class Pool:
    """Of 50 fakes; half of those that are asked for are old ones."""

    def __init__(self, size=50):
        self.size, self.images = size, []

    def __call__(self, images):
        answers = []
        for image in images:
            if len(self.images) < self.size:
                self.images.append(image)
                answers.append(image)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(self.size, ()))
                answers.append(self.images[place])
                self.images[place] = image
            else:
                answers.append(image)
        return torch.stack(answers)


def cyclegan(kept, made, autocast, batch=8):
    networks = [translator(), translator(), patchgan(1, nn.InstanceNorm2d), patchgan(1, nn.InstanceNorm2d)]
    networks = [n.to(memory_format=kept) for n in networks]
    g_adam, d_adam = (adam(nn.ModuleList(pair), 2e-4) for pair in (networks[:2], networks[2:]))
    ab, ba, judge_a, judge_b = map(made, networks)
    a, b = ((torch.rand(batch, 1, 32, 32) * 2 - 1).to(memory_format=kept) for _ in range(2))
    pool_a, pool_b = Pool(), Pool()

    def l1(x, y):
        return (x - y.float()).abs().mean()

    def step():
        with autocast():
            fake_b, fake_a = ab(a), ba(b)
        old_a, old_b = pool_a(fake_a.detach()), pool_b(fake_b.detach())
        d_adam.zero_grad()
        with autocast():
            answers = (judge_a(a), judge_a(old_a)), (judge_b(b), judge_b(old_b))
        sum(0.5 * ((r.float() - 1).square().mean() + f.float().square().mean()) for r, f in answers).backward()
        d_adam.step()
        g_adam.zero_grad()
        with frozen(judge_a), frozen(judge_b), autocast():
            answers = judge_b(fake_b), judge_a(fake_a)
            cycle, identity = (ba(fake_b), ab(fake_a)), (ba(a), ab(b))
        g_loss = sum((x.float() - 1).square().mean() for x in answers)
        near = sum(l1(x, y) for x, y in zip((a, b), cycle, strict=True))
        same = sum(l1(x, y) for x, y in zip((a, b), identity, strict=True))
        (g_loss + 10 * near + 5 * same).backward()
        g_adam.step()

    return dict(
        zip(("generator_ab", "generator_ba", "discriminator_a", "discriminator_b"), networks, strict=True)
    ), step


def srresnet(width=32, blocks=4):
    def same(n, m, kernel=3):
        return nn.Conv2d(n, m, kernel, padding=kernel // 2)

    def block():
        return Residual(
            same(width, width), nn.BatchNorm2d(width), nn.PReLU(width), same(width, width), nn.BatchNorm2d(width)
        )

    ups = [[same(width, 4 * width), nn.PixelShuffle(2), nn.PReLU(width)] for _ in range(2)]
    inner = [*(block() for _ in range(blocks)), same(width, width), nn.BatchNorm2d(width)]
    return nn.Sequential(same(1, width, 9), nn.PReLU(width), Residual(*inner), *sum(ups, []), same(width, 1, 9))


def srgan_judge(width=16, side=64):
    layers, n = [nn.Conv2d(1, width, 3, padding=1), nn.LeakyReLU(0.2)], width
    for i, m in enumerate([width, *(width * k for k in (2, 2, 4, 4, 8, 8))]):
        layers += [nn.Conv2d(n, m, 3, 1 if i % 2 else 2, 1), nn.BatchNorm2d(m), nn.LeakyReLU(0.2)]
        n = m
    features = n * (side // 16) ** 2
    return nn.Sequential(
        *layers, nn.Flatten(), nn.Linear(features, 16 * width), nn.LeakyReLU(0.2), nn.Linear(16 * width, 1)
    )


def srgan(kept, made, autocast, batch=16):
    networks = [n.to(memory_format=kept) for n in (srresnet(), srgan_judge())]
    g_adam, d_adam = (adam(network, 1e-4, (0.9, 0.999)) for network in networks)
    generator, discriminator = map(made, networks)
    low, real = (torch.rand(batch, 1, n, n).mul(2).sub(1).to(memory_format=kept) for n in (16, 64))

    def step():
        with autocast():
            fake = generator(0.5 * low + 0.5)
        d_adam.zero_grad()
        with autocast():
            on_real, on_fake = discriminator(real), discriminator(fake.detach())
        d_loss = functional.softplus(-on_real.float()).mean() + functional.softplus(on_fake.float()).mean()
        d_loss.backward()
        d_adam.step()
        g_adam.zero_grad()
        with frozen(discriminator), autocast():
            on_fake = discriminator(fake)
        content = (real - fake.float()).square().mean()
        (content + 1e-3 * functional.softplus(-on_fake.float()).mean()).backward()
        g_adam.step()

    return {"generator": networks[0], "discriminator": networks[1]}, step


class Equalized(nn.Module):
    """A linear layer, or a convolution where `size` is given, whose weights are scaled when they are used."""

    def __init__(self, n, m, size=None, stride=1, padding=0, bias=True, rate=1.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(m, n, *([size, size] if size else [])) / rate)
        self.bias = nn.Parameter(torch.zeros(m)) if bias else None
        self.rate, self.stride, self.padding = rate, stride, padding

    def kernel(self):
        return self.weight * (self.rate / self.weight[0].numel() ** 0.5)

    def forward(self, x):
        bias = None if self.bias is None else self.bias * self.rate
        if self.weight.dim() == 2:
            return functional.linear(x, self.kernel(), bias)
        return functional.conv2d(x, self.kernel(), bias, self.stride, self.padding)


def activated(x):
    return functional.leaky_relu(x, 0.2) * 2**0.5


class Filter(nn.Module):
    """The taps 1, 3, 3, 1 along both axes: with `up` between the pixels of a picture twice as large."""

    def __init__(self, pads, gain=1.0, up=False):
        super().__init__()
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.square, self.pads, self.up = gain * torch.outer(taps, taps), pads, up

    def forward(self, x):
        if self.up:
            b, c, h, w = x.shape
            x = functional.pad(x.reshape(b, c, h, 1, w, 1), [0, 1, 0, 0, 0, 1]).reshape(b, c, 2 * h, 2 * w)
        channels, (before, after) = x.shape[1], self.pads
        kernel = self.square.to(x.dtype).expand(channels, 1, 4, 4)
        return functional.conv2d(functional.pad(x, [before, after, before, after]), kernel, groups=channels)


class Modulated(nn.Module):
    """StyleGAN2's convolution, by scales of its input and output."""

    def __init__(self, n, m, size, style, up=False, demodulate=True):
        super().__init__()
        self.affine, self.inner = Equalized(style, n), Equalized(n, m, size)
        self.filter = Filter((1, 1), 4.0) if up else None
        self.demodulate = demodulate

    def forward(self, x, w):
        s, kernel = 1 + self.affine(w), self.inner.kernel()
        x = x * s[:, :, None, None]
        if self.filter is None:
            x = functional.conv2d(x, kernel, padding=kernel.shape[-1] // 2)
        else:
            x = self.filter(functional.conv_transpose2d(x, kernel.transpose(0, 1), stride=2))
        if self.demodulate:
            d = (s.float().square() @ kernel.square().sum((2, 3)).t() + 1e-8).rsqrt()
            x = x * d.to(x.dtype)[:, :, None, None]
        return x + self.inner.bias[:, None, None]


class Mapping(nn.Sequential):
    def __init__(self, latent=64, style=64):
        leaky = nn.LeakyReLU(0.2)
        super().__init__(Equalized(latent, style, rate=0.01), leaky, Equalized(style, style, rate=0.01), leaky)

    def forward(self, z):
        return super().forward(z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt())


class Synthesis(nn.Module):
    """Of 32x32x1."""

    def __init__(self, style=64, channels=(128, 64, 32, 16)):
        super().__init__()
        self.start = nn.Parameter(torch.randn(channels[0], 4, 4))
        layers = [(channels[0], channels[0], False)]
        for n, m in zip(channels[:-1], channels[1:], strict=True):
            layers += [(n, m, True), (m, m, False)]
        self.layers = nn.ModuleList(Modulated(n, m, 3, style, up) for n, m, up in layers)
        self.strengths = nn.ParameterList(nn.Parameter(torch.zeros(())) for _ in layers)
        self.to_rgb = nn.ModuleList(Modulated(n, 1, 1, style, demodulate=False) for n in channels)
        self.enlarge = Filter((2, 1), 4.0, up=True)

    def styled(self, i, x, w):
        x = self.layers[i](x, w[:, i])
        noise = torch.randn(x.shape[0], 1, *x.shape[2:])
        return activated(x + (noise * self.strengths[i]).to(x.dtype))

    def forward(self, w):
        x = self.styled(0, self.start.expand(w.shape[0], -1, -1, -1), w)
        image = self.to_rgb[0](x, w[:, 1])
        for level in range(1, len(self.to_rgb)):
            x = self.styled(2 * level, self.styled(2 * level - 1, x, w), w)
            image = self.enlarge(image) + self.to_rgb[level](x, w[:, 2 * level + 1])
        return image


class Shrunk(nn.Module):
    """A residual block of StyleGAN2's discriminator."""

    def __init__(self, n, m):
        super().__init__()
        self.skip = nn.Sequential(Filter((1, 1)), Equalized(n, m, 1, 2, bias=False))
        self.first, self.second = Equalized(n, n, 3, 1, 1), nn.Sequential(Filter((2, 2)), Equalized(n, m, 3, 2))

    def forward(self, x):
        return (activated(self.second(activated(self.first(x)))) + self.skip(x)) * 0.5**0.5


class Judge(nn.Module):
    """StyleGAN2's discriminator, of 32x32x1."""

    def __init__(self, channels=(16, 32, 64, 128), group=4):
        super().__init__()
        last, self.group = channels[-1], group
        self.first = Equalized(1, channels[0], 1)
        self.blocks = nn.Sequential(*(Shrunk(n, m) for n, m in zip(channels[:-1], channels[1:], strict=True)))
        self.conv, self.dense = Equalized(last + 1, last, 3, 1, 1), Equalized(16 * last, last)
        self.end = Equalized(last, 1)

    def forward(self, x):
        x = self.blocks(activated(self.first(x)))
        rows = x.float().reshape(-1, self.group, *x.shape[1:])
        told = (rows.var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3)).repeat_interleave(self.group)
        told = told[:, None, None, None].expand(-1, 1, *x.shape[2:])
        x = activated(self.conv(torch.cat([x, told.to(x.dtype)], 1)))
        return self.end(activated(self.dense(x.flatten(1))))


def stylegan2(kept, made, autocast, batch=32, latent=64, gamma=0.3, path_weight=0.05, d_every=16, g_every=4):
    networks = [n.to(memory_format=kept) for n in (Mapping(), Synthesis(), Judge())]
    averages = [copy.deepcopy(n) for n in networks[:2]]
    averaged, new = (list(nn.ModuleList(pair).parameters()) for pair in (averages, networks[:2]))
    g_adam, d_adam = (
        adam(nn.ModuleList(group), 2e-3 * n / (n + 1), (0.0, 0.99 ** (n / (n + 1))))
        for group, n in ((networks[:2], g_every), (networks[2:], d_every))
    )
    mapping, synthesis, judge = map(made, networks)
    mean_style, mean_length, steps = torch.zeros(64), torch.zeros(()), itertools.count()
    real = (torch.rand(batch, 1, 32, 32) * 2 - 1).to(memory_format=kept)

    def styles(mapping, count):
        w = mapping(torch.randn(count, latent)).float()
        return w, w[:, None].expand(-1, 8, -1)

    def generated():
        first, w = styles(mapping, batch)
        mean_style.lerp_(first.detach().mean(0), 0.005)
        return synthesis(w).float()

    def regularize_generator():  # by networks that are not compiled: torch.compile has no second-order gradients
        _, w = styles(networks[0], batch // 2)
        image = networks[1](w)
        (slope,) = torch.autograd.grad((image * torch.randn_like(image)).sum() / 32, w, create_graph=True)
        lengths = slope.square().sum(2).mean(1).sqrt()
        mean = mean_length + 0.1 * (lengths.mean() - mean_length)
        g_adam.zero_grad()
        (g_every * path_weight * (lengths - mean).square().mean()).backward()
        g_adam.step()
        mean_length.copy_(mean.detach())

    def regularize_discriminator():
        image = real.clone().requires_grad_()
        (slope,) = torch.autograd.grad(networks[2](image).sum(), image, create_graph=True)
        d_adam.zero_grad()
        (d_every * gamma / 2 * slope.square().sum((1, 2, 3)).mean()).backward()
        d_adam.step()

    def step():
        i = next(steps)
        g_adam.zero_grad()
        with frozen(judge), autocast():
            on_fake = judge(generated())
        functional.softplus(-on_fake.float()).mean().backward()
        g_adam.step()
        if i % g_every == 0:
            regularize_generator()
        d_adam.zero_grad()
        with torch.no_grad(), autocast():
            fake = generated()
        with autocast():
            on_real, on_fake = judge(real), judge(fake)
        (functional.softplus(-on_real.float()).mean() + functional.softplus(on_fake.float()).mean()).backward()
        d_adam.step()
        with torch.no_grad():
            torch._foreach_lerp_(averaged, new, 1 - 0.5 ** (batch / 1000))
        if i % d_every == 0:
            regularize_discriminator()

    roles = ("mapping", "synthesis", "discriminator", "average_mapping", "average_synthesis")
    return dict(zip(roles, [*networks, *averages], strict=True)), step


STEPS = {
    "dcgan": dcgan, "wgan_gp": wgan_gp, "pix2pix": pix2pix, "cyclegan": cyclegan, "srgan": srgan,
    "stylegan2": stylegan2,
}  # fmt: skip

if __name__ == "__main__":
    main()
