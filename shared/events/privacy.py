"""What people have a right to: that all services forget them, and that all services tell what they keep about them.

`profiles.events` carries the requests. Each service answers on its own exchange: `support.events` has the answers of support.
"""

from marshmallow import fields, validate

from shared.events.fields import Choice, Count, Identifier, required
from shared.events.kind import EventData, EventKind
from shared.events.profiles import SOURCE, CustomerKeys


class Asked(CustomerKeys):
    services = required(fields.List, "The services that are to answer.", Identifier(), validate=validate.Length(min=1))
    requested_by = required(fields.String, "Who asked, as the shop names its people.", validate=validate.Length(min=1, max=255))


class ErasureRequested(Asked):
    erasure_id = required(Identifier, "The request; every answer names it.")
    happened_before = required(
        fields.AwareDateTime, "All that happened before this moment is to be forgotten, whenever it is heard."
    )
    reason = required(
        Choice,
        "`request`: the person, or somebody for them, asked. `inactivity`: the shop keeps nobody for so long.",
        "request",
        "inactivity",
    )


class ErasureCompleted(EventData):
    erasure_id = required(Identifier, "The request.")
    service = required(Identifier, "The service that has erased: `support`.")
    erased = required(Count, "Number of documents that were deleted or emptied; 0 where it held nothing.")


class ExportRequested(Asked):
    export_id = required(Identifier, "The request; every answer names it.")


class ExportProvided(EventData):
    export_id = required(Identifier, "The request.")
    service = required(Identifier, "The service that tells what it keeps: `support`.")
    part = required(Count, "Which part of its answer this is, from 1.", least=1)
    parts = required(Count, "How many parts the answer has.", least=1)
    content = required(fields.String, "JSON text: a list of `{section, title, items}`; a section may go on in the next part.")


ERASURE_REQUESTED = EventKind(
    name="erasure_requested",
    source=SOURCE,
    schema=ErasureRequested,
    sent="A customer is to be forgotten. Every service that holds anything about these identity keys erases it and answers. "
    "It is sent again, under another event id, to services that have not answered.",
    not_sent="For an export, or for an unsubscription.",
    key="`erasure_id`.",
    late="Erase whenever it is heard; facts about the keys that are heard afterwards and happened before `happened_before` are not "
    "taken in. What happens later is about somebody new.",
)
ERASURE_COMPLETED = EventKind(
    name="erasure_completed",
    source=SOURCE,
    schema=ErasureCompleted,
    sent="A service has erased what it held, in answer to `erasure_requested`. Each service publishes it on its own exchange.",
    not_sent="Before the deletion is stored durably.",
    key="`erasure_id` and `service`.",
    late="A repeat is the same proof again; `erased` may be 0 then.",
    by_every_service=True,
)
EXPORT_REQUESTED = EventKind(
    name="export_requested",
    source=SOURCE,
    schema=ExportRequested,
    sent="A customer wants to know what is kept about them. Every service answers with all that it holds about these identity keys.",
    not_sent="For lists that the shop exports for itself, such as the members of a segment.",
    key="`export_id`.",
    late="Answer with what is kept at the time of answering.",
)
EXPORT_PROVIDED = EventKind(
    name="export_provided",
    source=SOURCE,
    schema=ExportProvided,
    sent="A service tells what it keeps about a person, in answer to `export_requested`; in several parts where it is much. Each "
    "service publishes it on its own exchange. It is made of personal data: nobody but profiles should listen.",
    not_sent="Without a request.",
    key="`export_id`, `service` and `part`.",
    late="The first of each part counts.",
    by_every_service=True,
)
