"""What the pictures of a folder are to each other: splits, classes, pairs, domains. `docs/data.md` lists what is known.

A split is a list of items `(name, parts)`: the path below the folder that was given, for messages and fingerprints, and
what is read: the path of a file, of two files, or of a file and its label.
"""

import collections
import csv
import dataclasses
import json
import os
import re
from typing import NamedTuple

from tfgan_zoo.data.folders import SUFFIXES, counted, printable, some
from tfgan_zoo.errors import InputError

_TRAIN = ("train", "training")
_HELD_OUT = ("test", "testing", "val", "valid", "validation")  # the first that has pictures is used
_DOMAINS = (("a", "b"),)
_IDS = "instances"
_SIDES = (
    *_DOMAINS,
    *((a + s, b + s) for s in ("", "s") for a, b in (
        ("input", "target"), ("source", "target"), ("image", "target"), ("image", "mask"), ("image", "label"))),
)  # fmt: skip
PAIRS = (
    "side-by-side files; A/ and B/, trainA/ and trainB/, train/A and train/B, or input/ and target/ with files of the "
    "same names; pairs.csv or pairs.jsonl with image and target"
)


class Layout(NamedTuple):
    """What a folder was taken for.

    Attributes:
        splits: name -> items.
        notes: what the folder was taken for and what was left out, a line each.
        classes: names of the labels.
        side_by_side: whether each file is A and B side by side.
    """

    splits: dict[str, list]
    notes: tuple[str, ...]
    classes: tuple[str, ...] = ()
    side_by_side: bool = False


def single(tree):
    """A folder, flat or nested, with or without splits -> `train` and `test`.

    Raises:
        InputError: no pictures, or none to learn from.
    """
    splits, notes = _by_split(tree, _placed(tree, _DOMAINS, split_only=True))
    items = {k: [(name, (tree.files[name],)) for name in names] for k, names in splits.items()}
    return Layout(items, (*notes, *tree.notes))


def labelled(tree):
    """A folder with a subfolder per class, within `train` and `test` if there, or with a `labels.csv`.

    Raises:
        InputError: fewer than two classes; held-out classes that are not among those to learn from; a table that is
            not understood.
    """
    table = _table(tree, "labels")
    by_file, missing = _labels(tree, table) if table else ({}, [])
    order = _order if table else str  # the numbers of class folders have always been those of their sorted names
    # trainA/ and trainB/ are domains, no classes, and still splits.
    places = _placed(tree, _DOMAINS, split_only=True, deep=table is None)
    groups, loose = {}, []
    for name, (split, _, rest) in places.items():
        label, said = by_file.get(name, (None, None)) if table else (rest.split("/")[0] if "/" in rest else None, None)
        if label is None:
            loose.append(name)
        else:
            groups.setdefault(said or split, {}).setdefault(label, []).append(name)
    root = printable(tree.root)
    flat = {
        split: [(name, label) for label in sorted(found, key=order) for name in found[label]]
        for split, found in groups.items()
    }
    splits, notes = _chosen(tree, flat, name=lambda item: item[0]) if flat else ({"train": []}, ())
    classes = tuple(sorted({label for _, label in splits["train"]}, key=order))
    if len(classes) < 2:
        what = counted(len(classes), "label") if table else f"{counted(len(classes), 'subfolder')} with images"
        raise InputError(
            f"{root} has {what}; labelled images need one subfolder per class, two or "
            f"more, or labels.csv with file and label"
        )
    unknown = sorted({label for _, label in splits.get("test", ())} - set(classes), key=order)
    if unknown:
        raise InputError(
            f"the held-out pictures of {root} have the class {printable(unknown[0])}, which those to learn from have "
            f"not; remove or rename it"
        )
    if "test" not in splits:
        splits = every_20th(splits["train"], kept=lambda item: item[1])
    counts = collections.Counter(label for _, label in splits["train"])
    said = [f"{printable(c)} {counts[c]:,}" for c in classes[:10]]
    if len(classes) > 10:
        said.append(f"{len(classes) - 10:,} more with {min(counts.values()):,} to {max(counts.values()):,}")
    source = f"labels of {printable(os.path.basename(table))}" if table else "class folders"
    notes = (f"{source}, to learn from: {', '.join(said)}", *notes, *missing, *tree.notes)
    if loose:
        notes += (f"left out, without a class: {counted(len(loose), 'picture')}, first {printable(loose[0])}",)
    numbers = {c: i for i, c in enumerate(classes)}
    items = {k: [(name, (tree.files[name], numbers[c])) for name, c in v] for k, v in splits.items()}
    return Layout(items, notes, tuple(map(printable, classes)))


