"""In which stage of the journey each customer is, and how all of them pass through."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.profiles.domain.habits import zone_of
from services.profiles.domain.journey import stays
from services.profiles.domain.lifecycle import Lifecycle, Stage
from shared.handlers import Figure, Row
from shared.listing import Listing
from shared.mongo import Document, ensure_collection, reachable

STAGES = "customer_stages"
JOURNEY = "journey_figures"
_LONGEST = Listing("since", descending=True)


@dataclass(frozen=True, slots=True)
class Standing:
    """A stage that a customer was found in: since when, and by which version of the rules."""

    customer_id: str
    stage: Stage
    since: str
    version: int

    @property
    def id(self) -> str:
        return f"{self.customer_id}:{self.stage.value}:{self.since}:{self.version}"


def standing_of(customer_id: str, life: Lifecycle, version: int) -> Standing:
    """How a customer stands now."""
    return Standing(customer_id, life.stage, moment(life.since), version)


def moment(at: datetime | None) -> str:
    """A time as it is named in the id of a row."""
    return str(int(at.timestamp() * 1000)) if at else ""


def stage_rows(customer_id: str, life: Lifecycle, version: int) -> tuple[Row, ...]:
    """The row of a customer's stage; its id says all of it, for whoever asks what was so before. Visitors have none: they are many."""
    if life.stage is Stage.VISITOR:
        return ()
    change = life.changes[-1]
    row = {
        "customer_id": customer_id,
        "stage": life.stage.value,
        "since": change.at,
        "reason": change.reason.value,
        "until": life.until,
    }
    return (Row(STAGES, standing_of(customer_id, life, version).id, row),)


def standings_in(rows: Collection[str]) -> list[Standing]:
    """The stages that some rows, named as collection/id, tell of."""
    found = [row.removeprefix(f"{STAGES}/").rsplit(":", 3) for row in rows if row.startswith(f"{STAGES}/")]
    return [Standing(customer_id, Stage(stage), since, int(version)) for customer_id, stage, since, version in found]


@lru_cache(maxsize=5_000)  # a life that did not change is the same object
def journey_figures(life: Lifecycle, timezone: str) -> tuple[Figure, ...]:
    """What a customer's stages add to the journey of all."""
    zone = zone_of(timezone)
    if zone is None:
        return ()
    return tuple(Figure(JOURNEY, f"{stay.day}/{stay.stage.value}", stay.counts) for stay in stays(life.changes, zone))


def create_indexes(database: Database[Document]) -> None:
    for name in (STAGES, JOURNEY):
        ensure_collection(database, name)
    since = [("stage", ASCENDING), ("since", DESCENDING), ("_id", DESCENDING)]
    database[STAGES].create_index(since, name="since")


class Journeys:
    """Reading the journeys of all. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def figures(self, begin: date, end: date) -> list[tuple[date, Stage, Document]]:
        """The figures of the days from `begin` and before `end`, each of a day and a stage as often as there are partitions."""
        wanted = {"_id": {"$gte": f"{begin}/", "$lt": f"{end}/"}}
        with reachable():
            rows = list(self._database[JOURNEY].find(wanted))
        named = [(*row["_id"].partition("#")[0].split("/"), row["values"]) for row in rows]
        return [(date.fromisoformat(day), Stage(stage), values) for day, stage, values in named]

    def now(self) -> dict[Stage, int]:
        """How many are in each stage but that of visitors."""
        with reachable():
            counted = self._database[STAGES].aggregate([{"$group": {"_id": "$stage", "customers": {"$sum": 1}}}])
            return {Stage(row["_id"]): row["customers"] for row in counted}

    def customers_in(self, stage: Stage, cursor: str | None, limit: int) -> dict[str, Any]:
        """A page of the customers in a stage, those who came into it last first. Raises BadRequest for a foreign cursor."""
        wanted = {"stage": stage.value, **_LONGEST.after(cursor)}
        with reachable():
            rows = list(self._database[STAGES].find(wanted).sort(_LONGEST.sort).limit(limit + 1))
        return _LONGEST.page(rows, limit)
