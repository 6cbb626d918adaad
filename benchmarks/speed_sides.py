"""One side of a measurement of `benchmarks/speed.py`: a recipe, by itself in a process, that takes turns with others.

    python -m benchmarks.speed_sides bare pix2pix --precision=float32

`bare`: the traced step in a loop, on one batch in memory. `run`: the step in a whole run, with pipeline, log, progress
bar and guards; grids and checkpoints are put off. `pipeline`: batches alone. `live`: the model called with
`--batch-size` examples. `exported <folder>`: the same of its export. `keras`: the step as people write it in plain
Keras. `--phase=2` is a recipe's second; `--classes=100` is a folder of so many with noise in it; `--replicas=2` splits
the processor in two, `--workers=2` has two processes, each on a core of its own.
"""

import argparse
import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import turns, two_workers

ROOT = Path(__file__).resolve().parent.parent
PEER = "SPEED_PEER"  # set in the environment of workers beside the one that takes turns
LATE = ("--sample-every=1000000", "--checkpoint-every=1000000")
SIDES = (64, 64)  # of requested pictures where an export takes any: those of the recipes of translators


def main(argv=None, taken=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("side", choices=["bare", "run", "pipeline", "live", "exported", "keras"])
    parser.add_argument("subject", help="a recipe; of exported the folder of a version")
    parser.add_argument("--phase", type=int, default=1)
    parser.add_argument("--replicas", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--classes", type=int)
    args, flags = parser.parse_known_args(argv)
    is_peer = PEER in os.environ
    with contextlib.ExitStack() as stack:
        if args.classes:
            flags.append(f"--dataset={stack.enter_context(classes(args.classes))}")
        if args.workers > 1 and not is_peer:
            stack.enter_context(beside(args.workers, ["run", args.subject, f"--workers={args.workers}", *flags]))
        taken = taken or (None if is_peer else turns.Turns())
        with contextlib.suppress(turns.Over):
            if args.side == "exported":
                exported(args.subject, int(flags[0].removeprefix("--batch-size=")), taken)
            else:
                strategy = "multi_worker" if args.workers > 1 else "one_device"
                measure(args.side, load(args.subject), flags, taken, args.phase, args.replicas, strategy)
    if args.workers > 1:
        os._exit(0)  # an ordinary end would wait for the others


@contextlib.contextmanager
def classes(count):
    """A folder of so many folders, each with two pictures of noise."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for i in range(count):
            inner = Path(folder, f"{i:04d}")
            inner.mkdir()
            for j in range(2):
                Image.fromarray(rng.integers(0, 256, [32, 32], np.uint8)).save(inner / f"{j}.png")
        yield folder


@contextlib.contextmanager
def beside(count, words):
    """Makes this process the first of several workers, each on one core; the others train until it is done."""
    addresses = [f"127.0.0.1:{port}" for port in two_workers.free_ports(count)]
    cores = sorted(os.sched_getaffinity(0))

    def of_core(i):
        return lambda: os.sched_setaffinity(0, [cores[i % len(cores)]])

    command = [sys.executable, "-m", "benchmarks.speed_sides", *words]
    others = [
        subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, **two_workers.told(addresses, i), PEER: "1"}, preexec_fn=of_core(i),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for i in range(1, count)
    ]  # fmt: skip
    of_core(0)()
    os.environ.update(two_workers.told(addresses, 0))
    try:
        yield
    finally:
        for other in others:
            other.kill()


def load(name):
    """A recipe as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"recipes/{name}.py")
    recipe = importlib.util.module_from_spec(spec)
    sys.modules[name] = recipe
    spec.loader.exec_module(recipe)
    return recipe


def measure(side, recipe, flags, taken, phase=1, replicas=1, strategy="one_device"):
    """Runs a recipe up to one of its phases, and takes turns there until it is over."""
    from tfgan_zoo.run import devices, job
    from tfgan_zoo.run import flags as of_runs

    # isort: split
    import keras  # after tfgan_zoo, which sets TensorFlow up before it is imported, as in the recipes
    import tensorflow as tf

    from tfgan_zoo.data import batches

    class Job(job.Job):
        def _fit(self, model, data, transform, batch_size, start, until, actions):
            if len(self._phases) < phase:
                return
            known = {"precision": self._policy, "xla": self._xla, "seed": self.config.seed}
            known["parameters"] = {role: getattr(model, role).count_params() for role in model.roles}
            count = batch_size * model.minibatches
            if side == "run":
                last = [Turned(taken, known)] if taken else []
                super()._fit(model, data, transform, batch_size, start, start + 10**8, [*actions, *last])
            elif side == "pipeline":
                iterator = iter(batches.batches(data.train, count, seed=0, transform=transform))
                next(iterator)
                taken.say(**known)
                taken.take(lambda: next(iterator))
            elif side == "keras":
                from benchmarks import speed_keras

                speed_keras.fit(model, data, self.config, [Turned(taken, known)])
            elif side == "live":
                specs = {spec.name: spec for spec in model.signatures()["serving_default"][1]}
                inputs = request(specs, self.config.batch_size)
                model(inputs)
                taken.say(**known)
                taken.take(lambda: model(inputs), lambda done: tf.nest.map_structure(lambda x: x.numpy(), done))
            else:
                batch = next(iter(batches.batches(data.train, count, seed=0, transform=transform)))
                same = iter(tf.data.Dataset.from_tensors(batch).repeat().prefetch(2))
                step = model.make_train_function(force=True)
                with updates(model) as updated:
                    graph = step.get_concrete_function(same).graph
                known |= {"gflop": gflop(graph), "gradients_mb": round(4 * sum(updated) / 1e6, 6)}
                step(same)
                taken.say(**known)
                taken.take(lambda: step(same), lambda losses: tf.nest.map_structure(lambda x: x.numpy(), losses))

    class Turned(keras.callbacks.Callback):
        """The last of a run's callbacks: what comes between two of its calls is what a step costs."""

        def __init__(self, taken, known):
            super().__init__()
            self.taken, self.known, self.seconds = taken, known, None

        def on_train_batch_end(self, batch, logs=None):
            now = turns.now()
            if self.seconds is None:
                self.taken.say(**self.known)
                return self._wait()
            self.count += 1
            if self.count == turns.WARM_UP:
                self.begun = now
            elif self.count >= turns.WARM_UP + 2 and now[0] - self.begun[0] >= self.seconds:
                steps = (self.count - turns.WARM_UP) * getattr(self.model, "steps_per_execution", 1)
                self.taken.say(**turns.per_step(self.begun, now, steps))
                self._wait()

        def _wait(self):
            self.seconds, self.count = self.taken.wait(), 0

        def close(self):
            """As the other callbacks of a run; nothing is held."""

    def gflop(graph):
        """What one step computes."""
        options = {**tf.compat.v1.profiler.ProfileOptionBuilder.float_operation(), "output": "none"}
        flop = tf.compat.v1.profiler.profile(graph, options=options).total_float_ops
        return round(flop / 1e9, 6)

    with tempfile.TemporaryDirectory() as folder:
        own = [f"--run-dir={folder}/run", f"--export-dir={folder}/exported", *LATE]
        config = of_runs.parse(recipe.PRESETS, [*own, *flags])
        chosen, device = devices.strategy(strategy)
        if replicas > 1:
            cpu = tf.config.list_physical_devices("CPU")[0]
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * replicas)
            chosen = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(replicas)])
        recipe.main(Job(recipe.__name__, config, chosen, device), config)


