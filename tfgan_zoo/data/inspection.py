"""What the pictures of a folder have in common: colours, the values of black and white, shapes. Read from headers.

Decided by all files of a set, not by the first. Only pictures of more than 8 bits are read whole for it.
"""

import dataclasses
import math

from tfgan_zoo.data import decoding, layouts, prepared
from tfgan_zoo.data.folders import counted, printable
from tfgan_zoo.errors import InputError

_MOST = 20_000  # Of more files so many are looked at, evenly chosen.
_NARROW = 1.1  # Width by height. Two pictures of 9:16, as phones take them, make 1.125.


def inspect(decode, items, folder):
    """Completes how files are decoded by what they are.

    Args:
        decode: a `decoding.Pictures`; where `channels` is None, colour is kept if any file has it.
        items: `(name, parts)` as in `layouts`.
        folder: where they are from, for messages.

    Returns:
        (`decode` with `channels` and `found_range`, notes): what was found, a line each.

    Raises:
        InputError: pictures that are to be cut into halves are too narrow for two; values whose range does not tell.
    """
    files = [(part, name) for name, parts in items for part in parts if not isinstance(part, int)]
    files = list(dict(files).items())
    count = len(files)
    if count > _MOST:
        files = [files[i * count // _MOST] for i in range(_MOST)]
    found = {}
    for name, result in prepared.in_threads(decoding.header, ((file, (file[0],)) for file in files)):
        try:
            found[name] = result()
        except Exception:  # Pillow raises a dozen kinds on broken files; they are named when they are read.
            continue
    if not found:
        return dataclasses.replace(decode, channels=decode.channels or 1), ()
    notes = [f"looked at {_MOST:,} of {count:,} pictures, evenly chosen, for what follows"] * (count > _MOST)
    if isinstance(decode, decoding.Halves):
        _check_width(found, folder)
    decode, line = _colours(decode, found)
    notes.append(line)
    several = [file for file, header in found.items() if header.frames]
    if several:
        notes.append(f"several frames, of which the first is read: {_first(several)}")
    _check_cut([file for file, header in found.items() if header.cut], folder)
    deep = {file: header for file, header in found.items() if header.deep}
    if deep:
        decode, lines = _values(decode, deep, folder)
        notes += lines
    return decode, tuple(notes)


def _check_width(found, folder):
    narrow = [file for file, header in found.items() if header.width < _NARROW * header.height]
    if 2 * len(narrow) > len(found):
        header = found[narrow[0]]
        raise InputError(
            f"{len(narrow):,} of {len(found):,} pictures of {printable(folder)} are too narrow to be A and B side by "
            f"side, first {printable(narrow[0][1])} of {header.width}x{header.height}; pairs are {layouts.PAIRS}"
        )


def _colours(decode, found):
    grey = sum(header.grey for header in found.values())
    colour = [file for file, header in found.items() if not header.grey]
    channels = decode.channels or (3 if colour else 1)
    read = {1: "grey", 3: "RGB", 4: "RGB and opacity"}[channels] + " (asked for)" * (decode.channels is not None)
    if not colour or not grey:
        line = f"colours: all are {'colour' if colour else 'grey'}, read as {read}"
    else:
        line = f"colours: {grey:,} grey and {len(colour):,} colour, first {printable(colour[0][1])}, read as {read}"
    return dataclasses.replace(decode, channels=channels), line


def _check_cut(files, folder):
    """Pillow keeps the upper 8 bits of 16-bit colour; that is nearly black where only the lower ones are used."""
    most = max((most for _, (_, most) in _extremes(files)), default=255)
    if most < 64:
        raise InputError(
            f"{counted(len(files), 'picture')} of {printable(folder)} of 16 bits per colour use no more "
            f"than {8 + int(most).bit_length()} of them and would be read as nearly black, first "
            f"{printable(files[0][1])}; convert them to 8 bits per colour"
        )


def _values(decode, deep, folder):
    if decode.value_range:
        return decode, [f"{_of_bits(deep)}: {_span(decode.value_range)} (asked for)"]
    lines, spans_said = [], {}
    for file, header in deep.items():
        if header.declared:
            spans_said.setdefault(header.declared, []).append(file)
    lines += [f"{_of_bits(files)}: {_span(span)} (the files say so)" for span, files in spans_said.items()]
    unsaid = [file for file, header in deep.items() if not header.declared]
    if not unsaid:
        return decode, lines
    floating = any(deep[file].floating for file in unsaid)
    spans = [span for _, span in _extremes(unsaid)]
    least, most = min((low for low, _ in spans), default=0.0), max((high for _, high in spans), default=0.0)
    said = {deep[file].significant for file in unsaid}
    span = decoding.range_of(least, most, floating, said.pop() if len(said) == 1 else None)
    if span is None and floating:
        raise InputError(
            f"{counted(len(unsaid), 'picture')} of {printable(folder)} of floating-point numbers do not tell black "
            f"from white, first {printable(unsaid[0][1])}; give value_range"
        )
    span = span or (0.0, 65535.0)
    lines.append(f"{_of_bits(unsaid)}: {_span(span)} (found: {least:g} to {most:g} in the set)")
    return dataclasses.replace(decode, found_range=span), lines


def _extremes(files):
    """(file, (least, most)) of those that can be read and have finite values."""
    for file, result in prepared.in_threads(decoding.extremes, ((file, (file[0],)) for file in files)):
        try:
            least, most = result()
        except Exception:  # broken: named when it is read
            continue
        if math.isfinite(least):
            yield file, (least, most)


def _of_bits(files):
    return f"more than 8 bits in {_first(list(files))}"


def _span(span):
    return f"{span[0]:g} to {span[1]:g} become black to white"


def _first(files):
    return f"{counted(len(files), 'picture')}, first {printable(files[0][1])}"
