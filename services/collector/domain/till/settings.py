"""How what a till exports is meant, where the file itself does not say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Decimals(StrEnum):
    """Which mark stands before the cents."""

    AUTO = "auto"  # comma in tables that are parted by semicolons, else point
    POINT = "point"
    COMMA = "comma"


class Dates(StrEnum):
    """The order of day, month and year in dates that are not ISO 8601."""

    YMD = "ymd"
    DMY = "dmy"
    MDY = "mdy"


class Numbering(StrEnum):
    """How far a receipt number is unique: orders of the same number are one order."""

    STORE = "store"  # in the store
    TILL = "till"  # at the till
    DAY = "day"  # at the till, on one day: numbers start again every morning


@dataclass(frozen=True, slots=True)
class TillSettings:
    """`columns` maps headers of the table to our names for them; `store`, `till` and `currency` stand in where rows name none.

    `timezone` is the IANA zone of times without an offset. With `anonymous` purchases without any customer count too, each as one of
    somebody unknown; else they are refused. `history` marks what is imported as the past, because of which nothing is sent.
    """

    delimiter: str | None = None
    encoding: str | None = None
    decimals: Decimals = Decimals.AUTO
    dates: Dates = Dates.YMD
    timezone: str = "UTC"
    currency: str | None = None
    store: str | None = None
    till: str | None = None
    numbering: Numbering = Numbering.STORE
    anonymous: bool = False
    history: bool = False
    columns: Mapping[str, str] = field(default_factory=dict)
