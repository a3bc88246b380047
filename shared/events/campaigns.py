"""`campaigns.events`: who is addressed, what became of each message, and what it brought."""

from marshmallow import fields, validate

from shared.events.fields import Choice, Count, Currency, Identifier, Share, optional, required
from shared.events.kind import EventData, EventKind, IdentityKey, MinorUnits

SOURCE = "campaigns"
CHANNEL = "The channel of the message: `email`, `sms`, `push`, `webhook`."
ONCE = "Counts at its own time; a repeat has the same event id."


class AudienceMoved(EventData):
    customer_id = required(Identifier, "The customer.")
    audience_id = required(Identifier, "The audience.")
    audience_name = optional(fields.String, "Its name, for people.")
    identity_keys = required(
        fields.List,
        "Identity keys of the customer, so that an advertising audience can be kept by them.",
        IdentityKey(),
        validate=validate.Length(min=1),
    )
    contactable = optional(
        fields.List,
        "Channels on which the customer may be contacted for marketing as this is said: `email`. Later changes are "
        "`contact_permission_changed`.",
        fields.String(),
    )


class MessageMoved(EventData):
    message_id = required(Identifier, "The message: one send to one customer.")
    customer_id = required(Identifier, "The recipient. The address is not passed on.")
    campaign_id = required(
        Identifier, "The campaign that it belongs to; `double_opt_in` for the mail that asks to confirm a grant."
    )
    channel = required(fields.String, CHANNEL)
    variant = optional(fields.String, "The variant of an experiment that the recipient got.")


class MessageSent(MessageMoved):
    subject = optional(fields.String, "The subject line before the recipient's own words were filled in.")


class MessageClicked(MessageMoved):
    link_id = optional(Identifier, "The link, as the template names it.")
    url = optional(fields.String, "Where it leads, without the recipient's own parameters.")


class MessageBounced(MessageMoved):
    kind = required(Choice, "`hard`: the address does not exist, nothing is sent to it again. `soft`: try later.", "hard", "soft")
    reason = optional(fields.String, "Enhanced status code of the receiving server: `5.1.1`.")


class MessageSkipped(MessageMoved):
    reason = required(
        Choice,
        "`no_consent`, `no_address`, `unsubscribed`; `suppressed`: bounced or complained before; `frequency_cap`; `quiet_hours`: "
        "no allowed time before the message would be stale; `holdout`: control group of an experiment; `no_longer_applies`: the "
        "customer bought or left the audience meanwhile; `stale`: its moment passed; `failed`: the provider refused for good.",
        "no_consent",
        "no_address",
        "unsubscribed",
        "suppressed",
        "frequency_cap",
        "quiet_hours",
        "holdout",
        "no_longer_applies",
        "stale",
        "failed",
    )


class Unsubscribed(EventData):
    customer_id = required(Identifier, "The customer.")
    channel = required(fields.String, CHANNEL)
    list_id = optional(Identifier, "The list that was left; null for everything on this channel.")
    message_id = optional(Identifier, "The message whose link was used.")


class Conversion(EventData):
    customer_id = required(Identifier, "The customer.")
    order_id = required(Identifier, "The order that is credited.")
    campaign_id = required(Identifier, "The campaign that it is credited to.")
    message_id = optional(Identifier, "The message that it is credited to.")
    amount = required(MinorUnits, "The part of the order's amount that is credited, in minor units.")
    currency = required(Currency, "ISO 4217 code of `amount`.")


class ConversionAttributed(Conversion):
    model = required(Choice, "The rule of attribution.", "last_touch", "first_touch", "linear")


class ConversionReversed(Conversion):
    reason = required(Choice, "What took it back.", "cancelled", "refunded", "corrected")


class ExperimentDecided(EventData):
    experiment_id = required(Identifier, "The experiment.")
    campaign_id = required(Identifier, "The campaign that it ran in.")
    winner = optional(fields.String, "The variant that is used from now on; null where none is better.")
    recipients = required(Count, "Customers that took part.")
    confidence = optional(Share, "Probability that the winner is the best one.")


