"""The list of benchmarks/mutations.py has not rotted: it has every family, and its edits are of text that is there."""

import ast

import pytest

from benchmarks.mutations import MUTATIONS, ROOT, mutated

FAMILIES = sorted(path.stem for path in (ROOT / "tfgan_zoo/families").glob("*.py") if path.stem != "__init__")


def test_every_family_has_at_least_six_mutations_of_different_names():
    assert sorted(MUTATIONS) == FAMILIES
    for mutations in MUTATIONS.values():
        assert len({mutation.what for mutation in mutations}) == len(mutations) >= 6


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_that_a_mutation_replaces_is_there_once_and_what_it_makes_is_a_program(family):
    for mutation in MUTATIONS[family]:
        ast.parse(mutated(mutation))
