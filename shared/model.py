"""What a service keeps of people: the facts of one identity key (`Member`), all of them as a `Model` says, and what was so before a look.

A customer is a group of keys. How events change this is in `shared.fold`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.difference import View
from shared.envelope import Event
from shared.grouping import Resolver
from shared.handlers import Figure
from shared.identity import id_of

S = TypeVar("S")


def _as_it_is(state: S) -> S:
    return state


@dataclass(frozen=True)
class Model(Generic[S]):
    """Facts about customers that a service keeps.

    The documents are in the collection `<name>_facts`. `state` is a dataclass whose every field has a
    default; `combine` joins the facts of several identity keys and must not depend on their order. `rules` names the settings
    document that `follows` methods receive, read within the transaction. `regroup` is given by the one service that decides who is
    who; others follow its statements. `rollup` says to which further rows a figure adds, coarser sums of it; it may read nothing but
    the figure's collection, id and values. `keys` is given by a model whose facts are about something else than customers, such as
    orders: it tells the keys of what an event is about, none where it is not about such a thing. `edition` is counted up whenever the
    code says anew what follows from old facts: every customer is then looked at again (shared/editions.py). `told` is what of the facts
    the person is told who asks what is kept about them: not what they say of others. `sizes` names the figures that say how many there
    are now: an erased person counts in these no more, in all others for ever.
    """

    name: str
    state: type[S]
    combine: Callable[[Sequence[S]], S]
    rules: Callable[[Mapping[str, Any] | None], Any] | None = None
    regroup: Resolver[S] | None = None
    rollup: Callable[[Figure], Sequence[Figure]] | None = None
    keys: Callable[[Event], Sequence[str]] | None = None
    edition: int = 0
    told: Callable[[S], Any] = _as_it_is
    sizes: Collection[str] = ()

    @property
    def is_about_people(self) -> bool:
        return self.keys is None

    @property
    def follows_statements(self) -> bool:
        """Whether its customers are those that another service states."""
        return self.regroup is None and self.is_about_people


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What is left of an identity key whose person was erased: its id, and up to when nothing about it is to be heard again."""

    id: str
    before: datetime


@dataclass(slots=True)
class Member(Generic[S]):
    """The facts that came with one identity key, and the customer whom the key belongs to.

    `view` is that of the customer who is named after this key, if there is one and there is something to remember of it. Of a person who
    was forgotten it keeps until when that goes; `key` is empty then, until something later is heard of it.
    """

    key: str
    customer_id: str
    state: S
    revision: int = 0
    version: int = 0  # counts the writes, so that even a write of the same facts meets a concurrent one
    view: View | None = None
    cause: Event | None = None  # the latest event of this batch that changed it
    forgotten: Forgotten | None = None

    @property
    def id(self) -> str:
        return self.forgotten.id if self.forgotten else id_of(self.key)

    def has_forgotten(self, at: datetime) -> bool:
        """Whether what happened at that time is not to be heard of any more."""
        return self.forgotten is not None and at < self.forgotten.before


@dataclass(frozen=True, slots=True)
class Before:
    """What was so before this look at a customer, for a service that announces how something changed, not that it is so.

    `rows` are those of every customer whom one of the keys belonged to, as collection/id. `backfill` says that nothing but imported
    history led to this look, so that nothing may be announced; `imported`, that some did. `marks` are the lowest of each name that was
    left at the last look at any of these customers, none where one of them was never looked at. `formerly` gives these customers by id,
    with their facts as they would be had nothing but the imported history of this batch been heard. `changed` are the facts of the identity
    keys that live events changed, as they were and as they are, None unless the customer was looked at with these very keys before and
    nothing else changed; whoever goes by it has to come to what follows from the facts without it.
    """

    rows: Collection[str] = ()
    backfill: bool = False
    imported: bool = False
    marks: Mapping[str, int] = field(default_factory=dict)
    formerly: Callable[[], Mapping[str, Any]] = field(default=dict, compare=False)
    changed: Sequence[tuple[Any, Any]] | None = field(default=None, compare=False)
