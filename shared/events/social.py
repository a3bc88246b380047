"""`social.events`: what is said about the shop in social networks, and what the shop says there."""

from marshmallow import fields

from shared.events.fields import Choice, Count, Identifier, optional, required
from shared.events.kind import EventData, EventKind

SOURCE = "social"


class MentionReceived(EventData):
    mention_id = required(Identifier, "The mention, made of the network and its own id: a second report is the same mention.")
    network = required(fields.String, "The network: `mastodon`, `x`, `instagram`.")
    handle = required(Identifier, "Who wrote it, as the network names them. The event's subject is `social:<network>:<handle>`.")
    author_name = optional(fields.String, "The name that the author shows there.")
    customer_id = optional(Identifier, "The customer behind the handle, where known.")
    text = required(fields.String, "What was written.")
    url = optional(fields.String, "Where it can be read.")
    sentiment = optional(Choice, "How it sounds; null where that was not judged.", "positive", "neutral", "negative")
    in_reply_to = optional(Identifier, "The post or mention that it answers.")


class MentionAnswered(EventData):
    mention_id = required(Identifier, "The mention.")
    network = required(fields.String, "The network.")
    agent_id = optional(Identifier, "Who answered; null where a rule did.")
    url = optional(fields.String, "Where the answer can be read.")


class PostPublished(EventData):
    post_id = required(Identifier, "The post.")
    network = required(fields.String, "The network.")
    campaign_id = optional(Identifier, "The campaign that it belongs to.")
    url = optional(fields.String, "Where it can be read.")


class FeedbackReceived(EventData):
    feedback_id = required(Identifier, "The feedback.")
    customer_id = optional(Identifier, "The customer, where known.")
    network = optional(fields.String, "The network or platform that it was left on; null for a form of our own.")
    product_id = optional(Identifier, "The product that it is about.")
    rating = optional(Count, "Stars, 1 to 5.", least=1)
    text = optional(fields.String, "What was written.")
    sentiment = optional(Choice, "How it sounds; null where that was not judged.", "positive", "neutral", "negative")


class ContestEntered(EventData):
    contest_id = required(Identifier, "The contest.")
    entry_id = required(Identifier, "The entry.")
    network = required(fields.String, "The network.")
    handle = required(Identifier, "Who entered, as the network names them.")
    customer_id = optional(Identifier, "The customer behind the handle, where known.")


class ContestDrawn(EventData):
    contest_id = required(Identifier, "The contest.")
    entries = required(Count, "Number of entries that took part in the draw.")
    winning_entries = required(fields.List, "The `entry_id` of each winner, first prize first; possibly empty.", Identifier())
    seed = required(fields.String, "The public seed that the draw can be repeated with.")


MENTION_RECEIVED = EventKind(
    name="mention_received",
    source=SOURCE,
    schema=MentionReceived,
    sent="Somebody wrote about the shop, or to it, in a social network.",
    not_sent="For the shop's own posts and answers; for a mention that was reported before.",
    key="`mention_id`.",
    late="Networks report late and more than once; counts at the time it was written.",
)
MENTION_ANSWERED = EventKind(
    name="mention_answered",
    source=SOURCE,
    schema=MentionAnswered,
    sent="The shop answered a mention in its network.",
    not_sent="When a ticket was opened instead (`ticket_opened` of `support`).",
    key="The event id; the earliest by time is the first answer.",
    late="May be heard before its mention.",
)
POST_PUBLISHED = EventKind(
    name="post_published",
    source=SOURCE,
    schema=PostPublished,
    sent="A post of the shop appeared in a network.",
    not_sent="When it was planned, or when the network refused it.",
    key="`post_id`.",
    late="Counts at its own time; a repeat has the same event id.",
)
FEEDBACK_RECEIVED = EventKind(
    name="feedback_received",
    source=SOURCE,
    schema=FeedbackReceived,
    sent="Somebody rated the shop or a product on a network, a platform or a form.",
    not_sent="For reviews in the shop itself (`product_reviewed`) and answers to support's surveys (`survey_answered`).",
    key="`feedback_id`; the latest by time is the feedback.",
    late="An older one than the latest known changes nothing.",
)
CONTEST_ENTERED = EventKind(
    name="contest_entered",
    source=SOURCE,
    schema=ContestEntered,
    sent="Somebody took part in a contest and met its rules.",
    not_sent="For an entry beyond those that a person may have.",
    key="`entry_id`.",
    late="An entry from before the end counts although it is heard after it, unless the draw has been.",
)
CONTEST_DRAWN = EventKind(
    name="contest_drawn",
    source=SOURCE,
    schema=ContestDrawn,
    sent="The winners of a contest were drawn.",
    not_sent="Before the end of the contest, and never twice.",
    key="`contest_id`.",
    late="Counts at its own time; a repeat has the same event id.",
)
