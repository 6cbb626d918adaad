"""The tables and the chart of `benchmarks/speed.py`, of the last line of each measurement."""

import statistics

import matplotlib.figure

from benchmarks.record import table

COLOURS = {"float32": "#7aa6c2", "mixed_bfloat16": "#1f5f8b", "auto": "#1f5f8b"}
OTHERS = "#c9c9c9"
OF = {"keras": "plain Keras", "torch": "PyTorch, on one core"}


def tables(lines, chart):
    """Markdown of all that is in a record: a section for each kind of processor, that which was measured last first.

    Args:
        lines: of the record.
        chart: where the picture goes of what the zoo is compared with on the first of these processors.
    """
    machines = {}
    for line in reversed(lines):
        machines.setdefault(_name(line["machine"]), {}).setdefault(line["name"], line)  # of each name the last
    sections = []
    for machine, last in machines.items():
        sections.append(f"## {machine}")
        for kind, title, table_of in TABLES:
            chosen = {n.split("/", 1)[1]: line for n, line in sorted(last.items()) if n.startswith(f"{kind}/")}
            made = table_of(chosen)
            if made.count("\n") > 1:  # more than its head
                sections.append(f"**{title}**\n\n{made}")
    draw({n: line for n, line in next(iter(machines.values())).items() if n.startswith(("torch/", "keras/"))}, chart)
    return "\n\n".join(sections)


def _name(machine):
    best = "".join(f" with {flag}" for flag in machine["flags"][-1:])
    return f"{machine['cpu']}{best}, {machine['cores']} cores"


def median(side, key="ms"):
    return statistics.median(side[key])


def ratios(line, side, to=None, key="ms"):
    """What a side took against another, round by round."""
    sides = line["sides"]
    other = sides[to or next(iter(sides))]
    return [a / b for a, b in zip(sides[side][key], other[key], strict=True)]


