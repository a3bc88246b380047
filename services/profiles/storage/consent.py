"""What the shop set about consent, and the secret by which links in mails are sealed."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from pymongo.database import Database

from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.storage.models import CONSENT, CUSTOMERS, LINK_SECRET, consent_rules_of
from shared import timers
from shared.documents import to_document
from shared.errors import Conflict
from shared.mongo import Document, Session, reachable, server_time
from shared.unit_of_work import command

_SETTINGS = "settings"


def make_secret(database: Database[Document]) -> None:
    """Draw the secret where there is none yet; of several replicas that start at once one wins."""
    settings = database[_SETTINGS]
    settings.update_one({"_id": CUSTOMERS.name}, {"$setOnInsert": {LINK_SECRET: secrets.token_hex(32)}}, upsert=True)
    missing = {"_id": CUSTOMERS.name, LINK_SECRET: {"$exists": False}}
    settings.update_one(missing, {"$set": {LINK_SECRET: secrets.token_hex(32)}})


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """The settings, how often they were changed, and who changed them last when."""

    rules: ConsentRules
    version: int = 0
    changed_at: datetime | None = None
    changed_by: str | None = None


class ConsentSettings:
    """Channels, purposes and topics. Every method raises StoreAway while the database cannot be reached."""

    def __init__(self, database: Database[Document]) -> None:
        self._database = database

    def current(self) -> StoredConsent:
        with reachable():
            return _stored(self._database[_SETTINGS].find_one({"_id": CUSTOMERS.name}))

    def progress(self) -> Document | None:
        """How far the last change has reached the customers; None when it has reached all."""
        return timers.progress(self._database, CUSTOMERS.name)

    def change(self, version: int, changed_by: str, wanted: Callable[[ConsentRules, datetime], ConsentRules]) -> StoredConsent:
        """Store what `wanted` makes of the rules and look at every customer again. Raises Conflict unless `version` is the current one."""
        now = server_time(self._database)

        def work(session: Session) -> tuple[StoredConsent, tuple[()]]:
            known = _stored(self._database[_SETTINGS].find_one({"_id": CUSTOMERS.name}, session=session))
            if known.version != version:
                raise Conflict(f"The settings were changed meanwhile: read version {known.version} and change that.")
            new = StoredConsent(wanted(known.rules, now), version + 1, now, changed_by)
            kept = {**to_document(new), "rules": to_document(replace(new.rules, secret=""))}
            self._database[_SETTINGS].update_one({"_id": CUSTOMERS.name}, {"$set": {CONSENT: kept}}, upsert=True, session=session)
            if new.rules != known.rules:
                timers.reproject(self._database, CUSTOMERS.name, session)
            return new, ()

        return command(self._database, work)


def _stored(settings: Document | None) -> StoredConsent:
    kept, rules = (settings or {}).get(CONSENT), consent_rules_of(settings)
    return StoredConsent(rules, kept["version"], kept["changed_at"], kept["changed_by"]) if kept else StoredConsent(rules)
