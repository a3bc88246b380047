"""A great many customers in the databases of the services: documents that the services made themselves, copied under other ids.

A customer's documents hold the value of the identity key and the id that is derived from the key; both are replaced by others of the same
length, in the encoded document. Where the `_id` has neither, such as a row of the timeline, it is exchanged for a random one of its length.
Facts hold digests of the rows that followed from them, which are made anew of the other customer's rows.
"""

import secrets
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient, WriteConcern
from pymongo.database import Database

from shared.difference import digest_of_json
from shared.documents import applied_of
from shared.identity import id_of
from shared.mongo import Document

_INSERT = 5_000
_ELSEWHERE = {"inbox", "outbox", "leases", "replicas", "parked", "settings"}  # of the runtime, or of no customer


@dataclass(frozen=True)
class Template:
    """The documents of one customer in one collection, encoded, and the `_id` of each where it has to be exchanged.

    `rows` are digests that they hold of rows about the customer, with these rows as JSON.
    """

    key: str
    documents: Sequence[tuple[bytes, bytes | None]]
    rows: Sequence[tuple[bytes, bytes]] = ()

    def copies(self, keys: Sequence[str]) -> Iterator[RawBSONDocument]:
        """The same documents for other customers. Raises ValueError for a key of another length."""
        mine = _value(self.key), id_of(self.key).encode()
        for key in keys:
            if len(key) != len(self.key):
                raise ValueError("keys must be as long as the template's")
            other = _value(key), id_of(key).encode()
            digests = [(digest, digest_of_json(_renamed(row, mine, other)).encode()) for digest, row in self.rows]
            for encoded, own_id in self.documents:
                copied = _renamed(encoded, mine, other)
                for digest, new in digests:
                    copied = copied.replace(digest, new)
                yield RawBSONDocument(copied.replace(own_id, _another(own_id)) if own_id else copied)


def templates(database: Database[Document], keys: Sequence[str], without: Collection[str] = ()) -> dict[str, list[Template]]:
    """What the collections of a service, but those `without`, hold of each of these customers, by collection."""
    found: dict[str, list[Template]] = {}
    for name in sorted(set(database.list_collection_names()) - _ELSEWHERE - set(without)):
        encoded = [bytes(document.raw) for document in _raw(database, name).find()]  # views of one answer, where that is large
        mine = [_template(database, key, [one for one in encoded if _is_about(one, key)]) for key in keys]
        found[name] = [template for template in mine if template.documents]
    return {name: those for name, those in found.items() if those}


def multiply(database: Database[Document], made: dict[str, list[Template]], keys: Sequence[str]) -> int:
    """Write the documents of further customers, each after one of the templates in turn; how many documents."""
    written = 0
    for name, those in made.items():
        collection = _raw(database, name)
        copies = (copy for number, template in enumerate(those) for copy in template.copies(keys[number :: len(those)]))
        while window := list(islice(copies, _INSERT)):
            collection.insert_many(window, ordered=False)
            written += len(window)
    return written


def _raw(database: Database[Document], name: str):  # type: ignore[no-untyped-def]  # the driver's type follows the codec
    client: MongoClient[Document] = database.client
    options = database.codec_options.with_options(document_class=RawBSONDocument)
    return client[database.name].get_collection(name, codec_options=options, write_concern=WriteConcern(w=1, j=False))


def _template(database: Database[Document], key: str, encoded: Sequence[bytes]) -> Template:
    rows: dict[bytes, bytes] = {}
    for document in map(RawBSONDocument, encoded):
        for name, digest in applied_of(document).rows.items():
            collection, _, row_id = name.partition("/")
            row = database[collection].find_one({"_id": row_id}) or {}
            text = msgspec.json.encode({field: value for field, value in row.items() if field != "_id"}, order="sorted")
            if _is_about(text, key):
                rows[digest.encode()] = text
    return Template(key, [_with_id(one, key) for one in encoded], list(rows.items()))


def _renamed(encoded: bytes, mine: tuple[bytes, bytes], other: tuple[bytes, bytes]) -> bytes:
    return encoded.replace(mine[0], other[0]).replace(mine[1], other[1])


def _value(key: str) -> bytes:
    return key.partition(":")[2].encode()


def _is_about(encoded: bytes, key: str) -> bool:
    return _value(key) in encoded or id_of(key).encode() in encoded


def _with_id(encoded: bytes, key: str) -> tuple[bytes, bytes | None]:
    own_id = str(RawBSONDocument(encoded)["_id"])
    return encoded, None if _is_about(own_id.encode(), key) else own_id.encode()


def _another(own_id: bytes) -> bytes:
    return secrets.token_hex(len(own_id))[: len(own_id)].encode()
