"""Every mutation still fits the code, makes another program of it, and names tests that are there."""

import ast

import pytest

from mutants.mutation import ROOT, Mutation, load
from mutants.report import PAGE
from tests.simulation.scenario import SCENARIOS

MUTATIONS, INAPPLICABLE = load()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_fits_the_code_and_still_is_a_program(mutation: Mutation) -> None:
    source = (ROOT / mutation.file).read_text()
    mutated = mutation.applied_to(source)
    assert ast.dump(ast.parse(mutated)) != ast.dump(ast.parse(source))


def test_names_are_unique_and_each_mutation_has_tests_that_exist() -> None:
    names = [one.name for one in [*MUTATIONS, *INAPPLICABLE]]
    assert len(names) == len(set(names))
    scenarios = {f"[{scenario.name}]" for scenario in SCENARIOS}
    for mutation in MUTATIONS:
        assert mutation.tests or mutation.equivalent, mutation.name
        for test in mutation.tests:
            path, _, function = test.partition("::")
            assert (ROOT / path).is_file(), test
            assert "[" not in function or function[function.index("[") :] in scenarios, test


def test_the_page_tells_of_every_mutation() -> None:
    page = PAGE.read_text()
    assert all(f"| {mutation.name} |" in page for mutation in MUTATIONS), "run `make mutants`"