def paired(tree, swap=False):
    """A folder of pairs -> `train` and `test`, of items of two files or of one, side by side.

    Args:
        tree: a `folders.Tree`.
        swap: whether the second of two files comes first.

    Raises:
        InputError: no pairs, or none to learn from; a table that is not understood.
    """
    if table := _table(tree, "pairs"):
        groups, notes = _pairs_of_table(tree, table)
        taken = f"pairs of {printable(os.path.basename(table))}"
    else:
        for sides in _SIDES:
            places = _placed(tree, (sides,))
            found = {side for _, side, _ in places.values()} - {""}
            if len(found) == 2:
                groups, notes = _pairs_of_names(tree, places, sides)
                taken = f"pairs of files of the same name, {_folders_of(places)}"
                break
            if found and sides in _DOMAINS:
                have, lack = ("A", "B") if "a" in found else ("B", "A")
                raise InputError(
                    f"{printable(tree.root)} has pictures in {_folders_of(places)} of {have} and none of {lack}; pairs "
                    f"are {PAIRS}"
                )
        else:
            layout = single(tree)
            notes = ("side by side: each file is cut into a left and a right half", *layout.notes)
            return layout._replace(notes=notes, side_by_side=True)
    splits, more = _chosen(tree, groups, name=lambda item: item[0])
    if "test" not in splits:
        splits = every_20th(splits["train"])
    items = {
        k: [(f"{a} + {b}", (tree.files[a], tree.files[b])) for a, b in (x[:: -1 if swap else 1] for x in pairs)]
        for k, pairs in splits.items()
    }
    return Layout(items, (taken, *more, *notes, *tree.notes))


def paired_with_ids(tree, swap=False):
    """`paired`, with the map of ids of each pair between its two files: from `instances/`, of the same name.

    The folder lies beside the two, with splits as they have. Where there is none, items are those of `paired`.

    Args:
        tree, swap: as of `paired`.

    Raises:
        InputError: as of `paired`; most pairs have no map.
    """
    for sides in _SIDES:
        places = _placed(tree, ((*sides, _IDS),))
        if {*sides, _IDS} <= {side for _, side, _ in places.values()}:
            break
    else:
        return paired(tree, swap)

    def keys(name):
        split, _, rest = places[name]
        stem = os.path.splitext(rest)[0]
        ending = rf"[ _-]({'|'.join((*sides, _IDS))})$"
        return (split, stem), (split, re.sub(ending, "", stem, flags=re.IGNORECASE))

    pictures = {name: path for name, path in tree.files.items() if places[name][1] != _IDS}
    maps = {key: name for name in tree.files if name not in pictures for key in keys(name)[::-1]}
    layout = paired(dataclasses.replace(tree, files=pictures), swap)
    named = {path: name for name, path in pictures.items()}
    splits, missing = {}, []
    for split, items in layout.splits.items():
        splits[split] = []
        for name, (first, second) in items:
            found = next((maps[key] for key in keys(named[first]) if key in maps), None)
            if found is None:
                missing.append(name)
            else:
                splits[split].append((name, (first, tree.files[found], second)))
    count = sum(map(len, layout.splits.values()))
    if not all(splits.values()) or 2 * len(missing) > count:
        raise InputError(
            f"{printable(tree.root)} has instances/, but {len(missing):,} of {count:,} pairs have no map of ids of the "
            f"same name there, first {printable(missing[0])}; add them, or move instances/ away"
        )
    notes = (f"ids of instances: {_folders_of({n: p for n, p in places.items() if n not in pictures})}", *layout.notes)
    if missing:
        notes += (f"left out, without a map of ids of the same name: {some(missing)}",)
    return layout._replace(splits=splits, notes=notes)


