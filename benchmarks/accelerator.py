"""Trains a recipe on an accelerator of a computer that has JAX, and no TensorFlow; in three commands.

    python -m benchmarks.accelerator lower work/sgan sgan --preset=paper --precision=float32
    python benchmarks/accelerator_jax.py work/sgan --seconds=120                  # there: NumPy and JAX
    python -m benchmarks.accelerator finish work/sgan sgan --preset=paper --precision=float32

`lower`: the family's own step, from the numbers of examples to the updated variables (pictures to batches, transforms,
`train_step`, the step's random numbers), is lowered by TensorFlow's XLA bridge to StableHLO, and put into the folder
with the variables and the examples. The second command runs it for the steps of the recipe. `finish`: the recipe once
more, which takes what came back for what its phases would have come to, and ends as any run does: checkpoint, grid,
measures, export.

Seeds give other numbers than here: the order of examples is another generator's. Examples have to fit into memory. A
phase goes on from an earlier one in the variables that both have, but not in what a recipe copies from one to the
other by itself. Where the number of the step decides where pictures are cut (--jitter, --crop, holes), the compiler
would take that number for a constant, and the recipe is refused. So is one whose examples have texts.
"""

import argparse
import gc
import json
import re
from pathlib import Path

import numpy as np

from benchmarks.speed_sides import load


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["lower", "finish"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("recipe")
    args, flags = parser.parse_known_args(argv)
    recipe = load(args.recipe)

    from tfgan_zoo.run import devices, job
    from tfgan_zoo.run import flags as of_runs

    folder, phases, variables, held = args.folder, [], {}, []

    class Job(job.Job):
        def _fit(self, model, data, transform, batch_size, start, until, actions):
            count = batch_size * model.minibatches
            step, numbers, kept = stepping(model, data.train, transform, count, self.config.seed)
            phase = len(phases)
            if args.what == "lower":
                # What goes on in this phase as an earlier one left it: the same objects.
                begins = {i: variables[id(v)] for i, v in enumerate(kept) if id(v) in variables}
                plan = lower(folder, phase, model, step, numbers, kept)
                phases.append(
                    plan
                    | {"start": start, "steps": until - start, "begins": begins, "streams": data.train.counts}
                    | {"batch_size": count, "seed": self.config.seed}
                )
                variables.update({id(v): (phase, i) for i, v in enumerate(kept)})
                held.extend(kept)  # or another object could have the id of one that is gone
                (folder / "plan.json").write_text(json.dumps(phases))
            else:
                phases.append(phase)
                names = json.loads((folder / "plan.json").read_text())[phase]["names"]
                if names != [v.name for v in kept]:
                    raise SystemExit(f"{folder}: phase {phase} was lowered with other variables; give the same flags")
                with np.load(folder / f"{phase}-after.npz") as after:
                    for i, variable in enumerate(kept):
                        variable.assign(after[str(i)])
                told = json.loads((folder / f"{phase}-told.json").read_text())
                reached = int(model.step.numpy())
                if reached != until:
                    raise SystemExit(
                        f"{folder}: phase {phase} is at step {reached} of {until}; ask for --steps={reached}"
                    )
                end(model, actions, until - start - 1, told["losses"][-1])

        def finish(self, *args_, **kwargs):
            if args.what == "finish":
                super().finish(*args_, **kwargs)

    if args.what == "lower":
        folder.mkdir(parents=True, exist_ok=True)
        flags = [*flags, f"--run-dir={folder / 'lowered'}", "--no-resume"]
    config = of_runs.parse(recipe.PRESETS, flags)
    recipe.main(Job(recipe.__name__, config, *devices.strategy("one_device")), config)


def stepping(model, examples, transform, count, seed):
    """The step of a model on examples that are given by their numbers.

    Returns:
        `(function, variables with the numbers, one for each stream of examples, the other variables it has)`.
    """
    import tensorflow as tf

    from tfgan_zoo.data import batches

    train = model.make_train_function(force=True)
    # No arguments: what these decide, such as where to cut a picture, would be compiled in.
    numbers = [tf.Variable(tf.zeros([count], tf.int64)) for _ in examples.counts]

    @tf.function(jit_compile=True, autograph=False)
    def step():
        p = model.step * count + tf.range(count, dtype=tf.int64)
        batch = batches.assembled(examples, examples.load(*numbers), p, seed=seed, transform=transform)
        return train(iter([tf.nest.map_structure(lambda x: tf.ensure_shape(x, [count, *x.shape[1:]]), batch)]))

    # `variables` of a traced function has not all of them.
    known = {id(x.handle): x for x in gc.get_objects() if isinstance(x, tf.Variable)}
    given = {id(x.handle) for x in numbers}
    captured = [id(x) for x in step.get_concrete_function().captured_inputs]
    return step, numbers, [known[x] for x in captured if x in known and x not in given]


def lower(folder, phase, model, step, numbers, kept):
    """Writes a step, its variables and the examples it reads. Returns what else is to be known of it."""
    concrete = step.get_concrete_function()
    if any(x.dtype.name == "string" for x in concrete.captured_inputs):
        raise SystemExit("the examples have texts, and XLA takes no strings; a recipe with captions cannot be lowered")
    known = {id(v.handle): ["variable", i] for i, v in enumerate(kept)}
    known |= {id(v.handle): ["numbers", i] for i, v in enumerate(numbers)}
    parameters, constants = [], []
    for x in concrete.captured_inputs:
        if id(x) not in known:
            known[id(x)] = ["constant", len(constants)]
            constants.append(x.numpy())
        parameters.append(known[id(x)])
    hlo = step.experimental_get_compiler_ir()
    text = hlo(stage="hlo_no_metadata")
    head = text.split("\n", 1)[0]
    layout = re.search(r"entry_computation_layout=\{\((.*?)\)->", head).group(1)
    (counter,) = [i for i, (kind, k) in enumerate(parameters) if kind == "variable" and kept[k] is model.step]
    count = re.search(rf"(%\S+) = s64\[\] parameter\({counter}\)", text[text.index("\nENTRY") :]).group(1)
    is_read = f"{count})" in text or f"{count}," in text
    if len(re.findall(r"\w+\[[\d,]*\]", layout)) != len(parameters) or not is_read:
        raise SystemExit("the number of the step would be compiled in; leave --jitter, --crop and the like out")
    aliases = re.findall(r"\{(\d+)\}: \((\d+), \{\}", re.search(r"input_output_alias=\{(.*?)\}, entry", head).group(1))
    (folder / f"{phase}.hlo").write_bytes(hlo(stage="hlo_serialized"))
    np.savez(folder / f"{phase}-before.npz", **{str(i): v.numpy() for i, v in enumerate(kept)})
    np.savez(folder / f"{phase}-constants.npz", **{str(i): x for i, x in enumerate(constants)})
    return {
        "parameters": parameters,
        "updates": [[int(output), *parameters[int(parameter)]] for output, parameter in aliases],
        "losses": sorted(concrete.structured_outputs),
        "names": [v.name for v in kept],
    }


def end(model, actions, last, losses):
    """Tells the callbacks of a run that the last of its steps was taken."""
    import keras

    every = keras.callbacks.CallbackList(actions, model=model)
    reached = model.step.numpy()
    model.step.assign(reached - 1)
    try:
        every.on_train_begin()
        every.on_epoch_begin(0)
        every.on_train_batch_begin(last)
        model.step.assign(reached)
        every.on_train_batch_end(last, losses)
        every.on_epoch_end(0, losses)
        every.on_train_end(losses)
    finally:
        for action in actions:
            action.close()


if __name__ == "__main__":
    main()
