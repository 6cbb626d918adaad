"""What the layers and averages here give for the inputs of which TensorFlow Addons 0.23 gave its values."""

from pathlib import Path

import pytest

from benchmarks.addons_values import compare, load, table

ROOT = Path(__file__).resolve().parent.parent
ROUNDING = 2e-6  # of float32, through 5 to 100 power iterations


@pytest.fixture(scope="module")
def rows():
    return compare(load())


def numbers(row):
    return [row[kind] for kind in ("value", "gradient") if row[kind] is not None]


def test_what_computes_the_same_as_tensorflow_addons_gives_its_numbers(rows):
    same = [row for row in rows if row["same"]]
    assert {row["ours"] for row in same if row["ours"]} == {
        "`InstanceNormalization`",
        "`Conv2D(SpectralNorm)`",
        "`Dense(SpectralNorm)`",
        "`Conv2D(WeightNorm)`",
        "`Conv2D(WeightNorm.initialize)`",
        "`Dense(WeightNorm)`",
        "`Dense(WeightNorm.initialize)`",
        "`averages.update`",
    }
    for row in same:
        assert numbers(row) == [pytest.approx(0.0, abs=ROUNDING)] * len(numbers(row)), row


def test_the_documentation_shows_this_table(rows):
    text = (ROOT / "docs/tensorflow_addons.md").read_text(encoding="utf-8")
    header = table([]).splitlines()
    shown = text[text.index("\n".join(header)) :].split("\n\n")[0].splitlines()[len(header) :]
    for line, expected, row in zip(shown, table(rows).splitlines()[len(header) :], rows, strict=True):
        (*names, value, gradient, remark), (*parts, _, _, what) = (
            [cell.strip() for cell in text.strip("|").split("|")] for text in (line, expected)
        )
        assert (names, remark) == (parts, what)
        printed = [float(number) for number in (value, gradient) if number != "-"]
        if row["same"]:  # rounding, another on every machine
            assert printed == [pytest.approx(0.0, abs=ROUNDING)] * len(numbers(row))
        else:
            assert printed == pytest.approx(numbers(row), rel=0.05)  # two digits are printed


def test_a_thousandth_off_is_seen():
    spoilt = {
        "`InstanceNormalization`": ("instance.d_x", "gradient"),
        "`Conv2D(SpectralNorm)`": ("spectral_conv.kernel", "value"),
        "`Dense(WeightNorm)`": ("weight_dense.d_v", "gradient"),
        "`Dense(WeightNorm.initialize)`": ("start_dense_unit.g", "value"),
        "`averages.update`": ("average.averages_5", "value"),
    }
    stored = load()
    for name, _ in spoilt.values():
        stored[name] = stored[name] * 1.001
    rows = compare(stored)
    for ours, (name, kind) in spoilt.items():
        off = next(row[kind] for row in rows if row["ours"] == ours)
        assert off == pytest.approx(1e-3, rel=0.01), name


def test_the_values_are_of_the_versions_that_the_requirements_pin():
    lines = (ROOT / "requirements-addons.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    versions = load()["versions"]
    assert {name: versions[name] for name in pins} == pins
    assert versions["python"].startswith("3.11.")