AUDIENCE_ENTERED = EventKind(
    name="audience_entered",
    source=SOURCE,
    schema=AudienceMoved,
    sent="A customer began to meet the rule of an audience, so that a copy elsewhere, such as one for advertising, can follow.",
    not_sent="For customers who come in because the rule itself was changed: fetch the list of members then.",
    key="`customer_id` and `audience_id`: the latest of entered and left, by time, decides.",
    late="An older one than the latest known of the same customer and audience changes nothing.",
)
AUDIENCE_LEFT = EventKind(
    name="audience_left",
    source=SOURCE,
    schema=AudienceMoved,
    sent="A customer no longer meets the rule of an audience: take them out of every copy of it.",
    not_sent="When the audience was deleted.",
    key="`customer_id` and `audience_id`: the latest of entered and left, by time, decides.",
    late="An older one than the latest known of the same customer and audience changes nothing.",
)
MESSAGE_SENT = EventKind(
    name="message_sent",
    source=SOURCE,
    schema=MessageSent,
    sent="A message was handed to its provider, which took it.",
    not_sent="Because of imported history; for messages that were not sent, each of which has a `message_skipped`.",
    key="`message_id`.",
    late=ONCE,
)
MESSAGE_DELIVERED = EventKind(
    name="message_delivered",
    source=SOURCE,
    schema=MessageMoved,
    sent="The recipient's side took the message.",
    not_sent="By providers that do not report it. It does not mean that anybody saw the message.",
    key="`message_id`.",
    late=f"May be heard before `message_sent`. {ONCE}",
)
MESSAGE_OPENED = EventKind(
    name="message_opened",
    source=SOURCE,
    schema=MessageMoved,
    sent="The message was opened for the first time, as far as its picture tells.",
    not_sent="For openings by mail scanners that are known as such, and for a second opening.",
    key="`message_id`.",
    late=ONCE,
)
MESSAGE_CLICKED = EventKind(
    name="message_clicked",
    source=SOURCE,
    schema=MessageClicked,
    sent="A link in the message was followed.",
    not_sent="For links followed by mail scanners that are known as such, and for the link to unsubscribe.",
    key="The event id: each click is a fact; a message was clicked when there is one.",
    late=ONCE,
)
MESSAGE_BOUNCED = EventKind(
    name="message_bounced",
    source=SOURCE,
    schema=MessageBounced,
    sent="The message could not be delivered.",
    not_sent="While the provider still tries.",
    key="`message_id`; a hard bounce outweighs a soft one.",
    late="A hard bounce counts whenever it is heard: the address is not used again.",
)
MESSAGE_COMPLAINED = EventKind(
    name="message_complained",
    source=SOURCE,
    schema=MessageMoved,
    sent="The recipient marked the message as spam.",
    not_sent="When the recipient unsubscribed (`unsubscribed`).",
    key="`message_id`.",
    late="Counts whenever it is heard: nothing more is sent to the recipient on this channel.",
)
MESSAGE_SKIPPED = EventKind(
    name="message_skipped",
    source=SOURCE,
    schema=MessageSkipped,
    sent="A message that was meant to be sent was not, for the reason given.",
    not_sent="For customers whom no campaign addressed; while a message only waits for its time.",
    key="`message_id`: it is either sent or skipped.",
    late=ONCE,
)
UNSUBSCRIBED = EventKind(
    name="unsubscribed",
    source=SOURCE,
    schema=Unsubscribed,
    sent="A customer asked for no more messages of a list or a channel.",
    not_sent="When consent was taken back in the shop: that arrives as `consent_changed` of `profiles`.",
    key="`customer_id`, `channel` and `list_id`: the latest of this and a new consent, by time, decides.",
    late="Honour it as soon as it is heard; an older one than a newer consent changes nothing.",
)
CONVERSION_ATTRIBUTED = EventKind(
    name="conversion_attributed",
    source=SOURCE,
    schema=ConversionAttributed,
    sent="An order was credited to a campaign.",
    not_sent="For orders that no message or visit of a campaign came before.",
    key="`order_id`, `campaign_id` and `message_id`.",
    late="An earlier touch or order that is heard late may move the credit: a `conversion_reversed` and a new one follow.",
)
CONVERSION_REVERSED = EventKind(
    name="conversion_reversed",
    source=SOURCE,
    schema=ConversionReversed,
    sent="A credit was taken back, as a whole or in part: the order was cancelled, refunded, or credited anew.",
    not_sent="For orders that were never credited.",
    key="The event id: reversals of one credit add up, never to more than it.",
    late="Subtract it whenever it is heard.",
)
EXPERIMENT_DECIDED = EventKind(
    name="experiment_decided",
    source=SOURCE,
    schema=ExperimentDecided,
    sent="An experiment came to its end, with or without a winner.",
    not_sent="For interim figures.",
    key="`experiment_id`.",
    late=ONCE,
)
