"""`python -m tfgan_zoo.hub`, from folders and from a server on this machine."""

import functools
import gzip
import hashlib
import http.server
import io
import json
import shutil
import tarfile
import threading

import numpy as np
import pytest
import tensorflow as tf
from serving.models import small

from tfgan_zoo import hub
from tfgan_zoo.export import export
from tfgan_zoo.metrics import protocol


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "exported"
    export(small("dcgan"), folder / "dcgan", {"metrics": {"l1": 0.25}})
    export(small("dcgan"), folder / "dcgan")
    export(small("points"), folder / "points")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def release(exported, tmp_path_factory):
    out = tmp_path_factory.mktemp("release")
    hub.main(["pack", str(exported), str(out)])
    return out


@pytest.fixture
def served(release, tmp_path):
    """A copy of the release that may be changed, and its address on this machine."""
    folder = shutil.copytree(release, tmp_path / "served")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            del args

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def change(folder, **fields):
    """Changes what the index says of dcgan."""
    told = json.loads((folder / "zoo.json").read_text())
    next(model for model in told["models"] if model["name"] == "dcgan").update(fields)
    (folder / "zoo.json").write_text(json.dumps(told))


def pretend(folder, write, **fields):
    """Another archive of dcgan, with the right checksum."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        write(archive)
    (folder / "dcgan-2.tar.gz").write_bytes(content.getvalue())
    sha256 = hashlib.sha256(content.getvalue()).hexdigest()
    change(folder, **{"sha256": sha256, "bytes": len(content.getvalue()), "unpacked": 10**9} | fields)


def member(name, content=b"x", **fields):
    found = tarfile.TarInfo(name)
    found.size = len(content)
    for field, value in fields.items():
        setattr(found, field, value)
    return lambda archive: archive.addfile(found, io.BytesIO(content))


def fails(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        hub.main([*map(str, words)])
    error = capsys.readouterr().err
    assert stopped.value.code == 2 and error.startswith("error: ") and error.count("\n") == 1
    return error


def test_a_release_holds_the_newest_version_of_each_model_and_says_what_it_is(release, exported, capsys):
    assert sorted(p.name for p in release.iterdir()) == ["dcgan-2.tar.gz", "points-1.tar.gz", "zoo.json"]
    entries, _ = hub.read(str(release))
    dcgan = entries[0]
    content = (release / "dcgan-2.tar.gz").read_bytes()
    assert (dcgan.name, dcgan.version, dcgan.bytes) == ("dcgan", 2, len(content))
    assert dcgan.sha256 == hashlib.sha256(content).hexdigest() and dcgan.title.startswith("Unsupervised")
    files = [p for p in (exported / "dcgan/2").rglob("*") if p.is_file()]
    assert dcgan.unpacked == sum(p.stat().st_size for p in files)
    hub.main(["list", f"--index={release}"])
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["dcgan", "2"], ["points", "1"]]


def test_what_is_packed_again_is_the_same_file_and_other_versions_stay(exported, release, tmp_path):
    again = shutil.copytree(release, tmp_path / "again")
    older = shutil.copytree(exported, tmp_path / "exported")
    shutil.rmtree(older / "dcgan/2")
    hub.main(["pack", str(older), str(again)])
    entries, _ = hub.read(str(again))
    assert [(e.name, e.version) for e in entries] == [("dcgan", 1), ("dcgan", 2), ("points", 1)]
    assert entries[0].metrics == {"l1": 0.25}
    for name in ("dcgan-2.tar.gz", "points-1.tar.gz"):
        assert (again / name).read_bytes() == (release / name).read_bytes()


def test_an_index_has_the_numbers_of_the_run_and_what_was_measured_last(exported, tmp_path, capsys):
    shutil.copytree(exported / "dcgan/1", tmp_path / "exported/dcgan/1")
    where = tmp_path / "exported/dcgan/1"
    known = {"protocol": {}, "details": {}}
    protocol.append(where, [{"metric": "FD-letters", "value": 9.0, **known}, {"metric": "KID", "value": 2.0, **known}])
    protocol.append(where, [{"metric": "FD-letters", "value": 8.5, **known}])
    hub.main(["pack", str(where.parent.parent), str(tmp_path / "release")])
    (entry,), _ = hub.read(str(tmp_path / "release"))
    assert entry.metrics == {"l1": 0.25, "FD-letters": 8.5, "KID": 2.0}
    capsys.readouterr()
    hub.main(["list", f"--index={tmp_path / 'release'}"])
    assert capsys.readouterr().out.endswith("  l1 0.25, FD-letters 8.5, KID 2\n")
    (where / "metrics.json").write_text("[{")
    hub.main(["pack", str(where.parent.parent), str(tmp_path / "release")])
    assert hub.read(str(tmp_path / "release"))[0][0].metrics == {"l1": 0.25}
    assert (where / "metrics.json").read_text() == "[{"


@pytest.mark.parametrize("index", ["folder", "file", "address", "address of the file"])
def test_a_model_is_put_to_the_exported_ones_and_answers_as_it_did(served, exported, tmp_path, index, capsys):
    folder, address = served
    place = {"folder": folder, "file": folder / "zoo.json", "address": f"{address}/"}.get(index, f"{address}/zoo.json")
    hub.main(["get", "dcgan", f"--index={place}", f"--into={tmp_path}/exported"])
    path = tmp_path / "exported/dcgan/2"
    assert capsys.readouterr().out.startswith(f"{path}: Unsupervised Representation")
    z = tf.random.stateless_normal([2, 6], [1, 2])
    answers = [tf.saved_model.load(str(p)).signatures["serving_default"](z=z) for p in (path, exported / "dcgan/2")]
    np.testing.assert_array_equal(*(answer["generated"] for answer in answers))
    assert sorted(p.name for p in (tmp_path / "exported/dcgan").iterdir()) == ["2"]
    assert 'name: "dcgan"' in (tmp_path / "exported/models.config").read_text()


def test_a_version_that_is_there_is_never_touched(served, tmp_path, capsys):
    there = tmp_path / "exported/dcgan/2"
    there.mkdir(parents=True)
    (there / "mine").write_text("mine")
    error = fails(capsys, "get", "dcgan", f"--index={served[0]}", f"--into={tmp_path}/exported")
    assert "is there already" in error and [p.name for p in there.iterdir()] == ["mine"]


def links(kind, target):
    return member("saved_model.pb", b"", type=kind, linkname=target)


@pytest.mark.parametrize(
    ("write", "says"),
    [
        (member("../../outside"), "no plain file below it"),
        (member("/outside"), "no plain file below it"),
        (member("a/../../outside"), "no plain file below it"),
        (member("..\\outside"), "no plain file below it"),
        (links(tarfile.SYMTYPE, "/etc/passwd"), "no plain file below it"),
        (links(tarfile.LNKTYPE, "../../other"), "no plain file below it"),
        (member("pipe", b"", type=tarfile.FIFOTYPE), "no plain file below it"),
        (member("README.md"), "holds no saved_model.pb"),
        (member("saved_model.pb", b"no model"), "cannot be loaded"),
        (lambda archive: [member("a")(archive), member("a")(archive)], "cannot be unpacked"),
    ],
)
def test_an_archive_of_anything_but_plain_files_of_a_model_leaves_nothing(served, tmp_path, capsys, write, says):
    pretend(served[0], write)
    error = fails(capsys, "get", "dcgan", f"--index={served[0]}", f"--into={tmp_path}/here/exported")
    assert says in error
    assert [p for p in (tmp_path / "here").rglob("*") if p.is_file()] == [] and not (tmp_path / "outside").exists()
    assert not (tmp_path / "here/exported/dcgan").exists()


def test_an_archive_that_unpacks_to_more_than_was_said_is_left(served, tmp_path, capsys):
    pretend(served[0], member("saved_model.pb", b"0" * 5000), unpacked=4999)
    assert "more than the 4,999 bytes" in fails(capsys, "get", "dcgan", f"--index={served[0]}", f"--into={tmp_path}/e")


def test_a_model_that_writes_files_is_refused_unless_it_is_trusted(served, tmp_path, capsys):
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])
    def serve(x):
        tf.io.write_file(str(tmp_path / "written"), "x")
        return {"y": x}

    module.serve = serve
    tf.saved_model.save(module, str(tmp_path / "bad/m/1"), signatures={"serving_default": serve})
    hub.main(["pack", str(tmp_path / "bad"), str(tmp_path / "out")])
    words = ["get", "m", f"--index={tmp_path}/out", f"--into={tmp_path}/e"]
    assert "does more than compute: its graph has WriteFile" in fails(capsys, *words)
    hub.main([*words, "--trust"])
    assert (tmp_path / "e/m/1/saved_model.pb").exists()


@pytest.mark.parametrize("kind", ["changed", "cut", "longer", "gone"])
def test_an_archive_that_is_not_the_one_of_the_index_is_left(served, tmp_path, capsys, kind):
    folder, address = served
    archive = folder / "dcgan-2.tar.gz"
    content = archive.read_bytes()
    if kind == "gone":
        archive.unlink()
    else:
        flipped = content[:-1] + bytes([content[-1] ^ 1])
        archive.write_bytes({"changed": flipped, "cut": content[:-9], "longer": content + b"0" * 10}[kind])
    for index in (folder, address):
        error = fails(capsys, "get", "dcgan", f"--index={index}", f"--into={tmp_path}/e")
        assert ("No such file" in error or "404" in error) if kind == "gone" else "SHA-256 or size differs" in error
        assert not (tmp_path / "e/dcgan").exists()


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"archive": "../dcgan-2.tar.gz"}, "more than letters"),
        ({"archive": "http://elsewhere/x.tar.gz"}, "more than letters"),
        ({"name": "../dcgan"}, "more than letters"),
        ({"name": ".hidden"}, "more than letters"),
        ({"sha256": "00"}, "no SHA-256"),
        ({"bytes": -1}, "no count"),
        ({"version": "2"}, "no count"),
        ({"title": "a\x1b[2Jb"}, "no printable text"),
        ({"metrics": {"l1": "low"}}, "a metric is no number"),
    ],
)
def test_an_index_that_names_other_places_or_no_numbers_is_refused(served, capsys, fields, says):
    change(served[0], **fields)
    assert says in fails(capsys, "list", f"--index={served[0]}")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2, "models": []}', b"\xff", b"[" * 100_000])
def test_what_is_no_index_is_one_line(tmp_path, capsys, content):
    (tmp_path / "zoo.json").write_bytes(content)
    assert "is no index of models" in fails(capsys, "list", f"--index={tmp_path}")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["list", "--index=gone"], "--index=gone holds no zoo.json"),
        (["list", "--index=ftp://here/"], "expected a folder, a file, or an address"),
        (["list", "--index=http://127.0.0.1:9/"], "http://127.0.0.1:9/zoo.json cannot be read"),
        (["get", "sngan", "--index=RELEASE"], "holds dcgan/2, points/1"),
        (["get", "dcgan/1", "--index=RELEASE"], "dcgan/1 is not in"),
        (["pack", "RELEASE", "out"], "holds no exported model"),
        (["pack", "gone", "out"], "No such file or directory (gone)"),
    ],
)
def test_what_cannot_be_found_is_one_line(release, tmp_path, monkeypatch, capsys, words, says):
    monkeypatch.chdir(tmp_path)
    assert says in fails(capsys, *(word.replace("RELEASE", str(release)) for word in words))
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_is_no_archive_is_one_line(served, tmp_path, capsys):
    content = gzip.compress(b"no archive" * 100)
    (served[0] / "dcgan-2.tar.gz").write_bytes(content)
    change(served[0], sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
    assert "cannot be unpacked" in fails(capsys, "get", "dcgan", f"--index={served[0]}", f"--into={tmp_path}/e")
