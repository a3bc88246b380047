"""Consent over HTTP and a real database: words and the ledger, double opt-in, preferences, the rules, and the doors of customers."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from services.profiles.storage.consent import make_secret
from shared.identity import id_of
from shared.mongo import server_time
from tests.servers import Answer
from tests.serving import Served, serving
from tests.unit.profiles.given import hour, identified
from tests.unit.profiles.said import unsubscribed

CUSTOMERS, RULES = "/api/profiles/customers", "/api/profiles/consent-rules"
ANN, MAIL = "user:ann", "email:ann@shop.example"
GRANT = {"words": [{"channel": "email", "status": "granted"}], "source": "storefront"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def profiles(mongo_server) -> Iterator[Served]:
    with serving("profiles", mongo_server, "test_profiles_consent") as served:
        yield served


@pytest.fixture(autouse=True)
def _empty(profiles) -> None:
    for name in profiles.database.list_collection_names():
        profiles.database[name].delete_many({})
    make_secret(profiles.database)


def path(identity: str, what: str) -> str:
    return f"{CUSTOMERS}/{quote(identity, safe='')}/{what}"


def state(profiles: Served, identity: str = ANN, status: int = 201, headers: Any = None, **body: Any) -> Any:
    return profiles.post(path(identity, "consent"), {**GRANT, **body}, status, headers)


def standing(shown: Any, scope: str = "marketing/email") -> tuple[str, bool]:
    (found,) = [one for one in shown["permissions"] if f"{one['purpose']}/{one['channel']}" == scope]
    return found["status"], found["may_be_contacted"]


def strict(profiles: Served, *channels: str, **more: Any) -> Any:
    known = profiles.get(RULES)
    known["channels"] = [{**one, "double_opt_in": one["id"] in channels} for one in known["channels"]]
    return profiles.call("PUT", RULES, {**known, **more})


def published(profiles: Served, name: str) -> list[Any]:
    return [event.data() for event in profiles.announced(name)]


def test_a_word_is_put_on_record_and_holds_at_once(profiles: Served) -> None:
    proof = {"form_id": "footer", "ip": "203.0.113.77", "user_agent": "Mozilla/5.0 (X11; Linux) Gecko/20100101 Firefox/130.0"}
    shown = state(profiles, proof=proof, text_version="2026-02", locale="de-DE", legal_basis="consent")
    assert standing(shown) == ("granted", True)
    assert standing(shown, "marketing/sms") == ("unknown", False)
    assert standing(shown, "transactional/email") == ("not_needed", True)
    listed = profiles.get(path(ANN, "consent"))
    (word,) = listed["items"]
    assert word["proof"] == {"form_id": "footer", "network": "203.0.113.0/24", "browser": "firefox on desktop"}
    assert (word["source"], word["status"], word["stated_by"]) == ("storefront", "granted", "tests")
    assert (word["text_version"], word["locale"], word["legal_basis"]) == ("2026-02", "de-DE", "consent")
    (changed,) = published(profiles, "contact_permission_changed")
    assert (changed["may_be_contacted"], changed["purpose"], changed["channel"]) == (True, "marketing", "email")
    assert len(published(profiles, "consent_stated")) == 1


def test_an_identity_that_nobody_heard_of_makes_a_customer_and_an_unknown_id_does_not(profiles: Served) -> None:
    shown = state(profiles, "New@Shop.example")
    assert shown["identity_keys"] == ["email:new@shop.example"]
    for nobody in (id_of("user:nobody"), "no address", "blood:0815"):
        assert "URL-encoded" in state(profiles, nobody, 404)["detail"]


def test_repeating_a_request_states_nothing_twice(profiles: Served) -> None:
    once = {"Idempotency-Key": "form 17"}
    state(profiles, headers=once)
    state(profiles, headers=once)
    assert len(profiles.get(path(ANN, "consent"))["items"]) == 1


def test_what_was_said_before_undoes_no_later_word_and_the_future_is_refused(profiles: Served) -> None:
    now = server_time(profiles.database)
    state(profiles, words=[{"channel": "email", "status": "withdrawn"}])
    earlier = (now - timedelta(days=400)).isoformat()
    assert standing(state(profiles, source="import", said_at=earlier)) == ("withdrawn", False)
    assert state(profiles, status=422, said_at=(now + timedelta(days=1)).isoformat())["fields"].keys() == {"said_at"}


def test_what_is_said_last_counts_also_where_a_shops_clock_was_ahead(profiles: Served) -> None:
    ahead = (server_time(profiles.database) - hour(0)) / timedelta(hours=1) + 0.05
    profiles.work.apply([identified(ANN, at=ahead, consent={"email": "granted"})])
    shown = state(profiles, words=[{"purpose": "all", "channel": "all", "status": "withdrawn"}], source="agent")
    assert standing(shown) == ("withdrawn", False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([{"channel": "fax", "status": "granted"}], "No channel has this name: use one of email"),
        ([{"purpose": "spying", "channel": "email", "status": "granted"}], "No purpose has this name"),
        ([{"channel": "all", "status": "granted"}], "A grant names its purpose and its channel"),
        ([{"purpose": "all", "channel": "email", "status": "granted"}], "A grant names its purpose and its channel"),
        ([{"purpose": "profiling", "channel": "email", "status": "granted"}], "give `all` as the channel"),
        ([{"channel": "email", "status": "granted"}, {"channel": "email", "status": "denied"}], "Say one thing"),
        ([], "Length must be between 1 and 50"),
    ],
)
def test_words_that_cannot_be_are_refused_with_what_to_do(profiles: Served, words: Any, told: str) -> None:
    assert told in json.dumps(state(profiles, status=422, words=words)["fields"])
    assert profiles.database["consent_ledger"].count_documents({}) == 0


def test_the_ledger_turns_pages_and_is_narrowed(profiles: Served) -> None:
    profiles.work.apply([identified(ANN, MAIL, at=1, consent={"email": "granted", "sms": "denied"}), unsubscribed(MAIL, at=2)])
    state(profiles, source="agent")
    first = profiles.get(f"{path(ANN, 'consent')}?limit=2")
    rest = profiles.get(f"{path(ANN, 'consent')}?limit=2&cursor={first['next']}")
    assert [one["source"] for one in [*first["items"], *rest["items"]]] == [
        "agent",
        "unsubscribe_link",
        "storefront",
        "storefront",
    ]
    assert rest["next"] is None

    def found(**query: Any) -> list[str]:
        return [one["source"] for one in profiles.get(f"{path(MAIL, 'consent')}?{urlencode(query)}")["items"]]

    assert found(channel="sms") == ["storefront"]
    assert found(status="withdrawn") == ["unsubscribe_link"]
    assert found(source="agent", purpose="marketing") == ["agent"]
    assert found(to=hour(1.5).isoformat()) == ["storefront", "storefront"]
    assert found(**{"from": hour(2).isoformat()}) == ["agent", "unsubscribe_link"]
    assert profiles.get(f"{path(ANN, 'consent')}?source=dream", 400)["fields"].keys() == {"source"}


def test_the_profile_shows_what_counts_and_no_grant_that_waits(profiles: Served) -> None:
    """A shop's clock may be five minutes ahead: what it reports by then counts as said before the rule."""
    strict(profiles, "email")
    now = (server_time(profiles.database) - hour(0)) / timedelta(hours=1)
    profiles.work.apply([identified(ANN, at=now + 0.07, consent={"email": "granted"})])
    assert [one["status"] for one in profiles.get(f"{CUSTOMERS}/{ANN}")["consent"]] == ["granted"]
    profiles.work.apply([identified("user:bob", at=now + 0.1, consent={"email": "granted"})])
    assert profiles.get(f"{CUSTOMERS}/user:bob")["consent"] == []
    assert standing(profiles.get(path("user:bob", "consent"))) == ("pending", False)


