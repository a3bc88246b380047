"""What a batch of events does to the facts of customers, in memory and without any database.

Facts lie under the identity key that they came with (`Member`). A customer is a group of keys (`View`): its facts are the members'
facts combined, and what follows from them (`Consequences`) is compared with what followed before. So merging regroups and never
rewrites, it can be undone exactly, and the result is a function of the set of events.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from shared.difference import Changes, Look, View, applied, compare, rolled_up
from shared.envelope import Event
from shared.handlers import Announcement, Consequences, Figure, Folded, Handler, Row
from shared.identity import Grouping, id_of, strongest

S = TypeVar("S")
Follow = Callable[..., Consequences]  # (customer id, facts, rules, now[, Before])


@dataclass(frozen=True)
class Model(Generic[S]):
    """Facts about customers that a service keeps.

    The documents are in the collection `<name>_facts`. `state` is a dataclass whose every field has a
    default; `combine` joins the facts of several identity keys and must not depend on their order. `rules` names the settings
    document that `follows` methods receive, read within the transaction. `regroup` is given by the one service that decides who is
    who: from the facts of connected keys it returns the key that names each one's customer; others follow its statements. `rollup`
    says to which further rows a figure adds, coarser sums of it; it may read nothing but the figure's collection, id and values.
    """

    name: str
    state: type[S]
    combine: Callable[[Sequence[S]], S]
    rules: Callable[[Mapping[str, Any] | None], Any] | None = None
    regroup: Callable[[Mapping[str, S]], Mapping[str, str]] | None = None
    rollup: Callable[[Figure], Sequence[Figure]] | None = None


@dataclass(slots=True)
class Member(Generic[S]):
    """The facts that came with one identity key, and the customer whom the key belongs to.

    `view` is that of the customer who is named after this key, if there is one and there is something to remember of it.
    """

    key: str
    customer_id: str
    state: S
    revision: int = 0
    version: int = 0  # counts the writes, so that even a write of the same facts meets a concurrent one
    view: View | None = None
    cause: Event | None = None  # the latest event of this batch that changed it

    @property
    def id(self) -> str:
        return id_of(self.key)


@dataclass(frozen=True, slots=True)
class Before:
    """What was so before this look at a customer, for a service that announces how something changed, not that it is so.

    `rows` are those of every customer whom one of the keys belonged to, as collection/id. `backfill` says that nothing but imported
    history led to this look, so that nothing may be announced.
    """

    rows: Collection[str] = ()
    backfill: bool = False


class Batch(Generic[S]):
    """The members and views that a batch of events needs, and the changes that it makes to them."""

    def __init__(self, model: Model[S], members: Iterable[Member[S]] = ()) -> None:
        self.model = model
        self.members: dict[str, Member[S]] = {member.id: member for member in members}
        self._groups: dict[str, set[str]] = defaultdict(set)  # ids of members by customer
        for member in self.members.values():
            self._groups[member.customer_id].add(member.id)
        self.views: dict[str, View] = {member.id: member.view for member in self.members.values() if member.view}
        self._touched: dict[str, Member[S]] = {}
        self._live: set[str] = set()  # members that something other than imported history changed
        self._formerly: dict[str, list[View]] | None = None  # views by member, made when asked for
        self._concerned: set[str] = set()
        self._looked_at: dict[str, Member[S]] = {}
        self._statements: list[tuple[Announcement, Event | None]] = []
        self._journal: list[Row] = []
        self._counts: list[Figure] = []

    def member(self, key: str) -> Member[S]:
        """The member of an identity key; one that was never heard of starts empty, as a customer of its own."""
        known = self.members.get(id_of(key))
        if known is None:
            known = self.members[id_of(key)] = Member(key, id_of(key), self.model.state())
            self._groups[known.customer_id].add(known.id)
        return known

    def _group(self, customer_id: str) -> list[Member[S]]:
        return sorted((self.members[member] for member in self._groups.get(customer_id, ())), key=lambda m: m.key)

    def apply(self, service: object, handler: Handler, event: Event, keys: Sequence[str]) -> None:
        """Fold one event through one handler. Raises what the handler raises, and InvalidEvent for data that does not fit."""
        facts = handler.facts(event)
        method = getattr(service, handler.method)
        for key in keys if handler.every_key else (event.subject,):
            member = self.member(key)
            arguments = (facts, event, key) if handler.every_key else (facts, event) if handler.takes_event else (facts,)
            self._keep(member, method(member.state, *arguments), event)

    def _keep(self, member: Member[S], result: Any, event: Event) -> None:
        if isinstance(result, Folded):
            self._journal += result.journal
            self._counts += result.counts
            result = result.state
        if result is not member.state:
            member.state = result
            self._touch(member, event)

    def _touch(self, member: Member[S], event: Event) -> None:
        member.cause = event
        self._touched[member.id] = member
        if not event.backfill:
            self._live.add(member.id)

    def state_grouping(self, grouping: Grouping, event: Event) -> None:
        """Follow a statement of who is who: each key keeps the one of the highest revision."""
        for key in grouping.identity_keys:
            member = self.member(key)
            if member.revision < grouping.revision:
                self._move(member, grouping.customer_id, grouping.revision, event)

    def decide_grouping(self, keys: Sequence[str], event: Event, statement: Callable[..., Announcement]) -> None:
        """Ask the model who is who among all that the event's keys are connected with, and say what changed.

        A group that stays as it was is left alone: nothing is said about it, and its keys keep their revision.
        """
        if self.model.regroup is None or len(keys) < 2:
            return
        before = {customer_id: self._group(customer_id) for customer_id in {self.member(key).customer_id for key in keys}}
        connected = [member for group in before.values() for member in group]
        names = self.model.regroup({member.key: member.state for member in connected})
        after: dict[str, list[Member[S]]] = defaultdict(list)
        for member in sorted(connected, key=lambda m: m.key):
            after[id_of(names[member.key])].append(member)
        changed = {customer_id: group for customer_id, group in sorted(after.items()) if group != before.get(customer_id)}
        former = {customer_id: sorted({member.customer_id for member in group}) for customer_id, group in changed.items()}
        revision = max(member.revision for member in connected) + 1
        for customer_id, group in changed.items():
            named = [member.key for member in group]
            for member in group:
                self._move(member, customer_id, revision, event)
            said = statement(Grouping(customer_id, tuple(named), revision), former[customer_id], strongest(named), event)
            self._statements.append((said, event))

    def _move(self, member: Member[S], customer_id: str, revision: int, event: Event) -> None:
        self._concerned |= {member.customer_id, customer_id}
        self._groups[member.customer_id].discard(member.id)
        self._groups[customer_id].add(member.id)
        member.customer_id, member.revision = customer_id, revision
        self._touch(member, event)

    def look_again(self, customer_ids: Iterable[str]) -> None:
        """These customers are to be looked at although no fact changed: time has passed or rules are new.

        Their facts are written all the same, so that an event which is being applied under the old rules meets a conflict.
        """
        for customer in customer_ids:
            self._concerned.add(customer)
            self._looked_at.update({member.id: member for member in self._group(customer)})

    def settle(self, follow: Follow | None, rules: Any, now: datetime) -> Changes:
        """What has to be written: changed facts, and for every customer concerned the difference in what follows."""
        changes = Changes(journal=self._journal, announcements=self._statements)
        concerned = {member.customer_id for member in self._touched.values()} | self._concerned
        before = [self.views[customer] for customer in sorted(concerned) if customer in self.views]
        after: list[Look] = []
        for customer in sorted(concerned):
            group = self._group(customer)
            if group:
                after.append(self._look_at(customer, group, follow, rules, now))
        still = {view.id for view, _, _ in after}
        changes.gone = [view.id for view in before if view.id not in still]
        compare(before, after, changes)
        changes.figures = rolled_up([*changes.figures, *self._counts], self.model.rollup)
        changes.members = self._to_write(changes)
        return changes

    def _to_write(self, changes: Changes) -> list[Member[S]]:
        """Members whose facts or whose customer's view changed, with the views that they are to keep."""
        changed = self._looked_at | self._touched
        for gone in changes.gone:
            changed[gone] = self.members[gone]
            changed[gone].view = None
        for view in changes.views:
            changed[view.id] = self.members[view.id]
            changed[view.id].view = view
        return list(changed.values())

    def _look_at(self, customer: str, group: list[Member[S]], follow: Follow | None, rules: Any, now: datetime) -> Look:
        state = group[0].state if len(group) == 1 else self.model.combine([member.state for member in group])
        before = (self._before(group),) if follow and _asks_before(follow) else ()
        consequences = follow(customer, state, rules, now, *before) if follow else Consequences()
        causes = [member.cause for member in group if member.cause]
        view = View(customer, [member.id for member in group], applied(consequences))
        return view, consequences, causes[-1] if causes else None

    def _before(self, group: list[Member[S]]) -> Before:
        formerly = {id(view): view for member in group for view in self._views_of(member.id)}
        rows = {row for view in formerly.values() for row in view.applied.rows}
        changed = [member.id for member in group if member.id in self._touched]
        return Before(rows, backfill=bool(changed) and not any(member in self._live for member in changed))

    def _views_of(self, member_id: str) -> list[View]:
        """The customers whom a key belonged to when the batch was loaded."""
        if self._formerly is None:
            self._formerly = defaultdict(list)
            for view in self.views.values():
                for member in view.members:
                    self._formerly[member].append(view)
        return self._formerly.get(member_id, [])


@lru_cache(maxsize=100)
def _asks_before(follow: Follow) -> bool:
    return len(inspect.signature(follow).parameters) > 4
