"""The figures that the tests of the papers' promises reach.

    python benchmarks/promises.py
    python benchmarks/promises.py tests/families/test_gan.py

Runs the tests and prints a table of what they record (pytest's `record_property`); writes it as JSON too.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs="*", default=["tests"])
    parser.add_argument("--json", default="promises.json", help="where the figures are written")
    args = parser.parse_args()
    recording = list(_recording(args.tests))
    if not recording:  # pytest would run all there are
        parser.error(f"no test in {', '.join(args.tests)} records a figure; give others")
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        done = subprocess.run([sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *recording], cwd=ROOT)
        figures = _figures(report)
    Path(args.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print("| where | promise | figures |\n|---|---|---|")
    for row in figures:
        reached = ", ".join(f"{name} {value}" for name, value in row["figures"].items())
        print(f"| {row['where']} | {row['promise']} | {reached} |")
    sys.exit(done.returncode)


def _recording(paths):
    """`file::test` of each test that takes `record_property`."""
    files = [f for path in paths for f in ([ROOT / path] if path.endswith(".py") else (ROOT / path).rglob("test_*.py"))]
    for file in sorted(files):
        for definition in file.read_text(encoding="utf-8").split("\ndef ")[1:]:
            name, _, rest = definition.partition("(")
            if name.startswith("test_") and "record_property" in rest.partition("):")[0]:
                yield f"{file.relative_to(ROOT)}::{name}"


def _figures(report):
    rows = []
    for case in ElementTree.parse(report).iter("testcase"):
        found = {p.get("name"): _short(p.get("value")) for p in case.iter("property")}
        if found:
            where = case.get("classname").rpartition(".")[2].removeprefix("test_")
            promise = case.get("name").removeprefix("test_").replace("_", " ")
            rows.append({"where": where, "promise": promise, "figures": found})
    return rows


def _short(text):
    try:
        return f"{float(text):.5g}"
    except ValueError:
        return text


if __name__ == "__main__":
    main()
