"""What follows from the facts of customers, compared with what followed before: the difference is what has to be done.

The comparison is with what was done, as stored, not with a second derivation: rules, code and time may have changed in between.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from shared.envelope import Event
from shared.handlers import Announcement, Consequences, Figure, Row, Timer

if TYPE_CHECKING:
    from shared.model import Member

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Applied:
    """What followed from the facts when they were last looked at: due times, digests of rows, figures, things said, marks."""

    timers: Mapping[str, datetime] = field(default_factory=dict)
    rows: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    said: tuple[str, ...] = ()
    marks: Mapping[str, int] = field(default_factory=dict)


_NOTHING = Applied()


@dataclass(slots=True)
class View:
    """A customer: the ids of its identity keys, and what was last done because of their facts.

    It is kept with the key that it is named after, so that a customer of one key is one document.
    """

    id: str
    members: Sequence[str]
    applied: Applied = field(default_factory=Applied)

    @property
    def is_bare(self) -> bool:
        """Whether it is one key of which nothing follows: then no view is kept, whatever may have followed before."""
        return len(self.members) == 1 and self.applied == _NOTHING


@dataclass(slots=True)
class Changes:
    """The difference that a batch makes to the facts of a model, named, and to what follows: to be written in one transaction."""

    model: str
    members: list["Member[Any]"] = field(default_factory=list)  # with the views that are kept beside them
    views: list[View] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)  # ids of views whose keys all belong to another customer now
    arm: list[Timer] = field(default_factory=list)
    disarm: list[tuple[str, datetime]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    deleted_rows: list[str] = field(default_factory=list)  # as collection/id
    figures: list[Figure] = field(default_factory=list)
    journal: list[Row] = field(default_factory=list)
    announcements: list[tuple[Announcement, Event | None]] = field(default_factory=list)
    announced: list[Event] = field(default_factory=list)  # the same as events, once they are to be written


Look = tuple[View, Consequences, Event | None]  # a customer, what follows now, and the event that led to it


def applied(consequences: Consequences, former: View | None = None) -> Applied:
    """The short form of consequences that is kept to tell next time what is new; `former` is the customer as last looked at."""
    known = former.applied.rows if former else {}
    rows = {key: known[key] for key in consequences.same_rows}
    return Applied(
        timers={timer.slot: timer.due for timer in consequences.timers},
        rows=rows | {f"{row.collection}/{row.id}": digest_of(row.document) for row in consequences.rows},
        figures=_summed(consequences.figures),
        said=tuple(sorted(f"{a.kind.name}/{a.key}" for a in consequences.announcements)),
        marks=consequences.marks,
    )


def _summed(figures: Sequence[Figure]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = {}
    for figure in figures:
        _count(sums, f"{figure.collection}/{figure.id}", figure.values)
    return sums


def rolled_up(figures: Iterable[Figure], rollup: Callable[[Figure], Sequence[Figure]] | None) -> list[Figure]:
    """One figure a row: what several add to it, and what finer ones add to it, is summed before it is written."""
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for fine in figures:
        for figure in (fine, *(rollup(fine) if rollup else ())):
            _count(sums, (figure.collection, figure.id), figure.values)
    return [Figure(*key, values) for key, values in _without_zeros(sums).items()]


def compare(before: Sequence[View], after: Sequence[Look], changes: Changes) -> None:
    """Put the difference into `changes`, over all customers at once, since what belonged to one may belong to another after a merge."""
    old = _joined([view.applied for view in before])
    new = _joined([view.applied for view, _, _ in after])
    known = {view.id: view for view in before}
    changes.views = [view for view, _, _ in after if _worth_writing(view, known.get(view.id))]
    changes.disarm = [(slot, due) for slot, due in old.timers.items() if new.timers.get(slot) != due]
    changes.deleted_rows = [row for row in old.rows if row not in new.rows]
    said = set(old.said)
    for _, consequences, cause in after:
        changes.arm += [timer for timer in consequences.timers if old.timers.get(timer.slot) != timer.due]
        changes.rows += [row for row in consequences.rows if _changed(row, old, new)]
        changes.announcements += [(a, cause) for a in consequences.announcements if f"{a.kind.name}/{a.key}" not in said]
    for key, values in sorted(_moved(known, [view for view, _, _ in after]).items()):
        collection, _, row = key.partition("/")
        changes.figures.append(Figure(collection, row, values))


def _moved(before: Mapping[str, View], after: Sequence[View]) -> dict[str, dict[str, int]]:
    """How each figure, as collection/id, differs over all customers. What is the same for one of them is passed over."""
    sums: dict[str, dict[str, int]] = {}
    now = {view.id: view.applied.figures for view in after}
    for customer in {**before, **now}:
        old = before[customer].applied.figures if customer in before else {}
        new = now.get(customer, {})
        for figures, others, sign in ((new, old, 1), (old, new, -1)):
            for key, values in figures.items():
                if others.get(key) != values:
                    _count(sums, key, values, sign)
    return _without_zeros(sums)


def _worth_writing(view: View, known: View | None) -> bool:
    """A customer of several keys is always written, so that two replicas that change two of its keys conflict and one repeats."""
    if known is None:
        return not view.is_bare
    return len(view.members) > 1 or view.applied != known.applied or list(known.members) != list(view.members)


def _changed(row: Row, old: Applied, new: Applied) -> bool:
    key = f"{row.collection}/{row.id}"
    return old.rows.get(key) != new.rows[key]


def _joined(parts: Sequence[Applied]) -> Applied:
    """Timers, rows and what was said of all; figures are compared by themselves."""
    if len(parts) == 1:
        return parts[0]
    return Applied(
        timers={slot: due for part in parts for slot, due in part.timers.items()},
        rows={key: digest for part in parts for key, digest in part.rows.items()},
        said=tuple(key for part in parts for key in part.said),
    )


def _count(sums: dict[K, dict[str, int]], key: K, values: Mapping[str, int], sign: int = 1) -> None:
    """Add values to the sums of a row, which mostly begin with them."""
    known = sums.get(key)
    if known is None:
        sums[key] = dict(values) if sign == 1 else {name: sign * value for name, value in values.items()}
        return
    for name, value in values.items():
        known[name] = known.get(name, 0) + sign * value


def _without_zeros(sums: Mapping[K, Mapping[str, int]]) -> dict[K, dict[str, int]]:
    kept = ((key, {name: value for name, value in values.items() if value}) for key, values in sums.items())
    return {key: values for key, values in kept if values}


def digest_of(document: Mapping[str, Any]) -> str:
    """What tells a row from another with the same id."""
    return digest_of_json(msgspec.json.encode(document, order="sorted"))


def digest_of_json(encoded: bytes) -> str:
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()
