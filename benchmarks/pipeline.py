"""How fast batches come: from a folder of JPEG files, by where its prepared set is kept, and from glyphs.

    python benchmarks/pipeline.py --json=pipeline.json

Makes 2,000 JPEG files of 256x256 (smoothed noise) in a temporary folder. Each measurement is a process of its own on so
many CPU cores. Prints one JSON line per measurement: seconds to prepare the set, pictures per second after a warm-up,
and CPU milliseconds per batch.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image, ImageFilter

COUNT, SIZE = 2000, 256
KEPT = {"decoded": 2**40, "encoded": COUNT * SIZE * SIZE * 3 - 1, "streamed": 0}  # `prepared.IN_MEMORY_BYTES`


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=5.0, help="how long to read batches")
    parser.add_argument("--json", help="append the results to this file")
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)  # in the processes that this one starts
    args = parser.parse_args()
    if args.measure:
        return _measure(*args.measure, args.seconds)
    with tempfile.TemporaryDirectory() as folder:
        _make(pathlib.Path(folder, "jpegs"))
        for cores in args.cores:
            for what in ("prepare", *KEPT, "decoded jitter", "glyphs"):
                command = [sys.executable, __file__, f"--seconds={args.seconds}", "--measure", what, folder]
                result = {"what": what, "cores": cores, **json.loads(_on_cores(command, cores))}
                print(json.dumps(result), flush=True)
                if args.json:
                    with open(args.json, "a", encoding="utf-8") as file:
                        file.write(json.dumps(result) + "\n")


def _make(folder):
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(COUNT):
        noise = Image.fromarray(rng.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8))
        noise.filter(ImageFilter.GaussianBlur(2)).save(folder / f"{i:04}.jpg", quality=90)


def _on_cores(command, cores):
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    if len(chosen) < cores:
        sys.exit(f"error: {cores} cores were asked for, and there are {len(chosen)}")
    done = subprocess.run(
        command, stdout=subprocess.PIPE, check=True, text=True, preexec_fn=lambda: os.sched_setaffinity(0, chosen)
    )
    return done.stdout.splitlines()[-1]


def _measure(what, folder, seconds):
    from tfgan_zoo import console  # noqa: F401  first: it keeps TensorFlow's start-up messages off the terminal
    from tfgan_zoo.data import batches, images, prepared, transforms

    if what == "glyphs":
        return _rate(batches.batches(images.images("glyphs", image_size=16).train, 64, seed=0), 64, seconds)
    data_dir = os.path.join(folder, f"data-{len(os.sched_getaffinity(0))}")
    kept, *jitter = what.split()
    prepared.IN_MEMORY_BYTES = KEPT.get(kept, 0)
    start = time.perf_counter()
    data = images.images(os.path.join(folder, "jpegs"), image_size=SIZE, data_dir=data_dir)
    ready = time.perf_counter() - start
    if what == "prepare":
        files = pathlib.Path(data_dir, "prepared", data.fingerprint).iterdir()
        print(json.dumps({"seconds": round(ready, 2), "megabytes": round(sum(f.stat().st_size for f in files) / 1e6)}))
        return
    transform = transforms.compose(transforms.random_jitter(286 / 256), transforms.random_flip) if jitter else None
    _rate(batches.batches(data.train, 16, seed=0, transform=transform), 16, seconds, round(ready, 2))


def _rate(dataset, batch_size, seconds, ready=None):
    iterator = iter(dataset)
    for _ in range(5):
        next(iterator)
    wall, cpu, count = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - wall < seconds:
        next(iterator)
        count += 1
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    result = {"seconds_to_load": ready} if ready is not None else {}
    result |= {"batch_size": batch_size, "pictures_per_second": round(count * batch_size / wall)}
    result |= {"cpu_ms_per_batch": round(1e3 * cpu / count, 3), "wall_ms_per_batch": round(1e3 * wall / count, 3)}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
