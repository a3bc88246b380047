"""Traits: for each the value that was stated last, by the time of the event and then its id."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MAX_TRAITS = 500  # names per customer; beyond that the ones stated longest ago are forgotten


@dataclass(frozen=True, slots=True)
class Trait:
    """A value, any JSON; None where the trait was cleared, which an older value must not undo."""

    value: Any
    at: datetime
    event_id: str

    @property
    def stamp(self) -> tuple[datetime, str]:
        return self.at, self.event_id


Traits = dict[str, Trait]


def state_traits(traits: Traits, stated: Mapping[str, Any], at: datetime, event_id: str) -> Traits:
    """Hear what was stated about traits. Returns the same object where all of it is older than what is known."""
    heard = merge_traits(traits, {name: Trait(value, at, event_id) for name, value in stated.items()})
    return traits if heard == traits else heard


def merge_traits(left: Traits, right: Traits) -> Traits:
    """The latest of each trait. Commutative, associative, idempotent; also in what it forgets, since it cuts from below."""
    latest = dict(left)
    for name, trait in right.items():
        known = latest.get(name)
        if known is None or known.stamp < trait.stamp:
            latest[name] = trait
    if len(latest) <= MAX_TRAITS:
        return latest
    newest = sorted(latest.items(), key=lambda entry: (*entry[1].stamp, entry[0]), reverse=True)
    return dict(newest[:MAX_TRAITS])


def values_of(traits: Mapping[str, Trait]) -> dict[str, Any]:
    """What is known, by name; cleared traits are left out."""
    return {name: trait.value for name, trait in sorted(traits.items()) if trait.value is not None}


def text_of(traits: Mapping[str, Trait], name: str) -> str | None:
    """A trait as text without blanks around it, None where it is not known or no text."""
    trait = traits.get(name)
    text = trait.value.strip() if trait and isinstance(trait.value, str) else ""
    return text or None
