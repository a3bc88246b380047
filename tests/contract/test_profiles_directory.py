"""Finding customers by name over HTTP: letters before sounds, pages over both, sorting by name, and a new edition of the rules."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from urllib.parse import urlencode

import pytest

from services.profiles.storage import CUSTOMERS as MODEL
from services.profiles.storage import INDEX
from shared import editions
from shared.documents import applied_of
from shared.identity import id_of
from shared.timers import progress
from tests.serving import Served, serving
from tests.unit.profiles.given import identified

CUSTOMERS = "/api/profiles/customers"
PREET = ("ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "گرپریت سنگھ", "ગુરપ્રીત સિંઘ", "గుర్\u200cప్రీత్ సింగ్", "Gurpreet Singh", "Gurprit Singh", "Gurpreet Kaur")
OTHERS = ("Harpreet Singh", "ਮਨਪ੍ਰੀਤ ਸਿੰਘ", "Ana Gurov")


@pytest.fixture(scope="module")
def profiles(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_directory") as served:
        people = [*PREET, *OTHERS]
        served.work.apply([identified(f"user:{number}", at=number, name=name) for number, name in enumerate(people)])
        yield served


def ask(profiles: Served, status: int = 200, **query: Any) -> Any:
    return profiles.get(f"{CUSTOMERS}?{urlencode(query)}", status)


def found(profiles: Served, **query: Any) -> list[tuple[str, str]]:
    return [(one["name"], one["found_by"]) for one in ask(profiles, **query)["items"]]


def test_the_same_letters_come_first_then_the_same_sound_in_every_script(profiles: Served) -> None:
    assert found(profiles, name="gurpreet") == [
        ("Gurpreet Kaur", "letters"),
        ("Gurpreet Singh", "letters"),
        ("Gurprit Singh", "sound"),
        ("గుర్\u200cప్రీత్ సింగ్", "sound"),
        ("ગુરપ્રીત સિંઘ", "sound"),
        ("گرپریت سنگھ", "sound"),
        ("ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "sound"),
    ]
    assert [name for name, by in found(profiles, name="گرپریت") if by == "letters"] == ["گرپریت سنگھ"]
    assert {name for name, _ in found(profiles, name="ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ")} == set(PREET) - {"Gurpreet Kaur"}


def test_only_the_same_letters_are_found_where_sound_is_not_asked_for(profiles: Served) -> None:
    assert [name for name, _ in found(profiles, name="gurpreet", by_sound="false")] == ["Gurpreet Kaur", "Gurpreet Singh"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
def test_pages_over_letters_and_sounds_hold_everybody_once_and_end(profiles: Served, limit: int) -> None:
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = ask(profiles, name="gurpreet", limit=limit, **cursor)
        assert page["items"]
        names += [one["name"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert names == [name for name, _ in found(profiles, name="gurpreet")]


def test_further_conditions_hold_for_those_who_are_found_by_sound_too(profiles: Served) -> None:
    assert found(profiles, name="gurpreet", min_orders=1) == []
    assert found(profiles, name="gurpreet", seen_since="2026-05-02T18:00:00Z") == [("Gurpreet Kaur", "letters")]


def test_a_cursor_of_nothing_is_refused(profiles: Served) -> None:
    assert "cursor" in ask(profiles, 400, name="gurpreet", cursor="~what")["detail"]


def test_names_sort_as_people_read_them_whatever_the_script(profiles: Served) -> None:
    listed = ask(profiles, sort="name")["items"]
    assert [one["name"] for one in listed] == [
        "Ana Gurov",
        "Gurpreet Kaur",
        "Gurpreet Singh",
        "Gurprit Singh",
        "Harpreet Singh",
        "گرپریت سنگھ",
        "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ",
        "ਮਨਪ੍ਰੀਤ ਸਿੰਘ",
        "ગુરપ્રીત સિંઘ",
        "గుర్\u200cప్రీత్ సింగ్",
    ]
    first = ask(profiles, sort="name", limit=4)
    rest = ask(profiles, sort="name", cursor=first["next"])
    assert first["items"] + rest["items"] == listed


def test_language_script_and_direction_are_told_of_everybody(profiles: Served) -> None:
    told = {one["name"]: (one["language"], one["script"], one["direction"]) for one in ask(profiles)["items"]}
    assert told["ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ"] == ("pa", "Guru", "ltr")
    assert told["گرپریت سنگھ"] == ("ur", "Arab", "rtl")
    assert told["Gurpreet Singh"] == (None, "Latn", "ltr")
    one = profiles.get(f"{CUSTOMERS}/user:1")
    assert (one["name"], one["language"], one["script"], one["direction"]) == ("گرپریت سنگھ", "ur", "Arab", "rtl")


def test_a_new_edition_has_everybody_looked_at_again_once(profiles: Served) -> None:
    database = profiles.database
    assert progress(database, MODEL.name) is None
    database["editions"].delete_many({})
    editions.catch_up(database, [MODEL])
    editions.catch_up(database, [MODEL])
    pending = list(database["timers"].find({"kind": "reproject", "state": "pending"}))
    assert [timer["key"] for timer in pending] == [MODEL.name]
    assert database["editions"].find_one({"_id": MODEL.name})["edition"] == MODEL.edition > 0
    database["timers"].delete_many({})


def test_a_new_edition_of_nobody_is_no_work(profiles: Served) -> None:
    facts = profiles.database[f"{MODEL.name}_facts"]
    kept = list(facts.find())
    facts.delete_many({})
    profiles.database["editions"].delete_many({})
    editions.catch_up(profiles.database, [MODEL])
    assert profiles.database["timers"].count_documents({}) == 0
    facts.insert_many(kept)


def test_looking_again_writes_rows_that_an_older_edition_did_not(profiles: Served) -> None:
    facts, customer = profiles.database[f"{MODEL.name}_facts"], id_of("user:0")
    applied = applied_of(facts.find_one({"_id": customer}))
    older = {**applied.rows, f"{INDEX}/{customer}": "as an older edition wrote it"}
    facts.update_one({"_id": customer}, {"$set": {"view.applied": {**asdict(applied), "rows": older}}})
    profiles.database[INDEX].update_one({"_id": customer}, {"$unset": {"name_sounds": ""}})
    profiles.work.apply([], look_again={MODEL.name: [customer]})
    assert "GRPRT:GURPRIT" in profiles.database[INDEX].find_one({"_id": customer})["name_sounds"]
