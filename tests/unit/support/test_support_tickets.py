"""A ticket's life: what each step does to it, what it refuses, and what is told of it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.support.desk import announcements
from services.support.domain.tickets import (
    Assignment,
    Author,
    Channel,
    Kind,
    Moved,
    NotNow,
    Outdated,
    Priority,
    Request,
    Status,
    Ticket,
    Words,
    assign,
    doubt_about_order,
    expect,
    open_ticket,
    reopen,
    resolution_seconds,
    resolve,
    write,
)

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
FROM_CUSTOMER = Words("Any news?", Author.CUSTOMER)
FROM_AGENT = Words("On its way.", Author.AGENT, "agent-1")
NOTE = Words("Check the stock.", Author.AGENT, "agent-1", is_note=True)
REQUEST = Request("email:jane@example.com", "Parcel", "Where is it?", Channel.EMAIL, Priority.HIGH, order_id="A1")


def later(minutes: int) -> datetime:
    return NOW + timedelta(minutes=minutes)


def opened() -> Ticket:
    return open_ticket(REQUEST, "tic_1", 7, NOW).ticket


def waiting() -> Ticket:
    return write(opened(), FROM_AGENT, later(1)).ticket


def resolved() -> Ticket:
    return resolve(waiting(), "agent-1", later(2)).ticket


@pytest.mark.parametrize(
    ("ticket", "words", "status"),
    [
        (opened(), FROM_AGENT, Status.WAITING),
        (opened(), FROM_CUSTOMER, Status.OPEN),
        (opened(), NOTE, Status.OPEN),
        (waiting(), FROM_AGENT, Status.WAITING),
        (waiting(), FROM_CUSTOMER, Status.OPEN),
        (waiting(), NOTE, Status.WAITING),
        (resolved(), FROM_AGENT, Status.RESOLVED),
        (resolved(), FROM_CUSTOMER, Status.OPEN),
        (resolved(), NOTE, Status.RESOLVED),
    ],
)
def test_who_writes_decides_whose_turn_it_is(ticket, words, status):
    moved = write(ticket, words, later(9))
    assert (moved.ticket.status, moved.entry.status) == (status, status)
    assert moved.ticket.version == moved.entry.version == ticket.version + 1
    assert moved.entry.body == words.body


def test_the_customers_reply_to_a_resolved_ticket_undoes_the_resolution():
    moved = write(resolved(), FROM_CUSTOMER, later(9))
    assert moved.entry.reopens
    assert (moved.ticket.resolved_at, moved.ticket.reopened, resolution_seconds(moved.ticket)) == (None, 1, 0)


def test_the_first_public_reply_of_an_agent_is_remembered_and_a_note_is_none():
    noted = write(opened(), NOTE, later(1)).ticket
    answered = write(noted, FROM_AGENT, later(2)).ticket
    again = write(answered, FROM_AGENT, later(3)).ticket
    assert (noted.first_reply_at, answered.first_reply_at, again.first_reply_at) == (None, later(2), later(2))


def test_resolution_takes_the_time_from_opening_to_the_last_resolution():
    back = reopen(resolved(), None, later(3)).ticket
    assert resolution_seconds(resolve(back, None, later(10)).ticket) == 600


@pytest.mark.parametrize(
    ("step", "ticket"),
    [
        (lambda ticket: resolve(ticket, None, later(9)), resolved()),
        (lambda ticket: assign(ticket, Assignment("agent-2"), None, later(9)), resolved()),
        (lambda ticket: reopen(ticket, None, later(9)), opened()),
        (lambda ticket: reopen(ticket, None, later(9)), waiting()),
    ],
)
def test_a_step_that_the_status_does_not_allow_is_refused(step, ticket):
    with pytest.raises(NotNow):
        step(ticket)


def test_assigning_whom_it_is_assigned_to_is_no_step():
    assigned = assign(opened(), Assignment("agent-2", "returns"), "agent-1", later(1))
    assert assigned is not None
    assert assigned.entry.assignment == Assignment("agent-2", "returns")
    assert assign(assigned.ticket, Assignment("agent-2", "returns"), "agent-1", later(2)) is None
    assert assign(assigned.ticket, Assignment(), None, later(2)) is not None


def test_a_caller_who_saw_an_older_version_is_told_the_current_one():
    with pytest.raises(Outdated) as refused:
        expect(waiting(), 1)
    assert (refused.value.seen, refused.value.current) == (1, 2)
    expect(waiting(), 2)
    expect(waiting(), None)


def test_an_order_that_is_not_the_customers_raises_a_doubt_that_names_it():
    assert doubt_about_order(None, {}) is None
    assert doubt_about_order("A1", {"A1": object()}) is None
    assert "A1" in str(doubt_about_order("A1", {"A2": object()}))


STEPS = {
    "customer": lambda ticket, now: write(ticket, FROM_CUSTOMER, now),
    "agent": lambda ticket, now: write(ticket, FROM_AGENT, now),
    "note": lambda ticket, now: write(ticket, NOTE, now),
    "assign": lambda ticket, now: assign(ticket, Assignment("agent-2"), None, now),
    "release": lambda ticket, now: assign(ticket, Assignment(), None, now),
    "resolve": lambda ticket, now: resolve(ticket, None, now),
    "reopen": lambda ticket, now: reopen(ticket, None, now),
}


def live(steps: list[tuple[str, int]]) -> list[Moved]:
    """A ticket's history, with a clock that may stand still or be set back; what is refused does not happen."""
    life = [open_ticket(REQUEST, "tic_1", 7, NOW)]
    for name, minutes in steps:
        try:
            moved = STEPS[name](life[-1].ticket, later(minutes))
        except NotNow:
            continue
        if moved:
            life.append(moved)
    return life


