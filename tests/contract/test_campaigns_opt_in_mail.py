"""The mail that asks for a confirmation, on a real database and over real SMTP: sent once, refused, put off, reminded, called off."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.local.mongod import MongoServer
from services.campaigns.domain.mails import OptInMail, Sender
from services.campaigns.mailer import MAILER, Mailer
from services.campaigns.storage import opt_ins
from shared import events
from shared.config import Config
from shared.envelope import Event
from shared.identity import id_of
from shared.lease import Lease
from shared.mail import MailServer
from tests.order_free import event
from tests.serving import Served, serving
from tests.smtp_sink import Sink, smtp_sink
from tests.unit.permitted import permitted

MAIL = "/api/campaigns/opt-in-mail"
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def campaigns(mongo_server: MongoServer) -> Iterator[Served]:
    with serving("campaigns", mongo_server, "test_campaigns_opt_in_mail") as served:
        yield served


@pytest.fixture
def sink() -> Iterator[Sink]:
    with smtp_sink() as found:
        yield found


@pytest.fixture
def mailer(campaigns: Served, sink: Sink) -> Mailer:
    """The thread's work without its thread, on the sink."""
    campaigns.database["deliveries"].delete_many({})
    campaigns.database["opt_ins"].delete_many({})
    found = Mailer()
    found.config, found.database = Config("campaigns"), campaigns.database
    found.pause_seconds = 0
    found.equip(MailServer.at(sink.url), Sender("Masala <news@shop.example>", "https://shop.example"), campaigns.work)
    return found


def ago(minutes: float) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def asked(name: str, at: datetime | None = None, request: str = "r1", hours: float = 168, **more: Any) -> Event:
    requested_at = at or ago(1)
    data = {
        "customer_id": id_of(f"user:{name}"),
        "identity_keys": [f"user:{name}", f"email:{name}@shop.example"],
        "purpose": "marketing",
        "channel": "email",
        "request_id": f"{name}-{request}",
        "requested_at": requested_at.isoformat(),
        "expires_at": (requested_at + timedelta(hours=hours)).isoformat(),
        "token": f"token-{name}-{request}",
        "address_key": f"email:{name}@shop.example",
        **more,
    }
    return event(events.OPT_IN_REQUESTED, f"user:{name}", data, requested_at, name=f"{name}-{request}")


def states(campaigns: Served, name: str) -> list[tuple[str, str | None]]:
    items = campaigns.get(f"/api/campaigns/customers/user:{name}/opt-ins")["items"]
    return [(one["state"], one["reason"]) for one in items]


def published(campaigns: Served, name: str) -> list[tuple[str, dict[str, Any]]]:
    return [(event.name, event.data()) for event in campaigns.announced() if event.subject == f"user:{name}"]


def let_time_pass(campaigns: Served) -> None:
    """As if the pause after an attempt were over."""
    campaigns.database["deliveries"].update_many({}, {"$set": {"next_at": ago(1)}})


def test_it_is_sent_once_and_told(campaigns: Served, mailer: Mailer, sink: Sink) -> None:
    campaigns.work.apply([asked("anna", language="de")])
    assert states(campaigns, "anna") == [("asked", None)]
    assert (mailer.send_due(), mailer.send_due()) == (1, 0)
    let_time_pass(campaigns)
    assert mailer.send_due() == 0
    (mail,) = sink.taken
    assert (mail["To"], mail["From"]) == ("anna@shop.example", "Masala <news@shop.example>")
    text = mail.get_body(("plain",))
    assert text is not None
    assert "https://shop.example/api/profiles/public/opt-in/token-anna-r1/page" in text.get_content()
    assert mail["Content-Language"] == "de"
    assert states(campaigns, "anna") == [("sent", None)]
    assert [name for name, _ in published(campaigns, "anna")] == ["message_sent"]


def test_who_died_after_the_servers_yes_sends_the_same_message_again(campaigns: Served, mailer: Mailer, sink: Sink) -> None:
    campaigns.work.apply([asked("bert")])
    sink.breaks = True
    assert mailer.send_due() == 0
    sink.breaks = False
    assert mailer.send_due() == 0, "not at once"
    let_time_pass(campaigns)
    assert mailer.send_due() == 1
    first, second = sink.taken
    assert first["Message-ID"] == second["Message-ID"]
    assert states(campaigns, "bert") == [("sent", None)]


def test_an_address_where_nobody_is_is_not_written_to_again(campaigns: Served, mailer: Mailer, sink: Sink) -> None:
    sink.answers["carl@shop.example"] = "550 5.1.1 no such user carl@shop.example"
    campaigns.work.apply([asked("carl")])
    mailer.send_due()
    assert states(campaigns, "carl") == [("not_sent", "failed")]
    assert sorted(name for name, _ in published(campaigns, "carl")) == ["message_bounced", "message_skipped"]
    campaigns.work.apply([asked("carl", request="r2", at=ago(0.5))])
    sink.answers.clear()
    let_time_pass(campaigns)
    assert (mailer.send_due(), sink.taken) == (0, [])
    assert states(campaigns, "carl")[0] == ("not_sent", "suppressed")


def test_one_mail_that_cannot_be_made_holds_up_no_other(campaigns: Served, mailer: Mailer, sink: Sink) -> None:
    campaigns.work.apply([asked("cleo", address_key="email:cleo at shop"), asked("cora")])
    assert mailer.send_due() == 2
    assert (states(campaigns, "cleo"), states(campaigns, "cora")) == ([("not_sent", "failed")], [("sent", None)])
    assert [str(mail["To"]) for mail in sink.taken] == ["cora@shop.example"]


