"""What a benchmark found: rows for people, held against their aims, and the raw trials behind them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Aim:
    """A bound that a figure should keep."""

    bound: float
    at_most: bool = False

    def met_by(self, figure: float) -> bool:
        return figure <= self.bound if self.at_most else figure >= self.bound


@dataclass(frozen=True)
class Row:
    """One figure. `unit` is that of the figure and of its aim."""

    what: str
    figure: float
    unit: str
    aim: Aim | None = None

    def document(self) -> dict[str, Any]:
        """The row as JSON values."""
        document: dict[str, Any] = {"what": self.what, "figure": significant(self.figure), "unit": self.unit}
        if self.aim:
            bound = {"at_most" if self.aim.at_most else "at_least": self.aim.bound}
            document |= bound | {"met": self.aim.met_by(self.figure)}
        return document


@dataclass(frozen=True)
class Outcome:
    """The rows of a benchmark, and its raw trials as JSON values. `under` says on what data and settings it ran."""

    rows: Sequence[Row]
    raw: Any = None
    under: str = ""
    extra: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        rows = [row.document() for row in self.rows]
        return {"under": self.under, "rows": rows, "raw": self.raw, **self.extra}


def significant(figure: float) -> float:
    """A figure with three significant digits: no more is known of it."""
    return float(f"{figure:.3g}")


def ratio(figure: float, of: float) -> float:
    """How many times `of` a figure is. Raises ValueError where there is nothing to compare with."""
    if of <= 0:
        raise ValueError("nothing was measured to compare with")
    return figure / of


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all values do not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * round(share * 1000) // 1000))
    return ordered[rank - 1]
