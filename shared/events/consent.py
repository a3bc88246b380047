"""`profiles.events` about consent: what customers say they allow, and what follows for those who contact them."""

from marshmallow import fields, validate

from shared.events.fields import Choice, Count, Identifier, optional, required
from shared.events.kind import EventData, EventKind, IdentityKey
from shared.events.profiles import SOURCE, CustomerKeys

PURPOSE = "The purpose: `marketing`, `transactional`, `profiling`, `advertising`, or one of the shop's own."
ON_CHANNEL = (
    "The channel: `email`, `sms`, `push`, `phone`, `post`, `whatsapp`, or one of the shop's own; `all` for every channel."
)


class Proof(EventData):
    """What shows that something was said. IP addresses are cut to their network, browsers to their kind."""

    form_id = optional(fields.String, "The form, sheet or page that was filled in.")
    document_id = optional(fields.String, "Where the proof is kept: a scan, a recording, a ticket.")
    network = optional(fields.String, "The network that it came from: `203.0.113.0/24`, `2001:db8:1::/48`.")
    browser = optional(fields.String, "The kind of browser or app: `firefox on desktop`.")


class SaidByCustomer(EventData):
    source = required(
        Choice,
        "Where it was said. `import`: taken over from elsewhere. `agent`: told to a person of the shop.",
        "storefront",
        "till",
        "marketplace",
        "shop",
        "import",
        "preference_centre",
        "agent",
        "unsubscribe_link",
        "complaint",
        "confirmation",
    )
    stated_by = optional(fields.String, "Who of the shop's people took it down.")
    proof = optional(fields.Nested, "What shows that it was said.", Proof)


class ConsentWord(EventData):
    purpose = required(fields.String, PURPOSE, validate=validate.Length(min=1, max=50))
    channel = required(fields.String, ON_CHANNEL, validate=validate.Length(min=1, max=50))
    status = required(
        Choice,
        "What was said; `pending`: granted, and counting only once it is confirmed.",
        "granted",
        "denied",
        "withdrawn",
        "pending",
    )


class ConsentStated(SaidByCustomer):
    words = required(
        fields.List,
        "What was said, each about one purpose and channel.",
        fields.Nested(ConsentWord),
        validate=validate.Length(1, 50),
    )
    legal_basis = optional(
        Choice,
        "On what ground the shop contacts, where it says so.",
        "consent",
        "contract",
        "legitimate_interest",
        "legal_obligation",
    )
    text_version = optional(fields.String, "Version of the text that the customer read.")
    locale = optional(fields.String, "Language of that text: `de-DE`.")


class OptIn(EventData):
    purpose = required(fields.String, PURPOSE)
    channel = required(fields.String, ON_CHANNEL)
    request_id = required(Identifier, "The word that asks for confirmation.")


class ConsentConfirmed(SaidByCustomer, OptIn):
    requested_at = required(fields.AwareDateTime, "When the grant was given that is confirmed.")


class Pace(EventData):
    pace = required(
        Choice, "How often: as it comes, gathered by week or month, or at most so many.", "all", "weekly", "monthly", "at_most"
    )
    per_week = optional(Count, "Messages a week, with the pace `at_most`.", least=1)


class PreferencesStated(SaidByCustomer):
    topics = optional(fields.Dict, "Wanted or not, by topic.", keys=fields.String(), values=fields.Boolean())
    frequency = optional(fields.Nested, "How often marketing may arrive.", Pace)
    channel = optional(fields.String, "The channel that is liked best.")
    language = optional(fields.String, "The language, as a tag: `pa-Guru`.")
    cleared = optional(
        fields.List,
        "What was said before and is taken back.",
        Choice("frequency", "channel", "language"),
        validate=validate.Length(max=3),
    )


class OptInRequested(CustomerKeys, OptIn):
    requested_at = required(fields.AwareDateTime, "When the grant was given.")
    expires_at = required(fields.AwareDateTime, "Until when it can be confirmed.")
    token = required(
        fields.String,
        "What confirms it. Send the customer a link to `/api/profiles/public/opt-in/{token}/page` of the shop's own address; opening it "
        "confirms nothing yet. It tells nothing about the customer.",
    )
    language = optional(fields.String, "The language that the customer prefers, as a tag.")
    address_key = optional(
        IdentityKey,
        "Where to send it: the key under which the grant was given, else the customer's own address on the channel that was stated last. "
        "Missing where none is known: then nobody can confirm.",
    )


