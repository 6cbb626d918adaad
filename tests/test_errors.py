"""Every command ends in one line where a path cannot be looked at."""

import importlib
import os
from pathlib import Path

import pytest

from tfgan_zoo import errors, files
from tfgan_zoo.errors import InputError

COMMANDS = {
    "evaluate": lambda path: [path, "--dataset=glyphs"],
    "evaluate of pictures": lambda path: [f"--pictures={path}", "--dataset=glyphs"],
    "litert": lambda path: [path],
    "translate": lambda path: [path, "a.png", "b.png"],
    "translate into": lambda path: ["gone", ".", path],
    "latent.__main__": lambda path: ["interpolate", path],
    "latent.__main__ into": lambda path: ["interpolate", "gone", f"--out={path}/a.png"],
    "metrics.classifier": lambda path: [f"--dataset={path}"],
    "gallery.__main__": lambda path: [path],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["too long a name", "a link in a circle", "below a file", "a link to nothing"])
def test_a_path_that_cannot_be_looked_at_ends_a_command_in_one_line(command, kind, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("")
    Path("circle").symlink_to(tmp_path / "circle")
    Path("nothing").symlink_to(tmp_path / "gone/for/good")
    path = {"too long a name": "n" * 300, "a link in a circle": "circle", "below a file": "file/x"}.get(kind, "nothing")
    with pytest.raises(SystemExit) as stopped:
        importlib.import_module(f"tfgan_zoo.{command.split()[0]}").main(COMMANDS[command](path))
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1, error
    assert sorted(os.listdir()) == ["circle", "file", "nothing"]


def test_what_the_system_says_is_told_with_its_file(capsys):
    with pytest.raises(SystemExit) as stopped, errors.one_line():
        raise PermissionError(13, "Permission denied", "/a/b")
    assert (stopped.value.code, capsys.readouterr().err) == (
        2,
        "error: Permission denied (/a/b); mend it, or give another\n",
    )
    assert errors.reason(OSError("several\n words")) == "several words"


def test_an_interrupted_command_says_so(capsys):
    with pytest.raises(SystemExit) as stopped, errors.one_line("go on"):
        raise KeyboardInterrupt
    assert (stopped.value.code, capsys.readouterr().err) == (130, "go on\n")


@pytest.mark.parametrize("name", ["circle", "nothing", "n" * 300, "file", "file/x"])
def test_a_folder_that_cannot_be_is_refused_and_nothing_is_made(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    (tmp_path / "nothing").symlink_to(tmp_path / "gone/for/good")
    with pytest.raises(InputError, match="^--export-dir=.*; give another"):
        files.check_folder(tmp_path / name, "--export-dir=")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["circle", "file", "nothing"]