def test_double_opt_in_waits_for_the_button_and_not_for_whoever_opens_the_link(profiles: Served) -> None:
    strict(profiles, "email")
    assert standing(state(profiles)) == ("pending", False)
    assert standing(state(profiles, words=[{"channel": "sms", "status": "granted"}]), "marketing/sms") == ("granted", True)
    (asked,) = published(profiles, "opt_in_requested")
    door = f"/api/profiles/public/opt-in/{asked['token']}"
    for _ in range(2):
        page = html(profiles, "GET", f"{door}/page")
        assert "Please confirm" in page
        assert profiles.get(door)["status"] == "pending"
    assert "Thank you" in html(profiles, "POST", f"{door}/page")
    assert standing(profiles.get(path(ANN, "consent"))) == ("granted", True)
    assert "Thank you" in html(profiles, "POST", f"{door}/page")
    assert profiles.post(door, {})["status"] == "granted"
    words = profiles.get(path(ANN, "consent"))["items"]
    (confirmed,) = [word for word in words if word["source"] == "confirmation"]
    assert confirmed["confirms"] == asked["request_id"] == words[-1]["event_id"]
    assert confirmed["proof"] == {"browser": "chrome on mobile"}
    assert [
        one["may_be_contacted"] for one in published(profiles, "contact_permission_changed") if one["channel"] == "email"
    ] == [True]


