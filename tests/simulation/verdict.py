"""What must be so at the end of a run, told from the outside: by algebra over what was sent, not by the tables that prevent doubles."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import bson
import msgspec

from shared import events
from shared.documents import state_of, to_document
from shared.envelope import Event, derived_id, encode
from shared.handlers import TIMER_SOURCE
from shared.identity import id_of
from tests.order_free import History
from tests.simulation.shop import CUSTOMERS, Shop
from tests.simulation.simulation import SUBSCRIBER, Simulation


def violations(run: Simulation) -> list[str]:
    """Everything that is wrong; empty for a run in which nothing was lost, doubled, made up, early or late."""
    if run.world.surprises:
        return [f"an error that is no outage: {run.world.surprises[0]}"]
    if not run.at_rest:
        return [f"nothing is settled after {run.world.seconds:.0f} s: {_waiting(run)}"]
    found: list[str] = []
    for check in (_applied, _algebra, _folded, _announced, _timers, _kept, _neighbours, _undecodable, _drained):
        found += check(run)
    return found


def _waiting(run: Simulation) -> dict[str, Any]:
    """What is still to be done, by place."""
    toy = run.servers["toy"]
    queues = {name: len(queue.ready) for name, queue in run.broker.queues.items() if name != SUBSCRIBER and queue.ready}
    return {
        "queues": queues,
        "outbox": len(list(toy.documents("outbox"))),
        "parked": [row["reason"] for row in toy.documents("parked")],
        "timers": [row for row in toy.documents("timers") if row["state"] == "pending"],
        "archive": sum("pending_since" in row for row in run.servers["collector"].documents("events")),
        "sent": run.workload.done,
    }


def _fired(run: Simulation) -> list[Event]:
    """The firings, as the runtime makes events of them."""
    return [
        Event(
            derived_id("toy", TIMER_SOURCE, row["_id"]),
            row["kind"],
            TIMER_SOURCE,
            row["subject"],
            row["due"],
            row["due"],
            encode(row["data"]),
        )
        for row in run.servers["toy"].documents("timers")
        if row["state"] == "fired"
    ]


def _applied_events(run: Simulation) -> list[Event]:
    """What was sent and reached the service."""
    inbox = {row["_id"] for row in run.servers["toy"].documents("inbox")}
    return [event for event in run.workload.attempted.values() if event.id in inbox]


def _applied(run: Simulation) -> list[str]:
    """Accepted, and only what was attempted, is applied."""
    inbox = {row["_id"] for row in run.servers["toy"].documents("inbox")} - {event.id for event in _fired(run)}
    lost, phantom = run.workload.accepted - inbox, inbox - run.workload.attempted.keys()
    return [f"lost: {sorted(lost)}"] * bool(lost) + [f"never sent: {sorted(phantom)}"] * bool(phantom)


def _algebra(run: Simulation) -> list[str]:
    """Counts, sums and xor of everything that was taken in, against running figures and against facts."""
    archive = {row["_id"] for row in run.servers["collector"].documents("events")}
    kept = [event for event in run.workload.attempted.values() if event.id in archive]
    amounts = [event.data()["amount"] for event in kept if event.name == events.ORDER_COMPLETED.name]
    views = sum(event.name == events.PRODUCT_VIEWED.name for event in kept)
    figures = _figures(run)
    said = {name: sum(values[name] for values in figures.values()) for name in ("orders", "revenue", "views")}
    wanted = {"orders": len(amounts), "revenue": sum(amounts), "views": views}
    found = [f"figures say {said}, sent was {wanted}"] if said != wanted else []
    held = [
        order["amount"] for row in run.servers["toy"].documents("customers_facts") for order in _state(row)["orders"].values()
    ]
    if (len(held), sum(held), _xor(held)) != (len(amounts), sum(amounts), _xor(amounts)):
        found.append(f"facts hold {len(held)} orders over {sum(held)}, sent were {len(amounts)} over {sum(amounts)}")
    return found


def _xor(numbers: Iterable[int]) -> int:
    result = 0
    for number in numbers:
        result ^= number
    return result


def _figures(run: Simulation) -> dict[str, Counter[str]]:
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for row in run.servers["toy"].documents("figures"):
        sums[f"figures/{row['_id'].rpartition('#')[0]}"].update(row["values"])
    return sums


def _folded(run: Simulation) -> list[str]:
    """What is stored is what the set of events folds to, in any order."""
    reference = History(Shop, [CUSTOMERS]).apply(*_applied_events(run), *_fired(run)).state()
    toy = run.servers["toy"]
    members = {("customers", row["key"]): (row["customer"], _state(row)) for row in toy.documents("customers_facts")}
    stored = {
        "members": _with_facts(members),
        "rows": {f"customers_view/{row.pop('_id')}": _comparable(row) for row in map(dict, toy.documents("customers_view"))},
        "journal": sorted(f"views/{row['_id']}" for row in toy.documents("views")),
        "figures": {key: {n: v for n, v in values.items() if v} for key, values in _figures(run).items()},
    }
    wanted = {
        "members": _with_facts(reference["members"]),
        "rows": {key: msgspec.json.decode(row) for key, row in reference["rows"].items()},
        "journal": reference["journal"],
        "figures": reference["figures"],
    }
    stored["figures"] = {key: values for key, values in stored["figures"].items() if values}
    return [f"{part} differ: {_difference(stored[part], wanted[part])}" for part in wanted if stored[part] != wanted[part]]


def _state(row: dict[str, Any]) -> Any:
    """The facts in a stored document."""
    return to_document(state_of(CUSTOMERS, row))


def _with_facts(members: dict[Any, Any]) -> dict[Any, Any]:
    """Without keys of which nothing is known: what is only counted leaves no document, and a test's history keeps one."""
    return {key: value for key, value in members.items() if any(value[1].values()) or value[0] != id_of(key[1])}