def test_a_server_that_is_busy_or_away_is_asked_again_later(campaigns: Served, mailer: Mailer, sink: Sink) -> None:
    sink.answers["dora@shop.example"] = "451 4.3.0 come back later"
    campaigns.work.apply([asked("dora"), asked("emil")])
    assert mailer.send_due() == 2
    assert (states(campaigns, "dora"), states(campaigns, "emil")) == ([("asked", None)], [("sent", None)])
    sink.answers.clear()
    assert mailer.send_due() == 0
    let_time_pass(campaigns)
    assert mailer.send_due() == 1
    assert states(campaigns, "dora") == [("sent", None)]


def test_what_was_answered_forgotten_or_is_too_late_is_not_sent(campaigns: Served, mailer: Mailer, sink: Sink) -> None:
    campaigns.work.apply([asked("fred"), asked("gina"), asked("hans", hours=0.05)])
    campaigns.work.apply([permitted("user:fred", datetime.now(UTC))])
    campaigns.work.forget(["user:gina"], datetime.now(UTC) + MINUTE)
    assert mailer.send_due() == 0
    assert sink.taken == []
    assert states(campaigns, "fred") == [("confirmed", "no_longer_applies")]
    campaigns.get("/api/campaigns/customers/user:gina/opt-ins", 404)


def test_what_was_replaced_since_it_was_looked_up_is_not_sent(campaigns: Served, mailer: Mailer) -> None:
    campaigns.work.apply([asked("ida")])
    (row,) = opt_ins.due(campaigns.database, datetime.now(UTC), None)
    campaigns.work.apply([asked("ida", request="r2", at=ago(0.5))])
    assert not opt_ins.begin(campaigns.database, row)


def test_a_second_request_waits_and_the_first_is_shown_as_replaced(campaigns: Served, mailer: Mailer) -> None:
    campaigns.work.apply([asked("jane")])
    mailer.send_due()
    campaigns.work.apply([asked("jane", request="r2", at=datetime.now(UTC))])
    assert mailer.send_due() == 0
    assert states(campaigns, "jane") == [("asked", None), ("replaced", None)]


def test_one_reminder_goes_to_those_who_have_not_answered_if_the_shop_wants_that(
    campaigns: Served, mailer: Mailer, sink: Sink
) -> None:
    campaigns.work.apply([asked("karl", at=ago(200)), asked("lena", at=ago(200))])
    mailer.send_due()
    campaigns.database["opt_ins"].update_many({}, {"$set": {"sent_at": ago(130)}})
    campaigns.work.apply([permitted("user:lena", datetime.now(UTC))])
    assert mailer.send_due() == 0, "nobody is reminded unless the shop says so"
    known = opt_ins.settings(campaigns.database)
    opt_ins.change(campaigns.database, lambda one, now: replace(one, reminder_hours=2, version=one.version + 1), known.version)
    due = opt_ins.due(campaigns.database, datetime.now(UTC), 2)
    assert [(row["address"], row["message_id"].endswith("-reminder")) for row in due] == [("karl@shop.example", True)]
    assert (mailer.send_due(), mailer.send_due()) == (1, 0)
    assert [str(mail["Subject"]).split(":")[0] for mail in sink.taken][-1] == "Still waiting for you"
    assert states(campaigns, "karl") == [("reminded", None)]
    later = opt_ins.settings(campaigns.database)
    opt_ins.change(campaigns.database, lambda one, now: OptInMail(version=one.version + 1), later.version)


def test_the_texts_can_be_changed_and_looked_at(campaigns: Served) -> None:
    known = campaigns.get(MAIL)
    assert (known["sends"], sorted(known["built_in"])) == (False, ["de", "en"])
    sending = Lease(campaigns.database, MAILER)
    assert sending.hold()
    assert campaigns.get(MAIL)["sends"], "by whichever process"
    sending.release()
    telugu = {"subject": "{shop}", "text": "నమస్తే {what}\n\n{link}", "reminder_subject": "x", "reminder_text": "{link}"}
    changed = campaigns.call("PUT", MAIL, {**known, "shop": "Masala", "texts": {"te": telugu}})
    assert (changed["version"], changed["changed_by"]) == (known["version"] + 1, "tests")
    shown = campaigns.post(f"{MAIL}/preview", {"language": "te-IN"})
    assert (shown["language"], shown["subject"]) == ("te", "Masala")
    assert "నమస్తే news and offers" in shown["text"]
    campaigns.call("PUT", MAIL, {**known, "shop": "Other"}, status=409)
    campaigns.call("PUT", MAIL, {**changed, "texts": {}, "shop": None})


@pytest.mark.parametrize(
    ("texts", "wrong"),
    [
        ({"text": "no link"}, "Put {link} where the link is to be"),
        ({"text": "{link} {name}"}, "There is no {name}."),
        ({"subject": "two\nlines"}, "One line"),
    ],
)
def test_texts_that_would_not_do_are_refused_with_what_is_wrong(campaigns: Served, texts: dict[str, str], wrong: str) -> None:
    good = {"subject": "s", "text": "{link}", "reminder_subject": "s", "reminder_text": "{link}"}
    body = {**campaigns.get(MAIL), "texts": {"en": {**good, **texts}}}
    assert wrong in str(campaigns.call("PUT", MAIL, body, status=422))
