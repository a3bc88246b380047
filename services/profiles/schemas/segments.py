"""Segments over HTTP: rules, templates, members, previews, exports and sizes."""

from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from services.profiles.domain.history import MOST_KEPT
from services.profiles.schemas.customers import Money
from services.profiles.schemas.identities import Progress
from shared.access.caller import Actor
from shared.http import PageQuery

_ID = validate.Regexp(r"^[a-z0-9][a-z0-9-]{0,62}$", error="Ids are lower-case letters, digits and dashes: `big-spenders`.")
_RULE = (
    "The rule: JSON that people can read, described in docs/segments.md. A group is `all`, `any` or `none` of a list of rules; a condition "
    "is on a `trait`, an `event`, `orders`, another `segment`, a `stage`, an `affinity`, `consent`, or a random `sample`. "
    f"Of each event the newest {MOST_KEPT} of each identity key are remembered: within windows, periods and choices by property conditions "
    "know of these; without any of that all that ever happened are counted. At most 100 conditions, 8 levels deep."
)


def _described(text: str) -> dict[str, str]:
    return {"description": text}


class SegmentNamed(Schema):
    """What people say of a segment."""

    name = fields.String(required=True, validate=validate.Length(1, 200))
    description = fields.String(load_default="", validate=validate.Length(max=2_000))


class SegmentDraft(Schema):
    """A rule that is not stored yet."""

    rule = fields.Dict(required=True, keys=fields.String(), metadata=_described(_RULE))
    visitors = fields.Boolean(
        load_default=False,
        metadata=_described("Whether nameless visitors who bought nothing can be in it, too; of these there may be millions."),
    )


class NewSegment(Schema):
    """A segment to make, out of a rule or of a template."""

    id = fields.String(
        validate=_ID, metadata=_described("What other rules and services call it; left out, made of the name. It stays.")
    )
    name = fields.String(validate=validate.Length(1, 200), metadata=_described("Needed, unless it is that of the template."))
    description = fields.String(validate=validate.Length(max=2_000))
    rule = fields.Dict(keys=fields.String(), metadata=_described(_RULE))
    visitors = fields.Boolean(load_default=False, metadata=_described("Whether nameless visitors can be in it, too."))
    template = fields.String(metadata=_described("One of /api/profiles/segment-templates, in place of a rule."))
    parameters = fields.Dict(keys=fields.String(), load_default=dict, metadata=_described("Of the template."))
    changed_by = Actor()

    @validates_schema
    def _says_what(self, data: dict[str, Any], **kwargs: Any) -> None:
        if ("rule" in data) == ("template" in data):
            raise ValidationError("Give either a `rule` or a `template`.", "rule")
        if "rule" in data and "name" not in data:
            raise ValidationError("Give it a name.", "name")


class ChangeSegment(SegmentNamed, SegmentDraft):
    """A segment in the place of that of `version`. What was read may be sent back with changes."""

    class Meta:
        unknown = EXCLUDE

    version = fields.Integer(
        required=True, strict=True, validate=validate.Range(1), metadata=_described("The version that was read.")
    )
    changed_by = Actor(sent_back=True)


class AtVersion(Schema):
    """Which version is meant."""

    version = fields.Integer(required=True, validate=validate.Range(1), metadata=_described("The version that was read."))


class Segment(Schema):
    """A segment."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    rule = fields.Dict(required=True, metadata=_described(_RULE))
    visitors = fields.Boolean(required=True)
    members = fields.Integer(required=True, metadata=_described("How many there are now, as far as `backfill` has come."))
    version = fields.Integer(required=True, metadata=_described("Counts the changes of this segment."))
    created_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_at = fields.AwareDateTime(required=True, allow_none=True)
    changed_by = fields.String(required=True, allow_none=True)
    rule_since = fields.AwareDateTime(required=True, allow_none=True, metadata=_described("When its rule was made as it is."))
    backfill = fields.Nested(
        Progress,
        required=True,
        allow_none=True,
        metadata=_described("How far all customers were looked at since settings were changed; null: members are complete."),
    )


class SegmentList(Schema):
    """All segments of the shop, by name."""

    items = fields.List(fields.Nested(Segment), required=True)


class TemplateParameter(Schema):
    """What can be set of a template."""

    name = fields.String(required=True)
    description = fields.String(required=True)
    default = fields.Raw(required=True, allow_none=True, metadata=_described("Null: it has to be given, or is worked out."))


class SegmentTemplate(Schema):
    """A ready-made segment."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    description = fields.String(required=True)
    parameters = fields.List(fields.Nested(TemplateParameter), required=True)
    rule = fields.Dict(
        required=True, metadata=_described("The rule with the defaults; null stands where something is to be given.")
    )


