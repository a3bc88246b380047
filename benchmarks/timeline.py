"""How long a page of a timeline takes, with as many rows as customers are asked for, of somebody with ten thousand and of anybody."""

import http.client
import json
import random
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from urllib.parse import quote

from pymongo.database import Database

from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row, quantile
from benchmarks.seeding import multiply, templates
from benchmarks.system import System
from benchmarks.workload import Shop
from services.profiles.storage import TIMELINE
from shared import indexes
from shared.config import Config
from shared.mongo import Document, durable
from shared.registry import service_classes

_MOST, _OF_OTHERS = 10_000, 10  # rows of one customer, and of every other
_PAGES, _ROWS = 50, 50  # pages of one reading, and rows of a page
_READINGS = 200
_INSERT = 5_000
_ROUTE = "/api/profiles/customers"
_NAMES = ("page_viewed", "product_viewed", "product_added", "order_completed")
_FILTERS = {"everything": "", "orders alone": "&event=order_completed"}


def run(system: System, options: Options) -> Outcome:
    """Rows as profiles writes them; read through its door, in a process of its own."""
    system.declare(["profiles"])
    rows_in_all = max(options.customers)
    shop = Shop(max(2, (rows_in_all - _MOST) // _OF_OTHERS))
    _seed(durable(system.client["sambandh_profiles"]), shop)
    door = system.service("profiles", part="api")
    try:
        system.await_ready(["profiles"])
        reader = Reader(system)
        many = {what: reader.through(shop.keys[0], wanted) for what, wanted in _FILTERS.items()}
        anybody = reader.of_many(shop)
    finally:
        system.stop([door])
    under = f"{rows_in_all:,} rows, pages of {_ROWS}, one after another, nothing else at work"
    return Outcome(rows(many, anybody), {"pages": {what: len(taken) for what, taken in many.items()}}, under)


def rows(many: Mapping[str, list[float]], anybody: list[float]) -> list[Row]:
    """Seconds for pages of the customer with the most rows by what was asked for, and for the first page of others."""
    aim = Aim(50, at_most=True)
    found = [
        Row(f"timeline: a page of {what} of {_MOST:,} rows of one customer, p99", quantile(taken, 0.99) * 1000, "ms", aim)
        for what, taken in many.items()
    ]
    return [*found, Row("timeline: the first page of anybody, p99", quantile(anybody, 0.99) * 1000, "ms", aim)]


class Reader:
    """Reads timelines over HTTP."""

    def __init__(self, system: System) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", system.stack.settings.services["profiles"].api, timeout=60)
        self._headers = {"Authorization": f"Bearer {system.stack.credentials.admin_token}"}

    def through(self, key: str, wanted: str) -> list[float]:
        """Seconds for each page from the newest on; where there are no more it begins again."""
        taken, cursor = [], ""
        for _ in range(_PAGES * len(_NAMES)):
            seconds, page = self._page(key, wanted, cursor)
            taken.append(seconds)
            cursor = page["next"] or ""
        return taken

    def of_many(self, shop: Shop) -> list[float]:
        return [self._page(key, "", "")[0] for key in random.Random(0).choices(shop.keys[1:], k=_READINGS)]

    def _page(self, key: str, wanted: str, cursor: str) -> tuple[float, Mapping[str, Any]]:
        """Raises RuntimeError for an answer without rows."""
        began = time.monotonic()
        asked = f"{_ROUTE}/{quote(key)}/timeline?limit={_ROWS}{wanted}{f'&cursor={quote(cursor)}' if cursor else ''}"
        self._connection.request("GET", asked, headers=self._headers)
        answer = self._connection.getresponse()
        page = json.loads(answer.read())
        if answer.status != 200 or not page["items"]:
            raise RuntimeError(f"profiles answered {answer.status} to {asked}")
        return time.monotonic() - began, page


def _seed(database: Database[Document], shop: Shop) -> None:
    """A first order by the service's own unit of work; other customers after that one, and rows like the one that it writes."""
    work = indexes.unit_of_work(database, service_classes("profiles"))
    indexes.create(work, Config("profiles"))
    database[TIMELINE].drop_indexes()
    work.apply(shop.first_orders()[:1])
    multiply(database, templates(database, shop.keys[:1], [TIMELINE]), shop.keys[1:])
    pattern = database[TIMELINE].find_one()
    assert pattern is not None, "an order has a row"
    copies = _rows(pattern, shop)
    while window := list(islice(copies, _INSERT)):
        database[TIMELINE].insert_many(window, ordered=False)
    indexes.declare(work, Config("profiles"))


def _rows(pattern: Document, shop: Shop) -> Iterator[Document]:
    now = datetime.now(UTC)
    for number, key in enumerate(shop.keys):
        for place in range(_MOST - 1 if number == 0 else _OF_OTHERS):
            name, at = _NAMES[place % len(_NAMES)], now - timedelta(minutes=place + 1)
            yield {**pattern, "_id": f"bench-{number}-{place}", "identity_key": key, "name": name, "time": at}