def spread(values):
    """`median (least to most)` of ratios."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _run(chosen):
    rows = []
    for name, line in chosen.items():
        bare, run = (median(line["sides"][side]) for side in ("bare", "run"))
        costs = spread(ratios(line, "run"))
        cpu = spread(ratios(line, "run", key="cpu_ms"))
        flop = line["sides"]["bare"].get("gflop")
        flop = f"{flop:.3g}" if flop else ""
        rows.append([name, flop, f"{bare:.3g}", f"{run:.3g}", costs, cpu, line["sides"]["run"]["peak_mb"]])
    head = ["recipe", "GFLOP", "bare step, ms", "in a run, ms", "ratio", "ratio of processor time", "peak memory, MB"]
    return table(head, rows)


TFLOPS, SHARE, LATENCY = (
    312,
    0.3,
    20e-6,
)  # bfloat16 at its peak, how much of it a step reaches, seconds of one reduction
WITHIN, BETWEEN = 300e9, 25e9  # bytes a second and accelerator: between those of one host of 8, between hosts


def scaled(chosen):
    """What part of n times the speed of one n accelerators would have: a model, not a measurement.

    Each has the batch that was measured. A step computes its FLOP, then sums the gradients of every update in a ring,
    while nothing else is done: 2 (n - 1) / n times their bytes over the slowest link. Statistics of batch norms, which
    are small, are left out, and so are measurements made before gradients were counted.
    """
    rows = []
    for name, line in chosen.items():
        known = line["sides"]["bare"]
        if not known.get("gradients_mb"):
            continue
        computing, row = known["gflop"] * 1e9 / (TFLOPS * 1e12 * SHARE), []
        for n in (8, 64, 256):
            reducing = 2 * (n - 1) / n * known["gradients_mb"] * 1e6 / (WITHIN if n <= 8 else BETWEEN) + LATENCY
            row.append(f"{100 * computing / (computing + reducing):.0f} %")
        rows.append([name, f"{known['gflop']:.3g}", f"{known['gradients_mb']:.3g}", f"{1e3 * computing:.2g}", *row])
    return table(["recipe", "GFLOP a step", "gradients, MB", "computing, ms", "8", "64", "256"], rows)


def _against(chosen):
    """Each side of a measurement against its first."""
    rows = []
    for name, line in chosen.items():
        for side, measured in line["sides"].items():
            row = [name, side]
            for key in ("ms", "cpu_ms"):
                row += [f"{median(measured, key):.3g}", spread(ratios(line, side, key=key))]
            rows.append([*row, measured["peak_mb"]])
    head = ["", "", "ms a step", "against the first", "ms of the processor", "against the first", "peak memory, MB"]
    return table(head, rows)


def _start(chosen):
    rows = []
    for name, line in chosen.items():
        for stage, times in line["seconds_to"].items():
            wall = statistics.median(each[0] for each in times)
            cpu = f"{statistics.median(each[1] for each in times):.1f}" if len(times[0]) > 1 else ""
            rows.append([name, stage, f"{wall:.1f}", f"{min(each[0] for each in times):.1f}", cpu])
    return table(["recipe", "up to", "seconds, median", "least", "of the processor"], rows)


def _pipeline(chosen):
    rows = []
    for name, line in chosen.items():
        step, batches = (median(line["sides"][side]) for side in ("step", "batches"))
        cpu = median(line["sides"]["batches"], "cpu_ms")
        rows.append([name, f"{step:.3g}", f"{batches:.3g}", f"{cpu:.3g}", f"{step / batches:.0f}"])
    return table(["recipe", "step, ms", "batch, ms", "batch, ms of the processor", "times faster"], rows)


def _export(chosen):
    rows = []
    for name, line in chosen.items():
        for batch in (1, 16):
            live, exported = (line["sides"][f"{side}, {batch}"] for side in ("live", "exported"))
            row = [name, batch, f"{median(live):.3g}", f"{median(exported):.3g}"]
            rows.append(
                [*row, exported["load_s"], f"{line['bytes'] / 1e6:.1f}", f"{line['bytes_of_weights'] / 1e6:.1f}"]
            )
            rows[-1] += [live["peak_mb"], exported["peak_mb"]]
    head = ["recipe", "batch", "live, ms", "exported, ms", "load, s", "on disk, MB", "of it weights, MB"]
    return table([*head, "peak live, MB", "peak exported, MB"], rows)


def _grow(chosen):
    rows = []
    for name, line in chosen.items():
        for value, measured in line["sides"].items():
            rows.append([name, value, f"{median(measured):.3g}", f"{median(measured, 'cpu_ms'):.3g}"])
            rows[-1] += [measured["peak_mb"], f"{sum(measured['parameters'].values()):,}"]
    return table(["", "", "ms a step", "ms of the processor", "peak memory, MB", "parameters"], rows)


TABLES = (
    ("run", "A whole run against its bare step", _run),
    ("run", "A model of 8, 64 and 256 accelerators", scaled),
    ("auto", "What auto chooses against the rest", _against),
    ("keras", "Against plain Keras", _against),
    ("torch", "Against PyTorch, on one core", _against),
    ("start", "From the command to the first step", _start),
    ("pipeline", "Batches alone against the step", _pipeline),
    ("export", "A call of an export against one of the model", _export),
    ("replicas", "Two replicas on one processor", _against),
    ("workers", "Two workers on one processor, a core each", _against),
    ("grow", "How time and memory grow", _grow),
)


def draw(lines, path):
    """Bars of what a step takes on each side, a panel a measurement."""
    if not lines:
        return
    figure = matplotlib.figure.Figure(figsize=(7.5, 0.5 + 1.7 * len(lines)), layout="constrained")
    for axes, (name, line) in zip(figure.subplots(len(lines), squeeze=False)[:, 0], sorted(lines.items()), strict=True):
        sides = dict(reversed(line["sides"].items()))
        colours = [COLOURS.get(side, OTHERS) for side in sides]
        values = [median(side, "cpu_ms") for side in sides.values()]
        errors = [[m - min(s["cpu_ms"]) for m, s in zip(values, sides.values(), strict=True)]]
        errors += [[max(s["cpu_ms"]) - m for m, s in zip(values, sides.values(), strict=True)]]
        axes.barh(list(sides), values, color=colours, xerr=errors, error_kw={"elinewidth": 0.8})
        kind, recipe = name.split("/")
        axes.set_title(f"{recipe} against {OF[kind]}, ms of the processor a step", fontsize=9, loc="left")
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=90)
