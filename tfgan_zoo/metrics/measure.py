"""All metrics of one pass over real and made images, each with its protocol."""

import dataclasses
from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import tensorflow as tf
import tyro
from tqdm import tqdm

from tfgan_zoo.data import decoding
from tfgan_zoo.errors import InputError
from tfgan_zoo.metrics import extractors, frechet, inception_score, kid, labels, neighbours, ppl, similarity, swd

PER_IMAGE = 128  # patches for swd
_LUMA = ("psnr_y", "ssim_y")
_OF_PAIRS = ("l1", "psnr", "ssim", *_LUMA)  # images with their targets


@dataclasses.dataclass(kw_only=True)
class Measures(extractors.Flags):
    """What to measure, and how."""

    metrics: Annotated[str, tyro.conf.arg(aliases=["--metric"])] = ""
    """Comma between: fid fd kid is prdc swd ms_ssim ppl label_accuracy ms_ssim_within; of pairs also
    l1 psnr ssim psnr_y ssim_y."""
    count: int | None = None
    """Images of the model. Default: as many as there are real ones."""
    real_count: int | None = None
    """Real images, the first of the split. Default: all."""
    batch_size: int | None = None
    """Images at once. Default: 64, fewer where they are larger than 256x256."""
    seed: int = 0
    """The seed of the noise and of what the metrics draw."""
    signature: str = ""
    """Which signature of the model makes the pictures. Default: sample, serving_default, or the first that fits."""
    noise: Literal["auto", "normal", "uniform"] = "auto"
    """What z is drawn from where the model does not draw it. uniform: -1 to 1; auto: as its metadata says, or normal"""
    truncation: float | None = None
    """For models whose signature has an input of this name."""
    model_range: Literal["-1..1", "0..1", "0..255"] = "-1..1"
    """The range of the images that the model takes and gives."""
    black_and_white: bool = False
    """Make real and made images black or white at each pixel first: for models that learn such ones from grey data."""
    kid_subsets: int = 100
    """Random subsets that KID is averaged over."""
    kid_subset_size: int = 1000
    """Images in each."""
    is_splits: int = 10
    """Parts that the Inception score is averaged over."""
    swd_images: int = 4096
    """Images of each set for swd, at most; 16384 in the paper. A level takes 25 kB per image and channel."""
    ms_ssim_pairs: int = 1000
    """Pairs of samples for their MS-SSIM, among as many images."""
    within_pairs: int = 100
    """Pairs of each class for ms_ssim_within, among as many images of it."""
    ppl_samples: int = 1000
    """Pairs of neighbouring points; 100000 in the paper."""
    ppl_space: Literal["z", "w"] = "z"
    """Where they are: w is for models with styles, signatures mapping and synthesis."""
    ppl_ends: bool = False
    """Neighbours of points that were drawn, instead of those anywhere on the way between two."""
    crop: int = 0
    """Pixels left out at each border, for psnr, ssim and ms_ssim of pairs."""
    luma: bool = False
    """These three on Y of RGB images."""


def names(text):
    """`fid, kid` -> ["fid", "kid"]."""
    return list(dict.fromkeys(part for part in text.replace(" ", "").split(",") if part))


def check(flags):
    """Raises:
    InputError: an unknown metric, a count below 1.
    """
    for name in names(flags.metrics):
        if name not in METRICS:
            raise InputError(f"--metrics={flags.metrics}: {name} is none of {', '.join(METRICS)}")
    for field in dataclasses.fields(flags):
        value, least = getattr(flags, field.name), 0 if field.name in ("seed", "crop") else 1
        if isinstance(value, int) and not isinstance(value, bool) and value < least:
            raise InputError(f"--{field.name.replace('_', '-')}={value} must be {least} or more")


