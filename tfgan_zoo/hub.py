"""Exported models as archives with an index, and models out of one.

    python -m tfgan_zoo.hub pack exported/ release/
    python -m tfgan_zoo.hub list --index=release/
    python -m tfgan_zoo.hub get pix2pix --index=https://example.org/zoo/

`pack` writes the newest version of each model as `<name>-<version>.tar.gz`, and `zoo.json`, which says of each its
size, SHA-256, paper and scores. An index is such a folder, its `zoo.json`, or the http(s) address of either. `get` puts
a model to `exported/<name>/<version>`: never over one that is there, only if the archive has the SHA-256 of the index,
and only if the model does nothing but compute (`trust`).
"""

import contextlib
import dataclasses
import gzip
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import tarfile
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Annotated

import tyro

from tfgan_zoo import errors, files, signatures, trust
from tfgan_zoo.errors import InputError
from tfgan_zoo.export import write_models_config
from tfgan_zoo.metrics import protocol

INDEX = "zoo.json"
FORMAT = 1
LARGEST_INDEX = 16 * 2**20
TIMEOUT = 30.0  # seconds without an answer
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_CHUNK = 2**20


@dataclasses.dataclass(frozen=True)
class Entry:
    """One model of an index.

    Attributes:
        name: of the folder it goes to, `pix2pix`.
        version: its number.
        archive: the name of the file beside the index.
        sha256: of the archive.
        bytes: of the archive.
        unpacked: bytes of its files.
        title, arxiv: of its paper, or "".
        parameters: role -> count.
        metrics: name -> number: those of its run, then what `tfgan_zoo.evaluate` measured of it last.
    """

    name: str
    version: int
    archive: str
    sha256: str
    bytes: int
    unpacked: int
    title: str = ""
    arxiv: str = ""
    parameters: dict = dataclasses.field(default_factory=dict)
    metrics: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(kw_only=True)
class Pack:
    """Write the newest version of each exported model as an archive, and the index of all."""

    exported: Annotated[str, tyro.conf.Positional]
    """Folder of models, exported/."""
    out: Annotated[str, tyro.conf.Positional]
    """Folder of the archives; a release that is there is added to."""

    def run(self):
        out = Path(self.out)
        models = {path.name: newest(path) for path in sorted(Path(self.exported).iterdir()) if path.is_dir()}
        models = {name: version for name, version in models.items() if version}
        if not models:
            raise InputError(
                f"{self.exported} holds no exported model; give the folder that holds dcgan/1/saved_model.pb"
            )
        for name in models:
            if not _NAME.fullmatch(name):
                raise InputError(
                    f"{self.exported} holds a model named {name!r}; rename it: letters, digits and _.- alone"
                )
        files.check_folder(out, "")
        out.mkdir(parents=True, exist_ok=True)
        known = {(e.name, e.version): e for e in read(str(out))[0]} if (out / INDEX).exists() else {}
        for name, version in models.items():
            entry = pack(version, name, out)
            known[name, entry.version] = entry
            print(f"{entry.archive}: {entry.bytes:,} bytes, {entry.unpacked:,} unpacked")
        entries = [dataclasses.asdict(entry) for _, entry in sorted(known.items())]
        files.write_json(out / INDEX, {"format": FORMAT, "models": entries})
        print(f"{out / INDEX}: {len(entries)} models")


@dataclasses.dataclass(kw_only=True)
class List:
    """Say what an index holds."""

    index: str
    """Folder, file or http(s) address of it."""

    def run(self):
        entries, _ = read(self.index)
        for entry in entries:
            scores = ", ".join(f"{name} {value:.4g}" for name, value in entry.metrics.items())
            print(
                f"{entry.name} {entry.version}  {entry.bytes / 2**20:.1f} MiB  {entry.title}"
                + f"  {scores}" * bool(scores)
            )