def test_a_link_tells_nothing_about_the_customer_and_opens_one_thing_only(profiles: Served) -> None:
    strict(profiles, "email")
    state(profiles)
    (asked,) = published(profiles, "opt_in_requested")
    link = profiles.post(path(ANN, "preference-link"), {}, 201)
    for token in (asked["token"], link["token"]):
        assert re.fullmatch(r"[\w-]{40,200}", token)
        assert ANN not in token
    assert profiles.get(f"/api/profiles/public/preferences/{asked['token']}", 404)["code"] == "not_found"
    assert profiles.get(f"/api/profiles/public/opt-in/{link['token']}", 404)["code"] == "not_found"
    forged = ("A" if link["token"][0] != "A" else "B") + link["token"][1:]
    assert profiles.get(f"/api/profiles/public/preferences/{forged}", 404)["code"] == "not_found"
    assert profiles.get("/api/profiles/public/preferences/x", 404)["code"] == "not_found"
    assert "Please ask for a new one" in html(profiles, "GET", f"/api/profiles/public/preferences/{forged}/page", 404)


def test_a_link_expires(profiles: Served) -> None:
    strict(profiles, "email", opt_in_hours=1)
    long_ago = (server_time(profiles.database) - timedelta(minutes=61)).isoformat()
    state(profiles, said_at=long_ago)
    assert standing(profiles.get(path(ANN, "consent"))) == ("expired", False)
    (over,) = published(profiles, "opt_in_expired")
    assert over["channel"] == "email"
    just_now = (server_time(profiles.database) - timedelta(minutes=59, seconds=59)).isoformat()
    state(profiles, said_at=just_now)
    (asked,) = published(profiles, "opt_in_requested")
    (armed,) = [row for row in profiles.database["timers"].find({"kind": "look_again"}) if row["state"] == "pending"]
    assert armed["due"] == datetime.fromisoformat(asked["expires_at"])


def test_a_grant_that_was_confirmed_elsewhere_or_is_imported_waits_for_nothing(profiles: Served) -> None:
    strict(profiles, "email")
    assert standing(state(profiles, confirmed=True)) == ("granted", True)
    assert standing(state(profiles, MAIL, source="import")) == ("granted", True)


def test_preferences_are_stated_in_parts_and_taken_back_by_null(profiles: Served) -> None:
    strict(profiles, topics=[{"id": "sales"}, {"id": "new_arrivals", "names": {"en": "New arrivals"}}])
    door = path(ANN, "preferences")
    first = {"topics": {"sales": False}, "frequency": {"pace": "at_most", "per_week": 2}, "language": "pa-Guru"}
    assert profiles.call("PATCH", door, first) == {**first, "channel": None}
    assert profiles.call("PATCH", door, {"frequency": None, "channel": "sms"}) == {
        "topics": {"sales": False},
        "frequency": None,
        "channel": "sms",
        "language": "pa-Guru",
    }
    assert profiles.get(door)["channel"] == "sms"
    assert len(published(profiles, "preferences_stated")) == 2
    wrong = {"topics": {"weather": True}, "channel": "fax"}
    assert profiles.call("PATCH", door, wrong, 422)["fields"].keys() == {"topics", "channel"}
    assert profiles.call("PATCH", door, {"frequency": {"pace": "weekly", "per_week": 1}}, 422)["fields"].keys() == {"frequency"}
    assert profiles.call("PATCH", door, {}, 422)["code"] == "unprocessable"


