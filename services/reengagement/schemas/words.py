"""Words that both sides of the schemas are written in: durations and descriptions."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from marshmallow import ValidationError, fields

_NUMBER = r"\d{1,8}"
_ISO_8601 = re.compile(
    rf"P(?!$)(?:(?P<weeks>{_NUMBER})W|(?:(?P<days>{_NUMBER})D)?"
    rf"(?:T(?=\d)(?:(?P<hours>{_NUMBER})H)?(?:(?P<minutes>{_NUMBER})M)?(?:(?P<seconds>{_NUMBER})S)?)?)",
    re.ASCII,
)


def about(text: str) -> dict[str, str]:
    return {"description": text}


def in_words(duration: timedelta) -> str:
    """A duration as people write it in ISO 8601: `P90D`, `PT1H`, `P1DT12H`."""
    hours, rest = divmod(duration.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    date = f"{duration.days}D" if duration.days else ""
    parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    time = "".join(f"{number}{unit}" for number, unit in parts if number)
    return f"P{date}{'T' if time else ''}{time}" if date or time else "PT0S"


class Duration(fields.Field[timedelta]):
    """An ISO 8601 duration of weeks, days, hours, minutes and seconds, between two bounds."""

    def __init__(self, least: timedelta, most: timedelta, text: str, **kwargs: Any) -> None:
        self.least, self.most = least, most
        bounds = f"ISO 8601, from {in_words(least)} to {in_words(most)}."
        super().__init__(metadata={"type": "string", "format": "duration", "description": f"{text} {bounds}"}, **kwargs)

    def _serialize(self, value: timedelta | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return None if value is None else in_words(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> timedelta:
        found = _ISO_8601.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ValidationError("Not an ISO 8601 duration in whole seconds such as `PT1H` or `P90D`.")
        duration = timedelta(**{unit: int(number) for unit, number in found.groupdict().items() if number})
        if not self.least <= duration <= self.most:
            raise ValidationError(f"Must be from {in_words(self.least)} to {in_words(self.most)}.")
        return duration
