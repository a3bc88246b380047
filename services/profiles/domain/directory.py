"""The directory of customers: what one can be found by, folded so that spelling and notation do not matter.

E-mail addresses match as a whole. Names match by the beginnings of their words, letter by letter in one spelling, and else by their
sound, which is the same in every script (`names`). Phone numbers match by their last digits, since one is written with and without its
country code.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.profiles.domain.customer import Customer
from services.profiles.domain.names import folded_words, sounds_of
from services.profiles.domain.profile import Money, name_of, net_spend
from services.profiles.domain.tongues import writing_of_customer
from services.profiles.domain.traits import text_of
from shared.commerce import counted

_NAMES = ("name", "first_name", "last_name", "username")


@dataclass(frozen=True, slots=True)
class Entry:
    """A customer in the directory. `phone_tails` are the digits of the phone numbers from last to first.

    `name` is as the customer writes it; `name_words` and `name_sounds` are what it is found by.
    """

    name: str | None
    emails: Sequence[str]
    phones: Sequence[str]
    orders: int
    spend: Sequence[Money]
    first_seen: datetime
    last_seen: datetime
    name_words: Sequence[str]
    name_sounds: Sequence[str]
    language: str | None
    script: str | None
    direction: str | None
    phone_tails: Sequence[str]


def entry_of(customer: Customer) -> Entry | None:
    """The entry that follows from the facts, None for a visitor whom nobody would look for."""
    first, last = customer.activity.first, customer.activity.last
    if not customer.is_known or first is None or last is None:
        return None
    phones = _known_as(customer, "phone")
    name = name_of(customer.traits)
    names = {text for trait in _NAMES if (text := text_of(customer.traits, trait))}
    writing = writing_of_customer(customer.traits, name)
    return Entry(
        name=name,
        emails=sorted({folded_email(email) for email in _known_as(customer, "email")}),
        phones=sorted(phones),
        orders=len(counted(customer.orders)),
        spend=net_spend(customer),
        first_seen=first.at,
        last_seen=last,
        name_words=sorted({word for text in names for word in folded_words(text)}),
        name_sounds=sorted({sound for text in {*names, name} if text for sound in sounds_of(text)}),
        language=writing.language,
        script=writing.script,
        direction=writing.direction,
        phone_tails=sorted({tail for tail in map(phone_tail, phones) if tail}),
    )


def folded_email(address: str) -> str:
    """An e-mail address as it is compared."""
    return address.strip().lower()


def phone_tail(number: str) -> str:
    """The digits of a phone number from last to first, without the zeros that dialling out or through puts in front."""
    digits = "".join(str(unicodedata.decimal(character)) for character in number if character.isdecimal())
    return digits.lstrip("0")[::-1]


def _known_as(customer: Customer, kind: str) -> set[str]:
    """Addresses or numbers out of the identity keys and the trait of that name."""
    stated = text_of(customer.traits, kind)
    keys = {key.partition(":")[2] for key in customer.identity_keys if key.startswith(f"{kind}:")}
    return keys | ({stated} if stated else set())
