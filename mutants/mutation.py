"""What a mutation is, and the list of them."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCENARIO = "tests/unit/simulation/test_simulation.py::test_every_effect_is_there_once[{}]"


class DoesNotApply(Exception):
    """The text to replace is not in its file exactly once: the code has moved on, and the mutation has to follow."""


@dataclass(frozen=True)
class Mutation:
    """`edits` are (old, new) texts in `file`; `tests` are pytest ids of which at least one has to fail.

    `equivalent` says why no test can tell the mutant from the original, where that is so.
    """

    name: str
    file: str
    edits: tuple[tuple[str, str], ...]
    consequence: str
    tests: tuple[str, ...]
    equivalent: str = ""

    def applied_to(self, source: str) -> str:
        """The mutated source. Raises DoesNotApply."""
        for old, new in self.edits:
            if source.count(old) != 1:
                raise DoesNotApply(f"{self.name}: occurs {source.count(old)} times in {self.file}: {old.strip()[:80]}")
            source = source.replace(old, new)
        return source


@dataclass(frozen=True)
class Inapplicable:
    """A mutation that is known in the field and makes no sense here."""

    name: str
    reason: str


def load(path: Path = ROOT / "mutants" / "mutations.toml") -> tuple[list[Mutation], list[Inapplicable]]:
    """All mutations in the order of the file, and those that do not apply to this design."""
    listed = tomllib.loads(path.read_text())
    mutations = [
        Mutation(
            one["name"],
            one["file"],
            ((one["old"], one["new"]), *((old, new) for old, new in one.get("also", ()))),
            one["consequence"],
            (*(SCENARIO.format(name) for name in one.get("scenarios", ())), *one.get("tests", ())),
            one.get("equivalent", ""),
        )
        for one in listed["mutation"]
    ]
    return mutations, [Inapplicable(**one) for one in listed["inapplicable"]]