lives = st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(-5, 5)), max_size=25).map(live)


@given(lives)
def test_versions_count_up_and_times_grow_whatever_the_clock_does(life):
    assert [moved.entry.version for moved in life] == list(range(1, len(life) + 1))
    times = [moved.entry.at for moved in life]
    assert times == sorted(set(times))
    assert all(moved.ticket.updated_at == moved.entry.at for moved in life)


@given(lives)
def test_a_ticket_is_resolved_exactly_while_it_has_a_time_of_resolution(life):
    for moved in life:
        assert (moved.ticket.status is Status.RESOLVED) == (moved.ticket.resolved_at is not None)
        assert moved.ticket.reopened == sum(earlier.entry.reopens for earlier in life[: moved.entry.version])


@given(lives)
def test_every_announcement_of_a_life_fits_the_catalogue_and_is_made_once(life):
    told = [one for moved in life for one in announcements(moved, "cus_1")]
    for one in told:
        one.kind.check(one.data)
    assert len({(one.kind.name, one.key) for one in told}) == len(told)
    settling = [one.kind.name for one in told if one.kind.name in ("ticket_resolved", "ticket_reopened")]
    assert settling == (["ticket_resolved", "ticket_reopened"] * len(told))[: len(settling)]


@pytest.mark.parametrize(
    ("moved", "names"),
    [
        (open_ticket(REQUEST, "tic_1", 7, NOW), ["ticket_opened"]),
        (write(opened(), FROM_AGENT, NOW), ["ticket_replied"]),
        (write(opened(), NOTE, NOW), []),
        (assign(opened(), Assignment("agent-2"), None, NOW), ["ticket_assigned"]),
        (resolve(opened(), None, NOW), ["ticket_resolved"]),
        (reopen(resolved(), None, NOW), ["ticket_reopened"]),
        (write(resolved(), FROM_CUSTOMER, NOW), ["ticket_replied", "ticket_reopened"]),
    ],
)
def test_what_the_company_is_told_of_a_step(moved, names):
    told = announcements(moved, "cus_1")
    assert [one.kind.name for one in told] == names
    assert all(one.subject == "email:jane@example.com" and one.time == moved.entry.at for one in told)
    assert moved.entry.kind in Kind