def two_domains(tree, what="unpaired images", hold_out=None, rule="every 20th is held out"):
    """A folder of two domains, A and B -> `trainA`, `trainB`, `testA` and `testB`.

    Args:
        tree: a `folders.Tree`.
        what: that need two domains, for a message.
        hold_out: names of the files of a domain without a held-out folder -> names by split, `train` and `test`; by
            default every 20th is held out.
        rule: what `hold_out` does, for a note.

    Raises:
        InputError: a domain has no pictures to learn from.
    """
    places = _placed(tree, _DOMAINS)
    splits, notes = {}, [f"two domains: {_folders_of(places)}"]
    for domain in "AB":
        groups = {}
        for name, (split, side, _) in places.items():
            if side == domain.lower():
                groups.setdefault(split, []).append(name)
        if not groups:
            raise InputError(
                f"{printable(tree.root)} has no train{domain}/; {what} need trainA/ and trainB/ in the "
                f"folder, or A/ and B/, with pictures in them"
            )
        found, more = _chosen(tree, groups, what=f"pictures of {domain}", rule=rule)
        found = found if "test" in found else (hold_out or every_20th)(found["train"])
        splits |= {f"{k}{domain}": [(name, (tree.files[name],)) for name in names] for k, names in found.items()}
        notes += [line for line in more if line not in notes]
    outside = [name for name, (_, side, _) in places.items() if not side]
    if outside:
        notes.append(f"left out, of neither domain: {counted(len(outside), 'picture')}, first {printable(outside[0])}")
    order = ("trainA", "trainB", "testA", "testB")
    return Layout({name: splits[name] for name in order}, (*notes, *tree.notes))


# ---------------------------------------------------------------------------------------------------------------------
# Places: which split and side the folders of a path name


def _placed(tree, sides, split_only=False, deep=True):
    """Name -> (split, side, the rest of the path), by the first two folders of each path.

    Args:
        tree: a `folders.Tree`.
        sides: pairs of folder names.
        split_only: a side counts only where it is named with a split, as in `trainA`.
        deep: whether splits are also found one level down, where every first folder has one to learn from.
    """
    if not tree.files:
        raise InputError(f"no images in {printable(tree.root)}; expected files that end in {' '.join(SUFFIXES)}")
    known = "|".join(sorted({side for pair in sides for side in pair}, key=len, reverse=True))
    pattern = re.compile(rf"({'|'.join(_TRAIN + _HELD_OUT)})?(?:(?:^|(?<=.)[ _-]?)({known}))?", re.IGNORECASE)
    prefix = _wrapper(tree, pattern)
    spelled, places = {}, {}
    inside = {name: name[len(prefix) :].split("/") for name in tree.files}
    for name, parts in inside.items():
        split = side = ""
        for depth in range(2):
            found = pattern.fullmatch(parts[0]) if len(parts) > 1 else None
            s, d = ((x or "").lower() for x in found.groups()) if found else ("", "")
            if not (s or d) or (s and split) or (d and side) or (split_only and (not s or depth)):
                break
            split, side, first, parts = split or s, side or d, parts[0], parts[1:]
            kind = "train" if s in _TRAIN else s
            spelled.setdefault((depth, kind, d, "/".join(inside[name][:depth]).lower()), set()).add(first)
        places[name] = (split, side, "/".join(parts))
    for spellings in spelled.values():
        if len(spellings) > 1:
            both = " and ".join(f"{printable(x)}/" for x in sorted(spellings))
            raise InputError(f"{printable(tree.root)} has {both}, which name the same; merge them or rename one")
    if split_only and deep and not any(split for split, _, _ in places.values()):
        return _splits_below(inside) or places
    return places


def _splits_below(inside):
    """The same where each first folder has splits in it, as in `cat/train` and `dog/train`; None where not so."""
    trained, places = {}, {}
    for name, parts in inside.items():
        split = parts[1].lower() if len(parts) > 2 and parts[1].lower() in _TRAIN + _HELD_OUT else ""
        trained[parts[0]] = trained.get(parts[0], False) or split in _TRAIN
        places[name] = (split, "", "/".join([parts[0], *parts[2:]]) if split else "/".join(parts))
    return places if all(trained.values()) else None


def _wrapper(tree, pattern):
    """The folders that all pictures lie in, down to the first that means something or that there is a choice of."""
    names = [name.split("/") for name in tree.files]
    depth = 0
    while (
        all(len(parts) > depth + 2 for parts in names)
        and len({parts[depth] for parts in names}) == 1
        and not pattern.fullmatch(names[0][depth])
    ):
        depth += 1
    return "".join(f"{part}/" for part in names[0][:depth])


def _folders_of(places):
    """The folders that a split or a side was read from, in print."""
    found = sorted(
        {
            name[: -len(rest)] if name.endswith(rest) else f"{os.path.dirname(name)}/"
            for name, (split, side, rest) in places.items()
            if split or side
        }
    )
    return some(found, 6)


