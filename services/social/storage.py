"""What social keeps: mentions under the handles that wrote them, and facts about the customers behind handles.

customers_facts              kept by the runtime from the model below
mentions   _id = mention id; the fields of domain.Mention, author_id, received_at, words of the text

Whose mention it is follows from the grouping of identity keys at the moment of asking, so merges and splits rewrite nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from services.social.domain.authors import Author, Customer, author_of, combine
from services.social.domain.mentions import Mention
from shared import documents
from shared.config import Config
from shared.documents import to_document
from shared.identity import id_of, lookup_id
from shared.listing import Listing, having_words, words_of
from shared.model import Model
from shared.mongo import Document, Session, reachable
from shared.privacy import Holding, by_id, late

Store = Database[Document]
CUSTOMERS = Model("customers", Customer, combine)
MENTIONS = "mentions"
HOLDINGS = (Holding(MENTIONS, "author_id", "What you said about the shop in public", at="published_at", named_by=by_id),)
NEWEST = Listing("published_at", descending=True)
WINDOW = 500  # mentions whose links are looked up together
LOOKED_THROUGH = 10_000  # mentions looked through for one page


def create_indexes(database: Store, config: Config) -> None:
    """Indexes for every filter of the listing, each in its order."""
    in_order = [("published_at", ASCENDING), ("_id", ASCENDING)]
    mentions = database[MENTIONS]
    mentions.create_index(in_order, name="published")
    mentions.create_index([("network", ASCENDING), *in_order], name="network")
    mentions.create_index([("handle", ASCENDING), *in_order], name="handle")
    mentions.create_index([("author_id", ASCENDING), *in_order], name="author")
    mentions.create_index([("words", ASCENDING), *in_order], name="words")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which mentions to list: those that meet everything that is not None.

    `linked` are mentions whose customer is known, or those whose is not; `since` is included, `until` is not; `text` are beginnings of
    words, all of which have to be there.
    """

    network: str | None = None
    handle: str | None = None
    author_ids: Sequence[str] | None = None
    linked: bool | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str | None = None


class Mentions:
    """Mentions as they were reported; the first report of each stays."""

    def __init__(self, database: Store) -> None:
        self._database, self._mentions = database, database[MENTIONS]
        self._people = People(database)

    def known(self, mention_ids: Iterable[str], session: Session) -> set[str]:
        """Those of the ids that were reported before."""
        found = self._mentions.find({"_id": {"$in": list(mention_ids)}}, {"_id": 1}, session=session)
        return {row["_id"] for row in found}

    def keep(self, mentions: Sequence[Mention], received_at: datetime, session: Session) -> None:
        rows = [
            {
                **to_document(mention),
                "_id": mention.mention_id,
                "author_id": id_of(mention.identity_key),
                "received_at": received_at,
                "words": words_of(mention.text),
            }
            for mention in mentions
        ]
        self._mentions.insert_many(rows, session=session)

    def forget_late(self, mentions: Sequence[Mention]) -> None:
        """Let go again of what people wrote before they were erased: connectors report old mentions again."""
        happened = [(mention.identity_key, mention.published_at) for mention in mentions]
        gone = [one.mention_id for one, is_late in zip(mentions, late(self._database, happened), strict=True) if is_late]
        if gone:
            with reachable():
                self._mentions.delete_many({"_id": {"$in": gone}})

    def find(self, mention_id: str) -> Document | None:
        with reachable():
            return self._mentions.find_one({"_id": mention_id})

    def exist_for(self, author_ids: Sequence[str]) -> bool:
        with reachable():
            return self._mentions.find_one({"author_id": {"$in": list(author_ids)}}, {"_id": 1}) is not None

    def page(self, wanted: Wanted, cursor: str | None, limit: int) -> dict[str, Any]:
        """Mentions, newest first.

        By `linked` as many are looked through as it takes, up to `LOOKED_THROUGH`: a page may hold fewer than `limit` and still have a
        `next`. Keeping the link with each mention instead would rewrite mentions whenever customers merge.
        """
        found: list[Document] = []
        for _ in range(LOOKED_THROUGH // WINDOW):
            size = limit + 1 if wanted.linked is None else WINDOW
            rows = self._rows(wanted, cursor, size)
            found += rows if wanted.linked is None else self._by_link(rows, wanted.linked)
            if wanted.linked is None or len(found) > limit or len(rows) < size:
                return NEWEST.page(found, limit)
            cursor = NEWEST.cursor(rows[-1])
        return {"items": found, "next": cursor}

    def _rows(self, wanted: Wanted, cursor: str | None, most: int) -> list[Document]:
        criteria = {"$and": [_criteria(wanted), NEWEST.after(cursor)]}
        with reachable():
            return list(self._mentions.find(criteria).sort(NEWEST.sort).limit(most))

    def _by_link(self, rows: list[Document], linked: bool) -> list[Document]:
        known = self._people.customer_ids(row["author_id"] for row in rows)
        return [row for row in rows if (row["author_id"] in known) is linked]


class People:
    """The customers behind handles, as they are grouped now."""

    def __init__(self, database: Store) -> None:
        self._database = database

    def member_ids(self, identity: str) -> tuple[str, ...] | None:
        """The ids of all identity keys of a customer; None for one never heard of."""
        with reachable():
            found = documents.find(self._database, CUSTOMERS, identity)
        return tuple(member.id for member in found[1]) if found else None

    def own_id(self, identity: str) -> str:
        """The id of a single identity key, e-mail or customer id, whether heard of or not."""
        return lookup_id(identity)

    def authors(self, author_ids: Iterable[str]) -> dict[str, Author]:
        """The customer of each handle that is linked with one; handles that are linked with nobody are left out."""
        wanted = set(author_ids)
        with reachable():
            batch = documents.load(self._database, CUSTOMERS, wanted)
        linked = {m.id: m.customer_id for m in batch.members.values() if m.id in wanted and m.customer_id != m.id}
        groups: dict[str, list[Customer]] = {customer_id: [] for customer_id in linked.values()}
        for member in batch.members.values():
            if member.customer_id in groups:
                groups[member.customer_id].append(member.state)
        authors = {customer_id: author_of(customer_id, combine(states)) for customer_id, states in groups.items()}
        return {author_id: authors[customer_id] for author_id, customer_id in linked.items()}

    def customer_ids(self, author_ids: Iterable[str], session: Session | None = None) -> dict[str, str]:
        """The customer id of each handle that is linked with somebody: its key is a customer's who is named by another key."""
        facts = self._database[f"{CUSTOMERS.name}_facts"]
        with reachable():
            rows = list(facts.find({"_id": {"$in": sorted(set(author_ids))}}, {"customer": 1}, session=session))
        return {row["_id"]: row["customer"] for row in rows if row["customer"] != row["_id"]}


def _criteria(wanted: Wanted) -> Document:
    equal = {"network": wanted.network, "handle": wanted.handle}
    criteria: Document = {field: value for field, value in equal.items() if value is not None}
    if wanted.author_ids is not None:
        criteria["author_id"] = {"$in": list(wanted.author_ids)}
    between = {bound: time for bound, time in (("$gte", wanted.since), ("$lt", wanted.until)) if time is not None}
    if between:
        criteria["published_at"] = between
    return {**criteria, **(having_words(wanted.text) if wanted.text is not None else {})}
