import json

import pytest

from tfgan_zoo import files


def test_a_file_is_replaced_and_nothing_else_stays(tmp_path):
    path = tmp_path / "a.txt"
    files.write(path, "old")
    files.write(path, "new \u00e9\n")
    assert path.read_bytes() == b"new \xc3\xa9\n" and list(tmp_path.iterdir()) == [path]
    files.write(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    files.write_json(path, {"a": [1, 2.5]})
    assert json.loads(path.read_text(encoding="utf-8")) == {"a": [1, 2.5]}


def test_what_cannot_be_written_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    files.write(path, "old")

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="no space"):
        files.write(path, "new")
    assert path.read_text(encoding="utf-8") == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert path.read_text(encoding="utf-8") == "old"