# ---------------------------------------------------------------------------------------------------------------------
# Splits


def _by_split(tree, places):
    groups = {}
    for name, (split, _, _) in places.items():
        groups.setdefault(split, []).append(name)
    splits, notes = _chosen(tree, groups, folders=_folders_of(places))
    if "test" not in splits:
        splits = every_20th(splits["train"])
    return splits, notes


def _chosen(tree, groups, name=lambda item: item, what="pictures", folders="", rule="every 20th is held out"):
    """Items by the split that their folder names -> `train` and, where there is one, `test`; notes."""
    train = next((groups[s] for s in _TRAIN if s in groups), None)
    given = train is not None
    outside = groups.get("", [])
    train = train if given else outside
    held_out = [split for split in _HELD_OUT if groups.get(split)]
    root = printable(tree.root)
    if not train:
        if held_out:
            raise InputError(
                f"{root} has {what} to hold out ({held_out[0]}) and none to learn from; put those into train/, or give "
                f"the folder {held_out[0]} itself"
            )
        raise InputError(f"no {what} in {root}; see docs/data.md for the layouts that are understood")
    splits = {"train": train}
    where = f" in {folders}" if folders else ""
    if held_out:
        splits["test"] = groups[held_out[0]]
        notes = [f"{what}{where}: {len(train):,} to learn from, {len(splits['test']):,} held out ({held_out[0]})"]
    elif len(train) == 1:
        notes = [f"{what}{where}: a single one, to learn from and held out"]
    else:
        notes = [f"{what}{where}: {len(train):,}, no folder of held-out ones: {rule}"]
    notes += [f"left out, another held-out split: {s} ({len(groups[s]):,})" for s in held_out[1:]]
    if given and outside:
        first = printable(name(outside[0]))
        notes.append(f"left out, outside of the splits: {counted(len(outside), 'picture')}, first {first}")
    return splits, tuple(notes)


def every_20th(items, kept=None):
    """Holds out every 20th item, or the last of a few; a single one is both.

    Args:
        items: a list.
        kept: an item -> its class. Each class keeps one to learn from.

    Returns:
        `{"train": items, "test": items}`.
    """
    if len(items) == 1:
        return {"train": items, "test": items}
    held_out = set(range(19, len(items), 20)) or {len(items) - 1}
    if kept:
        by_class = {}
        for i, item in enumerate(items):
            by_class.setdefault(kept(item), []).append(i)
        held_out -= {found[0] for found in by_class.values() if held_out.issuperset(found)}
        if not held_out:  # the last that its class can spare
            held_out = {max((found[-1] for found in by_class.values() if len(found) > 1), default=-1)} - {-1}
        if not held_out:
            return {"train": items, "test": items}
    return {
        "train": [item for i, item in enumerate(items) if i not in held_out],
        "test": [item for i, item in enumerate(items) if i in held_out],
    }


# ---------------------------------------------------------------------------------------------------------------------
# Pairs by name


def _pairs_of_names(tree, places, sides):
    """Split -> pairs of names; notes."""
    best = None
    # 1.png with 1.png first; then 1_A.png with 1_B.png.
    for ending in ("", rf"[ _-]({'|'.join(sides)})$"):
        stems, doubles = {}, []
        for name, (split, side, rest) in places.items():
            if side:
                stem = os.path.splitext(rest)[0]
                stem = re.sub(ending, "", stem, flags=re.IGNORECASE) if ending else stem
                two = stems.setdefault((split, stem), {})
                if side in two:
                    doubles.append(name)
                two.setdefault(side, name)
        alone = [name for two in stems.values() if len(two) == 1 for name in two.values()]
        if best is None or len(alone) < len(best[1]):
            best = stems, alone, doubles
    stems, alone, doubles = best
    groups = {}
    for (split, _), two in sorted(stems.items()):
        if len(two) == 2:
            groups.setdefault(split, []).append(tuple(two[side] for side in sides))
    matched = sum(map(len, groups.values()))
    if len(alone) > 2 * matched:
        raise InputError(
            f"{printable(tree.root)} has {_folders_of(places)}, but {len(alone):,} of {len(alone) + 2 * matched:,} "
            f"pictures have no partner of the same name, first {printable(alone[0])}; pairs are {PAIRS}"
        )
    outside = [name for name, (_, side, _) in places.items() if not side]
    notes = [
        f"left out, {why}: {some(names)}"
        for why, names in (
            ("without a partner of the same name", alone),
            ("a second file of the same name", doubles),
            ("in neither of the two folders", outside),
        )
        if names
    ]
    return groups, notes


