"""The PyTorch side of `benchmarks/speed.py`: the networks and the step of a recipe's default, as PyTorch has them.

    python -m benchmarks.speed_torch dcgan --compile --channels-last --bfloat16

Networks of the same layers and as many parameters as those of `tfgan_zoo`, the same batch, one in memory, the same
steps of the same losses; Adam by its fused kernel, weights as PyTorch draws them. Needs PyTorch alone.
"""

import argparse
import contextlib
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


STEPS = {"dcgan": dcgan, "wgan_gp": wgan_gp, "pix2pix": pix2pix, "cyclegan": cyclegan, "srgan": srgan}

if __name__ == "__main__":
    main()
