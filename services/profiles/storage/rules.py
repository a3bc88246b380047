"""Rules that people change: read, and changed for every customer, each part of them on its own."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

import msgspec
from pymongo.database import Database

from services.profiles.domain.rules import ProfileRules
from services.profiles.storage.models import CUSTOMERS, PROFILE
from shared import timers
from shared.documents import to_document
from shared.errors import Conflict
from shared.mongo import Document, Session, reachable, server_time
from shared.unit_of_work import command

_SETTINGS = "settings"
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class StoredRules(Generic[R]):
    """Rules, how often they were changed, and who changed them last when."""

    rules: R
    version: int = 0
    changed_at: datetime | None = None
    changed_by: str | None = None


class RulesStore(Generic[R]):
    """The part `part` of the settings of customers. Every method raises StoreAway while the database cannot be reached."""

    part: ClassVar[str]
    kind: ClassVar[type[Any]]

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def current(self) -> StoredRules[R]:
        with reachable():
            return self._stored(self._database[_SETTINGS].find_one({"_id": CUSTOMERS.name}))

    def progress(self) -> Document | None:
        """How far the last change has reached the customers; None when it has reached all."""
        return timers.progress(self._database, CUSTOMERS.name)

    def change(self, wanted: StoredRules[R]) -> StoredRules[R]:
        """Store new rules and look at every customer by them. Raises Conflict unless `wanted.version` is the current one."""
        now = server_time(self._database)

        def work(session: Session) -> tuple[StoredRules[R], tuple[()]]:
            known = self._stored(self._database[_SETTINGS].find_one({"_id": CUSTOMERS.name}, session=session))
            if known.version != wanted.version:
                raise Conflict(f"The rules were changed meanwhile: read version {known.version} and change that.")
            new = replace(wanted, version=wanted.version + 1, changed_at=now)
            self._database[_SETTINGS].update_one(
                {"_id": CUSTOMERS.name}, {"$set": {self.part: to_document(new)}}, upsert=True, session=session
            )
            if new.rules != known.rules:
                timers.reproject(self._database, CUSTOMERS.name, session)
            return new, ()

        return command(self._database, work)

    def _stored(self, settings: Document | None) -> StoredRules[R]:
        kept = (settings or {}).get(self.part)
        if kept is None:
            return StoredRules(self.kind())
        rules = msgspec.convert(kept["rules"], self.kind)
        return StoredRules(rules, kept["version"], kept["changed_at"], kept["changed_by"])


class ProfileRulesStore(RulesStore[ProfileRules]):
    """What is made of the facts of a customer."""

    part, kind = PROFILE, ProfileRules
