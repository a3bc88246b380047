"""What a batch of events does to the facts of customers, in memory and without any database.

Facts lie under the identity key that they came with (`Member`). A customer is a group of keys (`View`): its facts are the members'
facts combined, and what follows from them (`Consequences`) is compared with what followed before. So merging regroups and never
rewrites, it can be undone exactly, and the result is a function of the set of events.
"""

import inspect
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Generic, TypeVar

from shared.difference import Changes, Look, View, applied, compare, rolled_up
from shared.envelope import Event
from shared.grouping import MOST_CONNECTED, Belonging, Resolver, connected
from shared.handlers import Announcement, Consequences, Figure, Folded, Handler, Row
from shared.identity import Grouping, id_of
from shared.model import Before, Forgotten, Member, Model

S = TypeVar("S")
Follow = Callable[..., Consequences]  # (customer id, facts, rules, now[, Before])
Statement = Callable[[Grouping, Sequence[str], str], Announcement]  # (new grouping, former customers, key that names it)


class Batch(Generic[S]):
    """The members and views that a batch of events needs, and the changes that it makes to them.

    `rules` are those of the model. `fetch` brings the stored members of further keys, each with everyone in its group; without it all
    that there are have been given.
    """

    def __init__(
        self,
        model: Model[S],
        members: Iterable[Member[S]] = (),
        rules: Any = None,
        fetch: Callable[[Collection[str]], Iterable[Member[S]]] | None = None,
    ) -> None:
        self.model, self.rules, self._fetch = model, rules, fetch
        self.members: dict[str, Member[S]] = {}
        self._groups: dict[str, set[str]] = defaultdict(set)  # ids of members by customer
        self.views: dict[str, View] = {}
        self._add(members)
        self._touched: dict[str, Member[S]] = {}
        self._live: set[str] = set()  # members that something other than imported history changed
        self._imported: set[str] = set()  # members that imported history changed
        self._former: dict[str, S] = {}  # facts of members before anything other than imported history changed them
        self._concerned: set[str] = set()
        self._looked_at: dict[str, Member[S]] = {}
        self._forgot = False
        self._statements: list[tuple[Announcement, Event | None]] = []
        self._journal: list[Row] = []
        self._counts: list[Figure] = []

    def _add(self, members: Iterable[Member[S]]) -> None:
        """Take in members that are not here yet."""
        for member in members:
            if member.id not in self.members:
                self.members[member.id] = member
                self._groups[member.customer_id].add(member.id)
                if member.view:
                    self.views[member.id] = member.view
        self._formerly: dict[str, list[View]] | None = None  # views by member, made when asked for

    def member(self, key: str) -> Member[S]:
        """The member of an identity key; one that was never heard of starts empty, as a customer of its own."""
        known = self.members.get(id_of(key))
        if known is None:
            known = self.members[id_of(key)] = Member(key, id_of(key), self.model.state())
            self._groups[known.customer_id].add(known.id)
        known.key = key  # it was forgotten with its person: this is somebody new
        return known

    def has_forgotten(self, key: str, at: datetime) -> bool:
        """Whether the person of an identity key was erased, and what happened at that time with them."""
        known = self.members.get(id_of(key))
        return known is not None and known.has_forgotten(at)

    def _group(self, customer_id: str) -> list[Member[S]]:
        group = [self.members[member] for member in self._groups.get(customer_id, ()) if self.members[member].key]
        return sorted(group, key=lambda m: m.key) if len(group) > 1 else group

    def apply(self, service: object, handler: Handler, event: Event, keys: Sequence[str]) -> None:
        """Fold one event through one handler. Raises what the handler raises, and InvalidEvent for data that does not fit."""
        facts = handler.facts(event)
        method = getattr(service, handler.method)
        if handler.journal_only:
            self._journal += method(facts, event)
            return
        for key in keys if handler.every_key else keys[:1]:
            member = self.member(key)
            arguments = (facts, event, key) if handler.every_key else (facts, event) if handler.takes_event else (facts,)
            self._keep(member, method(member.state, *arguments), event)

    def _keep(self, member: Member[S], result: Any, event: Event) -> None:
        if isinstance(result, Folded):
            self._journal += result.journal
            self._counts += result.counts
            result = result.state
        if result is not member.state:
            if not event.backfill:
                self._former.setdefault(member.id, member.state)
            member.state = result
            self._touch(member, event)

    def _touch(self, member: Member[S], event: Event | None) -> None:
        self._touched[member.id] = member
        if event is not None:
            member.cause = event
            (self._imported if event.backfill else self._live).add(member.id)

    def state_grouping(self, grouping: Grouping, event: Event) -> None:
        """Follow a statement of who is who: each key keeps the one of the highest revision."""
        for key in grouping.identity_keys:
            if self.has_forgotten(key, event.time):
                continue
            member = self.member(key)
            if member.revision < grouping.revision:
                self._move(member, grouping.customer_id, grouping.revision, event)

    def states(self, keys: Iterable[str]) -> dict[str, S]:
        """The facts of keys as they are now; empty ones where nothing was heard."""
        known = {key: self.members.get(id_of(key)) for key in keys}
        return {key: member.state if member else self.model.state() for key, member in known.items()}

    def decide_grouping(self, before: Mapping[str, S], event: Event, statement: Statement) -> None:
        """Ask the model who is who among all that an event's keys are connected with, and say what changed.

        `before` are the facts of these keys before the event. Where they learned nothing of one another, nothing is asked.
        """
        resolver, after = self.model.regroup, self.states(before)
        if resolver is None:
            return
        changed = [key for key in before if resolver.evidence(before[key]) != resolver.evidence(after[key])]
        if changed:
            self._judge({*changed, *self._formerly_connected(changed, before, resolver)}, event, statement)

    def _formerly_connected(self, changed: Iterable[str], before: Mapping[str, S], resolver: Resolver[S]) -> set[str]:
        """Keys that were connected with some others before an event: what held them together may hold no longer."""
        near = {key: resolver.neighbours(key, state, self.rules) for key, state in before.items()}
        others = self._neighbours({other for key in changed for other in near[key]} - near.keys())
        return {other for key in changed for other in near[key] if key in {**others, **near}.get(other, ())}

    def reconsider(self, customer_ids: Iterable[str], statement: Statement) -> None:
        """Ask the model anew who is who among the keys of these customers, because its rules changed."""
        judged: set[str] = set()
        for key in [member.key for customer in customer_ids for member in self._group(customer)]:
            if self.model.regroup and key not in judged:
                judged |= self._judge({key}, None, statement)

    def _judge(self, seeds: Iterable[str], event: Event | None, statement: Statement) -> set[str]:
        """Judge all that is connected with some keys. Whoever is looked at is written, so that two replicas cannot judge at once."""
        inside, beside = connected(seeds, self._neighbours, self._customer)
        if len(inside) <= MOST_CONNECTED and self.model.regroup:
            judged = self.model.regroup.resolve(self.states([*inside, *beside]), self.rules)
            self._looked_at.update({id_of(key): self.member(key) for key in inside | beside})
            self._regroup({key: judged[key] for key in sorted(inside)}, event, statement)
        return inside

    def _neighbours(self, keys: Iterable[str]) -> dict[str, Collection[str]]:
        wanted = list(keys)
        missing = [key for key in wanted if id_of(key) not in self.members]
        if missing and self._fetch:
            self._add(self._fetch(missing))
        known = [member for key in wanted if (member := self.members.get(id_of(key))) and member.key]
        resolver = self.model.regroup
        return {member.key: resolver.neighbours(member.key, member.state, self.rules) for member in known if resolver}

    def _customer(self, key: str) -> list[str]:
        return [member.key for member in self._group(self.member(key).customer_id)]

    def _regroup(self, judged: Mapping[str, Belonging[S]], event: Event | None, statement: Statement) -> None:
        """Move keys to where they belong. A group that stays as it was is left alone: its keys keep their revision."""
        members = [self.member(key) for key in judged]
        before = {customer_id: self._group(customer_id) for customer_id in {member.customer_id for member in members}}
        after: dict[str, list[Member[S]]] = defaultdict(list)
        for member in members:
            after[judged[member.key].name].append(member)
            if judged[member.key].state is not member.state:
                member.state = judged[member.key].state
                self._touch(member, event)
        changed = {name: group for name, group in sorted(after.items()) if group != before.get(id_of(name))}
        former = {name: sorted({member.customer_id for member in group}) for name, group in changed.items()}
        revision = max((member.revision for member in members), default=0) + 1
        for name, group in changed.items():
            for member in group:
                self._move(member, id_of(name), revision, event)
            grouping = Grouping(id_of(name), tuple(member.key for member in group), revision)
            self._statements.append((statement(grouping, former[name], name), event))

    def _move(self, member: Member[S], customer_id: str, revision: int, event: Event | None) -> None:
        self._concerned |= {member.customer_id, customer_id}
        self._groups[member.customer_id].discard(member.id)
        self._groups[customer_id].add(member.id)
        member.customer_id, member.revision = customer_id, revision
        self._touch(member, event)

    def forget(self, keys: Iterable[str], before: datetime, statement: Statement) -> None:
        """Take away all that is known of a person, and of others what they know of these keys. Repeating it changes nothing.

        Whoever shared a customer with one of the keys is a customer alone until who is who is stated or found anew. What was counted
        stays counted: figures tell of nobody.
        """
        self._forgot = True
        gone = {key: self.member(key) for key in keys if not self._is_forgotten(key, before)}
        others = {other.key for member in gone.values() for other in self._group(member.customer_id)} - gone.keys()
        partners = self._partners(gone)
        for member in gone.values():
            self._move(member, member.id, member.revision, None)
            member.forgotten, member.key, member.state = Forgotten(member.id, before), "", self.model.state()
        for key in others:
            self._move(self.member(key), id_of(key), self.member(key).revision, None)
        if self.model.regroup:
            for other in partners:
                self.member(other).state = self.model.regroup.without(self.member(other).state, gone.keys())
            self._judge(partners | others, None, statement)

    def _is_forgotten(self, key: str, before: datetime) -> bool:
        known = self.members.get(id_of(key))
        return known is not None and known.forgotten is not None and known.forgotten.before >= before

    def _partners(self, gone: Mapping[str, Member[S]]) -> set[str]:
        """The keys that some keys know of, if they were heard of themselves."""
        resolver = self.model.regroup
        if resolver is None:
            return set()
        mentioned = {key for member in gone.values() for key in resolver.partners(member.state)} - gone.keys()
        return set(self._neighbours(mentioned))

    def look_again(self, customer_ids: Iterable[str]) -> None:
        """These customers are to be looked at although no fact changed: time has passed or rules are new.

        Their facts are written all the same, so that an event which is being applied under the old rules meets a conflict.
        """
        for customer in customer_ids:
            self._concerned.add(customer)
            self._looked_at.update({member.id: member for member in self._group(customer)})

    def settle(self, follow: Follow | None, rules: Any, now: datetime) -> Changes:
        """What has to be written: changed facts, and for every customer concerned the difference in what follows."""
        changes = Changes(self.model.name, journal=self._journal, announcements=self._statements)
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
        moved = [figure for figure in changes.figures if not self._forgot or figure.collection in self.model.sizes]
        changes.figures = rolled_up([*moved, *self._counts], self.model.rollup)
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
            changed[view.id].view = None if view.is_bare else view
        return list(changed.values())

    def _look_at(self, customer: str, group: list[Member[S]], follow: Follow | None, rules: Any, now: datetime) -> Look:
        state = group[0].state if len(group) == 1 else self.model.combine([member.state for member in group])
        before = (self._before(group),) if follow and _asks_before(follow) else ()
        consequences = follow(customer, state, rules, now, *before) if follow else Consequences()
        causes = [member.cause for member in group if member.cause]
        view = View(customer, [member.id for member in group], applied(consequences, self.views.get(customer)))
        return view, consequences, causes[-1] if causes else None

    def _before(self, group: list[Member[S]]) -> Before:
        formerly = {id(view): view for member in group for view in self._views_of(member.id)}
        views = list(formerly.values())
        rows = {row for view in views for row in view.applied.rows}
        changed = [member.id for member in group if member.id in self._touched]
        return Before(
            rows,
            backfill=bool(changed) and not any(member in self._live for member in changed),
            imported=any(member in self._imported for member in changed),
            marks=self._marks(group, views),
            formerly=partial(self._formerly_known, group, views),
            changed=self._changed(group, views),
        )

    def _changed(self, group: list[Member[S]], views: Sequence[View]) -> Sequence[tuple[S, S]] | None:
        """The facts of the keys that changed, as they were and as they are; None where that is not all, or not known."""
        ids = {member.id for member in group}
        if (
            [view.id for view in views] != [group[0].customer_id]
            or set(views[0].members) != ids
            or not ids.isdisjoint(self._imported)
        ):
            return None
        return [(self._former[member.id], member.state) for member in group if member.id in self._former]

    def _marks(self, group: list[Member[S]], views: Sequence[View]) -> Mapping[str, int]:
        """The lowest of each name over all that the keys belonged to; a key that belonged to none knows of nothing."""
        if not views or not all(self._views_of(member.id) for member in group):
            return {}
        names = set.intersection(*(set(view.applied.marks) for view in views))
        return {name: min(view.applied.marks[name] for view in views) for name in names}

    def _formerly_known(self, group: list[Member[S]], views: Sequence[View]) -> dict[str, S]:
        customers = {view.id: list(view.members) for view in views}
        customers |= {member.id: [member.id] for member in group if not self._views_of(member.id)}
        return {customer: self.model.combine([self._former_state(one) for one in keys]) for customer, keys in customers.items()}

    def _former_state(self, member_id: str) -> S:
        return self._former.get(member_id, self.members[member_id].state)

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