class SegmentTemplateList(Schema):
    """All templates."""

    items = fields.List(fields.Nested(SegmentTemplate), required=True)


class PreviewedCustomer(Schema):
    """A customer in a preview."""

    customer_id = fields.String(required=True)
    name = fields.String(required=True, allow_none=True)
    emails = fields.List(fields.String(), required=True)


class SegmentPreview(Schema):
    """What a rule would come to."""

    estimate = fields.Integer(required=True, metadata=_described("How many customers would be members."))
    low = fields.Integer(required=True, metadata=_described("With 95% confidence there are at least so many,"))
    high = fields.Integer(required=True, metadata=_described("and at most so many."))
    exact = fields.Boolean(
        required=True, metadata=_described("Everybody was looked at, as is done where there are few customers.")
    )
    looked_at = fields.Integer(required=True, metadata=_described("Customers who were looked at; by chance, where not all were."))
    sample = fields.List(
        fields.Nested(PreviewedCustomer), required=True, metadata=_described("Up to ten of those who would be members.")
    )


class MembersQuery(PageQuery):
    """Which members to list."""

    since_from = fields.AwareDateTime(load_default=None, metadata=_described("Only members since then or later."))
    since_to = fields.AwareDateTime(load_default=None, metadata=_described("Only members since before then."))


class SegmentMember(Schema):
    """A customer who is in a segment."""

    customer_id = fields.String(required=True)
    since = fields.AwareDateTime(
        required=True,
        metadata=_described(
            "Since when the rule has been met without a break, by all that is known today; at most since first heard of."
        ),
    )
    name = fields.String(load_default=None, dump_default=None, allow_none=True)
    emails = fields.List(fields.String(), dump_default=list)
    orders = fields.Integer(dump_default=0)
    spend = fields.List(fields.Nested(Money), dump_default=list)
    last_seen = fields.AwareDateTime(dump_default=None, allow_none=True)


class SegmentMemberPage(Schema):
    """Members, who came last first, one page."""

    items = fields.List(fields.Nested(SegmentMember), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))


class SizesQuery(Schema):
    """Which sizes to tell."""

    step = fields.String(
        load_default="day",
        validate=validate.OneOf(["hour", "day"]),
        metadata=_described(
            "The size at the end of each day (UTC), or of each hour of the last 14 days; of the present one so far."
        ),
    )
    begin = fields.AwareDateTime(load_default=None, data_key="from", metadata=_described("30 days ago where nothing is said."))
    end = fields.AwareDateTime(load_default=None, data_key="to")


class SegmentSize(Schema):
    """How many members there were."""

    at = fields.AwareDateTime(required=True, metadata=_described("When the hour or day began."))
    members = fields.Integer(required=True)


class SegmentSizes(Schema):
    """The size of a segment over time, oldest first."""

    now = fields.Integer(required=True)
    items = fields.List(fields.Nested(SegmentSize), required=True)


class StandingQuery(Schema):
    """Which segments to tell of."""

    segment = fields.String(metadata=_described("Only this one, also where the customer is not in it."))
    all = fields.Boolean(load_default=False, metadata=_described("Also those that the customer is not in."))


class SegmentStanding(Schema):
    """How a customer stands to a segment."""

    segment_id = fields.String(required=True)
    name = fields.String(required=True)
    member = fields.Boolean(required=True)
    since = fields.AwareDateTime(required=True, allow_none=True, metadata=_described("Since when it has been so."))
    until = fields.AwareDateTime(
        required=True, allow_none=True, metadata=_described("When time alone will change that; null: never.")
    )
    why = fields.Dict(required=True, metadata=_described("The rule; `holds` says of each condition whether it holds now."))


class SegmentStandings(Schema):
    """The segments of a customer, judged now."""

    items = fields.List(fields.Nested(SegmentStanding), required=True)


class RequestExport(Schema):
    """Who wants it."""

    requested_by = Actor()


class SegmentExport(Schema):
    """Members as a table, written in the background."""

    id = fields.String(attribute="_id", required=True)
    segment_id = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["pending", "running", "done"]))
    done = fields.Integer(required=True, metadata=_described("Lines written."))
    total = fields.Integer(required=True, metadata=_described("Members when it was asked for."))
    requested_by = fields.String(required=True)
    requested_at = fields.AwareDateTime(required=True, metadata=_described("It is kept for a day."))
    finished_at = fields.AwareDateTime(required=True, allow_none=True)


class SegmentExportPage(Schema):
    """Exports, newest first, one page."""

    items = fields.List(fields.Nested(SegmentExport), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_described("Cursor of the next page; null at the end."))