@contextlib.contextmanager
def updates(model):
    """While a step is traced, how many numbers each of its updates has: accelerators would tell each other of all.

    What `when` does in some steps only is left out, as it is of a step's FLOP.
    """
    updated, minimize, when = [], model.minimize, model.when

    def counted(loss, tape, optimizer, **options):
        roles = next(roles for name, roles in model.trains.items() if getattr(model, name) is optimizer)
        updated.extend(v.shape.num_elements() for role in roles for v in getattr(model, role).trainable_variables)
        minimize(loss, tape, optimizer, **options)

    def uncounted(due, function, *given):
        model.minimize = minimize
        try:
            return when(due, function, *given)
        finally:
            model.minimize = counted

    model.minimize, model.when = counted, uncounted
    try:
        yield updated
    finally:
        del model.minimize, model.when


def request(specs, count):
    """What a signature can be asked: input name -> a tensor of so many examples.

    Args:
        specs: input name -> `tf.TensorSpec`.
        count: of examples; pictures of any size are of `SIDES`.
    """
    from tfgan_zoo import signatures

    # isort: split
    import tensorflow as tf

    return {name: tf.constant(signatures.example(spec, count, SIDES)) for name, spec in specs.items()}


def exported(folder, count, taken):
    """Calls `serving_default` of an export."""
    import tfgan_zoo  # noqa: F401  first: it sets TensorFlow up before it is imported

    # isort: split
    import tensorflow as tf

    begun = time.perf_counter()
    model = tf.saved_model.load(folder)
    function = model.signatures["serving_default"]
    loaded = time.perf_counter() - begun
    inputs = request(function.structured_input_signature[1], count)
    function(**inputs)
    taken.say(load_s=round(loaded, 3))
    taken.take(lambda: function(**inputs), lambda done: tf.nest.map_structure(lambda x: x.numpy(), done))


if __name__ == "__main__":
    main()