def test_the_rules_are_read_changed_and_sent_back_as_they_are(profiles: Served) -> None:
    known = profiles.get(RULES)
    assert [one["id"] for one in known["purposes"]] == ["marketing", "transactional", "profiling", "advertising"]
    assert (known["version"], known["opt_in_hours"], known["changed_by"]) == (0, 168, None)
    changed = strict(
        profiles, "email", "sms", purposes=[*known["purposes"], {"id": "birthday_card", "names": {"en": "Birthday card"}}]
    )
    assert (changed["version"], changed["changed_by"]) == (1, "tests")
    assert [one["id"] for one in changed["channels"] if one["double_opt_in"]] == ["email", "sms"]
    assert profiles.call("PUT", RULES, known, 409)["code"] == "conflict"
    again = profiles.call("PUT", RULES, changed)
    assert {**again, "version": 1, "changed_at": changed["changed_at"], "reevaluation": None} == {**changed, "reevaluation": None}
    assert "link_secret" not in json.dumps(again)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"purposes": [{"id": "transactional", "needs_consent": False}]}, "purposes"),
        ({"purposes": [{"id": "marketing"}, {"id": "transactional"}]}, "purposes"),
        ({"channels": [{"id": "email"}, {"id": "email"}]}, "channels"),
        ({"channels": [{"id": "all"}]}, "channels"),
        ({"channels": [{"id": "E-Mail"}]}, "channels"),
        ({"topics": [{"id": "sales", "names": {"en": ""}}]}, "topics"),
        ({"opt_in_hours": 0}, "opt_in_hours"),
        ({"texts": {"ur": {"greeting": "x"}}}, "texts"),
    ],
)
def test_rules_that_cannot_be_are_refused(profiles: Served, change: Any, field: str) -> None:
    assert profiles.call("PUT", RULES, {**profiles.get(RULES), **change}, 422)["fields"].keys() == {field}


def centre(profiles: Served, identity: str = ANN) -> str:
    return str(profiles.post(path(identity, "preference-link"), {"days": 2}, 201)["api"])


def test_the_preference_centre_shows_what_may_be_chosen_and_not_who_is_choosing(profiles: Served) -> None:
    strict(profiles, topics=[{"id": "sales", "on": False}])
    state(profiles)
    answer = profiles.client.request("GET", centre(profiles), None, {"Authorization": ""})
    assert answer.headers["cache-control"] == "no-store"
    shown = json.loads(answer.body)
    allowed = [f"{one['purpose']}/{one['channel']}" for one in shown["choices"] if one["allowed"]]
    assert allowed == ["marketing/email"]
    assert "transactional" not in {one["purpose"] for one in shown["choices"]}
    assert shown["topics"] == [{"id": "sales", "name": "Sales", "on": False}]
    assert not [secret for secret in (ANN, id_of(ANN), "identity") if secret in answer.body.decode()]


def test_what_is_chosen_holds_and_is_said_once(profiles: Served) -> None:
    strict(profiles, "sms", topics=[{"id": "sales"}])
    state(profiles)
    door = centre(profiles)
    wanted = [
        {"purpose": "marketing", "channel": "email", "allowed": False},
        {"purpose": "marketing", "channel": "sms", "allowed": True},
        {"purpose": "marketing", "channel": "push", "allowed": False},
        {"purpose": "transactional", "channel": "email", "allowed": False},
    ]
    for _ in range(2):
        shown = profiles.call("PATCH", door, {"choices": wanted, "topics": {"sales": False}, "frequency": {"pace": "monthly"}})
    assert [one["channel"] for one in shown["choices"] if one["waiting"]] == ["sms"]
    assert (shown["topics"][0]["on"], shown["frequency"]) == (False, {"pace": "monthly"})
    said = [(one["source"], one["status"], one["channel"]) for one in profiles.get(path(ANN, "consent"))["items"]]
    assert sorted(said) == [
        ("preference_centre", "pending", "sms"),
        ("preference_centre", "withdrawn", "email"),
        ("storefront", "granted", "email"),
    ]
    assert profiles.call("PATCH", door, {"channel": "fax"}, 422)["fields"].keys() == {"channel"}


