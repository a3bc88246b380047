"""`support.events`: tickets, promises about time, and what customers said afterwards."""

from marshmallow import fields

from shared.events.fields import Choice, Count, Identifier, optional, required
from shared.events.kind import EventData, EventKind

SOURCE = "support"


class TicketMoved(EventData):
    ticket_id = required(Identifier, "The ticket.")
    customer_id = optional(Identifier, "The customer, where known. The event's subject is the key that the ticket came with.")
    channel = required(Choice, "Where the ticket came from.", "email", "chat", "phone", "social", "form", "api")


class TicketOpened(TicketMoved):
    subject = optional(fields.String, "Subject line. What was written stays in the ticket.")
    priority = required(Choice, "How urgent it is.", "low", "normal", "high", "urgent")
    order_id = optional(Identifier, "The order that it is about.")


class TicketAssigned(TicketMoved):
    agent_id = optional(Identifier, "Who works on it from now on; null for nobody.")
    team_id = optional(Identifier, "The team that works on it; null for none.")


class TicketReplied(TicketMoved):
    reply_id = required(Identifier, "The reply.")
    author = required(Choice, "Who wrote it.", "customer", "agent", "automation")
    agent_id = optional(Identifier, "The agent, where one wrote it.")


class TicketResolved(TicketMoved):
    agent_id = optional(Identifier, "Who resolved it; null where a rule did.")
    resolution_seconds = required(Count, "Seconds from opening to resolution, waiting for the customer included.")


class SlaBreached(TicketMoved):
    promise = required(Choice, "The promise that was broken.", "first_reply", "next_reply", "resolution")
    due_at = required(fields.AwareDateTime, "When it should have been kept.")


class SurveyAnswered(EventData):
    survey_id = required(Identifier, "The survey.")
    response_id = required(Identifier, "The answer.")
    customer_id = optional(Identifier, "The customer, where known.")
    ticket_id = optional(Identifier, "The ticket that the survey asked about.")
    kind = required(Choice, "What `score` means: nps 0 to 10, csat 1 to 5, ces 1 to 7.", "nps", "csat", "ces")
    score = required(Count, "The score, in the range of its kind.")
    comment = optional(fields.String, "What the customer added.")


TICKET_OPENED = EventKind(
    name="ticket_opened",
    source=SOURCE,
    schema=TicketOpened,
    sent="A customer asked for help, or an agent opened a ticket for a customer.",
    not_sent="For an answer to an open ticket (`ticket_replied`), or for one that comes back (`ticket_reopened`).",
    key="`ticket_id`.",
    late="A ticket that is known to be resolved at a later time stays resolved.",
)
TICKET_ASSIGNED = EventKind(
    name="ticket_assigned",
    source=SOURCE,
    schema=TicketAssigned,
    sent="Who works on a ticket changed.",
    not_sent="When the same agent is assigned again.",
    key="`ticket_id`: the latest by time is the assignment.",
    late="An older one than the latest known changes nothing.",
)
TICKET_REPLIED = EventKind(
    name="ticket_replied",
    source=SOURCE,
    schema=TicketReplied,
    sent="Somebody wrote in a ticket so that the other side reads it.",
    not_sent="For notes between agents.",
    key="`reply_id`.",
    late="Counts at its own time; the earliest of an agent is the first reply.",
)
TICKET_RESOLVED = EventKind(
    name="ticket_resolved",
    source=SOURCE,
    schema=TicketResolved,
    sent="A ticket was settled.",
    not_sent="While it only waits for the customer.",
    key="`ticket_id`: the latest of resolved and reopened, by time, decides.",
    late="An older one than the latest known changes nothing.",
)
TICKET_REOPENED = EventKind(
    name="ticket_reopened",
    source=SOURCE,
    schema=TicketMoved,
    sent="A settled ticket came back to life, by the customer's answer or an agent's hand.",
    not_sent="When the customer starts on something new: that opens another ticket.",
    key="`ticket_id`: the latest of resolved and reopened, by time, decides.",
    late="An older one than the latest known changes nothing.",
)
SLA_BREACHED = EventKind(
    name="sla_breached",
    source=SOURCE,
    schema=SlaBreached,
    sent="The time of a promise about a ticket ran out and it had not been kept.",
    not_sent="While the clock stands because the customer is to answer; before the time is over.",
    key="`ticket_id`, `promise` and `due_at`.",
    late="It was true at its time and stays a fact, whatever became of the ticket since.",
)
SURVEY_ANSWERED = EventKind(
    name="survey_answered",
    source=SOURCE,
    schema=SurveyAnswered,
    sent="A customer answered a survey.",
    not_sent="For reviews of products (`product_reviewed`), or when the survey was only opened.",
    key="`response_id`; a second one with the same id is the corrected answer, the latest time is the answer.",
    late="Counts at its own time.",
)
