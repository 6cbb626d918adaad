"""The second command of `benchmarks/accelerator.py`: runs a lowered step with JAX, wherever JAX computes.

    python benchmarks/accelerator_jax.py work/sgan work/infogan --seconds=120 --chunk=500

Of each folder one phase after the other, up to the first that the seconds do not reach to the end of. What came of it
is written beside it: the variables, the losses of each chunk, how long compiling and a step took. Knows nothing of the
package.
"""

import argparse
import json
import time
from pathlib import Path

import jax
import numpy as np
from jax import export, tree_util
from jax._src.interpreters import mlir
from jax._src.lib import _jax
from jaxlib.mlir import ir
from jaxlib.mlir.dialects import stablehlo

jax.config.update("jax_enable_x64", True)  # steps are counted in int64


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of each folder, with compiling")
    parser.add_argument("--chunk", type=int, default=500, help="steps in one call")
    parser.add_argument("--steps", type=int, help="of each phase; by default the recipe's")
    args = parser.parse_args()
    for folder in args.folders:
        end, states = time.perf_counter() + args.seconds, []
        for phase, plan in enumerate(json.loads((folder / "plan.json").read_text())):
            begun = {int(i): states[earlier][j] for i, (earlier, j) in plan["begins"].items()}
            told, state = train(folder, phase, plan, begun, args.steps or plan["steps"], args.chunk, end)
            states.append(state)
            np.savez(folder / f"{phase}-after.npz", **{str(i): x for i, x in enumerate(state)})
            (folder / f"{phase}-told.json").write_text(json.dumps(told))
            print(json.dumps({k: v for k, v in told.items() if k != "losses"}), told["losses"][-1], flush=True)
            if told["steps"] < told["of"]:
                break


def train(folder, phase, plan, begun, steps, chunk, end):
    """Runs a phase. Returns what there is to tell, and the variables."""
    with np.load(folder / f"{phase}-before.npz") as file:
        state = [begun.get(i, file[str(i)]) for i in range(len(file.files))]
    with np.load(folder / f"{phase}-constants.npz") as file:
        constants = [file[str(i)] for i in range(len(file.files))]
    numbers = [np.zeros([plan["batch_size"]], np.int64)] * len(plan["streams"])

    def given(numbers, state, constants):
        of_kind = {"numbers": numbers, "variable": state, "constant": constants}
        return [of_kind[kind][i] for kind, i in plan["parameters"]]

    call = lowered((folder / f"{phase}.hlo").read_bytes(), given(numbers, state, constants))

    def step(state, numbers):
        state, constants = state
        results, after = call(*given(numbers, state, constants)), list(state)
        for output, _, i in plan["updates"]:
            after[i] = results[output]
        return (after, constants), results[: len(plan["losses"])]

    def of_chunk(state, constants, numbers):
        (state, _), logs = jax.lax.scan(step, (state, constants), numbers)
        return state, [x.mean() for x in logs]

    run = jax.jit(of_chunk, donate_argnums=0)
    chunk = min(chunk, steps)
    state, constants = jax.device_put((state, constants))
    order = [Order(count, plan["seed"], stream) for stream, count in enumerate(plan["streams"])]

    def numbered(first, count):
        size, begin = plan["batch_size"], plan["start"] + first
        p = np.arange(begin * size, (begin + count) * size).reshape(count, size)
        return [stream(p) for stream in order]

    begin = time.perf_counter()
    compiled = run.lower(state, constants, numbered(0, chunk)).compile()
    compiling = time.perf_counter() - begin
    done, losses, took = 0, [], 0.0
    while done < steps and time.perf_counter() < end:
        begin = time.perf_counter()
        count = min(chunk, steps - done)
        of_these = compiled if count == chunk else run
        state, logs = of_these(state, constants, numbered(done, count))
        losses.append({name: float(x) for name, x in zip(plan["losses"], logs, strict=True)})
        took, done = took + time.perf_counter() - begin, done + count
    told = {"folder": folder.name, "phase": phase, "device": jax.devices()[0].device_kind, "jax": jax.__version__,
            "steps": done, "of": steps, "seconds": round(took, 3), "compiling": round(compiling, 1),
            "ms_per_step": round(1e3 * took / max(done, 1), 4), "chunk": chunk, "losses": losses}  # fmt: skip
    return told, [np.asarray(x) for x in state]


class Order:
    """Number of a place in the run -> number of an example: every one once in an epoch, in another order each."""

    def __init__(self, count, seed, stream):
        self.count, self.key = count, (seed, stream)

    def __call__(self, p):
        epochs, places = np.divmod(p, self.count)
        found = np.empty_like(p)
        for epoch in np.unique(epochs):
            order = np.random.default_rng((*self.key, int(epoch))).permutation(self.count)
            found[epochs == epoch] = order[places[epochs == epoch]]
        return found


def lowered(hlo, arguments):
    """A serialized HLO module as a function that JAX can trace, of arguments as these, to a list of its results."""
    with mlir.make_ir_context() as context:
        context.allow_unregistered_dialects = True
        module = ir.Module.parse(_jax.mlir.hlo_to_stablehlo(hlo))
        _drop_copies(module.operation)
        main_function = next(op for op in module.body if op.name.value == "main")
        kinds = [(tuple(k.shape), _NUMPY[str(k.element_type)]) for k in main_function.type.results]
        module = module.operation.get_asm(enable_debug_info=False).encode()
    module = _jax.mlir.serialize_portable_artifact(module, stablehlo.get_minimum_version(), False)
    results = [jax.core.ShapedArray(*kind) for kind in kinds]
    given = [jax.core.ShapedArray(x.shape, x.dtype) for x in arguments]
    none = (None,) * len(given)
    exported = export.Exported(
        fun_name="step",
        in_tree=tree_util.tree_structure(((0,) * len(given), {})),
        in_avals=tuple(given),
        out_tree=tree_util.tree_structure([0] * len(results)),
        out_avals=tuple(results),
        _in_named_shardings=none,
        _out_named_shardings=(None,) * len(results),
        in_shardings_hlo=none,
        out_shardings_hlo=(None,) * len(results),
        nr_devices=1,
        platforms=({"gpu": "cuda"}.get(jax.default_backend(), jax.default_backend()),),
        ordered_effects=(),
        unordered_effects=(),
        disabled_safety_checks=(),
        mlir_module_serialized=module,
        calling_convention_version=export.maximum_supported_calling_convention_version,
        module_kept_var_idx=tuple(range(len(given))),
        uses_global_constants=False,
        _get_vjp=None,
    )
    return exported.call


def _drop_copies(operation):
    """The bridge leaves copies, which StableHLO has not."""
    for region in operation.regions:
        for block in region.blocks:
            for op in list(block.operations):
                if op.operation.name == "mhlo.copy":
                    op.operation.results[0].replace_all_uses_with(op.operation.operands[0])
                    op.operation.erase()
                else:
                    _drop_copies(op.operation)


_NUMPY = {
    "i1": np.bool_, "i8": np.int8, "ui8": np.uint8, "i32": np.int32, "ui32": np.uint32, "i64": np.int64,
    "ui64": np.uint64, "f16": np.float16, "bf16": jax.numpy.bfloat16, "f32": np.float32, "f64": np.float64,
}  # fmt: skip


if __name__ == "__main__":
    main()
