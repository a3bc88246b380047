"""The mail that asks to confirm a grant: its texts by language, which shops change, and the message made of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from html import escape
from urllib.parse import urlsplit

PLACEHOLDERS = ("shop", "what", "link", "until")
_PLACEHOLDER = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
_RIGHT_TO_LEFT = {"ar", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"}
_STYLE = "font-family:sans-serif;line-height:1.5;max-width:36em;margin:1em auto;padding:0 1em"


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of one language, with placeholders in braces; `purposes` says what each purpose is called in a sentence."""

    subject: str
    text: str
    reminder_subject: str
    reminder_text: str
    purposes: Mapping[str, str] = field(default_factory=dict)


BUILT_IN: Mapping[str, Texts] = {
    "en": Texts(
        "Please confirm: {what} from {shop}",
        "Hello,\n\nyou asked {shop} to write to this address: {what}. Please confirm that it was you:\n\n{link}\n\n"
        "The link is good until {until}. If it was not you, do nothing: you will get no such mail.",
        "Still waiting for you: {what} from {shop}",
        "Hello,\n\nsome time ago you asked {shop} to write to this address: {what}. It has not been confirmed yet. If you would still like "
        "it, please confirm:\n\n{link}\n\nThe link is good until {until}. If you would not, do nothing: we will not ask again.",
        {"marketing": "news and offers", "transactional": "messages about your orders", "profiling": "suggestions made for you",
         "advertising": "advertising on other sites"},
    ),
    "de": Texts(
        "Bitte bestätigen: {what} von {shop}",
        "Guten Tag,\n\nfür diese Adresse wurden {what} von {shop} angefordert. Bitte bestätigen Sie, dass Sie es waren:\n\n{link}\n\n"
        "Der Link gilt bis {until}. Falls Sie es nicht waren, brauchen Sie nichts zu tun: Sie erhalten dann keine solche Post.",
        "Noch nicht bestätigt: {what} von {shop}",
        "Guten Tag,\n\nvor einiger Zeit wurden für diese Adresse {what} von {shop} angefordert und noch nicht bestätigt. Wenn Sie das noch "
        "wünschen, bestätigen Sie es bitte:\n\n{link}\n\nDer Link gilt bis {until}. Andernfalls brauchen Sie nichts zu tun: Wir fragen "
        "nicht noch einmal.",
        {"marketing": "Neuigkeiten und Angebote", "transactional": "Nachrichten zu Bestellungen",
         "profiling": "persönliche Empfehlungen", "advertising": "Werbung auf anderen Seiten"},
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OptInMail:
    """What a shop sets of it. `reminder_hours` None: nobody is reminded. `texts` stand in place of or beside the built-in ones."""

    shop: str | None = None
    reply_to: str | None = None
    reminder_hours: int | None = None
    texts: Mapping[str, Texts] = field(default_factory=dict)
    version: int = 0
    changed_at: datetime | None = None
    changed_by: str | None = None

    @property
    def all_texts(self) -> Mapping[str, Texts]:
        return {**BUILT_IN, **self.texts}

    def language_for(self, wanted: str) -> str:
        """The language to write in: the one that is wanted, as `pa-Arab`, else as `pa`; English where there is none."""
        known = {tag.lower(): tag for tag in self.all_texts}
        tags = (wanted.lower(), wanted.lower().partition("-")[0])
        return next((known[tag] for tag in tags if tag in known), "en")


@dataclass(frozen=True, slots=True)
class Sender:
    """Whom mail is from, and what links begin with."""

    mail_from: str
    public_url: str

    @property
    def address(self) -> str:
        return parseaddr(self.mail_from)[1]

    @property
    def name(self) -> str:
        """What the shop is called, where it does not say."""
        return parseaddr(self.mail_from)[0] or urlsplit(self.public_url).hostname or self.address.rpartition("@")[2]

    def link(self, token: str) -> str:
        return f"{self.public_url.rstrip('/')}/api/profiles/public/opt-in/{token}/page"


@dataclass(frozen=True, slots=True)
class Letter:
    """To whom, about what, and until when it can be answered. `reminds`: it is the second one."""

    message_id: str
    address: str
    purpose: str
    token: str
    expires_at: datetime
    language: str = ""
    reminds: bool = False


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter in its words."""

    language: str
    subject: str
    text: str
    html: str


def rendered(letter: Letter, mail: OptInMail, sender: Sender) -> Rendered:
    """A letter in the language of its reader."""
    language = mail.language_for(letter.language)
    texts = mail.all_texts[language]
    link = sender.link(letter.token)
    said = {
        "shop": mail.shop or sender.name,
        "what": texts.purposes.get(letter.purpose)
        or BUILT_IN["en"].purposes.get(letter.purpose)
        or letter.purpose.replace("_", " "),
        "link": link,
        "until": f"{letter.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC",
    }
    subject, text = (texts.reminder_subject, texts.reminder_text) if letter.reminds else (texts.subject, texts.text)
    words = _filled(text, said)
    return Rendered(language, " ".join(_filled(subject, said).split()), words, _html(words, link, language))


class NoAddress(ValueError):
    """What is on record as an e-mail address is none."""


def message(letter: Letter, mail: OptInMail, sender: Sender, now: datetime) -> EmailMessage:
    """The message as it is handed over. Its id is always the same for the same letter. Raises NoAddress."""
    found = rendered(letter, mail, sender)
    made = EmailMessage()
    made["To"] = _recipient(letter.address)
    made["From"] = Address(mail.shop or sender.name, addr_spec=sender.address)
    made["Subject"] = found.subject
    made["Date"] = format_datetime(now)
    made["Message-ID"] = f"<{letter.message_id}@{sender.address.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    if mail.reply_to:
        made["Reply-To"] = Address(addr_spec=mail.reply_to)
    made.set_content(found.text)
    made.add_alternative(found.html, subtype="html")
    made["Content-Language"] = found.language  # of the whole, hence after its parts were made
    return made


def _recipient(address: str) -> Address:
    try:
        found = Address(addr_spec=address)
    except (ValueError, IndexError, MessageError):
        raise NoAddress from None
    if not found.username or not found.domain:
        raise NoAddress
    return found


def _filled(text: str, said: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: said[found[1]], text)


def _html(text: str, link: str, language: str) -> str:
    """The text as a page: paragraphs, and the link to be clicked."""
    tag, _, rest = language.lower().partition("-")
    direction = "rtl" if tag in _RIGHT_TO_LEFT or rest.startswith("arab") else "ltr"
    address = escape(link)
    anchor = f'<a href="{address}">{address}</a>'
    parts = (escape(part.strip()).replace("\n", "<br>") for part in text.split("\n\n") if part.strip())
    body = "".join(f"<p>{part.replace(address, anchor)}</p>" for part in parts)
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    page = f'<html lang="{escape(language)}" dir="{direction}"><head>{head}</head><body style="{_STYLE}">{body}</body></html>'
    return f"<!doctype html>{page}"
