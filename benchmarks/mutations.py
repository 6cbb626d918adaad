"""Whether a wrong objective fails a test: small edits of every family, each of which its tests have to notice.

    python benchmarks/mutations.py
    python benchmarks/mutations.py --family cyclegan pix2pix --jobs 1
    python benchmarks/mutations.py --family vae --edit "z of another law"

For each edit the package and its tests are copied, the copy is edited, and the family's tests run on it: those whose
expected numbers are computed by hand; where none of them fails, its other tests; then the tests that all families have.
Slow ones are left out. Each test that failed has to pass on a copy without an edit. Prints which failed first, and a
table; writes the former as JSON, with the message. Exit code 1 if an edit survived.
"""

import argparse
import contextlib
import importlib.util
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.mutations import mutated, of_families  # noqa: E402

MUTATIONS = of_families()
STAGES = "by hand", "its own", "of all families"
LIMIT = 300  # seconds for the tests of one edit, or a step that never ends would never be noticed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", nargs="+", default=list(MUTATIONS), choices=MUTATIONS)
    parser.add_argument("--edit", nargs="+", default=[], help="edits by name; by default all of the families")
    parser.add_argument("--jobs", type=int, default=2, help="edits tried at the same time")
    parser.add_argument("--json", default="mutations.json", help="where the results are written")
    args = parser.parse_args()
    started = time.time()
    _import_tensorflow()
    left = [(family, mutation.what) for family in args.family for mutation in MUTATIONS[family]]
    left = [edit for edit in left if not args.edit or edit[1] in args.edit]
    if unknown := set(args.edit) - {what for _, what in left}:
        parser.error(f"--edit {sorted(unknown)[0]!r}: no edit of {', '.join(args.family)}")
    rows = {edit: {"family": edit[0], "what": edit[1], "caught": None} for edit in left}
    for stage in STAGES:
        for edit, caught in _run(left, args.jobs, stage):
            rows[edit].update({"caught": stage, **caught} if caught else {})
        left = [edit for edit in left if not rows[edit]["caught"]]
        Path(args.json).write_text(json.dumps(list(rows.values()), indent=2) + "\n", encoding="utf-8")
    for family, what in left:
        print(f"{family}: {what}: SURVIVED")
    print(f"\n{_table(rows.values())}\n\n{time.time() - started:.0f} s with --jobs={args.jobs}")
    sys.exit(1 if left else 0)


def _import_tensorflow():
    # The module that does so quietly, and nothing else of the package: each edit imports its own copy.
    spec = importlib.util.spec_from_file_location("console", ROOT / "tfgan_zoo/console.py")
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    import keras  # noqa: F401
    import pytest  # noqa: F401


def _run(edits, jobs, stage):
    """Yields each edit with the first test of a stage that failed, or None; prints those."""
    failed = {}
    # A process for each, forked from one that has imported TensorFlow and run nothing.
    with multiprocessing.get_context("fork").Pool(jobs, maxtasksperchild=1) as pool:
        tried = pool.imap(_try, [(*edit, stage, None) for edit in edits], chunksize=1)
        for (family, what), caught in zip(edits, tried, strict=True):
            if caught:
                print(f"{family}: {what}: {caught['by']}", flush=True)
                failed.setdefault(family, set()).add(caught["by"])
            yield (family, what), caught
        unedited = pool.imap(_try, [(family, None, stage, tests) for family, tests in failed.items()], chunksize=1)
        for family, caught in zip(failed, unedited, strict=True):
            if caught:
                sys.exit(f"{family}: {caught['by']} fails without any edit: {caught['why']}")


class _Stage:
    """A plugin of pytest that chooses the tests of a stage, or some of them, and remembers the first that failed."""

    def __init__(self, stage, tests):
        self.stage, self.tests, self.failed = stage, tests, None

    def pytest_collection_modifyitems(self, items):
        items[:] = [item for item in items if self.of(item) == self.stage and not item.get_closest_marker("slow")]
        if self.tests:
            items[:] = [item for item in items if item.nodeid.partition("::")[2] in self.tests]

    def of(self, item):
        return STAGES[0] if "computed_by_hand" in item.name else STAGES[1] if item.cls is None else STAGES[2]

    def pytest_runtest_logreport(self, report):
        if report.failed and not self.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            self.failed = {"by": report.nodeid.partition("::")[2], "why": crash.message.strip() if crash else ""}

    def pytest_collectreport(self, report):
        if report.failed and not self.failed:
            self.failed = {"by": "the import of the tests", "why": str(report.longrepr)}


def _try(work):
    """Runs tests of a family on a copy with one of its edits, or with none; the first that failed, or None."""
    import pytest

    family, what, *chosen = work
    first = _Stage(*chosen)
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        for part in ("tfgan_zoo", "tests"):
            shutil.copytree(ROOT / part, f"{folder}/{part}", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for mutation in MUTATIONS[family]:
            if mutation.what == what:
                Path(folder, "tfgan_zoo", mutation.file).write_text(mutated(mutation), encoding="utf-8")
        os.chdir(folder)
        sys.path[:0] = [folder, f"{folder}/tests"]
        sys.dont_write_bytecode = True
        flags = ["-q", "-x", "-n", "0", "-p", "no:cacheprovider", f"tests/families/test_{family}.py"]
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            try:
                code = pytest.main(flags, plugins=[first])
            except TimeoutError:
                return {"by": "the clock", "why": f"more than {LIMIT} s"}
            finally:
                signal.alarm(0)
        if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) and not first.failed:
            raise RuntimeError(f"pytest ended with {code} on {family}, {what}")
        import tfgan_zoo

        if not tfgan_zoo.__file__.startswith(folder):
            raise RuntimeError(f"the tests ran on {tfgan_zoo.__file__}")
    return first.failed


def _too_long(*_):
    raise TimeoutError


def _table(rows):
    lines = [f"| family | mutations | caught {' | '.join(STAGES)} | survivors |", "|---|---|---|---|---|---|"]
    for family in dict.fromkeys(row["family"] for row in rows):
        of_it = [row for row in rows if row["family"] == family]
        counts = [sum(row["caught"] == stage for row in of_it) for stage in STAGES]
        survivors = [row["what"] for row in of_it if not row["caught"]]
        lines.append(f"| {family} | {len(of_it)} | {' | '.join(map(str, counts))} | {', '.join(survivors) or 'none'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