def html(profiles: Served, method: str, page: str, status: int = 200, accept: str = "", **form: Any) -> str:
    """The text of a page, opened by somebody without any credentials; what goes for all pages is checked."""
    sent = urlencode(form, doseq=True).encode() if method == "POST" else None
    headers = {
        "Authorization": "",
        "Accept-Language": accept,
        "User-Agent": "Mozilla/5.0 (Linux; Android 15) Chrome/140 Mobile Safari/537.36",
        **(FORM if sent is not None else {}),
    }
    answer: Answer = profiles.client.request(method, page, sent, headers)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")
    text = answer.body.decode()
    assert re.match(r'<!doctype html><html lang="[\w-]+" dir="(ltr|rtl)">', text)
    assert "<script" not in text
    return text


def test_the_page_of_preferences_works_without_scripts(profiles: Served) -> None:
    strict(profiles, topics=[{"id": "sales"}, {"id": "news"}])
    state(profiles)
    page = f"{centre(profiles)}/page"
    shown = html(profiles, "GET", page)
    assert '<label><input type="checkbox" name="allow" value="marketing/email" checked> News and offers: E-mail</label>' in shown
    assert '<label><input type="checkbox" name="allow" value="marketing/sms"> News and offers: SMS</label>' in shown
    assert '<label for="channel">' in shown
    assert profiles.database["consent_ledger"].count_documents({}) == 1
    choice = {
        "allow": ["marketing/sms"],
        "topic": ["news"],
        "pace": "at_most",
        "per_week": "3",
        "channel": "sms",
        "language": "en",
    }
    saved = html(profiles, "POST", page, do="save", **choice)
    assert "Your choices are saved." in saved
    stand = profiles.get(path(ANN, "consent"))
    assert (standing(stand), standing(stand, "marketing/sms")) == (("withdrawn", False), ("granted", True))
    assert profiles.get(path(ANN, "preferences")) == {
        "topics": {"sales": False},
        "frequency": {"pace": "at_most", "per_week": 3},
        "channel": "sms",
        "language": "en",
    }
    html(profiles, "POST", page, do="withdraw")
    assert standing(profiles.get(path(ANN, "consent")), "marketing/sms") == ("withdrawn", False)


def test_the_page_speaks_the_customers_language_in_its_direction(profiles: Served) -> None:
    texts = {"ur": {"save": "محفوظ کریں"}, "gu": {"save": "સાચવો"}}
    strict(profiles, texts=texts, topics=[{"id": "sales", "names": {"ur": "سیل <b>", "en": "Sales"}}])
    state(profiles)
    page = f"{centre(profiles)}/page"
    assert '<html lang="en" dir="ltr">' in html(profiles, "GET", page, accept="de, fr;q=0.5")
    assert '<html lang="gu" dir="ltr">' in html(profiles, "GET", page, accept="de, gu-IN;q=0.9, ur;q=0.5")
    profiles.call("PATCH", path(ANN, "preferences"), {"language": "ur-PK"})
    shown = html(profiles, "GET", page, accept="gu")
    assert '<html lang="ur" dir="rtl">' in shown
    assert "محفوظ کریں" in shown
    assert "سیل &lt;b&gt;" in shown


def test_a_form_that_makes_no_sense_changes_nothing_of_the_kind(profiles: Served) -> None:
    state(profiles)
    page = f"{centre(profiles)}/page"
    html(profiles, "POST", page, do="save", allow="marketing/email", pace="hourly", channel="fax", language="<b>", per_week="x")
    assert profiles.database["consent_ledger"].count_documents({}) == 1
    assert profiles.get(path(ANN, "preferences"))["frequency"] is None
