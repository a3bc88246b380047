"""HTTP of who is who: merging and unmerging customers, keeping them apart, and the guard rails."""

from dataclasses import asdict
from typing import Any

from services.profiles.desk import Desk, Why
from services.profiles.domain.identity.rules import IdentityRules
from services.profiles.schemas import identities as schemas
from services.profiles.storage.identities import Identities, IdentityRulesStore
from services.profiles.storage.rules import StoredRules
from shared.errors import Conflict
from shared.extension import Work
from shared.http import Api, PageQuery, route

_CUSTOMER = "/api/profiles/customers/<path:identity>"
_APART = "/api/profiles/do-not-merge"
_RULES = "/api/profiles/identity-rules"
_DECIDING = "profiles:identity"  # who is who is not for everybody who may change a profile


class IdentityRoutes(Api):
    """Decisions about who is who. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    work = Work()

    @route(
        "POST",
        f"{_CUSTOMER}/merge/preview",
        only_asks=True,
        summary="What merging two customers would lead to",
        body=schemas.Partner(),
        response=schemas.MergePreview(),
    )
    def preview_merge(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """The customer that would come of it, with orders and spend, whom it would be made of, and in what they differ."""
        desk = Desk(self.work)
        differences = desk.conflicts(identity, body["other"])
        try:
            rulings = desk.merge(identity, body["other"])
        except Conflict:
            return {"customers": [], "conflicts": differences}
        return {"customers": desk.foresee(rulings), "conflicts": differences}

    @route(
        "POST",
        f"{_CUSTOMER}/merge",
        scope=_DECIDING,
        summary="Make two customers one",
        body=schemas.Merge(),
        response=schemas.Decided(),
    )
    def merge(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """Limits do not hold for what a person decides. Nothing is rewritten: the merge can be taken back exactly, at any time."""
        desk = Desk(self.work)
        return desk.decide(desk.merge(identity, body["other"]), _why(body))

    @route(
        "POST",
        f"{_CUSTOMER}/unmerge/preview",
        only_asks=True,
        summary="What unmerging a customer would lead to",
        body=schemas.Parting(),
        response=schemas.Preview(),
    )
    def preview_unmerge(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """The customers that would come of it; none where the evidence would hold them together."""
        desk = Desk(self.work)
        return {"customers": desk.foresee(_parting(desk, identity, body))}

    @route(
        "POST",
        f"{_CUSTOMER}/unmerge",
        scope=_DECIDING,
        summary="Part what is one customer",
        body=schemas.Unmerge(),
        response=schemas.Decided(),
    )
    def unmerge(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """By `decision_id` a merge is taken back; by `identity_keys` keys that do not belong to the customer are taken out for good."""
        desk = Desk(self.work)
        return desk.decide(_parting(desk, identity, body), _why(body))

    @route(
        "GET",
        f"{_CUSTOMER}/decisions",
        summary="What people decided about a customer",
        query=PageQuery(),
        response=schemas.DecidedPage(),
    )
    def list_decisions(self, identity: str, query: dict[str, Any]) -> dict[str, Any]:
        """The latest decision about each pair of keys that one of the customer's is in."""
        return Identities(self.store).decisions(Desk(self.work).person(identity).keys, query)

    @route("GET", _APART, summary="Pairs that are never merged", query=PageQuery(), response=schemas.DecidedPage())
    def list_kept_apart(self, query: dict[str, Any]) -> dict[str, Any]:
        """The latest first."""
        return Identities(self.store).kept_apart(query)

    @route(
        "POST",
        _APART,
        scope=_DECIDING,
        summary="Never merge two customers",
        body=schemas.KeepApart(),
        response=schemas.Decided(),
        status=201,
    )
    def keep_apart(self, body: dict[str, Any]) -> dict[str, Any]:
        """Whatever the evidence says from now on or said so far, it makes them no more one customer."""
        desk = Desk(self.work)
        return desk.decide(desk.keep_apart(body["customer"], body["other"]), _why(body))

    @route(
        "DELETE",
        f"{_APART}/<pair>",
        scope=_DECIDING,
        summary="Let a pair be merged again",
        query=schemas.Reasoned(),
        response=schemas.Decided(),
    )
    def let_merge(self, pair: str, query: dict[str, Any]) -> dict[str, Any]:
        """The evidence speaks again, also that of the past."""
        desk = Desk(self.work)
        return desk.decide(desk.let_merge(pair), _why(query))

    @route(
        "GET",
        "/api/profiles/refused-merges",
        summary="What the guard rails refused",
        query=schemas.RefusedQuery(),
        response=schemas.RefusedPage(),
    )
    def list_refused_merges(self, query: dict[str, Any]) -> dict[str, Any]:
        """Keys that were named together and are kept apart, the latest first. What later evidence or a person joined is no longer here."""
        return Identities(self.store).refused(query)

    @route("GET", _RULES, summary="The guard rails of identity", response=schemas.StoredRules())
    def get_identity_rules(self) -> dict[str, Any]:
        """Limits and priority of each kind of key, and what links nobody."""
        return self._shown(IdentityRulesStore(self.store).current())

    @route(
        "PUT",
        _RULES,
        scope=_DECIDING,
        summary="Change the guard rails of identity",
        body=schemas.ChangeRules(),
        response=schemas.StoredRules(),
    )
    def change_identity_rules(self, body: dict[str, Any]) -> dict[str, Any]:
        """Every customer is judged anew, also for the past, in the background: see `reevaluation`."""
        wanted = StoredRules(schemas.Rules.made(body), body["version"], changed_by=body["changed_by"])
        return self._shown(IdentityRulesStore(self.store).change(wanted))

    def _shown(self, stored: StoredRules[IdentityRules]) -> dict[str, Any]:
        versioned = {name: getattr(stored, name) for name in ("version", "changed_at", "changed_by")}
        return {**asdict(stored.rules), **versioned, "reevaluation": IdentityRulesStore(self.store).progress()}


def _parting(desk: Desk, identity: str, body: dict[str, Any]) -> Any:
    if "decision_id" in body:
        return desk.take_back(identity, body["decision_id"])
    return desk.part(identity, body["identity_keys"])


def _why(said: dict[str, Any]) -> Why:
    return Why(said["decided_by"], said["reason"])
