"""What is wrong with a rule, and where: a JSON pointer with what to do about it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from services.profiles.domain.segments.clock import DAY, SECOND, Window, parsed

LONGEST_VALUE = 255
MOST_VALUES = 1_000
MOST_DAYS = 3_660
_UNITS = {"minutes": 60 * SECOND, "hours": 3_600 * SECOND, "days": DAY, "weeks": 7 * DAY}


class Problems:
    """Collects what is wrong; each reader gives a value, or None after it has noted what is wrong with it."""

    def __init__(self) -> None:
        self.found: dict[str, list[str]] = {}

    def note(self, path: str, text: str) -> None:
        self.found.setdefault(path, []).append(text)

    def one_of(self, value: Any, words: Collection[str], path: str) -> str | None:
        if isinstance(value, str) and value in words:
            return value
        shown = ", ".join(f"`{word}`" for word in sorted(words))
        self.note(path, f"Give one of {shown}.")
        return None

    def names(self, said: Mapping[str, Any], known: Collection[str], path: str) -> None:
        """Note every name that is not known there."""
        for name in said:
            if name not in known:
                shown = ", ".join(f"`{word}`" for word in sorted(known))
                self.note(f"{path}/{name}", f"This is not known here; known are {shown}.")

    def text(self, value: Any, path: str) -> str | None:
        if isinstance(value, str) and 0 < len(value.strip()) <= LONGEST_VALUE:
            return value
        self.note(path, f"Give a text of 1 to {LONGEST_VALUE} characters.")
        return None

    def number(self, value: Any, path: str) -> float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= 1e15:
            return value
        self.note(path, "Give a number.")
        return None

    def whole(self, value: Any, low: int, high: int, path: str) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        self.note(path, f"Give a whole number from {low} to {high}.")
        return None

    def truth(self, value: Any, path: str) -> bool | None:
        if isinstance(value, bool):
            return value
        self.note(path, "Give `true` or `false`.")
        return None

    def plain(self, value: Any, path: str) -> Any:
        """A text, number or truth value."""
        if isinstance(value, bool):
            return value
        return self.number(value, path) if isinstance(value, (int, float)) else self.text(value, path)

    def values(self, value: Any, path: str) -> list[Any] | None:
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_VALUES:
            self.note(path, f"Give a list of 1 to {MOST_VALUES} values.")
            return None
        found = [self.plain(one, f"{path}/{number}") for number, one in enumerate(value)]
        return None if None in found else found

    def pair(self, value: Any, path: str) -> tuple[float, float] | None:
        if not isinstance(value, list) or len(value) != 2:
            self.note(path, "Give two numbers: the lowest and the highest.")
            return None
        low, high = (self.number(one, f"{path}/{number}") for number, one in enumerate(value))
        if low is None or high is None:
            return None
        if low > high:
            self.note(path, "The first number is higher than the second.")
            return None
        return low, high

    def time(self, value: Any, path: str) -> date | datetime | None:
        try:
            found = parsed(value)
            if 1900 <= found.year <= 2999:
                return found
        except (TypeError, ValueError, AttributeError):
            pass
        self.note(path, "Give a date like `2026-05-01` or a time like `2026-05-01T08:00:00+02:00`.")
        return None

    def window(self, value: Any, path: str) -> Window | None:
        """`{"days": 30}`; `{"days": 1, "calendar": true}` is today by the shop's clock."""
        units = [name for name in _UNITS if name in value] if isinstance(value, dict) else []
        if len(units) != 1:
            self.note(path, 'Give one of `minutes`, `hours`, `days` and `weeks`: `{"days": 30}`.')
            return None
        self.names(value, (*_UNITS, "calendar"), path)
        unit, most = units[0], MOST_DAYS * DAY // _UNITS[units[0]]
        count = self.whole(value[unit], 1, most, f"{path}/{unit}")
        calendar = self.truth(value.get("calendar", False), f"{path}/calendar")
        if calendar and unit != "days":
            self.note(f"{path}/calendar", "Only days are counted by the calendar.")
        if count is None:
            return None
        return Window(days=count) if calendar else Window(length=count * _UNITS[unit])


def listed(value: Any, most: int, path: str, problems: Problems) -> Sequence[Any]:
    """A list of 1 to `most` things, else nothing."""
    if isinstance(value, list) and 1 <= len(value) <= most:
        return value
    problems.note(path, f"Give a list of 1 to {most}.")
    return ()
