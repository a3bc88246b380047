"""Pages of a listing follow one another in a total order, whatever comes and goes between them."""

from datetime import UTC, datetime, timedelta

import pytest
from pymongo import MongoClient

from shared.errors import BadRequest
from shared.http import to_cursor
from shared.listing import Listing, having_words, words_of

START = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def collection(mongo_server):
    with MongoClient(mongo_server.uri(), tz_aware=True) as client:
        yield client["test_listing"]["things"]
        client.drop_database("test_listing")


def pages(collection, listing, limit):
    cursor, found = None, []
    while True:
        rows = list(collection.find(listing.after(cursor)).sort(listing.sort).limit(limit + 1))
        page = listing.page(rows, limit)
        found.append([row["_id"] for row in page["items"]])
        cursor = page["next"]
        if cursor is None:
            return found


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("value", [lambda n: START + timedelta(milliseconds=n // 3), lambda n: n // 3, lambda n: f"{n // 3:02}"])
def test_pages_hold_every_row_once_in_order_also_where_values_repeat(collection, value, descending):
    collection.insert_many([{"_id": f"{n:02}", "rank": value(n)} for n in range(20)])
    found = [row for page in pages(collection, Listing("rank", descending), 7) for row in page]
    assert found == sorted((f"{n:02}" for n in range(20)), reverse=descending)


def test_a_row_that_comes_before_the_cursor_does_not_shift_the_next_page(collection):
    collection.insert_many([{"_id": f"{n:02}", "rank": n} for n in range(10, 20)])
    listing = Listing("rank", descending=True)
    first = listing.page(list(collection.find().sort(listing.sort).limit(5)), 4)
    collection.insert_one({"_id": "99", "rank": 99})
    following = collection.find(listing.after(first["next"])).sort(listing.sort).limit(2)
    assert [row["_id"] for row in following] == ["15", "14"]


@pytest.mark.parametrize(
    "position",
    [
        ["rank", 1, False, "x"],
        ["-rank", {"$gt": 0}, False, "x"],
        ["-rank", "soon", True, "x"],
        ["-rank", 1],
        7,
        ["-rank", 1, False, {}],
    ],
)
def test_a_cursor_of_another_listing_is_refused(position):
    with pytest.raises(BadRequest, match="start without it"):
        Listing("rank", descending=True).after(to_cursor(position))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where is MY Parcel?", ["is", "my", "parcel", "where"]),
        ("?!", []),
        ("Straße A-1", ["1", "a", "strasse"]),
        ("बाज़ार, संबंध!", ["बाज़ार", "संबंध"]),
        ("cafe\u0301", ["caf\u00e9"]),
    ],
)
def test_words_are_searched_without_case_and_punctuation(text, words):
    assert words_of(text) == words


@pytest.mark.parametrize(
    ("asked", "found"),
    [("parc", ["1"]), ("MY parcel?", ["1"]), ("arcel", []), ("parcel hose", []), ("", ["1", "2"]), ("hos .*", ["2"])],
)
def test_text_is_found_by_how_its_words_begin(collection, asked, found):
    for row_id, text in (("1", "Where is my parcel?"), ("2", "Hose zurück")):
        collection.insert_one({"_id": row_id, "words": words_of(text)})
    assert [row["_id"] for row in collection.find(having_words(asked)).sort("_id")] == found
