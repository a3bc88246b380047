"""One bad event never holds up its neighbours, and is kept whole with the reason until somebody has looked at it."""

from dataclasses import replace

import pytest

from shared import broker, parked
from shared.broker import Letter, letter
from tests.integration.runtime.conftest import System, order, wait_until
from tests.integration.runtime.toy import BOMB, ENDLESS, POISON


def bad_letters() -> dict[str, Letter]:
    good = letter(order(900, 1))
    return {
        "no envelope": replace(good, headers={"ce-subject": "user:1"}),
        "a time that is none": replace(good, headers={**good.headers, "ce-id": "t", "ce-time": "yesterday"}),
        "not JSON": replace(good, headers={**good.headers, "ce-id": "j"}, body=b"\xff\x00{"),
        "another schema": replace(good, headers={**good.headers, "ce-id": "s"}, body=b'{"order_id": 5}'),
        "compressed bomb": replace(
            good, headers={**good.headers, "ce-id": "c", "compression": "application/x-gzip"}, body=b"\x1f\x8b"
        ),
        "a bug in a handler": letter(order(901, 1, order_id=POISON)),
    }


@pytest.mark.parametrize("kind", sorted(bad_letters()))
def test_a_bad_event_is_parked_with_its_raw_bytes_and_the_others_go_on(system: System, kind: str) -> None:
    bad = bad_letters()[kind]
    system.publish([order(number, number % 20) for number in range(50)])
    system.send([bad])
    system.publish([order(number, number % 20) for number in range(50, 100)])
    system.start()
    system.wait_for(100, 10_000)
    entry = wait_until(lambda: system.database["parked"].find_one(), what="a parked entry")
    assert bytes(entry["body"]) == bad.body
    assert entry["reason"]
    assert system.database["parked"].count_documents({}) == 1


def test_an_event_that_no_document_could_hold_is_parked_with_its_beginning_and_not_replayed(system: System) -> None:
    huge = letter(order(903, 1))
    huge = replace(huge, body=b"{" + b" " * 17 * 1024 * 1024 + b"}")
    system.publish([order(number, number % 20) for number in range(30)])
    system.send([huge])
    system.publish([order(number, number % 20) for number in range(30, 60)])
    system.start()
    system.wait_for(60, 6_000)
    entry = wait_until(lambda: system.database["parked"].find_one(), what="a parked entry")
    assert (entry["size"], entry["whole"], entry["event_id"]) == (len(huge.body), False, huge.id)
    assert huge.body.startswith(bytes(entry["body"]))
    assert parked.ask_for_replay(system.database) == 0


def test_an_event_that_ends_its_process_is_parked_alone(system: System) -> None:
    system.publish([order(number, number % 20) for number in range(60)])
    bomb = order(902, 1, order_id=BOMB)
    system.publish([bomb])
    system.publish([order(number, number % 20) for number in range(60, 120)])
    parked_entries = system.database["parked"].count_documents
    for _ in range(10):
        process = system.start()
        wait_until(lambda p=process: p.poll() is not None or parked_entries({}), what="a crash or a parked entry")
        if process.poll() is None:
            break
    system.wait_for(120, 12_000)
    entries = list(system.database["parked"].find())
    assert [entry["event_id"] for entry in entries] == [bomb.id]
    assert "every process that handles it" in entries[0]["reason"]


def test_an_event_whose_handling_never_ends_ends_its_process_and_is_given_back(system: System) -> None:
    system.publish([order(904, 1, order_id=ENDLESS)])
    process = system.start(HANDLING_SECONDS="1")
    wait_until(lambda: process.poll() is not None, what="the end of the process")
    assert process.returncode == 1
    wait_until(system.ready, what="the event in its queue")


def test_a_parked_event_is_replayed_through_the_inbox_once_the_bug_is_mended(system: System) -> None:
    system.send([bad_letters()["another schema"]])
    system.start()
    entry = wait_until(lambda: system.database["parked"].find_one(), what="a parked entry")
    mended = order(900, 1)
    system.database["parked"].update_one({"_id": entry["_id"]}, {"$set": {"body": mended.body}})
    assert parked.ask_for_replay(system.database, entry["_id"]) == 1
    system.wait_for(1, 100)
    wait_until(lambda: system.database["parked"].count_documents({}) == 0, what="the entry to be closed")


def test_replaying_what_was_applied_in_the_meantime_changes_nothing(system: System) -> None:
    one = order(1, 1)
    system.publish([one])
    system.start()
    system.wait_for(1, 100)
    entry = parked.park(system.database, one.headers(), one.body, "by hand", one.name)
    parked.ask_for_replay(system.database, entry)
    wait_until(lambda: system.database["parked"].count_documents({}) == 0, what="the entry to be closed")
    assert system.totals() == (1, 100)


def test_a_replay_that_fails_again_is_parked_again_as_often_as_it_is_asked_for(system: System) -> None:
    system.send([bad_letters()["a bug in a handler"]])
    system.start()
    entry = wait_until(lambda: system.database["parked"].find_one(), what="a parked entry")
    for attempt in (2, 3):
        assert parked.ask_for_replay(system.database, entry["_id"]) == 1
        again = {"attempts": attempt, "state": parked.OPEN}
        wait_until(lambda again=again: system.database["parked"].find_one(again), what=f"attempt {attempt}")


def test_a_replay_that_is_asked_for_once_is_sent_once(system: System) -> None:
    with broker.connect(system.rabbit.uri(), "test-replays") as connection:
        channel = connection.channel()
        queue = channel.queue_declare(exclusive=True).queue
        channel.queue_bind(queue, "amq.fanout")
        system.start()
        for name in ("first", "second"):  # when the second is there, the relay has looked anew and knows of the first no more
            parked.park(system.database, {"ce-id": name}, b"{}", "by hand", replay_to="amq.fanout")
            parked.ask_for_replay(system.database, name)
            wait_until(lambda name=name: system.database["parked"].find_one({"_id": name, "sent_at": {"$exists": True}}))
        heard = [message.headers["ce-id"] for message in iter(lambda: channel.basic_get(queue, no_ack=True), None)]
    assert heard == ["first", "second"]
