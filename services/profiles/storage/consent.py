"""What the shop set about consent, and the secret by which links in mails are sealed."""

import secrets

from pymongo.database import Database

from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.storage.models import CONSENT, CUSTOMERS, LINK_SECRET
from services.profiles.storage.rules import RulesStore
from shared.mongo import Document

_SETTINGS = "settings"


class ConsentRulesStore(RulesStore[ConsentRules]):
    """Channels, purposes and topics. Every method raises StoreAway while the database cannot be reached."""

    part, kind = CONSENT, ConsentRules


def make_secret(database: Database[Document]) -> None:
    """Draw the secret where there is none yet; of several replicas that start at once one wins."""
    settings = database[_SETTINGS]
    settings.update_one({"_id": CUSTOMERS.name}, {"$setOnInsert": {LINK_SECRET: secrets.token_hex(32)}}, upsert=True)
    missing = {"_id": CUSTOMERS.name, LINK_SECRET: {"$exists": False}}
    settings.update_one(missing, {"$set": {LINK_SECRET: secrets.token_hex(32)}})
