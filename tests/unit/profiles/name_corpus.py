"""The corpus of names, and finding among them in memory the way that the directory's storage does."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from services.profiles.domain.names import folded_words, patterns_of, sounds_of

HERE = Path(__file__).parent / "names"
LANGUAGES = sorted(path.stem for path in HERE.glob("*.json"))


@dataclass(frozen=True)
class Name:
    """One name: the ways to write it, and names that somebody who looks for it does not mean."""

    language: str
    number: int
    forms: tuple[str, ...]
    others: tuple[str, ...]


@cache
def names(language: str) -> tuple[Name, ...]:
    entries = json.loads((HERE / f"{language}.json").read_text())["names"]
    return tuple(
        Name(language, number, (*one["forms"], *one["romanised"]), tuple(one["not"])) for number, one in enumerate(entries)
    )


def everyone() -> list[Name]:
    return [name for language in LANGUAGES for name in names(language)]


def finds(asked: str, name: str) -> bool:
    """Whether somebody who looks for `asked` finds a customer of that name, by its letters or by its sound."""
    return by_letters(asked, name) or by_sound(asked, name)


def by_letters(asked: str, name: str) -> bool:
    return all(any(word.startswith(part) for word in folded_words(name)) for part in folded_words(asked))


def by_sound(asked: str, name: str) -> bool:
    keys = sounds_of(name)
    return any(
        all(any(re.search(one, key) for one in pattern for key in keys) for pattern in alternative)
        for alternative in patterns_of(asked)
    )


def pairs(name: Name) -> Iterator[tuple[str, str]]:
    """All ways to look for a name in one spelling and find it in another."""
    return ((asked, written) for asked, written in product(name.forms, repeat=2) if asked != written)


def sound_the_same(left: str, right: str) -> bool:
    """Whether two whole names have a key in common, or their skeletons where one of them has no more."""
    keys, others = set(sounds_of(left)), set(sounds_of(right))
    bare, bare_others = ({key.partition(":")[0] for key in some if key.endswith(":")} for some in (keys, others))
    all_bare, all_others = ({key.partition(":")[0] for key in some} for some in (keys, others))
    return bool(keys & others or bare & all_others or bare_others & all_bare)
