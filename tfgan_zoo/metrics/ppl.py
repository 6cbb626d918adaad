"""Perceptual path length: "A Style-Based Generator Architecture for Generative Adversarial Networks", Karras et al.
2019 (arXiv 1812.04948), section 4.1.

The published numbers rest on one VGG-16 network (LPIPS) and on crops of faces, neither of which is here, so none was
reproduced. Checked is the arithmetic, on generators and distances with closed forms and against torchmetrics. With
another distance the number is another measure.
"""

import numpy as np

from tfgan_zoo.errors import InputError


def perceptual_path_length(
    generate, distance, draw, *, samples, epsilon=1e-4, spherical=True, ends=False, seed=0, batch_size=64
):
    """E[d(G(i(z1, z2, t)), G(i(z1, z2, t + epsilon))) / epsilon^2], t uniform in [0, 1), without outliers.

    As in the authors' code, values below the 1st and above the 99th percentile are left out of the mean; the
    percentiles are values themselves, rounded outwards. That code interpolates z on the unit sphere, its networks
    normalising z. Here the direction is the same and the length goes linearly from |z1| to |z2|, so that other networks
    too see z of the length they know. Path length in W: `spherical=False`, with `generate` and `draw` working on w.

    Args:
        generate: `z [2 B, ...] -> images`; the same z must give the same image.
        distance: `(images [B, ...], images [B, ...]) -> [B]`, quadratic in small differences.
        draw: `(count, seed) -> z [count, latent_dim]`; its dtype is what `generate` gets.
        samples: pairs; 100,000 in the published numbers (not seen there: told from memory).
        epsilon: step of t. In float32 the default leaves about three digits of each difference.
        spherical: along great circles, for normal z; else along straight lines, for w.
        ends: t = 0, next to points that were drawn, instead of anywhere on the way.
        seed: of z and t.
        batch_size: pairs at once.

    Returns:
        `{"ppl": ...}`.

    Raises:
        InputError: a number that is not above 0, distances that are not finite numbers, one a pair, or a generator that
            rounds more than a step changes: one that computes in half precision.
    """
    if samples < 1 or batch_size < 1 or not epsilon > 0:
        raise InputError(f"{samples=}, {batch_size=}, {epsilon=}; expected each above 0")
    z = np.asarray(draw(2 * samples, seed))
    # The second word: not the numbers that z has.
    t = np.random.default_rng([seed, 1]).random([samples, *[1] * (z.ndim - 1)]) * (not ends)
    path = _great_circle if spherical else _line

    def distances(part, step):
        begin, end = z[0::2][part].astype(np.float64), z[1::2][part].astype(np.float64)
        points = np.concatenate([path(begin, end, t[part]), path(begin, end, t[part] + step)])
        images = generate(points.astype(z.dtype))
        found = np.asarray(distance(images[: len(begin)], images[len(begin) :]), np.float64)
        if found.shape != (len(begin),) or not np.isfinite(found).all():
            raise InputError(
                f"distances of shape {list(found.shape)} for {len(begin)} pairs; expected one finite number each"
            )
        return found

    first, *more = [slice(start, start + batch_size) for start in range(0, samples, batch_size)]
    values = [distances(first, epsilon)]
    # Twice as far is a distance four times as large; of numbers that are only rounded otherwise twice at most.
    if np.sum(distances(first, 2 * epsilon)) < 3 * np.sum(values[0]):
        raise InputError(
            f"a step of {epsilon:g} changes pictures by less than the model rounds them: it computes in half "
            "precision; measure one that was trained with --precision=float32"
        )
    values = np.concatenate([*values, *(distances(part, epsilon) for part in more)]) / epsilon**2
    low, high = np.percentile(values, 1, method="lower"), np.percentile(values, 99, method="higher")
    return {"ppl": float(values[(low <= values) & (values <= high)].mean())}


def _line(begin, end, t):
    return begin + t * (end - begin)


def _great_circle(begin, end, t):
    lengths = [np.linalg.norm(x, axis=-1, keepdims=True) for x in (begin, end)]
    a, b = begin / lengths[0], end / lengths[1]
    cosine = np.sum(a * b, axis=-1, keepdims=True)
    across = b - cosine * a
    across /= np.linalg.norm(across, axis=-1, keepdims=True)
    angle = t * np.arccos(np.clip(cosine, -1.0, 1.0))
    return _line(*lengths, t) * (a * np.cos(angle) + across * np.sin(angle))
