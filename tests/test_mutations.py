"""The edits of tests/mutations have not rotted: every family has some, and they are of text that is there."""

import ast

import pytest

from tests.mutations import ROOT, mutated, of_families

MUTATIONS = of_families()

FAMILIES = sorted(path.stem for path in (ROOT / "tfgan_zoo/families").glob("*.py") if path.stem != "__init__")


def test_every_family_has_at_least_six_mutations_of_different_names():
    assert sorted(MUTATIONS) == FAMILIES
    for mutations in MUTATIONS.values():
        assert len({mutation.what for mutation in mutations}) == len(mutations) >= 6


@pytest.mark.parametrize("family", FAMILIES)
def test_the_text_that_a_mutation_replaces_is_there_once_and_what_it_makes_is_a_program(family):
    for mutation in MUTATIONS[family]:
        ast.parse(mutated(mutation))
