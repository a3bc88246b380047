"""HTTP of campaigns: audiences, their members, and the audiences of a customer."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from marshmallow import ValidationError
from werkzeug.wrappers import Response

from services.campaigns import schemas, storage
from services.campaigns.domain import audiences as rules
from services.campaigns.domain.audiences import Audience, Audiences, Rule
from services.campaigns.domain.reasons import estimate, memberships
from services.campaigns.opt_in_routes import OptInRoutes
from shared.access.audit_route import serves_audit
from shared.errors import BadRequest, Conflict, NotFound, Unprocessable
from shared.http import from_cursor, page, route
from shared.openapi import serves_openapi
from shared.permissions import contactable

_ALL = "/api/campaigns/audiences"
_ONE = f"{_ALL}/<audience_id>"
_SAMPLE = 2000
_TAKEN = {"name": ["Another audience has this name."]}


class CampaignsApi(OptInRoutes):
    """Who is addressed: audiences are kept up to date by events and by the clock; a changed rule is applied to everybody at once."""

    name = "campaigns_api"
    openapi = serves_openapi("campaigns")
    audit = serves_audit("campaigns")

    @route("GET", _ALL, summary="Audiences with their sizes", query=schemas.AudiencesQuery(), response=schemas.AudiencePage())
    def list_audiences(self, query: dict[str, Any]) -> dict[str, Any]:
        """Sizes are running counts. While `evaluation` is not null a change of rules is still being applied."""
        wanted = storage.audiences(self.store).listed(query["kind"], _position(query["cursor"]), query["limit"] + 1)
        shown = page(self._views(wanted), query["limit"], lambda row: row["name"])
        return {**shown, "evaluation": storage.evaluation(self.store)}

    @route("POST", _ALL, summary="Make an audience", body=schemas.AudienceBody(), response=schemas.AudienceView(), status=201)
    def create_audience(self, body: dict[str, Any]) -> dict[str, Any]:
        """Everybody who meets the rule is a member as soon as every customer was looked at; nobody is announced as entering by it."""
        audience_id = f"aud-{uuid.uuid4().hex[:12]}"

        def add(known: Audiences, now: datetime) -> Audiences:
            return rules.add(known, Audience(audience_id, body["name"].strip(), body["rule"], created_at=now, rule_since=now))

        return self._view(self._edit(add).find(audience_id))

    @route(
        "POST",
        f"{_ALL}/preview",
        only_asks=True,
        summary="The size that a rule would give",
        body=schemas.RuleBody(),
        response=schemas.Estimate(),
    )
    def preview(self, body: dict[str, Any]) -> dict[str, Any]:
        """Nothing is stored. Up to 2,000 customers are looked at; of more, the size is scaled up from those."""
        sampled = storage.sample(self.store, _SAMPLE)
        return asdict(estimate(body["rule"], sampled, storage.keys_known(self.store), storage.now(self.store)))

    @route("GET", _ONE, summary="An audience", response=schemas.AudienceView())
    def get_audience(self, audience_id: str) -> dict[str, Any]:
        """An audience with its size."""
        return self._view(self._audience(audience_id))

    @route("PUT", _ONE, summary="Replace an audience", body=schemas.AudiencePut(), response=schemas.AudienceView())
    def replace_audience(self, audience_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """A new name, a new rule, or both. A new rule is applied to every customer."""
        return self._change(audience_id, body["version"], body["name"].strip(), body["rule"])

    @route("PATCH", _ONE, summary="Change an audience", body=schemas.AudiencePatch(), response=schemas.AudienceView())
    def change_audience(self, audience_id: str, body: dict[str, Any]) -> dict[str, Any]:
        """What is left out stays. A changed rule is applied to every customer."""
        known = self._audience(audience_id)
        rule = _patched(known.rule, body["rule"]) if "rule" in body else known.rule
        return self._change(audience_id, body["version"], body.get("name", known.name).strip(), rule)

    @route("DELETE", _ONE, summary="Delete an audience", query=schemas.DeleteQuery(), status=204)
    def delete_audience(self, audience_id: str, query: dict[str, Any]) -> Response:
        """It is gone at once; that its members left is not announced."""
        self._edit(lambda known, now: rules.remove(known, audience_id, query["version"]))
        return Response(status=204)

    @route(
        "GET",
        f"{_ONE}/members",
        summary="Members, who came last first",
        query=schemas.MembersQuery(),
        response=schemas.MemberPage(),
    )
    def list_members(self, audience_id: str, query: dict[str, Any]) -> dict[str, Any]:
        """Who belongs to the audience now."""
        self._audience(audience_id)
        return storage.members(self.store, audience_id, query)

    @route(
        "GET",
        "/api/campaigns/customers/<path:identity>/audiences",
        summary="The audiences of a customer, and why",
        response=schemas.CustomerAudiences(),
    )
    def list_audiences_of_customer(self, identity: str) -> dict[str, Any]:
        """Worked out from the facts at this moment. `identity` is an identity key (`user:42`), an e-mail address or a customer id."""
        found = storage.customer(self.store, identity)
        if found is None:
            raise NotFound("No order, abandoned cart or permission is known of this customer.")
        customer_id, customer = found
        joined = memberships(storage.audiences(self.store), customer, storage.now(self.store))
        items = [
            {"audience_id": one.audience.id, "name": one.audience.name, "rule": one.audience.rule, **asdict(one)}
            for one in joined
        ]
        channels = contactable(customer.permissions)
        return {"customer_id": customer_id, "identity_keys": customer.identity_keys, "contactable": channels, "items": items}

    def _audience(self, audience_id: str) -> Audience:
        with _as_problems():
            return storage.audiences(self.store).find(audience_id)

    def _change(self, audience_id: str, version: int, name: str, rule: Rule) -> dict[str, Any]:
        def change(known: Audiences, now: datetime) -> Audiences:
            return rules.change(known, replace(known.find(audience_id), name=name, rule=rule, version=version), now)

        return self._view(self._edit(change).find(audience_id))

    def _edit(self, revise: Callable[[Audiences, datetime], Audiences]) -> Audiences:
        with _as_problems():
            return storage.edit(self.store, revise)

    def _view(self, audience: Audience) -> dict[str, Any]:
        return {**self._views([audience])[0], "evaluation": storage.evaluation(self.store)}

    def _views(self, wanted: list[Audience]) -> list[dict[str, Any]]:
        sizes = storage.sizes(self.store, [audience.id for audience in wanted])
        return [{**asdict(audience), "members": sizes[audience.id]} for audience in wanted]


@contextmanager
def _as_problems() -> Iterator[None]:
    """What cannot be done to the audiences, as an answer that says what to do."""
    try:
        yield
    except rules.UnknownAudience:
        raise NotFound("No audience has this id; GET /api/campaigns/audiences lists them.") from None
    except rules.ChangedMeanwhile as error:
        raise Conflict(f"The audience is at version {error.current} by now: read it again and repeat your change.") from None
    except rules.NameTaken:
        raise Conflict("The name is taken: choose another.", fields=_TAKEN) from None
    except rules.TooManyAudiences:
        raise Conflict(f"There are {rules.MOST_AUDIENCES} audiences already: delete one first.") from None


def _patched(known: Rule, wanted: dict[str, Any]) -> Rule:
    """The rule with what is wanted; the old parameters stay where the kind does. Raises Unprocessable."""
    old = schemas.RuleSchema().dump(known)
    base = old if wanted.get("kind", old["kind"]) == old["kind"] else {}
    try:
        rule: Rule = schemas.RuleSchema().load({**base, **wanted})
    except ValidationError as error:
        raise Unprocessable("The body cannot be used: see `fields`.", fields={"rule": error.messages}) from None
    return rule


def _position(cursor: str | None) -> str:
    """The name that a page ended with."""
    position = from_cursor(cursor)
    if position is not None and not isinstance(position, str):
        raise BadRequest("`cursor` is not one that a page gave as `next`; start without it.")
    return position or ""