class Measurement:
    """What `flags.metrics` ask for of a source, checked before anything is computed.

    Args:
        source: `sources.Source`, or `sources.Files`.
        flags: `Measures`; no metrics: l1 where there are targets, else swd.

    Raises:
        InputError: a metric that does not fit the source, too few images, no extractor or a wrong one.
    """

    def __init__(self, source, flags):
        check(flags)
        self.source, self.flags = source, flags
        self.metrics = names(flags.metrics) or ["l1" if source.has_targets else "swd"]
        for name in self.metrics:
            self._check(name)
        if flags.black_and_white and (source.translates or "ppl" in self.metrics):
            raise InputError("--black-and-white is for samples, and not for ppl or images made of images; leave it out")
        self.keeps = {part for name in self.metrics for part in METRICS[name].keeps}
        self.swd_images = min(source.real_count, source.count, flags.swd_images)
        needs_extractor = any(METRICS[name].in_features for name in self.metrics)
        self.extractor = extractors.load(flags) if needs_extractor else None
        self.real = None  # what was seen of the real images: kept from one run to the next

    def _check(self, name):
        source, flags, metric = self.source, self.flags, METRICS[name]
        pairwise = name in _OF_PAIRS or (name == "ms_ssim" and source.translates)
        if pairwise and not source.has_targets:
            raise InputError(f"{name} compares images with their targets, which there are none of here; leave it out")
        if name in ("label_accuracy", "ms_ssim_within") and not source.has_labels:
            raise InputError(
                f"{name} needs a model that takes labels, or texts of known labels; {source.name} does not"
            )
        if name == "ppl" and source.has_texts:
            raise InputError(f"ppl walks from z to z, and {source.name} is told a text; leave it out")
        if name == "ppl" and source.generator is None:
            raise InputError(f"ppl walks from z to z, and {source.name} is no model; leave it out")
        if name == "ppl" and flags.ppl_space == "w":
            _styled(source.generator)
            if flags.truncation is not None:
                raise InputError("--truncation and --ppl-space=w: expected one of them; a path in w is of whole styles")
        counts = {"real": source.real_count, "made": source.count}
        for which in metric.of:
            if counts[which] < (fewest := metric.fewest(flags)):
                hint = " or a smaller --kid-subset-size" if name == "kid" else ""
                raise InputError(f"{name} needs {fewest} {which} images, there are {counts[which]}; give more{hint}")
        if name == "swd" and source.shape[0] < swd.PATCH:
            raise InputError(f"swd needs images of {swd.PATCH}x{swd.PATCH} or more, these are {list(source.shape)}")
        if not metric.in_features:
            return
        if not flags.extractor:
            raise InputError(
                f"{name} needs an extractor: give --extractor=inception-2015, inception-v3, a .keras file or a "
                "SavedModel, or choose a metric that needs none: swd, ms_ssim"
            )
        if name == "fid" and flags.extractor != extractors.INCEPTION_2015:
            raise InputError(
                f"fid is of --extractor={extractors.INCEPTION_2015} only, and this is {flags.extractor}; ask for fd"
            )

    def run(self, quiet=False):
        """One record per number, `{"metric", "value", "details", "protocol"}`; a bar of progress unless `quiet`."""
        source = self.source
        real = self.real is None and any("real" in METRICS[name].of for name in self.metrics)
        total = real * source.real_count + bool(self.keeps) * source.count
        with tqdm(total=total, unit="image", desc=source.name, dynamic_ncols=True, disable=quiet) as bar:
            if real:
                self.real = _Seen(self, "real")
                for batch, label in source.reals():
                    self.real.update(self._shown(batch), label)
                    bar.update(len(batch))
            made = _Seen(self, "made")
            for batch, label, example in source.fakes() if self.keeps else ():
                made.update(self._shown(batch), label, example)
                bar.update(len(batch))
        return [record for name in self.metrics for record in self._records(name, made)]

    def _shown(self, images):
        return np.where(images > 0, np.float32(1), np.float32(-1)) if self.flags.black_and_white else images

    def _records(self, name, made):
        metric = METRICS[name]
        of = {"real": self.source.real_count, "made": self.source.count}
        counts = {
            which: (self.swd_images if name == "swd" else of[which]) if which in metric.of else None for which in of
        }
        extractor = self.extractor if metric.in_features else None
        blank = dict.fromkeys(("extractor", "extractor_sha256", "feature_layer", "preprocessing", "resize"))
        settings, values = metric.values(self, made)
        protocol = {
            **(extractor.stamp() if extractor else blank),
            "real_images": counts["real"],
            "fake_images": counts["made"],
            **self.source.stamp(),
            **({"pixels": "black and white"} if self.flags.black_and_white else {}),
            "settings": settings,
        }
        for key, value, details in values:
            yield {
                "metric": extractor.of(key) if extractor else key,
                "value": float(value),
                "details": details,
                "protocol": protocol,
            }