class OptInExpired(CustomerKeys, OptIn):
    expires_at = required(fields.AwareDateTime, "When it could be confirmed no more.")


class ContactPermissionChanged(CustomerKeys):
    purpose = required(fields.String, PURPOSE)
    channel = required(fields.String, ON_CHANNEL)
    may_be_contacted = required(fields.Boolean, "Whether the customer may be contacted from now on.")
    reasons = required(
        fields.List,
        "Why: `granted`, `denied`, `withdrawn`.",
        Choice("granted", "denied", "withdrawn"),
        validate=validate.Length(min=1),
    )
    changed_at = required(fields.AwareDateTime, "When the word was said that decides.")
    word_id = required(Identifier, "That word. Of two of the same `changed_at` the one with the greater id is the later.")


CONTACT_PERMISSION_CHANGED = EventKind(
    name="contact_permission_changed",
    source=SOURCE,
    schema=ContactPermissionChanged,
    sent="For a purpose on a channel, what an identity key allows changed: by a word, a confirmation, or the shop's rules. Also for "
    "imported history, marked as such, since whoever contacts customers needs to know what imported ones allow. Obey it at once.",
    not_sent="When the same is said again; while a grant waits for confirmation (`opt_in_requested`), which allows nothing; by a merge, "
    "which changes what keys belong together and not what was said.",
    key="Subject, `purpose` and `channel`: the latest statement, by its time, is the truth.",
    late="Keep the latest statement of each identity key; of a customer's keys the latest by `changed_at`, then `word_id`, decides. "
    "An older one changes nothing. "
    "Where there is none, the customer may not be contacted, except for a purpose that needs no consent, such as `transactional`.",
)
CONSENT_STATED = EventKind(
    name="consent_stated",
    source=SOURCE,
    schema=ConsentStated,
    sent="A customer said what they allow, at a door of profiles: through a form, a till, an agent, the preference centre.",
    not_sent="For consent in traits (`customer_identified`), for `unsubscribed` and `message_complained`. What follows from all of them is "
    "`contact_permission_changed`, which is what to follow.",
    key="The event id.",
    late="A fact with its own time; profiles works out what holds.",
)
CONSENT_CONFIRMED = EventKind(
    name="consent_confirmed",
    source=SOURCE,
    schema=ConsentConfirmed,
    sent="A customer confirmed a grant by the link that was sent to them.",
    not_sent="When the link was only opened: mail scanners open links.",
    key="The event id: confirming twice is the same event.",
    late="A fact with its own time; profiles works out what holds.",
)
PREFERENCES_STATED = EventKind(
    name="preferences_stated",
    source=SOURCE,
    schema=PreferencesStated,
    sent="A customer said how they wish to be contacted: about what, how often, where, in which language.",
    not_sent="For what they allow (`consent_stated`).",
    key="Subject and preference: for each the latest by time, then event id, is the truth. What is missing stays as it is.",
    late="A preference with an older time than the one known changes nothing.",
)
OPT_IN_REQUESTED = EventKind(
    name="opt_in_requested",
    source=SOURCE,
    schema=OptInRequested,
    sent="A customer granted something that has to be confirmed. For `email` campaigns sends the link, unless it was given no way to send "
    "mail; on other channels it is for you to send.",
    not_sent="To customers who allow it already; for imported history; a second time for the same grant.",
    key="`request_id`, `purpose` and `channel`.",
    late="Of no use after `expires_at`.",
)
OPT_IN_EXPIRED = EventKind(
    name="opt_in_expired",
    source=SOURCE,
    schema=OptInExpired,
    sent="Nobody confirmed a grant in time: it counts no more than if it had not been given.",
    not_sent="When the customer refused meanwhile, or allows it by another word.",
    key="`request_id`, `purpose` and `channel`.",
    late="A later grant of the same asks for confirmation anew.",
)
