"""The house is in order: a family is one file, one recipe, one test, one import line and one README row."""

import ast
import re
from pathlib import Path

import pytest

import tfgan_zoo
from tfgan_zoo.base import GenerativeModel

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tfgan_zoo"
FAMILIES = sorted(path.stem for path in (PACKAGE / "families").glob("*.py") if path.stem != "__init__")


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_family_has_a_recipe_a_test_an_import_line_and_a_readme_row():
    recipes = sorted(path.stem for path in (ROOT / "recipes").glob("*.py"))
    tests = sorted(path.stem.removeprefix("test_") for path in (ROOT / "tests/families").glob("test_*.py"))
    imported = sorted(re.findall(r"from tfgan_zoo\.families\.(\w+) import", (PACKAGE / "__init__.py").read_text()))
    rows = sorted(re.findall(r"\]\(recipes/(\w+)\.py\)", (ROOT / "README.md").read_text()))
    assert FAMILIES == recipes == tests == imported == sorted(set(rows))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_imports_no_other_family_and_nothing_above_it(family):
    above = ("tfgan_zoo.families", "tfgan_zoo.run", "tfgan_zoo.data")
    assert [name for name in _imports(PACKAGE / f"families/{family}.py") if name.startswith(above)] == []


@pytest.mark.parametrize(
    "module",
    ["base", "losses", "layers", "random", "replicas", "optimizers", "signatures", "averages", "export", "evaluate"],
)
def test_nothing_below_the_families_imports_them(module):
    assert not any("families" in name or name == "tfgan_zoo.run" for name in _imports(PACKAGE / f"{module}.py"))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_names_its_paper_and_how_it_follows_it(family):
    doc = ast.get_docstring(ast.parse((PACKAGE / f"families/{family}.py").read_text()))
    assert re.match(r'.+: ".+", .+ \d{4}\.', doc.replace("\n", " ")), 'NAME: "Title", Authors, Venue Year.'
    assert re.search(r"arXiv \d{4}\.\d{5}|arXiv \d{4}\.\d{4}", doc)
    assert "depart" in doc.lower()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_whose_loss_holds_an_input_gradient_says_so_in_its_test(family):
    source = (PACKAGE / f"families/{family}.py").read_text()
    penalises = "gradient_penalty" in source or "squared_slope" in source
    says = re.search(r"^    penalised = \(\"", (ROOT / f"tests/families/test_{family}.py").read_text(), re.MULTILINE)
    assert bool(says) == penalises


def test_the_registry_is_the_package():
    classes = [value for value in vars(tfgan_zoo).values() if isinstance(value, type)]
    assert {c.__module__.rsplit(".", 1)[1] for c in classes} == set(FAMILIES)
    assert all(issubclass(c, GenerativeModel) for c in classes)
