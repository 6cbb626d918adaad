r"""The metrics against independent libraries, on random features and images.

In an environment of its own, without TensorFlow, computes and stores what the other libraries say:

    pip install scipy scikit-learn scikit-image torch torchvision torchmetrics torch-fidelity pytorch-msssim prdc POT \
        mpmath
    python benchmarks/independent_metrics.py

Where this package is installed, prints the table of both:

    python benchmarks/independent_metrics.py --compare
"""

import argparse
import importlib.metadata
import json
from pathlib import Path

import numpy as np

VALUES = Path(__file__).resolve().parent.parent / "tests/data/independent_metrics.json"
REAL_SEED, FAKE_SEED, DIRECTIONS_SEED, SUBSETS_SEED = 11, 12, 13, 14
PATCHES, DIRECTIONS = 16, 32
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", action="store_true", help="print the table instead of computing the other side")
    if parser.parse_args().compare:
        print(table())
        return
    rows = [
        {"metric": metric, "library": library, "version": importlib.metadata.version(library), "value": float(value)}
        for metric, library, value in theirs(inputs())
    ]
    VALUES.parent.mkdir(exist_ok=True)
    VALUES.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def inputs():
    """The features and images, functions of a seed."""
    rng = np.random.default_rng(0)
    logits = 2 * rng.standard_normal([500, 10])
    return {
        "real": rng.standard_normal([600, 24]) @ rng.standard_normal([24, 24]) / 5 + 3,
        "fake": rng.standard_normal([500, 24]) @ rng.standard_normal([24, 24]) / 5 + 3.1,
        "few": rng.standard_normal([20, 24]) + 3,  # fewer than they have numbers: a singular covariance
        "near": rng.standard_normal([600, 6]),
        "far": 0.9 * rng.standard_normal([500, 6]) + 0.3,
        "logits": logits,
        "labels": np.where(rng.random(500) < 0.7, logits.argmax(axis=1), rng.integers(10, size=500)),
        "rgb": _pictures(rng, [2, 192, 192, 3]),
        "grey": _pictures(rng, [2, 64, 96, 1]),
        "swd_real": _pictures(rng, [6, 64, 64, 3])[0],
        "swd_fake": _pictures(rng, [6, 64, 64, 3])[1],
        "z": rng.standard_normal([2 * 201, 8]),
        "linear": rng.standard_normal([8, 12]) / 20,
    }