class _Seen:
    """What is kept of one set of images, real or made: no more than the metrics ask for."""

    def __init__(self, measurement, which):
        self.of = measurement
        # Scores, pictures and errors are of made images only.
        of_real = {"moments", "features", "patches", "right", "classes"}
        self.keeps = measurement.keeps & (of_real if which == "real" else measurement.keeps)
        self.moments = frechet.Moments()
        self.features, self.scores, self.pictures = [], [], []
        self.right, self.classes = 0, {}  # `labels.right_of_each`; label -> batches of its pictures
        self.sums = dict.fromkeys(measurement.metrics, 0.0)  # over images
        if "patches" in self.keeps:  # at other places in real images than in made ones
            seed = 2 * measurement.flags.seed + (which == "made")
            self.patches = swd.Descriptors(measurement.source.shape, per_image=PER_IMAGE, seed=seed)

    def update(self, batch, label=None, example=None):
        of, flags = self.of, self.of.flags
        if self.keeps & {"moments", "features", "scores", "right"}:
            features, scores = of.extractor(batch)
            if self.keeps & {"scores", "right"} and scores is None:
                raise InputError(
                    f"{of.extractor.name} gives no probabilities of classes; leave is and label_accuracy out"
                )
            if "moments" in self.keeps:
                self.moments.update(features)
            if "features" in self.keeps:
                self.features.append(features)
            if "scores" in self.keeps:
                self.scores.append(scores)
            if "right" in self.keeps:
                self.right = self.right + labels.right_of_each(scores, label)
        if "classes" in self.keeps:
            for number in np.unique(label):
                kept = self.classes.setdefault(int(number), [])
                if room := max(2, flags.within_pairs) - sum(map(len, kept)):
                    kept.append(batch[label == number][:room])
        if "patches" in self.keeps and (room := of.swd_images - self.patches.count):
            self.patches.update(batch[:room])
        if "errors" in self.keeps and example and "target" in example:
            target, source = example["target"], example["image"]
            for name in set(of.metrics) & {*_OF_PAIRS, "ms_ssim"}:
                self.sums[name] += float(_errors(name, batch, target, flags).sum(dtype=np.float64))
            if "l1" in of.metrics and source.shape == target.shape:  # what doing nothing would score
                identity = float(_errors("l1", source, target, flags).sum(dtype=np.float64))
                self.sums["l1_identity"] = self.sums.get("l1_identity", 0.0) + identity
            on_luma = [name for name in of.metrics if name in _LUMA]
            if on_luma and _is_smaller(source, target):  # what a bicubic filter would score
                enlarged = _enlarged(source, target.shape[1:3])
                for name in on_luma:
                    bicubic = float(_errors(name, enlarged, target, flags).sum(dtype=np.float64))
                    self.sums[f"{name}_bicubic"] = self.sums.get(f"{name}_bicubic", 0.0) + bicubic
        elif "pictures" in self.keeps and (room := max(2, flags.ms_ssim_pairs) - sum(map(len, self.pictures))):
            self.pictures.append(batch[:room])

    def stacked(self):
        """`[N, D]`, held once."""
        if len(self.features) > 1:
            self.features = [np.concatenate(self.features)]
        return self.features[0]


def _errors(name, made, target, flags):
    """`[B]`."""
    if name == "l1":
        return np.abs(made - target).mean(axis=(1, 2, 3), dtype=np.float64)
    if name in _LUMA:
        return getattr(similarity, name)(made, target)
    return getattr(similarity, name)(made, target, crop=flags.crop, luma=flags.luma)


def _is_smaller(source, target):
    lower, narrower = (a < b for a, b in zip(source.shape[1:3], target.shape[1:3], strict=True))
    return lower and narrower and source.shape[-1] == target.shape[-1]


