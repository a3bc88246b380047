"""The mail that asks for a confirmation: in the reader's language, with nothing in it that a shop or a stranger could smuggle in."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from services.campaigns.domain.mails import BUILT_IN, PLACEHOLDERS, Letter, NoAddress, OptInMail, Sender, Texts, message, rendered
from shared.config import load
from shared.errors import ConfigurationError
from shared.mail import MailServer

SENDER = Sender("Curry & Söhne <news@shop.example>", "https://shop.example/")
LETTER = Letter("m-1", "jane@shop.example", "marketing", "t0k_en", datetime(2026, 3, 8, 12, tzinfo=UTC))
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URDU = Texts("{shop}: تصدیق", "سلام\n\n{link}", "یاد دہانی", "{link}", {"marketing": "خبریں"})


def test_it_has_the_link_the_shop_the_purpose_and_the_end() -> None:
    found = rendered(LETTER, OptInMail(), SENDER)
    assert found.subject == "Please confirm: news and offers from Curry & Söhne"
    assert "\nhttps://shop.example/api/profiles/public/opt-in/t0k_en/page\n" in found.text
    assert "good until 2026-03-08 12:00 UTC" in found.text
    assert '<a href="https://shop.example/api/profiles/public/opt-in/t0k_en/page">' in found.html


@pytest.mark.parametrize(("wanted", "written"), [("de-AT", "de"), ("DE", "de"), ("te", "en"), ("", "en"), ("ur-PK", "ur")])
def test_it_is_in_the_language_of_its_reader_where_there_are_texts(wanted: str, written: str) -> None:
    found = rendered(replace(LETTER, language=wanted), OptInMail(texts={"ur": URDU}), SENDER)
    assert found.language == written
    assert f'lang="{written}" dir="{"rtl" if written == "ur" else "ltr"}"' in found.html


def test_a_shops_own_texts_go_before_those_that_are_built_in() -> None:
    own = OptInMail(shop="Masala", texts={"en": replace(BUILT_IN["en"], subject="Yes, {shop}?")})
    assert rendered(LETTER, own, SENDER).subject == "Yes, Masala?"


def test_every_built_in_text_has_the_link_and_no_placeholder_is_left() -> None:
    for language in BUILT_IN:
        for reminds in (False, True):
            found = rendered(replace(LETTER, language=language, reminds=reminds), OptInMail(), SENDER)
            assert "/t0k_en/page" in found.text
            assert not any(f"{{{name}}}" in found.text + found.subject for name in PLACEHOLDERS)


def test_a_purpose_of_the_shops_own_is_called_by_its_name() -> None:
    assert "pattern club" in rendered(replace(LETTER, purpose="pattern_club"), OptInMail(), SENDER).text


def test_the_message_can_be_read_and_is_the_same_one_when_it_is_sent_again() -> None:
    made = [message_from_bytes(message(LETTER, OptInMail(), SENDER, NOW).as_bytes(), policy=policy.default) for _ in range(2)]
    assert {str(one["Message-ID"]) for one in made} == {"<m-1@shop.example>"}
    assert (made[0]["To"], made[0]["From"]) == ("jane@shop.example", "Curry & Söhne <news@shop.example>")
    assert [part.get_content_type() for part in made[0].iter_parts()] == ["text/plain", "text/html"]
    assert made[0]["Auto-Submitted"] == "auto-generated"


@pytest.mark.parametrize(
    "address", ["jane", "", "@shop.example", "jane@", "a b@shop.example", "x@y.example, z@y.example", "<jane@shop.example"]
)
def test_what_is_no_address_is_not_written_to(address: str) -> None:
    with pytest.raises(NoAddress):
        message(replace(LETTER, address=address), OptInMail(), SENDER, NOW)


def test_what_a_shop_is_called_cannot_open_the_page_or_the_headers() -> None:
    evil = OptInMail(
        shop="<script>alert(1)</script>", texts={"en": replace(BUILT_IN["en"], subject="{what}\r\nBcc: x@y.example")}
    )
    found = rendered(LETTER, evil, SENDER)
    assert "<script>" not in found.html
    assert "\n" not in found.subject
    assert message(LETTER, evil, SENDER, NOW)["Bcc"] is None


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("smtp://u:p%40ss@mail.example:2525", "mail.example", 2525),
        ("smtps://mail.example", "mail.example", 465),
        ("smtp://h", "h", 587),
    ],
)
def test_a_mail_server_is_an_address(url: str, host: str, port: int) -> None:
    server = MailServer.at(url)
    assert (server.host, server.port) == (host, port)
    assert server.password in ("", "p@ss")


@pytest.mark.parametrize(
    "environment",
    [
        {"MAIL_URL": "mail.example:25", "MAIL_FROM": "a@b.example", "PUBLIC_URL": "https://b.example"},
        {"MAIL_URL": "smtp://h:secret@", "MAIL_FROM": "a@b.example", "PUBLIC_URL": "https://b.example"},
        {"MAIL_URL": "smtp://h"},
        {"MAIL_URL": "smtp://h", "MAIL_FROM": "nobody", "PUBLIC_URL": "https://b.example"},
        {"MAIL_URL": "smtp://h", "MAIL_FROM": "a@b.example", "PUBLIC_URL": "b.example"},
    ],
)
def test_settings_of_mail_that_cannot_work_are_told_at_once_and_without_the_password(environment: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as told:
        load("campaigns", environment)
    assert "secret" not in str(told.value)
