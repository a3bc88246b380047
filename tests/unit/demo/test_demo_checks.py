"""A difference is never overlooked, and is told in words that help."""

from hypothesis import given
from hypothesis import strategies as st

from demo.checks import compare, compare_each, dollars, gathered

figures = st.dictionaries(st.integers(0, 5), st.integers(0, 3))


def test_a_cent_makes_a_difference() -> None:
    check = compare("spend", 250031563, 250031562, dollars)
    assert not check.holds
    assert check.differences == ("the file says $2,500,315.63, the service says $2,500,315.62",)


def test_the_same_figure_holds() -> None:
    assert compare("orders", 3, 3).holds


@given(figures, figures)
def test_many_figures_hold_only_if_all_are_the_same(expected: dict[int, int], found: dict[int, int]) -> None:
    assert compare_each("days", expected, found).holds == (expected == found)


def test_what_is_missing_too_much_and_different_is_told() -> None:
    check = compare_each("days", {1: 10, 2: 20, 3: 30}, {1: 10, 2: 25, 4: 40}, lambda said: f"{said}")
    assert check.found == "0 of 3"
    assert check.differences == (
        "2: the file says 20, the service says 25",
        "3: the file says 30, the service says None",
        "4: the file says None, the service says 40",
    )


def test_of_many_differences_a_few_are_told() -> None:
    check = compare_each("days", dict.fromkeys(range(1000), 1), {})
    assert len(check.differences) == 4
    assert check.differences[-1] == "and 997 more"


def test_many_comparisons_are_one_line_unless_one_fails() -> None:
    good, bad = compare("a", 1, 1), compare("b", 1, 2)
    assert [(check.what, check.found) for check in gathered("both", [good, good])] == [("both", "all 2")]
    assert gathered("both", [good, bad]) == [bad]
