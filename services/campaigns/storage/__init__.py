"""What campaigns keeps.

customers_facts             the runtime's: facts by identity key, and what followed from them
settings                    _id `customers`: all audiences, the fields of domain.audiences.Audiences
members                     _id = audience id, colon, customer id; audience_id, customer_id, identity_key, since,
                            contactable: the channels on which the member may be contacted
audience_sizes              running counts of members; _id = audience id, #, partition; values.members
opt_ins                     grants that wait to be confirmed; _id = message id; customer_id, identity_key, address, scope, token, language,
                            expires_at, due, sent_at, reminded
deliveries                  attempts to hand a message over; _id = message id; attempts, next_at; they go after 35 days, more than a
                            grant waits
settings                    _id `opt_in_mail`: the mail that asks for a confirmation, the fields of mails.OptInMail
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.campaigns.domain.audiences import Audiences
from services.campaigns.domain.customer import Customer, combine
from services.campaigns.storage import opt_ins
from shared import documents, timers
from shared.config import Config
from shared.listing import Listing
from shared.model import Member, Model
from shared.mongo import Document, Session, ensure_collection, reachable, server_time
from shared.unit_of_work import command

MEMBERS = "members"
AUDIENCE_SIZES = "audience_sizes"
_SETTINGS = "settings"
_NEWEST = Listing("since", descending=True)
_CHUNK = 200


def audiences_of(document: Mapping[str, Any] | None) -> Audiences:
    """The audiences in a settings document; the built-in ones where there is none."""
    return msgspec.convert(document, Audiences) if document else Audiences()


def _told(customer: Customer) -> Customer:
    """What a person is told of what is kept: all but what opens the door to confirming."""
    return replace(customer, opt_ins={name: replace(one, token="") for name, one in customer.opt_ins.items()})


CUSTOMERS = Model("customers", Customer, combine, rules=audiences_of, told=_told, sizes=(AUDIENCE_SIZES,))


def create_indexes(database: Database[Document], config: Config) -> None:
    """Indexes, and the built-in audiences: stored from the start, so that changing them can never lose a race for the first write."""
    newest = [("since", DESCENDING), ("_id", DESCENDING)]
    database[MEMBERS].create_index([("audience_id", ASCENDING), *newest], name="audience")
    database[MEMBERS].create_index([("audience_id", ASCENDING), ("contactable", ASCENDING), *newest], name="contactable")
    ensure_collection(database, AUDIENCE_SIZES)
    opt_ins.create_indexes(database)
    built_in = documents.to_document(Audiences())
    database[_SETTINGS].update_one({"_id": CUSTOMERS.name}, {"$setOnInsert": built_in}, upsert=True)


def now(database: Database[Document]) -> datetime:
    return server_time(database)


def audiences(database: Database[Document]) -> Audiences:
    with reachable():
        return audiences_of(database[_SETTINGS].find_one({"_id": CUSTOMERS.name}))


def edit(database: Database[Document], revise: Callable[[Audiences, datetime], Audiences]) -> Audiences:
    """Put what `revise` makes of the audiences in their place; if a rule changed, every customer is looked at again.

    Raises what `revise` raises, and StoreAway.
    """
    moment = server_time(database)

    def within(session: Session) -> tuple[Audiences, tuple[()]]:
        known = audiences_of(database[_SETTINGS].find_one({"_id": CUSTOMERS.name}, session=session))
        wanted = revise(known, moment)
        if wanted is not known:
            row = {"_id": CUSTOMERS.name, **documents.to_document(wanted)}
            database[_SETTINGS].replace_one({"_id": CUSTOMERS.name}, row, upsert=True, session=session)
        if wanted.rules != known.rules:
            timers.reproject(database, CUSTOMERS.name, session)
        return wanted, ()

    return command(database, within)


def evaluation(database: Database[Document]) -> Document | None:
    """How far the look at every customer after a change of rules is; None when none is under way."""
    return timers.progress(database, CUSTOMERS.name)


def sizes(database: Database[Document], audience_ids: Sequence[str]) -> dict[str, int]:
    """Members of each audience, by running counts. A partition's row may be negative: people leave through another one."""
    counted = dict.fromkeys(audience_ids, 0)
    of_these = {"$or": [{"_id": {"$gte": f"{one}#", "$lt": f"{one}$"}} for one in audience_ids]}  # $ follows # in ASCII
    with reachable():
        for row in database[AUDIENCE_SIZES].find(of_these) if audience_ids else ():
            counted[row["_id"].rpartition("#")[0]] += row["values"]["members"]
    return counted


def members(database: Database[Document], audience_id: str, query: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the members of an audience, who came last first. `query` has `limit`, `cursor` and perhaps `since` and
    `contactable`.
    """
    wanted: Document = {"audience_id": audience_id, **_NEWEST.after(query["cursor"])}
    if query.get("since") is not None:
        wanted["since"] = {"$gte": query["since"]}
    if query.get("contactable") is not None:
        wanted["contactable"] = query["contactable"]
    with reachable():
        rows = list(database[MEMBERS].find(wanted).sort(_NEWEST.sort).limit(query["limit"] + 1))
    return _NEWEST.page(rows, query["limit"])


def customer(database: Database[Document], identity: str) -> tuple[str, Customer] | None:
    """The facts of a customer, found by any identity key, e-mail address or customer id, with the customer id."""
    with reachable():
        found = documents.find(database, CUSTOMERS, identity)
    if found is None:
        return None
    customer_id, group = found
    return customer_id, combine([member.state for member in group])


def keys_known(database: Database[Document]) -> int:
    """About how many identity keys are known; exact unless the database was killed lately."""
    with reachable():
        return database[f"{CUSTOMERS.name}_facts"].estimated_document_count()


def sample(database: Database[Document], most: int) -> Iterator[tuple[Customer, float]]:
    """The customers of up to `most` identity keys, each with the share of the customer that its key stands for.

    Keys are stored under hashes, so the first ones are a sample as fair as any, and the same one every time.
    """
    with reachable():
        first = database[f"{CUSTOMERS.name}_facts"].find({}, {"_id": 1}).sort("_id", ASCENDING).limit(most)
        ids = [row["_id"] for row in first]
    for start in range(0, len(ids), _CHUNK):
        yield from _customers(database, ids[start : start + _CHUNK])


def _customers(database: Database[Document], ids: Sequence[str]) -> Iterator[tuple[Customer, float]]:
    with reachable():
        known = documents.load(database, CUSTOMERS, ids).members
    groups: dict[str, list[Member[Customer]]] = {}
    for member in known.values():
        groups.setdefault(member.customer_id, []).append(member)
    for member_id in ids:
        if member_id in known:
            group = groups[known[member_id].customer_id]
            yield combine([member.state for member in group]), 1 / len(group)