def _enlarged(images, sides):
    """Images in another size, by a bicubic filter, on 8 bits."""
    pixels = np.rint((images + 1) * 127.5).astype(np.uint8)
    return np.stack([decoding.scaled(one, *sides) for one in pixels]).astype(np.float32) / 127.5 - 1


# ---------------------------------------------------------------------------------------------------------------------
# The metrics: (measurement, what was seen of made images) -> (settings, [(name, value, details), ...])


@dataclasses.dataclass(frozen=True)
class _Metric:
    values: Callable
    of: tuple[str, ...]  # sets of images that it is of
    keeps: tuple[str, ...]  # what it needs of them
    in_features: bool = True
    fewest: Callable = lambda flags: 1


def _frechet(name):
    return lambda m, made: ({}, [(name, frechet.frechet_distance(m.real.moments, made.moments), {})])


def _kid(m, made):
    how = {"subsets": m.flags.kid_subsets, "subset_size": m.flags.kid_subset_size}
    found = kid.kernel_distance(m.real.stacked(), made.stacked(), seed=m.flags.seed, **how)
    return how, [("KID", found.pop("kid"), found)]


def _prdc(m, made):
    how = {"k_precision": 3, "k_density": 5}
    return how, [(k, v, {}) for k, v in neighbours.prdc(m.real.stacked(), made.stacked(), **how).items()]


def _inception_score(m, made):
    scores = np.random.default_rng(m.flags.seed).permutation(np.concatenate(made.scores))  # they come label by label
    found = inception_score.inception_score(scores, m.flags.is_splits)
    return {"splits": m.flags.is_splits}, [("IS", found.pop("is"), found)]


def _swd(m, made):
    found = swd.sliced_wasserstein(m.real.patches, made.patches, seed=m.flags.seed)
    return {"per_image": PER_IMAGE}, [("swd", found.pop("swd"), found)]


def _ms_ssim(m, made):
    if m.source.translates:
        return _mean("ms_ssim")(m, made)
    pictures = np.concatenate(made.pictures)
    found = similarity.pair_ms_ssim(pictures, pairs=m.flags.ms_ssim_pairs, seed=m.flags.seed)
    how = {"pairs": m.flags.ms_ssim_pairs, "among": len(pictures)}
    return how, [("ms_ssim", found.pop("ms_ssim"), found)]


def _label_accuracy(m, made):
    """Of the real pictures as well: what the classifier itself can be trusted with."""

    def of_each(right, asked, name):
        return {f"{name}_{c}": r / n for c, r, n in zip(m.source.data.classes, right, asked, strict=False) if n}

    (right, asked), (real_right, real_asked) = made.right, m.real.right
    details = {"real": real_right.sum() / real_asked.sum()}
    details |= of_each(right, asked, "of") | of_each(real_right, real_asked, "real_of")
    return {}, [("label_accuracy", right.sum() / asked.sum(), {k: float(v) for k, v in details.items()})]


def _ms_ssim_within(m, made):
    """Of classes of which there are two pictures or more, real and made."""
    pictures = {which: {c: np.concatenate(x) for c, x in seen.classes.items()} for which, seen in
                (("made", made), ("real", m.real))}  # fmt: skip
    known = [c for c, x in pictures["made"].items() if min(len(x), len(pictures["real"].get(c, ()))) > 1]
    if not known:
        raise InputError("ms_ssim_within compares pictures of one class, and no class has two; give more")
    how, found = {"pairs": m.flags.within_pairs, "classes": len(known)}, {}
    for which, of in pictures.items():
        images, label = np.concatenate([of[c] for c in known]), np.repeat(known, [len(of[c]) for c in known])
        found[which] = similarity.ms_ssim_within(images, label, pairs=m.flags.within_pairs, seed=m.flags.seed)
    details = {"max": found["made"]["ms_ssim_max"], "real": found["real"]["ms_ssim"]}
    details |= {"real_max": found["real"]["ms_ssim_max"], "ms_ssim_scales": found["made"]["ms_ssim_scales"]}
    return how, [("ms_ssim_within", found["made"]["ms_ssim"], details)]