@dataclasses.dataclass(kw_only=True)
class Get:
    """Put a model of an index to the exported ones."""

    name: Annotated[str, tyro.conf.Positional]
    """Of the model, pix2pix; pix2pix/2 is its version 2."""
    index: str
    """Folder, file or http(s) address of the index."""
    into: str = "exported"
    """The folder of exported models."""
    trust: bool = False
    """Also take a model whose graph reads or writes files, calls Python or the network."""

    def run(self):
        entries, base = read(self.index)
        entry = _chosen(entries, self.name, self.index)
        path = get(entry, base, Path(self.into), self.trust)
        print(f"{path}: {entry.title or entry.name}")


def newest(model):
    """The folder of a model's highest version, or None."""
    versions = [p for p in model.iterdir() if p.name.isdecimal() and (p / "saved_model.pb").is_file()]
    return max(versions, key=lambda p: int(p.name), default=None)


def pack(version, name, out):
    """Writes the archive of one version to the folder `out`; the same files give the same archive.

    Returns:
        Its `Entry`.

    Raises:
        InputError: its metadata cannot be read.
    """
    metadata = signatures.told(version)
    content, unpacked = io.BytesIO(), 0
    # No time and no owner: what is packed again is the same file.
    with (
        gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for path in sorted(p for p in version.rglob("*") if p.is_file() and not p.is_symlink()):
            member = tarfile.TarInfo(path.relative_to(version).as_posix())
            member.size, member.mode = path.stat().st_size, 0o644
            unpacked += member.size
            with open(path, "rb") as file:
                archive.addfile(member, file)
    content = content.getvalue()
    file = f"{name}-{version.name}.tar.gz"
    files.write(out / file, content)
    return Entry(
        name=name,
        version=int(version.name),
        archive=file,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        unpacked=unpacked,
        title=metadata.get("title") or "",
        arxiv=metadata.get("arxiv") or "",
        parameters=metadata.get("parameters") or {},
        metrics=protocol.scores(version, metadata),
    )


def read(index):
    """The entries of an index, and the folder or address that its archives are beside.

    Raises:
        InputError: there is none, or it is no index that is understood here.
    """
    is_address = "://" in index
    if is_address and urllib.parse.urlparse(index).scheme not in ("http", "https"):
        raise InputError(
            f"--index={index}: expected a folder, a file, or an address that begins with http:// or https://"
        )
    if is_address:
        whole = index if index.endswith(".json") else f"{index.rstrip('/')}/{INDEX}"
        with _opened(whole) as stream:
            content, base = stream.read(LARGEST_INDEX + 1), whole
    else:
        path = Path(index) / INDEX if Path(index).is_dir() else Path(index)
        if not path.is_file():
            raise InputError(f"--index={index} holds no {INDEX}; give the folder that `pack` made, or its address")
        with open(path, "rb") as stream:
            content, base = stream.read(LARGEST_INDEX + 1), path
    try:
        if len(content) > LARGEST_INDEX:
            raise ValueError("it is too large")
        told = json.loads(content)
        if told["format"] != FORMAT:
            raise ValueError(f"its format is {told['format']}, and {FORMAT} is known here")
        return [_entry(model) for model in told["models"]], base
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InputError(
            f"--index={index} is no index of models ({error or type(error).__name__}); give another"
        ) from error


def _entry(told):
    entry = Entry(**{field.name: told[field.name] for field in dataclasses.fields(Entry) if field.name in told})
    for name in (entry.name, entry.archive):
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"the name {name!r} is more than letters, digits and _.-")
    for number in (entry.version, entry.bytes, entry.unpacked):
        if type(number) is not int or number < 0:
            raise ValueError(f"{number!r} is no count")
    if not isinstance(entry.sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", entry.sha256):
        raise ValueError(f"{entry.sha256!r} is no SHA-256")
    text = [entry.title, entry.arxiv, *map(str, entry.metrics)]
    if not all(isinstance(one, str) and one.isprintable() for one in text):
        raise ValueError("a title or a name of a metric is no printable text")
    if not all(type(value) in (int, float) for value in entry.metrics.values()):
        raise ValueError("a metric is no number")
    return entry


def _chosen(entries, name, index):
    plain, _, version = name.partition("/")
    found = [e for e in entries if e.name == plain and version in ("", str(e.version))]
    if not found:
        names = ", ".join(sorted({f"{e.name}/{e.version}" for e in entries})) or "nothing"
        raise InputError(f"{name} is not in --index={index}, which holds {names}")
    return max(found, key=lambda e: e.version)


def get(entry, base, into, trusted=False):
    """Puts the model of an `Entry` to `into/<name>/<version>`.

    Args:
        entry: of `read`.
        base: what `read` gave beside it.
        into: the folder of exported models.
        trusted: as `trust.check` takes it.

    Returns:
        The path of the version.

    Raises:
        InputError: that version is there; the archive is another than the index tells of, or holds more than plain
            files below it; its graph does more than compute.
    """
    folder = into / entry.name
    path = folder / str(entry.version)
    if path.exists() or path.is_symlink():
        raise InputError(f"{path} is there already; give another --into, or move it away")
    files.check_folder(folder, "")
    folder.mkdir(parents=True, exist_ok=True)
    files.remove_unfinished(folder)
    unfinished = folder / f".unfinished-{os.getpid()}"
    archive = folder / f".{entry.archive}-{os.getpid()}"
    try:
        _fetch(entry, base, archive)
        unfinished.mkdir()
        _unpack(entry, archive, unfinished)
        if not (unfinished / "saved_model.pb").is_file():
            raise InputError(f"{entry.archive} holds no saved_model.pb; ask whoever made the index")
        trust.check(unfinished, trusted)
        files.sync(*unfinished.rglob("*"), unfinished)
        os.rename(unfinished, path)
        files.sync(folder)
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.rmdir()  # if nothing came into it
    write_models_config(files.real(into))
    return path


def _fetch(entry, base, archive):
    """Writes the archive, if it is the one that the index tells of."""
    digest, size = hashlib.sha256(), 0
    source = urllib.parse.urljoin(base, entry.archive) if isinstance(base, str) else base.with_name(entry.archive)
    with _opened(source) if isinstance(base, str) else open(source, "rb") as stream, open(archive, "wb") as file:
        try:
            while size <= entry.bytes and (chunk := stream.read(_CHUNK)):
                size += len(chunk)
                digest.update(chunk)
                file.write(chunk)
        except http.client.HTTPException as error:  # it ended too early
            raise InputError(f"{source} cannot be read ({type(error).__name__}); try again") from error
    if size != entry.bytes or digest.hexdigest() != entry.sha256:
        raise InputError(
            f"{source} is not the archive that the index tells of (its SHA-256 or size differs); get it anew"
        )


def _unpack(entry, archive, folder):
    """Unpacks plain files alone, into `folder` alone, and no more bytes than the index says."""
    left = entry.unpacked
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                parts = member.name.split("/")
                if not member.isreg() or {"", ".", ".."} & set(parts) or "\\" in member.name or "\0" in member.name:
                    raise InputError(
                        f"{entry.archive} holds {member.name!r}, no plain file below it; it was not unpacked"
                    )
                left -= member.size
                if left < 0:
                    raise InputError(
                        f"{entry.archive} holds more than the {entry.unpacked:,} bytes that the index tells of"
                    )
                path = folder.joinpath(*parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "xb") as file:
                    shutil.copyfileobj(tar.extractfile(member), file)
    except (tarfile.TarError, EOFError, gzip.BadGzipFile, FileExistsError) as error:
        raise InputError(f"{entry.archive} cannot be unpacked ({error}); ask whoever made the index") from error


def _opened(address):
    try:
        return urllib.request.urlopen(address, timeout=TIMEOUT)
    except (OSError, ValueError) as error:
        raise InputError(f"{address} cannot be read ({' '.join(str(error).split())}); check the address") from error


def main(argv=None):
    """Runs a command. Exits with 2 for bad input."""
    config = tyro.cli(Pack | List | Get, args=argv, prog="python -m tfgan_zoo.hub", description=__doc__)
    with errors.one_line():
        config.run()


if __name__ == "__main__":
    main()