def _comparable(value: Any) -> Any:
    """Without the integer types of the database."""
    if isinstance(value, dict):
        return {name: _comparable(part) for name, part in value.items()}
    return int(value) if type(value) is bson.Int64 else value


def _difference(stored: Any, wanted: Any) -> str:
    if not isinstance(stored, dict):
        return f"{stored} instead of {wanted}"
    keys = [key for key in stored.keys() | wanted.keys() if stored.get(key) != wanted.get(key)]
    return "; ".join(f"{key}: {stored.get(key)} instead of {wanted.get(key)}" for key in sorted(keys, key=str)[:3])


def _announced(run: Simulation) -> list[str]:
    """Each announcement reached a subscriber, under one id and with one content, and no other did."""
    history = History(Shop, [CUSTOMERS]).apply(*_applied_events(run), *_fired(run))
    wanted = {
        derived_id(said.kind.source, said.kind.name, said.key): msgspec.json.decode(encode(said.data))
        for said in history.announced.values()
    }
    heard: dict[str, Any] = {}
    found = []
    for message in run.broker.queues[SUBSCRIBER].ready:
        identity, data = message.headers["ce-id"], msgspec.json.decode(message.body)
        if heard.setdefault(identity, data) != data:
            found.append(f"announcement {identity} was published with two contents")
    if heard != wanted:
        missing, phantom = sorted(wanted.keys() - heard.keys()), sorted(heard.keys() - wanted.keys())
        found.append(f"announcements: {missing} never published, {phantom} made up")
    return found


def _timers(run: Simulation) -> list[str]:
    """Never early, never after the order that disarms, and none forgotten."""
    toy = run.servers["toy"]
    order_of = {row["_id"]: place for place, row in enumerate(toy.documents("inbox"))}
    fired = {row["data"]["cart_id"]: row for row in toy.documents("timers") if row["state"] == "fired"}
    found = [f"timer {row['_id']} fired early, at {row['fired_at']}" for row in fired.values() if row["fired_at"] < row["due"]]
    found += [f"timer {row['_id']} was set aside" for row in toy.documents("timers") if row["state"] not in ("fired", "pending")]
    bought = {e.data()["cart_id"]: e.id for e in _applied_events(run) if e.name == events.ORDER_COMPLETED.name}
    for cart, row in fired.items():
        firing = order_of.get(derived_id("toy", TIMER_SOURCE, row["_id"]))
        if cart in bought and (firing is None or order_of[bought[cart]] < firing):
            found.append(f"cart {cart} was called idle after it was bought")
    carts = {name: cart for row in toy.documents("customers_facts") for name, cart in _state(row)["carts"].items()}
    abandoned = {name for name, cart in carts.items() if cart["abandoned"]}
    if abandoned != fired.keys():
        found.append(f"called idle {sorted(abandoned)}, fired {sorted(fired)}")
    forgotten = carts.keys() - bought.keys() - fired.keys()
    return found + [f"never called idle: {sorted(forgotten)}"] * bool(forgotten)


def _kept(run: Simulation) -> list[str]:
    """The archive has exactly what was accepted, or attempted and lost its answer."""
    archive = {row["_id"] for row in run.servers["collector"].documents("events")}
    lost, phantom = run.workload.accepted - archive, archive - run.workload.attempted.keys()
    inbox = {row["_id"] for row in run.servers["toy"].documents("inbox")} - {event.id for event in _fired(run)}
    unknown = inbox - archive
    if unknown:
        return [f"applied, and not in the archive: {sorted(unknown)}"]
    return [f"not in the archive: {sorted(lost)}"] * bool(lost) + [f"made up: {sorted(phantom)}"] * bool(phantom)


def _neighbours(run: Simulation) -> list[str]:
    """Where only poisonous events end processes, only they are set aside as such."""
    if run.scenario.name != "bombs":
        return []
    innocent = run.parked_as_deadly - run.workload.bomb_events
    archive = {row["_id"] for row in run.servers["collector"].documents("events")}
    deadly = (run.workload.bomb_events & archive) - run.parked_as_deadly
    found = [f"set aside with a deadly neighbour: {sorted(innocent)}"] * bool(innocent)
    return found + [f"never set aside: {sorted(deadly)}"] * bool(deadly)


def _undecodable(run: Simulation) -> list[str]:
    """What nobody can read is kept whole."""
    kept = {bytes(row["body"]) for row in run.servers["toy"].documents("parked")}
    lost = run.workload.undecodable - kept
    return [f"dropped, because it cannot be read: {sorted(lost)}"] * bool(lost)


def _drained(run: Simulation) -> list[str]:
    """A stop in order gives nothing back, and lanes never meet."""
    if run.scenario.name not in ("calm", "rolling restarts"):
        return []
    back = {name: queue.came_back for name, queue in run.broker.queues.items() if queue.came_back}
    return [f"came back although everything stopped in order: {back}"] * bool(back)
