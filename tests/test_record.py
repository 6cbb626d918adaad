"""benchmarks/record.py: lines come back as they were, a page keeps what is above its mark, what fails says so."""

import json

import pytest

from benchmarks import record


def test_lines_come_back_in_their_order_and_as_they_were_returned(tmp_path):
    path, lines = tmp_path / "new/a.jsonl", [{"name": "é", "ms": [1.5, 2]}, {"name": "b"}]
    assert record.read(path) == []
    texts = [record.append(path, line) for line in lines]
    assert record.read(str(path)) == lines and path.read_text(encoding="utf-8") == "".join(f"{t}\n" for t in texts)


def test_a_page_keeps_what_is_above_its_mark_and_its_mark(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Head\n\n<!-- mark -->\n\nold\n", encoding="utf-8")
    record.write_below(page, "<!-- mark -->", record.table(["a", "b"], [[1, "c"]]))
    assert page.read_text(encoding="utf-8") == "# Head\n\n<!-- mark -->\n\n| a | b |\n| --- | --- |\n| 1 | c |\n"
    with pytest.raises(ValueError, match="substring not found"):
        record.write_below(page, "<!-- another -->", "new")
    assert "| 1 | c |" in page.read_text(encoding="utf-8")


def test_what_a_program_prints_is_added_to_its_log_and_one_that_fails_is_named(tmp_path):
    log = tmp_path / "a.log"
    record.call(["-c", "print('one')"], log)
    with pytest.raises(record.Failed, match=r"^-c print\('two'\); exit\(3\) ended with 3: .*a.log says why$"):
        record.call(["-c", "print('two'); exit(3)"], log)
    assert log.read_text() == "one\ntwo\n"


def test_what_a_run_exported_is_where_its_folder_says(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1/metadata.json").write_text('{"step": 3}')
    (tmp_path / "exported.json").write_text(json.dumps({"path": str(tmp_path / "1")}))
    assert record.exported(tmp_path) == (tmp_path / "1", {"step": 3})
