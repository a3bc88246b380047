"""HTTP of segments: their rules, templates to start from, previews, members, sizes and exports."""

import uuid
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from werkzeug.wrappers import Response

from services.profiles.desk import UNKNOWN as UNKNOWN_CUSTOMER
from services.profiles.domain.segments import membership
from services.profiles.domain.segments.comparisons import folded
from services.profiles.domain.segments.definitions import Compiled, Segment
from services.profiles.domain.segments.reading import Reading
from services.profiles.domain.segments.templates import TEMPLATES, Template
from services.profiles.schemas import segments as schemas
from services.profiles.segmenting import reading_of
from services.profiles.storage import Customers
from services.profiles.storage.previews import preview
from services.profiles.storage.segment_exports import Exports
from services.profiles.storage.segments import UNKNOWN, Members, SegmentStore, check
from shared.errors import Conflict, NotFound, Unprocessable
from shared.http import Api, PageQuery, route
from shared.mongo import server_time

_SEGMENTS = "/api/profiles/segments"
_EXPORTS = "/api/profiles/segment-exports"
_DRAFT = "preview"
_NO_TEMPLATE = "No template has this id; list them at /api/profiles/segment-templates."
_NO_EXPORT = "No export has this id; they are kept for a day."


class SegmentRoutes(Api):
    """Who meets which rule. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    @route("GET", _SEGMENTS, summary="List segments", response=schemas.SegmentList())
    def list_segments(self) -> dict[str, Any]:
        """All of them, by name, each with its size."""
        store = SegmentStore(self.store)
        sizes, progress = Members(self.store).sizes(), store.progress()
        shown = [_shown(one, sizes, progress) for one in store.definitions().segments]
        return {"items": sorted(shown, key=lambda one: (folded(one["name"]), one["id"]))}

    @route("POST", _SEGMENTS, summary="Make a segment", body=schemas.NewSegment(), response=schemas.Segment(), status=201)
    def create_segment(self, body: dict[str, Any]) -> dict[str, Any]:
        """Its members come in the background, without `segment_entered`: see `backfill`. From now on events and the clock keep it right."""
        template = _template(body["template"]) if "template" in body else None
        name = body.get("name") or (template.name if template else "")
        segment = Segment(
            body.get("id") or _id_of(name),
            name,
            self._rule_of(template, body["parameters"]) if template else body["rule"],
            body.get("description") or (template.description if template else ""),
            body["visitors"],
            changed_by=body["changed_by"],
        )
        return self._told(SegmentStore(self.store).create(segment))

    @route(
        "POST",
        f"{_SEGMENTS}/preview",
        only_asks=True,
        summary="What a rule would come to",
        body=schemas.SegmentDraft(),
        response=schemas.SegmentPreview(),
    )
    def preview_segment(self, body: dict[str, Any]) -> dict[str, Any]:
        """How many customers would be members, and some of them. Up to 1,000 identity keys all are looked at, else 2,000 by chance."""
        store = SegmentStore(self.store)
        known, rules = store.definitions(), store.rules()
        draft = Segment(_DRAFT, "Preview", body["rule"], visitors=body["visitors"], version=0)
        check(known, draft, rules.profile.timezone)
        found = preview(self.store, known, draft, rules)
        entries = Members(self.store).entries(found.sample)
        sample = [
            {"customer_id": one, "name": entries.get(one, {}).get("name"), "emails": entries.get(one, {}).get("emails", [])}
            for one in found.sample
        ]
        return {**asdict(found), "sample": sample}

    @route("GET", f"{_SEGMENTS}/<id>", summary="A segment", response=schemas.Segment())
    def get_segment(self, id: str) -> dict[str, Any]:
        """Its rule, and how many members it has."""
        return self._told(SegmentStore(self.store).get(id))

    @route("PUT", f"{_SEGMENTS}/<id>", summary="Change a segment", body=schemas.ChangeSegment(), response=schemas.Segment())
    def change_segment(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        """Who comes in by a new rule does so without `segment_entered`; who goes by it is told of, marked as no news."""
        changes = {name: body[name] for name in ("name", "description", "rule", "visitors", "changed_by")}
        return self._told(SegmentStore(self.store).change(id, body["version"], changes))

    @route("DELETE", f"{_SEGMENTS}/<id>", summary="Delete a segment", query=schemas.AtVersion())
    def delete_segment(self, id: str, query: dict[str, Any]) -> Response:
        """Nobody is told of the members that it had. A segment that others refer to stays."""
        SegmentStore(self.store).delete(id, query["version"])
        return Response(status=204)

    @route("GET", "/api/profiles/segment-templates", summary="Ready-made segments", response=schemas.SegmentTemplateList())
    def list_segment_templates(self) -> dict[str, Any]:
        """Make one with `template` and `parameters` in place of a rule; the rule that comes of it can be changed like any other."""
        return {"items": [_template_shown(one) for one in TEMPLATES.values()]}

    @route(
        "GET",
        f"{_SEGMENTS}/<id>/members",
        summary="Who is in a segment",
        query=schemas.MembersQuery(),
        response=schemas.SegmentMemberPage(),
    )
    def list_segment_members(self, id: str, query: dict[str, Any]) -> dict[str, Any]:
        """Who came in last first."""
        SegmentStore(self.store).get(id)
        return Members(self.store).page(id, query)

    @route(
        "GET",
        f"{_SEGMENTS}/<id>/sizes",
        summary="The size of a segment over time",
        query=schemas.SizesQuery(),
        response=schemas.SegmentSizes(),
    )
    def list_segment_sizes(self, id: str, query: dict[str, Any]) -> dict[str, Any]:
        """As noted every few minutes; hours are kept for 14 days, days for good."""
        SegmentStore(self.store).get(id)
        end = query["end"] or server_time(self.store) + timedelta(seconds=1)
        begin = query["begin"] or end - timedelta(days=30)
        members = Members(self.store)
        return {"now": members.sizes().get(id, 0), "items": members.over_time(id, query["step"], begin, end)}

    @route(
        "POST",
        f"{_SEGMENTS}/<id>/exports",
        summary="Have the members written to a table",
        body=schemas.RequestExport(),
        response=schemas.SegmentExport(),
        status=202,
    )
    def request_segment_export(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        """It is written in the background: follow it at /api/profiles/segment-exports/{id}, and fetch its `table.csv` when it is done."""
        SegmentStore(self.store).get(id)
        return Exports(self.store).request(id, Members(self.store).sizes().get(id, 0), body["requested_by"])

    @route(
        "GET",
        f"{_SEGMENTS}/<id>/exports",
        summary="Exports of a segment",
        query=PageQuery(),
        response=schemas.SegmentExportPage(),
    )
    def list_segment_exports(self, id: str, query: dict[str, Any]) -> dict[str, Any]:
        """Of the last day, newest first."""
        return Exports(self.store).page(id, query)

    @route("GET", f"{_EXPORTS}/<id>", summary="How far an export is", response=schemas.SegmentExport())
    def get_segment_export(self, id: str) -> dict[str, Any]:
        """Lines written, of how many."""
        return self._export(id)

    @route("GET", f"{_EXPORTS}/<id>/table.csv", summary="The members of an export as a table")
    def get_segment_table(self, id: str) -> Response:
        """The table, with a header, in UTF-8. A cell that a spreadsheet would run as a formula begins with an apostrophe."""
        export = self._export(id)
        if export["status"] != "done":
            raise Conflict("It is not written yet: ask for the export until its `status` is `done`.")
        headers = {"Content-Disposition": f'attachment; filename="segment-{export["segment_id"]}.csv"'}
        return Response(Exports(self.store).table(id), headers=headers, content_type="text/csv; charset=utf-8")

    @route(
        "GET",
        "/api/profiles/customers/<path:identity>/segments",
        summary="The segments of a customer, and why",
        query=schemas.StandingQuery(),
        response=schemas.SegmentStandings(),
    )
    def list_segments_of_customer(self, identity: str, query: dict[str, Any]) -> dict[str, Any]:
        """Judged now, not read from lists: each with its rule, and of every condition whether it holds."""
        found = Customers(self.store).find(identity)
        if found is None:
            raise NotFound(UNKNOWN_CUSTOMER)
        rules = SegmentStore(self.store).rules()
        reading = reading_of(*found, rules, server_time(self.store))
        wanted = [rules.segments.get(query["segment"])] if "segment" in query else rules.segments.compiled
        if None in wanted:
            raise NotFound(UNKNOWN)
        standings = [_standing(one, reading) for one in wanted if one]
        return {"items": [one for one in standings if one["member"] or query["all"] or "segment" in query]}

    def _told(self, segment: Segment) -> dict[str, Any]:
        return _shown(segment, Members(self.store).sizes(), SegmentStore(self.store).progress())

    def _export(self, export_id: str) -> dict[str, Any]:
        export = Exports(self.store).find(export_id)
        if export is None:
            raise NotFound(_NO_EXPORT)
        return export

    def _rule_of(self, template: Template, given: dict[str, Any]) -> Any:
        """The rule of a template. Raises Unprocessable for parameters that it does not have or that are missing."""
        names = {one.name for one in template.parameters}
        wrong = {f"/parameters/{name}": ["The template has no such parameter."] for name in given if name not in names}
        filled = {one.name: given.get(one.name, one.default) for one in template.parameters}
        wrong |= {
            f"/parameters/{one.name}": ["Give it: " + one.description]
            for one in template.parameters
            if filled[one.name] is None and one.name != "amount"
        }
        wrong |= {
            f"/parameters/{name}": ["Give a whole number, at least 1."]
            for name in filled
            if _is_no_number(template, name, filled)
        }
        if not wrong and "amount" in filled and filled["amount"] is None:
            filled["amount"] = Members(self.store).spend_of_top(str(filled["currency"]), filled["top_percent"])
            if filled["amount"] is None:
                wrong = {"/parameters/amount": ["Nobody has bought in this currency yet: give the amount."]}
        if wrong:
            raise Unprocessable("The parameters cannot be used: see `fields`.", fields=wrong)
        return template.rule(filled)


def _is_no_number(template: Template, name: str, filled: dict[str, Any]) -> bool:
    default = next((one.default for one in template.parameters if one.name == name), None)
    value = filled.get(name)
    return isinstance(default, int) and value is not None and (type(value) is not int or value < 1)


def _template(template_id: str) -> Template:
    found = TEMPLATES.get(template_id)
    if found is None:
        raise Unprocessable("The body cannot be used: see `fields`.", fields={"template": [_NO_TEMPLATE]})
    return found


def _template_shown(template: Template) -> dict[str, Any]:
    return {**{name: getattr(template, name) for name in ("id", "name", "description", "parameters")}, "rule": template.rule({})}


def _shown(segment: Segment, sizes: dict[str, int], progress: dict[str, Any] | None) -> dict[str, Any]:
    told = {name: getattr(segment, name) for name in Segment.__slots__}
    return {**told, "members": sizes.get(segment.id, 0), "backfill": progress}


def _standing(one: Compiled, reading: Reading) -> dict[str, Any]:
    standing = membership.standing_to(one, reading)
    return {"segment_id": one.segment.id, "name": one.segment.name, **asdict(standing), "why": membership.explained(one, reading)}


def _id_of(name: str) -> str:
    """An id out of a name in Latin letters; by chance for others."""
    words = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in folded(name)).split())[:60].strip("-")
    return words or f"segment-{uuid.uuid4().hex[:12]}"
