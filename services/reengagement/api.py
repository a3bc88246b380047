"""HTTP of re-engagement: what is armed for a customer and why, abandoned carts, and the policies."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from services.reengagement.answers import carts_answer, timers_answer
from services.reengagement.domain.moments import CartStatus
from services.reengagement.domain.policies import Kind
from services.reengagement.schemas import customers, policies
from services.reengagement.storage import (
    LATEST_CHANGED,
    LATEST_LEFT,
    AbandonedCarts,
    Customers,
    Found,
    PolicyStore,
    count_pending,
)
from shared.access.audit_route import serves_audit
from shared.errors import NotFound
from shared.http import Api, PageQuery, route
from shared.openapi import serves_openapi

_PREFIX = "/api/reengagement"


class ReengagementApi(Api):
    """Shows the timers and carts of customers, lists abandoned carts, and lets people set the policies."""

    name = "reengagement_api"
    openapi = serves_openapi("reengagement")
    audit = serves_audit("reengagement")

    @route(
        "GET",
        f"{_PREFIX}/customers/<identity>/timers",
        summary="What a customer will be reminded of, was reminded of, and why not of more",
        response=customers.CustomerTimers(),
    )
    def get_timers(self, identity: str) -> dict[str, Any]:
        """`identity` is any identity key (`user:42`), an e-mail address, or a customer id."""
        store, found = Customers(self.store), self._find(identity)
        pending = store.pending(found.identity_keys)
        return timers_answer(found, PolicyStore(self.store).all(), pending, store.now())

    @route(
        "GET",
        f"{_PREFIX}/customers/<identity>/carts",
        summary="A customer's open and abandoned carts",
        response=customers.CustomerCarts(),
    )
    def get_carts(self, identity: str) -> dict[str, Any]:
        """`identity` is any identity key (`user:42`), an e-mail address, or a customer id."""
        found = self._find(identity)
        return carts_answer(found, PolicyStore(self.store).all(), Customers(self.store).now())

    @route(
        "GET",
        f"{_PREFIX}/abandoned-carts",
        summary="Abandoned carts, the one left last first",
        query=customers.AbandonedCartQuery(),
        response=customers.AbandonedCartPage(),
    )
    def list_abandoned_carts(self, query: dict[str, Any]) -> dict[str, Any]:
        """Carts that `cart_abandoned` was announced for, as they were left, with what became of them since."""
        return LATEST_LEFT.page(AbandonedCarts(self.store).latest(query), query["limit"])

    @route("GET", f"{_PREFIX}/summary", summary="How much is under way", response=customers.Summary())
    def get_summary(self) -> dict[str, Any]:
        """Armed timers by kind, abandoned carts by what became of them."""
        counts = AbandonedCarts(self.store).count_by_status()
        carts = [{"status": status.value, "count": counts.get(status.value, 0)} for status in CartStatus]
        return {"timers": count_pending(self.store), "abandoned_carts": carts}

    @route("GET", f"{_PREFIX}/policies", summary="All policies", response=policies.Policies())
    def get_policies(self) -> dict[str, Any]:
        """When customers are reminded: of carts, after silence, and of what is used up."""
        return {kind.value: self._policy(kind) for kind in Kind}

    @route("GET", f"{_PREFIX}/policies/cart", summary="The policy of abandoned carts", response=policies.CartPolicy())
    def get_cart_policy(self) -> dict[str, Any]:
        """When a cart counts as abandoned."""
        return self._policy(Kind.CART)

    @route("GET", f"{_PREFIX}/policies/lapse", summary="The policy of lapsed customers", response=policies.LapsePolicy())
    def get_lapse_policy(self) -> dict[str, Any]:
        """When a customer counts as lapsed."""
        return self._policy(Kind.LAPSE)

    @route(
        "GET",
        f"{_PREFIX}/policies/replenishment",
        summary="The policy of products that are used up",
        response=policies.ReplenishmentPolicy(),
    )
    def get_replenishment_policy(self) -> dict[str, Any]:
        """When a product should be bought again."""
        return self._policy(Kind.REPLENISHMENT)

    @route(
        "PUT",
        f"{_PREFIX}/policies/cart",
        summary="Change the policy of abandoned carts",
        body=policies.CartChange(),
        response=policies.CartPolicy(),
    )
    def put_cart_policy(self, body: dict[str, Any]) -> dict[str, Any]:
        """Holds for carts that are open now, too: every customer is looked at again, `reevaluation` tells how far that is."""
        return self._change(Kind.CART, body)

    @route(
        "PUT",
        f"{_PREFIX}/policies/lapse",
        summary="Change the policy of lapsed customers",
        body=policies.LapseChange(),
        response=policies.LapsePolicy(),
    )
    def put_lapse_policy(self, body: dict[str, Any]) -> dict[str, Any]:
        """Holds for orders of the past, too: every customer is looked at again, `reevaluation` tells how far that is."""
        return self._change(Kind.LAPSE, body)

    @route(
        "PUT",
        f"{_PREFIX}/policies/replenishment",
        summary="Change the policy of products that are used up",
        body=policies.ReplenishmentChange(),
        response=policies.ReplenishmentPolicy(),
    )
    def put_replenishment_policy(self, body: dict[str, Any]) -> dict[str, Any]:
        """Holds for purchases of the past, too: every customer is looked at again, `reevaluation` tells how far that is."""
        return self._change(Kind.REPLENISHMENT, body)

    @route(
        "GET",
        f"{_PREFIX}/policies/<kind>/versions",
        summary="Who changed a policy when, the latest first",
        query=PageQuery(),
        response=policies.PolicyVersionPage(),
    )
    def list_policy_versions(self, kind: str, query: dict[str, Any]) -> dict[str, Any]:
        """`kind` is `cart`, `lapse` or `replenishment`. A policy that was never changed has no versions."""
        if kind not in set(Kind):
            raise NotFound(f"There is no such policy: use one of {', '.join(Kind)}.")
        rows = PolicyStore(self.store).changes(Kind(kind), query)
        listed = LATEST_CHANGED.page(rows, query["limit"])
        return {**listed, "items": [{**row, "settings": policies.SETTINGS[kind].dump(row["policy"])} for row in listed["items"]]}

    def _find(self, identity: str) -> Found:
        found = Customers(self.store).find(identity)
        if found is None:
            raise NotFound("Nothing is known of this customer here. Use an identity key (`user:42`), an e-mail or a customer id.")
        return found

    def _policy(self, kind: Kind) -> dict[str, Any]:
        store = PolicyStore(self.store)
        return {**asdict(store.all().of(kind)), "reevaluation": store.progress()}

    def _change(self, kind: Kind, body: Mapping[str, Any]) -> dict[str, Any]:
        store = PolicyStore(self.store)
        return {**asdict(store.change(kind, body)), "reevaluation": store.progress()}