# ---------------------------------------------------------------------------------------------------------------------
# Tables


def _table(tree, stem):
    """The path below the root of `<stem>.csv` or `<stem>.jsonl`, or None."""
    found = [name for name in tree.tables if name.lower() in (f"{stem}.csv", f"{stem}.jsonl")]
    if len(found) > 1:
        raise InputError(f"{printable(tree.root)} has {' and '.join(map(printable, found))}; keep one")
    return found[0] if found else None


def _rows(tree, table, fields):
    """(line, values of the fields, split) of each row.

    A first row of a CSV file that names the fields may put them in any order, with others and `split` among them.
    """
    where = f"{printable(tree.root)}/{printable(table)}"
    wanted = f"expected {' and '.join(fields)} in each row, and split if you like"
    try:
        with open(tree.tables[table], encoding="utf-8-sig", newline="") as file:
            if table.lower().endswith(".csv"):
                rows = [(i, row) for i, row in enumerate(csv.reader(file), 1) if any(cell.strip() for cell in row)]
                names = [cell.strip().lower() for cell in rows[0][1]] if rows else []
                header = set(fields) <= set(names)
                names, rows = (names, rows[1:]) if header else ([*fields, "split"], rows)
                rows = [(i, dict(zip(names, map(str.strip, row), strict=False))) for i, row in rows]
            else:
                rows = [(i, json.loads(line)) for i, line in enumerate(file, 1) if line.strip()]
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{where} cannot be read ({printable(str(error))}); {wanted}") from None
    found = []
    for line, row in rows:
        values = [str(row.get(f, "")) for f in fields] if isinstance(row, dict) else [""]
        if not all(values):
            raise InputError(f"{where} line {line} is not understood; {wanted}")
        split = str(row.get("split") or "").strip().lower()
        if split and split not in _TRAIN + _HELD_OUT:
            raise InputError(f"{where} line {line} has the split {printable(split)}; give train, test or validation")
        found.append((line, values, "train" if split in _TRAIN else split))
    if not found:
        raise InputError(f"{where} is empty; {wanted}")
    return found


def _file_of(tree, text):
    """The name of a picture as a table has it -> as the tree has it, or None."""
    name = os.path.normpath(text.replace("\\", "/"))
    return name if name in tree.files else None


def _missing(tree, table, missing, count):
    first = f"first {printable(missing[0])}"
    if 2 * len(missing) > count:
        raise InputError(
            f"{printable(tree.root)}/{printable(table)} names {counted(count, 'row')}, but in {len(missing):,} of them "
            f"a file is no picture below that folder, {first}; give paths relative to it"
        )
    return f"left out, rows whose file is no picture below the folder: {len(missing):,}, {first}"


def _labels(tree, table):
    """Name -> (label, split); notes."""
    found, missing = {}, []
    rows = _rows(tree, table, ("file", "label"))
    for line, (file, label), split in rows:
        name = _file_of(tree, file)
        if name is None:
            missing.append(file)
        elif found.setdefault(name, (label, split)) != (label, split):
            raise InputError(
                f"{printable(tree.root)}/{printable(table)} line {line} gives {printable(name)} a second label; "
                f"keep one"
            )
    return found, [_missing(tree, table, missing, len(rows))] if missing else []


def _pairs_of_table(tree, table):
    """Split -> pairs of names; notes."""
    places = _placed(tree, _DOMAINS, split_only=True)
    groups, missing, used = {}, [], set()
    rows = _rows(tree, table, ("image", "target"))
    for _, files, split in rows:
        names = [_file_of(tree, file) for file in files]
        if None in names:
            missing.append(files[names.index(None)])
            continue
        used.update(names)
        groups.setdefault(split or places[names[0]][0], []).append(tuple(names))
    notes = [_missing(tree, table, missing, len(rows))] if missing else []
    unused = [name for name in tree.files if name not in used]
    if unused:
        notes.append(f"left out, not in the table: {counted(len(unused), 'picture')}, first {printable(unused[0])}")
    return groups, notes


def _order(label):
    """Numbers by their value, before all else."""
    return (0, int(label), label) if label.isdecimal() and label.isascii() else (1, 0, label)