def _pictures(rng, shape):
    """Smooth random pictures and the same ones with noise, `[B, H, W, C]` float32 in [-1, 1]."""
    coarse = rng.uniform(-1, 1, [shape[0], shape[1] // 8, shape[2] // 8, shape[3]])
    smooth = np.repeat(np.repeat(coarse, 8, axis=1), 8, axis=2)
    noisy = smooth + rng.normal(scale=0.1, size=shape)
    return tuple(np.clip(x, -1, 1).astype(np.float32) for x in (smooth, noisy))


def theirs(x):
    """Yields `(metric, library, value)`. Runs without this package."""
    yield from _frechet(x)
    yield from _kid(x)
    yield from _prdc(x)
    yield from _scores(x)
    yield from _swd(x)
    yield from _similarity(x)
    yield from _ppl(x)


def _frechet(x):
    import torch
    from scipy.linalg import sqrtm
    from torch_fidelity import metric_fid
    from torchmetrics.image.fid import _compute_fid

    for metric, a, b in (("frechet", "real", "fake"), ("frechet singular", "real", "few")):
        moments = [(x[name].mean(axis=0), np.cov(x[name], rowvar=False)) for name in (a, b)]
        (mean_a, cov_a), (mean_b, cov_b) = moments
        root = sqrtm(cov_a @ cov_b)
        yield metric, "scipy", np.sum((mean_a - mean_b) ** 2) + np.trace(cov_a + cov_b - 2 * root).real
        statistics = [metric_fid.fid_features_to_statistics(torch.from_numpy(x[name])) for name in (a, b)]
        yield (
            metric,
            "torch-fidelity",
            metric_fid.fid_statistics_to_metric(*statistics, False)[metric_fid.KEY_METRIC_FID],
        )
        yield metric, "torchmetrics", _compute_fid(*(torch.from_numpy(part) for pair in moments for part in pair))

    yield "frechet singular", "mpmath", _exact_frechet(x["real"], x["few"])


def _exact_frechet(a, b):
    """In 40 digits, where rounding of the zeros of a singular matrix shows in double precision."""
    import mpmath

    mpmath.mp.dps = 40
    means, deviations = [], []
    for part in (mpmath.matrix(a.tolist()), mpmath.matrix(b.tolist())):
        ones = mpmath.ones(part.rows, 1)
        means.append(ones.T * part / part.rows)
        deviations.append((part - ones * means[-1]) / mpmath.sqrt(part.rows - 1))
    first, second = deviations
    eigenvalues = mpmath.eigsy(second * (first.T * first) * second.T, eigvals_only=True)
    roots = sum(mpmath.sqrt(max(value, 0)) for value in eigenvalues)
    return mpmath.norm(means[0] - means[1]) ** 2 + mpmath.norm(first, 2) ** 2 + mpmath.norm(second, 2) ** 2 - 2 * roots


def _kid(x):
    import torch
    from sklearn.metrics.pairwise import polynomial_kernel
    from torch_fidelity import metric_kid
    from torchmetrics.image.kid import poly_mmd

    result = metric_kid.kid_features_to_metric(
        torch.from_numpy(x["real"]),
        torch.from_numpy(x["fake"]),
        kid_subsets=100,
        kid_subset_size=200,
        rng_seed=SUBSETS_SEED,
        verbose=False,
    )
    yield "kid", "torch-fidelity", result[metric_kid.KEY_METRIC_KID_MEAN]
    yield "kid_std", "torch-fidelity", result[metric_kid.KEY_METRIC_KID_STD]
    a, b = x["real"][:500], x["fake"]
    inside = [polynomial_kernel(part, degree=3, coef0=1)[~np.eye(500, dtype=bool)].mean() for part in (a, b)]
    yield "kid one subset", "scikit-learn", sum(inside) - 2 * polynomial_kernel(a, b, degree=3, coef0=1).mean()
    yield "kid one subset", "torchmetrics", poly_mmd(torch.from_numpy(a), torch.from_numpy(b))


def _prdc(x):
    import torch
    from prdc import compute_prdc
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    for k, names in ((3, ("precision", "recall")), (5, ("density", "coverage"))):
        result = compute_prdc(x["near"], x["far"], k)
        for name in names:
            yield name, "prdc", result[name]
    pair = calculate_precision_recall_full(torch.from_numpy(x["far"]), torch.from_numpy(x["near"]), 3)
    for name, value in zip(("precision", "recall"), pair, strict=True):
        yield name, "torch-fidelity", value


def _scores(x):
    import torch
    from sklearn.metrics import accuracy_score
    from torch_fidelity import metric_isc

    result = metric_isc.isc_features_to_metric(torch.from_numpy(x["logits"]), splits=10, shuffle=False)
    yield "is", "torch-fidelity", result[metric_isc.KEY_METRIC_ISC_MEAN]
    yield "is_std", "torch-fidelity", result[metric_isc.KEY_METRIC_ISC_STD]
    yield "label_accuracy", "scikit-learn", accuracy_score(x["labels"], x["logits"].argmax(axis=1))


def _swd(x):
    """Pyramids by SciPy's convolution, distances by POT. Only random numbers are drawn as the package draws them."""
    import ot
    from scipy.ndimage import convolve

    line = np.array([1, 4, 6, 4, 1]) / 16
    kernel = np.outer(line, line)[None, :, :, None]
    rng = np.random.default_rng(DIRECTIONS_SEED)
    levels, descriptors = 3, []
    for name, seed in (("swd_real", REAL_SEED), ("swd_fake", FAKE_SEED)):
        pyramid = [x[name].astype(np.float64)]
        for _ in range(levels - 1):
            small = convolve(pyramid[-1], kernel, mode="mirror")[:, ::2, ::2]
            large = np.zeros_like(pyramid[-1])
            large[:, ::2, ::2] = small
            pyramid[-1] = pyramid[-1] - convolve(large, 4 * kernel, mode="mirror")
            pyramid.append(small)
        places = np.random.default_rng(seed).random([len(x[name]), levels, PATCHES, 2])
        per_level = []
        for level, images in enumerate(pyramid):
            corners = np.floor(places[:, level] * (images.shape[1] - 6)).astype(int)  # [B, patches, 2]
            cut = [im[r : r + 7, c : c + 7] for im, at in zip(images, corners, strict=True) for r, c in at]
            cut = np.stack(cut)  # [N, 7, 7, C]
            cut = (cut - cut.mean(axis=(0, 1, 2))) / cut.std(axis=(0, 1, 2))
            per_level.append(cut.transpose(0, 3, 1, 2).reshape(len(cut), -1))
        descriptors.append(per_level)
    for size, a, b in zip((64, 32, 16), *descriptors, strict=True):
        ways = rng.standard_normal([4 * DIRECTIONS, a.shape[1]]).T
        ways /= np.linalg.norm(ways, axis=0)
        yield f"swd_{size}", "POT", 1000 * ot.sliced_wasserstein_distance(a, b, projections=ways, p=1)


def _similarity(x):
    """Of the first image each."""
    import torch
    from pytorch_msssim import ms_ssim as torch_ms_ssim
    from pytorch_msssim import ssim as torch_ssim
    from skimage.color import rgb2ycbcr
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity
    from torchmetrics.functional.image import peak_signal_noise_ratio as torch_psnr

    unit = {name: [(part[0].astype(np.float64) + 1) / 2 for part in x[name]] for name in ("rgb", "grey")}
    tensors = {
        name: [torch.from_numpy(part).permute(2, 0, 1)[None] for part in pair] for name, pair in unit.items()
    }  # [1, C, H, W]
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": -1}
    for name in ("rgb", "grey"):
        yield f"psnr {name}", "scikit-image", peak_signal_noise_ratio(*unit[name], data_range=1)
        yield f"psnr {name}", "torchmetrics", torch_psnr(*tensors[name][::-1], data_range=1.0)
        yield f"ssim {name}", "scikit-image", structural_similarity(*unit[name], data_range=1, **options)
        yield f"ssim {name}", "pytorch-msssim", torch_ssim(*tensors[name], data_range=1.0)
    luma = [rgb2ycbcr(part)[4:-4, 4:-4, :1] for part in unit["rgb"]]  # 16 to 235
    yield "psnr luma, crop 4", "scikit-image", peak_signal_noise_ratio(*luma, data_range=255)
    yield "ssim luma, crop 4", "scikit-image", structural_similarity(*luma, data_range=255, **options)
    for name in ("rgb", "grey"):
        in_rgb = [np.repeat(part, 3, axis=-1) if name == "grey" else part for part in unit[name]]
        luma = [rgb2ycbcr(part)[4:-4, 4:-4, :1] for part in in_rgb]
        yield f"psnr_y {name}", "scikit-image", peak_signal_noise_ratio(*luma, data_range=255)
        yield f"ssim_y {name}", "scikit-image", structural_similarity(*luma, data_range=255, **options)
    yield "ms_ssim rgb", "pytorch-msssim", torch_ms_ssim(*tensors["rgb"], data_range=1.0)
    yield "ms_ssim grey, 3 scales", "pytorch-msssim", _three_scales(*tensors["grey"])


def _three_scales(a, b):
    """The library's `ms_ssim` refuses small images; its single scale does not."""
    import torch
    from pytorch_msssim.ssim import _fspecial_gauss_1d, _ssim

    window = _fspecial_gauss_1d(11, 1.5).double()[None]
    result = 1.0
    for scale in range(3):
        whole, contrast = _ssim(a, b, data_range=1.0, win=window, size_average=False)
        result = result * (whole if scale == 2 else contrast) ** (WEIGHTS[scale] / sum(WEIGHTS[:3]))
        a, b = (torch.nn.functional.avg_pool2d(part, 2) for part in (a, b))
    return result


def _ppl(x):
    import torch
    from torchmetrics.functional.image import perceptual_path_length

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.given = [torch.from_numpy(x["z"][0::2]), torch.from_numpy(x["z"][1::2])]

        def sample(self, count):
            return self.given.pop(0)

        def forward(self, z):
            return 255 * ((z @ torch.from_numpy(x["linear"])).reshape(-1, 3, 2, 2) + 1) / 2

    class SquaredL2(torch.nn.Module):
        def forward(self, a, b):
            return ((a - b) ** 2).sum(dim=(1, 2, 3))

    # With 201 pairs both percentiles are values, on whose rounding the libraries differ.
    value, _, _ = perceptual_path_length(Linear(), num_samples=201, resize=None, sim_net=SquaredL2())
    yield "ppl, straight lines", "torchmetrics", value


def ours(x):
    """metric -> value, by this package."""
    from tfgan_zoo.metrics import frechet, kid, labels, neighbours, ppl, similarity, swd
    from tfgan_zoo.metrics.inception_score import inception_score

    moments = {}
    for name in ("real", "fake", "few"):
        moments[name] = frechet.Moments()
        for batch in np.array_split(x[name], 4):
            moments[name].update(batch)
    shape = x["swd_real"].shape[1:]
    real = swd.Descriptors(shape, per_image=PATCHES, seed=REAL_SEED)
    fake = swd.Descriptors(shape, per_image=PATCHES, seed=FAKE_SEED)
    for batch in (slice(0, 4), slice(4, 6)):
        real.update(x["swd_real"][batch])
        fake.update(x["swd_fake"][batch])
    probabilities = np.exp(x["logits"])
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    result = {
        "frechet": frechet.frechet_distance(moments["real"], moments["fake"]),
        "frechet singular": frechet.frechet_distance(moments["real"], moments["few"]),
        **kid.kernel_distance(x["real"], x["fake"], subset_size=200, seed=SUBSETS_SEED),
        "kid one subset": kid.kernel_distance(x["real"][:500], x["fake"], subsets=1, subset_size=500)["kid"],
        **neighbours.prdc(x["near"], x["far"]),
        **inception_score(probabilities),
        **labels.label_accuracy(x["logits"], x["labels"]),
        **swd.sliced_wasserstein(real, fake, directions=DIRECTIONS, seed=DIRECTIONS_SEED),
        "psnr luma, crop 4": similarity.psnr(*x["rgb"], crop=4, luma=True)[0],
        "ssim luma, crop 4": similarity.ssim(*x["rgb"], crop=4, luma=True)[0],
        "ms_ssim rgb": similarity.ms_ssim(*x["rgb"])[0],
        "ms_ssim grey, 3 scales": similarity.ms_ssim(*x["grey"])[0],
        "ppl, straight lines": ppl.perceptual_path_length(
            lambda z: z @ x["linear"],
            lambda a, b: np.sum((a - b) ** 2, axis=1),
            lambda count, seed: x["z"][:count],
            samples=201,
            spherical=False,
        )["ppl"],
    }
    for name in ("rgb", "grey"):
        result[f"psnr {name}"] = similarity.psnr(*x[name])[0]
        result[f"ssim {name}"] = similarity.ssim(*x[name])[0]
        result[f"psnr_y {name}"] = similarity.psnr_y(*x[name])[0]
        result[f"ssim_y {name}"] = similarity.ssim_y(*x[name])[0]
    return result


def stored():
    return json.loads(VALUES.read_text(encoding="utf-8"))


def table():
    values = ours(inputs())
    lines = ["| metric | library | theirs | ours | difference |", "|---|---|---|---|---|"]
    for row in stored():
        value = float(values[row["metric"]])
        lines.append(
            f"| {row['metric']} | {row['library']} {row['version']} | {row['value']:.10g} | {value:.10g} | "
            f"{abs(value - row['value']):.1e} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
