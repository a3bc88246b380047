"""Results as a table, as JSON and as a page for the documentation."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mutants.mutation import ROOT, Inapplicable, Mutation
from mutants.trial import Outcome, Result

PAGE = ROOT / "docs" / "mutants.md"


def table(results: Sequence[Result]) -> None:
    shown = Table("mutation", "outcome", "seconds", "by")
    for result in results:
        shown.add_row(result.name, result.outcome, f"{result.seconds:.1f}", escape(result.detail[:300]))
    Console(width=160).print(shown)


def write_json(path: Path, results: Sequence[Result]) -> None:
    path.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n")


def page(mutations: Sequence[Mutation], inapplicable: Sequence[Inapplicable], results: Sequence[Result]) -> str:
    """The whole run as Markdown."""
    outcomes = {result.name: result for result in results}
    caught = sum(result.outcome is Outcome.CAUGHT for result in results)
    wanted = sum(not mutation.equivalent for mutation in mutations)
    lines = [
        "# Mutants",
        "",
        "Written by `make mutants`. Each row is a fault that was put into the code on purpose, alone, and the quick test that noticed it.",
        f"Caught: **{caught} of {wanted}**.",
        "",
        "| fault | in | what it would cost | caught by |",
        "| --- | --- | --- | --- |",
    ]
    for one in mutations:
        result = outcomes[one.name]
        by = (
            f"`{_short(result.detail)}`"
            if result.outcome is Outcome.CAUGHT
            else f"{result.outcome}: {_first_line(result.detail)}"
        )
        lines.append(f"| {one.name} | `{one.file}` | {one.consequence} | {by} |")
    lines += ["", "## Not applicable", "", *(f"- **{one.name}**: {one.reason}" for one in inapplicable)]
    return "\n".join(lines) + "\n"


def _short(test: str) -> str:
    return test.removeprefix("tests/unit/")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""
