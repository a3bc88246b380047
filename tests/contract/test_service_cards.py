"""Each service's card, the docstring of its package, is held against the code; so are topology, `make flow` and the launcher."""

import ast
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from shared import events, topology
from shared.access.key_book import STATEMENTS
from shared.consume import Inbox
from shared.envelope import Event, encode
from shared.events import CATALOGUE, EventKind
from shared.events.shop.parts import ShopData
from shared.flow import flow
from shared.handlers import TIMER_SOURCE, handlers_of
from shared.http import Door
from shared.registry import service_classes, service_names
from shared.topology import DELIVERY_LIMIT, subscriptions_of

REPOSITORY = Path(__file__).parents[2]
SAMPLES = REPOSITORY / "tests" / "samples" / "events"
SERVICES = service_names()
SHOP = {kind.name for kind in CATALOGUE.values() if kind.source == "shop"}
PARTS = ("Owns", "Handles", "Publishes", "Serves")
# What the runtime hears and says in every service: no card repeats it.
ASKED = {kind.name for kind in (events.ERASURE_REQUESTED, events.EXPORT_REQUESTED, *STATEMENTS)}
ANSWERED = {events.ERASURE_COMPLETED.name, events.EXPORT_PROVIDED.name, events.API_KEY_USED.name}


def card(service: str) -> dict[str, str]:
    """The parts of a card by their titles, each on one line."""
    text = importlib.import_module(f"services.{service}").__doc__ or ""
    found = re.split(rf"^({'|'.join(PARTS)}): ", text, flags=re.MULTILINE)
    return {title: " ".join(part.split()) for title, part in zip(found[1::2], found[2::2], strict=True)}


def named(text: str) -> set[str]:
    """The events that a part of a card means. Names that the catalogue does not have are there, too."""
    every = {
        "every event of the catalogue that one service alone publishes": set(CATALOGUE) - ANSWERED,
        "every event of `shop.events` that is about a person": {
            kind.name for kind in CATALOGUE.values() if issubclass(kind.schema, ShopData)
        },
        "every event of `shop.events`": SHOP,
    }
    meant = next((names for phrase, names in every.items() if phrase in text), set())
    return meant | {word for word in re.findall(r"[a-z_]+", text) if "_" in word or word in CATALOGUE}


@pytest.mark.parametrize("service", SERVICES)
def test_a_card_has_its_four_parts_in_order(service: str) -> None:
    assert tuple(card(service)) == PARTS


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_handles_what_its_card_says_and_nothing_else(service: str) -> None:
    bound = {name for _, name in subscriptions_of(service)}
    assert bound >= ASKED
    heard = {events.API_KEY_USED.name} if service == "collector" else set()
    assert named(card(service)["Handles"]) | ASKED | heard == bound | kept_at_once(service)
    assert bound <= set(CATALOGUE)


def kept_at_once(service: str) -> set[str]:
    """What a service keeps of its own in the transaction that announces it: nothing is bound for it."""
    own = [one for one in handlers_of(service_classes(service).worker) if one.source == service]
    return {one.event for one in own if one.journal_only} - {one.event for one in own if not one.journal_only}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_publishes_what_its_card_says_and_nothing_else(service: str) -> None:
    assert named(card(service)["Publishes"]) == published_by(service)


def published_by(service: str) -> set[str]:
    """The events of its own exchange that a service's code speaks of; who is who is stated by the runtime in its name."""
    if service == "collector":
        return SHOP | {kind.name for kind in STATEMENTS}
    spoken_of = {name for file in (REPOSITORY / "services" / service).rglob("*.py") for name in _constants(file)}
    kinds = {kind for name in spoken_of if isinstance(kind := getattr(events, name, None), EventKind)}
    decides = any(model.regroup for model in inbox_of(service).models)
    stated = {events.PROFILE_MERGED, events.PROFILE_SPLIT} if decides else set()
    return {kind.name for kind in kinds | stated if kind.source == service} - ANSWERED


