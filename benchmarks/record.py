"""What scripts that measure share: records of JSON lines, the runs behind them, the page that is made of them."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


class Failed(SystemExit):
    """A program did not do what it was started for. Where nobody catches it, it ends the script with its message."""


def read(path):
    """The lines of a record, dicts; none where there is no file."""
    path = Path(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def append(path, line):
    """Adds a line to a record, which is made where there is none.

    Args:
        path: of the record.
        line: JSON values by name.

    Returns:
        The line as it stands there.
    """
    text, path = json.dumps(line), Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(text + "\n")
    return text


def call(command, log):
    """Runs a Python program to its end, which comes with this one's at the latest.

    Args:
        command: the arguments of Python.
        log: the file that what it prints is added to.

    Raises:
        Failed: it ended with an error.
    """
    with open(log, "a", encoding="utf-8") as file:
        process = subprocess.Popen([sys.executable, *command], stdout=file, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            code = process.wait()
        finally:
            process.terminate()
            process.wait()
    if code:
        raise Failed(f"{' '.join(command)} ended with {code}: {log} says why")


def exported(run):
    """What a run has exported: the folder of the version, and its `metadata.json`.

    Args:
        run: the run's folder.
    """
    version = Path(json.loads((run / "exported.json").read_text(encoding="utf-8"))["path"])
    return version, json.loads((version / "metadata.json").read_text(encoding="utf-8"))


def table(head, rows):
    """A table of Markdown, without a last line break."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)


def write_below(page, mark, text):
    """Puts a text in the place of all that a page has below a mark.

    Args:
        page: the path of the page, which has the mark.
        mark: the line that stays.
        text: without a last line break.
    """
    before = page.read_text(encoding="utf-8")
    page.write_text(before[: before.index(mark)] + f"{mark}\n\n{text}\n", encoding="utf-8")
