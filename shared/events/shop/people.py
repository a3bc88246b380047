"""Who somebody is: traits, consent, and which identity keys belong together."""

from marshmallow import INCLUDE, fields

from shared.events.fields import Choice, Count, Identifier, optional, required
from shared.events.kind import EventData, EventKind, IdentityKey
from shared.events.shop.parts import REPEAT, SOURCE, ShopData


class Address(EventData):
    """A postal address."""

    street = optional(fields.String, "Street and number.")
    city = optional(fields.String, "City.")
    postal_code = optional(fields.String, "Postal code.")
    state = optional(fields.String, "State or region.")
    country = optional(fields.String, "Country, as the shop writes it.")


class Company(EventData):
    """The company of a business customer."""

    id = optional(Identifier, "The shop's id of the company.")
    name = optional(fields.String, "Its name.")
    industry = optional(fields.String, "Its line of business.")
    employee_count = optional(Count, "Number of its employees.")
    plan = optional(fields.String, "Its tariff.")


class Traits(EventData):
    """Traits of a customer: the reserved ones typed and in snake case, all others beside them, named and valued as sent."""

    class Meta:
        unknown = INCLUDE

    email = optional(fields.String, "E-mail address, trimmed and in lower case.")
    phone = optional(fields.String, "Phone number, as given.")
    first_name = optional(fields.String, "Given name.")
    last_name = optional(fields.String, "Family name.")
    name = optional(fields.String, "Full name.")
    username = optional(fields.String, "Name in the shop.")
    title = optional(fields.String, "Title or position.")
    gender = optional(fields.String, "Gender, as given.")
    birthday = optional(fields.Date, "Date of birth.")
    age = optional(Count, "Age in years, where no birthday is known.")
    address = optional(fields.Nested, "Postal address.", Address)
    company = optional(fields.Nested, "Company of a business customer.", Company)
    avatar = optional(fields.String, "Address of a picture.")
    website = optional(fields.String, "Address of a website.")
    description = optional(fields.String, "A few words about the customer.")
    created_at = optional(fields.AwareDateTime, "When the shop's account was opened.")
    locale = optional(fields.String, "Language and region: `de-DE`.")
    language = optional(fields.String, "Language: `de`.")
    timezone = optional(fields.String, "IANA time zone: `Europe/Berlin`.")


class CustomerIdentified(ShopData):
    traits = required(fields.Nested, "The traits that are stated; those not named stay as they are, null clears one.", Traits)
    consent = optional(
        fields.Dict,
        "What is stated about consent, by channel: `email`, `sms`, `push`, `phone`, `post`, or another that the shop uses.",
        keys=fields.String(),
        values=Choice("granted", "denied"),
    )


class IdentityAliased(ShopData):
    previous = required(IdentityKey, "The key that was used so far: `anon:5f1c`.")
    current = required(IdentityKey, "The key of the same person from now on: `user:42`.")


class CustomerGrouped(ShopData):
    group_id = required(Identifier, "The shop's id of the group: a company, a household, a club.")
    traits = required(fields.Dict, "What the shop says about the group: any JSON object.")


CUSTOMER_IDENTIFIED = EventKind(
    name="customer_identified",
    source=SOURCE,
    schema=CustomerIdentified,
    sent="A shop said who somebody is: on registration, login, subscription, or a change of the account.",
    not_sent="For every event of a known user. It does not mean that the customer is new.",
    key="Subject and trait, subject and channel of consent: for each the latest by time, then event id, is the truth.",
    late=f"A trait or consent with an older time than the one known changes nothing. {REPEAT}",
)
IDENTITY_ALIASED = EventKind(
    name="identity_aliased",
    source=SOURCE,
    schema=IdentityAliased,
    sent="A shop said that two identity keys are the same person: a client's `alias` call.",
    not_sent="When profiles found that out by itself; the outcome of either is `profile_merged`, which is what to follow.",
    key="The pair of `previous` and `current`.",
    late=f"The order of two aliases does not matter: they add up. {REPEAT}",
)
CUSTOMER_GROUPED = EventKind(
    name="customer_grouped",
    source=SOURCE,
    schema=CustomerGrouped,
    sent="A shop said that somebody belongs to a group.",
    not_sent="When somebody leaves a group: the vocabulary has no word for it. Segments are `segment_entered` of `profiles`.",
    key="Subject and `group_id`; the group's traits are the latest by time.",
    late=f"Memberships add up in any order. {REPEAT}",
)
