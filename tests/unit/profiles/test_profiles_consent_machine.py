"""Whatever is said, confirmed, heard late, merged and parted, and however time passes: consent is what a memory of every word says."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from services.profiles.domain.consent.standing import standing
from services.profiles.domain.consent.words import Scope
from shared import events
from shared.envelope import Event
from tests.order_free import timer
from tests.unit.profiles.given import decided, history, hour, identified
from tests.unit.profiles.said import confirmed, confirming, latest, requests, stated, unsubscribed

KEYS = ("user:1", "email:ann@example.com", "user:2")
LINE = "marketing/email"
EMAIL = Scope("marketing", "email")
SINCE = 24 * 50  # hours from which on grants by mail have to be confirmed
HOLD = timedelta(days=7)
keys = st.sampled_from(KEYS)
Stamp = tuple[datetime, str]


@dataclass
class Memory:
    """Every word that was heard, and who is one customer: a plain list and a plain set of pairs."""

    stated: list[tuple[str, Stamp, str]] = field(default_factory=list)  # key, stamp, status
    reported: list[tuple[str, Stamp, str]] = field(default_factory=list)
    merged: set[frozenset[str]] = field(default_factory=set)

    def group(self, key: str) -> set[str]:
        found = {key}
        while True:
            wider = found | {other for pair in self.merged if pair & found for other in pair}
            if wider == found:
                return found
            found = wider

    def runs(self, key: str) -> tuple[list[tuple[Stamp, str]], Stamp | None]:
        """What the reports under a key come to, and the grant among them that waits: runs of one status, the last decides."""
        own = sorted((stamp, status) for one, stamp, status in self.reported if one == key)
        begins = [word for place, word in enumerate(own) if place == 0 or own[place - 1][1] != word[1]]
        if begins and begins[-1][1] == "granted" and begins[-1][0][0] >= hour(SINCE):
            return begins[-2:-1], begins[-1][0]
        return begins[-1:], None

    def holds(self, group: set[str]) -> tuple[Stamp, str] | None:
        counted = [(stamp, status) for key, stamp, status in self.stated if key in group and status != "pending"]
        return max([*counted, *(word for key in group for word in self.runs(key)[0])], default=None)

    def waits(self, group: set[str]) -> Stamp | None:
        """The request that is open in these keys, or was until it expired."""
        asked = [stamp for key, stamp, status in self.stated if key in group and status == "pending"]
        asked += [waiting for key in group if (waiting := self.runs(key)[1])]
        held, last = self.holds(group), max(asked, default=None)
        if last is None or (held and (held[1] == "granted" or held[0] > last)):
            return None
        return last


class ConsentMachine(RuleBasedStateMachine):
    late = Bundle("late")

    def __init__(self) -> None:
        super().__init__()
        self.memory, self.clock = Memory(), 0.0
        self.told = history()
        self.told.rules, self.told.now = confirming("email", since=SINCE, hold=HOLD), hour(0)

    def next(self, hours: float = 1) -> float:
        """The hours of the next word: no two are of one moment."""
        self.clock += hours
        self.pass_to(hour(self.clock))
        return self.clock

    def pass_to(self, until: datetime) -> None:
        """Time passes, and what falls due fires at its instant."""
        while due := sorted((one for one in self.told.timers.values() if one.due <= until), key=lambda one: one.due):
            self.told.now = due[0].due
            self.told.apply(timer(due[0].kind, due[0].subject, due[0].data, due[0].due))
            assert self.told.timers.get(due[0].slot) != due[0], "a timer that fired stands for the same moment again"
        self.told.now = until

    def hear(self, one: Event) -> None:
        self.told.now += timedelta(milliseconds=1)  # no two looks are of one moment
        self.told.apply(one)
        if one.name == "customer_identified":
            status = "granted" if b"granted" in one.body else "denied"
            self.memory.reported.append((one.subject, (one.time, one.id), status))
        elif one.name == "consent_confirmed":
            self.memory.stated.append((one.subject, (one.time, one.id), "granted"))
        elif one.name == "unsubscribed":
            self.memory.stated.append((one.subject, (one.time, one.id), "withdrawn"))
        else:
            status = next(word for word in ("granted", "denied", "pending") if f'"status":"{word}"'.encode() in one.body)
            self.memory.stated.append((one.subject, (one.time, one.id), status))

    def said(self, one: Event, is_late: bool):
        if is_late:
            return one
        self.hear(one)
        return multiple()

    @rule(target=late, key=keys, status=st.sampled_from(["granted", "denied", "pending"]), is_late=st.booleans())
    def state(self, key, status, is_late):
        return self.said(stated(key, f"{status} {LINE}", at=self.next()), is_late)

    @rule(target=late, key=keys, status=st.sampled_from(["granted", "denied"]), is_late=st.booleans())
    def report(self, key, status, is_late):
        """A month of its own for every report: in one with both the moment of a change is not known exactly."""
        return self.said(identified(key, at=self.next(24 * 32), consent={"email": status}), is_late)

    @rule(target=late, key=keys, is_late=st.booleans())
    def confirm(self, key, is_late):
        return self.said(confirmed(key, at=self.next(), request=str(self.clock)), is_late)

    @rule(key=keys)
    def unsubscribe(self, key):
        self.hear(unsubscribed(key, at=self.next()))

    @rule(one=consumes(late))
    def arrive(self, one):
        self.hear(one)

    @rule(pair=st.sets(keys, min_size=2, max_size=2))
    def merge(self, pair):
        left, right = sorted(pair)
        self.told.apply(decided("merge", [left], [right], at=self.next()))
        self.memory.merged.add(frozenset(pair))

    @precondition(lambda self: self.memory.merged)
    @rule(number=st.integers(0, 2))
    def unmerge(self, number):
        pair = sorted(self.memory.merged, key=sorted)[number % len(self.memory.merged)]
        self.told.apply(decided("unmerge", [sorted(pair)[0]], [sorted(pair)[1]], at=self.next()))
        self.memory.merged.discard(pair)

    @rule(days=st.integers(1, 10))
    def wait(self, days):
        self.next(24 * days)

    @invariant()
    def what_holds_is_what_every_word_says(self):
        for key in KEYS:
            group = self.memory.group(key)
            held = standing(self.told.customer(key).consent, self.told.rules.consent).overall.get(EMAIL)
            expected = self.memory.holds(group)
            assert (held and held.status.value) == (expected and expected[1])
            assert latest(self.told, list(group)).get(LINE, False) == bool(expected and expected[1] == "granted")

    @invariant()
    def who_follows_what_is_told_of_customers_knows_what_holds(self):
        for key in KEYS:
            held = standing(self.told.customer(key).consent, self.told.rules.consent).overall.get(EMAIL)
            if held is None or held.backfill:
                continue
            customer_id = self.told.customer_id(key)
            told = [one for one in self.told.announced.values() if one.kind is events.CONSENT_CHANGED]
            latest_ = max((one for one in told if one.data["customer_id"] == customer_id), key=lambda one: one.time)
            assert latest_.data["status"] == ("granted" if held.allows else "denied")
            assert latest_.data["changed_at"] == held.at.isoformat()

    @invariant()
    def one_timer_stands_where_the_open_request_ends(self):
        due = {stamp[0] + HOLD for key in KEYS if (stamp := self.memory.waits(self.memory.group(key)))}
        assert {one.due for one in self.told.timers.values()} == {end for end in due if end > self.told.now}

    @invariant()
    def nobody_is_asked_twice_and_nothing_expires_that_was_not_asked(self):
        said = [
            (one["request_id"], "address_key" in one) for one in requests(self.told)
        ]  # again where the address is heard of later
        assert len(set(said)) == len(said)
        asked = {request for request, _ in said}
        words = {stamp[1] for _, stamp, _ in [*self.memory.stated, *self.memory.reported]}
        assert {one["request_id"] for one in requests(self.told, events.OPT_IN_EXPIRED)} | asked <= words


TestConsentMachine = ConsentMachine.TestCase
TestConsentMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