def _constants(file: Path) -> Iterator[str]:
    """Names in capitals that a module uses, plain or behind a dot."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name.isupper():
            yield name


def inbox_of(service: str) -> Inbox:
    inbox: Inbox = service_classes(service).worker.inbox  # type: ignore[attr-defined]  # every service has one
    return inbox


@pytest.mark.parametrize("service", SERVICES)
def test_the_routes_on_a_card_exist(service: str) -> None:
    templates = set(routes(service))
    assert templates
    written = re.findall(r"`([/.][^`]*/[^`]*)`", card(service)["Serves"])
    assert written
    for path in written:
        assert any(re.fullmatch(_pattern(path), template) for template in templates), f"{path} is not served"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_serves_nothing_outside_its_own_prefix(service: str) -> None:
    own = ("/api/collector/", "/v1/") if service == "collector" else (f"/api/{service}/",)
    assert [template for template in routes(service) if not template.startswith(own)] == []


def routes(service: str) -> Iterator[str]:
    """Path templates of all doors of a service: `/api/profiles/customers/{identity}`."""
    api = service_classes(service).api
    for member in (getattr(api, name) for name in dir(api)):
        for entrypoint in getattr(member, ENTRYPOINT_EXTENSIONS_ATTR, ()):
            if isinstance(entrypoint, Door):
                yield entrypoint.template


def _pattern(path: str) -> str:
    """A path as cards write it: `...` stands for a beginning said before, `{part}` for any one part, a final `/` for all below it."""
    quoted = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
    return quoted.replace(re.escape("..."), ".+", 1) + (".+" if path.endswith("/") else "")


def _handled() -> Iterator[Any]:
    for service in SERVICES:
        for handler in handlers_of(service_classes(service).worker):
            if handler.source != TIMER_SOURCE:
                yield pytest.param(handler, id=f"{service}.{handler.method}-{handler.event}")


@pytest.mark.parametrize("handler", list(_handled()))
def test_a_handler_reads_the_sample_of_its_event_whole_and_with_the_least_in_it(handler: Any) -> None:
    kind = CATALOGUE[handler.event]
    assert handler.source == kind.source or (kind.by_every_service and handler.source in SERVICES)
    full = json.loads((SAMPLES / f"{kind.name}.json").read_text(encoding="utf-8"))
    least = {name: value for name, value in full.items() if name in kind.json_schema["required"]}
    now = datetime.now(UTC)
    for data in (full, least, {**dict.fromkeys(kind.json_schema["properties"]), **least}, {**full, "added_later": [1]}):
        handler.facts(Event("1", kind.name, kind.source, "user:42", now, now, encode(data)))


@dataclass
class Recorder:
    """A channel that keeps what is declared on it, by name."""

    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    exchanges: dict[str, dict[str, Any]] = field(default_factory=dict)
    bindings: list[tuple[str, str, str]] = field(default_factory=list)

    def queue_declare(self, name: str, **properties: Any) -> None:
        self.queues[name] = properties

    def exchange_declare(self, name: str, kind: str, **properties: Any) -> None:
        self.exchanges[name] = {"type": kind, **properties}

    def queue_bind(self, queue: str, exchange: str, routing_key: str) -> None:
        assert queue in self.queues
        assert exchange in self.exchanges
        self.bindings.append((queue, exchange, routing_key))

    def exchange_bind(self, destination: str, source: str, routing_key: str) -> None:
        assert {destination, source} <= set(self.exchanges)
        self.bindings.append((destination, source, routing_key))


@pytest.fixture(scope="module")
def declared() -> Recorder:
    """What the one job declares on the broker that has the right to."""
    recorder = Recorder()
    topology.declare(recorder, topology.whole(4))
    return recorder


def test_every_queue_is_a_durable_quorum_queue_that_refuses_what_it_cannot_hold(declared: Recorder) -> None:
    for name, queue in declared.queues.items():
        assert (queue["durable"], queue["exclusive"], queue["auto_delete"]) == (True, False, False), name
        arguments = queue["arguments"]
        assert (arguments["x-queue-type"], arguments["x-overflow"]) == ("quorum", "reject-publish"), name
        assert arguments["x-max-length-bytes"] > 0, name
    assert all(one["durable"] and not one["auto_delete"] for one in declared.exchanges.values())


@pytest.mark.parametrize("service", sorted(set(SERVICES) - {"collector"}))
def test_an_inbox_has_one_reader_at_a_time_and_loses_no_message_that_keeps_killing_it(declared: Recorder, service: str) -> None:
    inbox, dead = f"{service}.inbox", f"{service}.dead"
    assert {name for name in declared.queues if name.startswith(inbox)} == {f"{inbox}.{number}" for number in range(4)}
    for number in range(4):
        arguments = declared.queues[f"{inbox}.{number}"]["arguments"]
        assert arguments["x-single-active-consumer"] is True
        assert arguments["x-delivery-limit"] == DELIVERY_LIMIT
        assert (arguments["x-dead-letter-exchange"], arguments["x-dead-letter-strategy"]) == (dead, "at-least-once")
        assert (f"{inbox}.{number}", inbox, "1") in declared.bindings
    assert (dead, dead, "") in declared.bindings
    assert declared.exchanges[inbox] == {
        "type": "x-consistent-hash",
        "durable": True,
        "auto_delete": False,
        "arguments": {"hash-header": "ce-subject"},
    }


def test_nothing_is_bound_to_an_event_that_the_catalogue_does_not_have(declared: Recorder) -> None:
    bound = {(source.removesuffix(".events"), key) for _, source, key in declared.bindings if source.endswith(".events")}
    assert bound
    answers = {(service, name) for service in SERVICES for name in ANSWERED}
    assert bound <= {(kind.source, kind.name) for kind in CATALOGUE.values()} | answers


def test_every_event_is_heard_by_somebody(declared: Recorder) -> None:
    """Else the broker hands it to the net for what nobody is bound to, and the collector parks it."""
    heard = {key for _, source, key in declared.bindings if source.endswith(".events")}
    assert set(CATALOGUE) - heard == set()


def test_the_way_of_an_order_names_each_subscriber_with_file_and_line() -> None:
    lines = "\n".join(flow("order_completed"))
    places = re.findall(r"^(\w+): (on_order_completed)  (services/\w+/service\.py):(\d+)$", lines, flags=re.MULTILINE)
    assert {place[0] for place in places} == set(SERVICES) - {"collector"}
    for service, method, file, line in places:
        assert file == f"services/{service}/service.py"
        source = (REPOSITORY / file).read_text(encoding="utf-8").splitlines()[int(line) - 1 :]
        assert source[0].strip().startswith(("@handles(events.ORDER_COMPLETED", f"def {method}("))
        assert any(f"def {method}(" in one for one in source[:3])


_WATCHED = """
import sys
from eventlet import patcher

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in ("pymongo", "amqp", "nameko"):
            patched = all(map(patcher.is_monkey_patched, ("socket", "thread", "time", "select")))
            print(name, "after" if patched else "before")

sys.meta_path.insert(0, Watch())
import shared.run
"""


def test_the_launcher_patches_before_anything_that_opens_sockets_or_starts_threads_is_imported() -> None:
    command = [sys.executable, "-W", "ignore", "-c", _WATCHED]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True)
    assert sorted(done.stdout.splitlines()) == ["amqp after", "nameko after", "pymongo after"]