def _mean(name):
    def values(m, made):
        how = {"crop": m.flags.crop, "luma": m.flags.luma} if name in ("psnr", "ssim", "ms_ssim") else {}
        how = {"crop": similarity.BORDER, "luma": True} if name in _LUMA else how
        # The latter where doing nothing, or a filter, is an answer.
        found = [name, *{"l1": ["l1_identity"], **{n: [f"{n}_bicubic"] for n in _LUMA}}.get(name, [])]
        return how, [(part, made.sums[part] / m.source.count, {}) for part in found if part in made.sums]

    return values


def _styled(generator):
    """`(z -> w, w -> images)` of a model with styles."""
    served = getattr(generator.loaded, "signatures", {})
    if not {"mapping", "synthesis"} <= set(served):
        raise InputError(f"{generator.name} has no mapping to w and synthesis from it; leave out --ppl-space=w")
    mapping, synthesis = (
        served["mapping"],
        dataclasses.replace(
            generator,
            function=served["synthesis"],
            inputs={"w": served["synthesis"].structured_input_signature[1]["w"]},
            output="generated",
        ),
    )
    return (lambda z: mapping(z=tf.constant(z))["styles"].numpy()), lambda w: synthesis.raw(w=w)


def _ppl(m, made):
    generator, flags = m.source.generator, m.flags

    def distance(a, b):
        (first, _), (second, _) = m.extractor(np.clip(a, -1, 1)), m.extractor(np.clip(b, -1, 1))
        return np.sum(np.square(first.astype(np.float64) - second), axis=1)

    def generate(z):
        return generator.raw(z=z, label=np.zeros([len(z)], np.int64) if generator.has_labels else None)

    def draw(count, seed):
        return generator.draw_z(count, np.random.default_rng(seed))

    spherical = generator.prior is None or generator.prior.law == "normal"
    drawn = draw
    if flags.ppl_space == "w":
        mapping, generate = _styled(generator)
        spherical = False

        def drawn(count, seed):
            return mapping(draw(count, seed))

    how = {"samples": flags.ppl_samples, "spherical": spherical} | ({"ends": True} if flags.ppl_ends else {})
    found = ppl.perceptual_path_length(
        generate, distance, drawn, seed=flags.seed, batch_size=-(-m.source.batch_size // 2), **how
    )
    how |= {"space": "w"} if flags.ppl_space == "w" else {}
    return how, [("PPL", found["ppl"], {})]


_BOTH, _MADE = ("real", "made"), ("made",)
METRICS = {
    "fid": _Metric(_frechet("FID"), _BOTH, ("moments",), fewest=lambda flags: 2),
    "fd": _Metric(_frechet("FD"), _BOTH, ("moments",), fewest=lambda flags: 2),
    "kid": _Metric(_kid, _BOTH, ("features",), fewest=lambda flags: max(2, flags.kid_subset_size)),
    "is": _Metric(_inception_score, _MADE, ("scores",), fewest=lambda flags: flags.is_splits),
    "prdc": _Metric(_prdc, _BOTH, ("features",), fewest=lambda flags: 6),
    "swd": _Metric(_swd, _BOTH, ("patches",), in_features=False),
    "ms_ssim": _Metric(_ms_ssim, _MADE, ("pictures", "errors"), in_features=False, fewest=lambda flags: 2),
    "ppl": _Metric(_ppl, (), ()),
    "label_accuracy": _Metric(_label_accuracy, _BOTH, ("right",)),
    "ms_ssim_within": _Metric(_ms_ssim_within, _BOTH, ("classes",), in_features=False, fewest=lambda flags: 2),
    "l1": _Metric(_mean("l1"), _MADE, ("errors",), in_features=False),
    "psnr": _Metric(_mean("psnr"), _MADE, ("errors",), in_features=False),
    "ssim": _Metric(_mean("ssim"), _MADE, ("errors",), in_features=False),
    "psnr_y": _Metric(_mean("psnr_y"), _MADE, ("errors",), in_features=False),
    "ssim_y": _Metric(_mean("ssim_y"), _MADE, ("errors",), in_features=False),
}
