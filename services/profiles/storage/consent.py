"""What the shop set about consent, and the secret by which links in mails are sealed."""

import secrets

from pymongo.database import Database

from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.domain.rules import Rules
from services.profiles.storage.models import CONSENT, CUSTOMERS, LINK_SECRET, rules_of
from services.profiles.storage.rules import RulesStore
from shared.identity import lookup_id
from shared.mongo import Document, reachable

_SETTINGS = "settings"


class ConsentRulesStore(RulesStore[ConsentRules]):
    """Channels, purposes and topics. Every method raises StoreAway while the database cannot be reached."""

    part, kind = CONSENT, ConsentRules


def rules_in(database: Database[Document]) -> Rules:
    """All settings that decide about customers. Raises StoreAway."""
    with reachable():
        return rules_of(database[_SETTINGS].find_one({"_id": CUSTOMERS.name}))


def key_of(database: Database[Document], identity: str) -> str | None:
    """The identity key that an identity means: itself, or the one that a customer id is of. None if never heard of; raises StoreAway."""
    with reachable():
        member = database[f"{CUSTOMERS.name}_facts"].find_one({"_id": lookup_id(identity)}, {"key": 1})
    return member["key"] if member else None


def make_secret(database: Database[Document]) -> None:
    """Draw the secret where there is none yet; of several replicas that start at once one wins."""
    settings = database[_SETTINGS]
    settings.update_one({"_id": CUSTOMERS.name}, {"$setOnInsert": {LINK_SECRET: secrets.token_hex(32)}}, upsert=True)
    missing = {"_id": CUSTOMERS.name, LINK_SECRET: {"$exists": False}}
    settings.update_one(missing, {"$set": {LINK_SECRET: secrets.token_hex(32)}})
