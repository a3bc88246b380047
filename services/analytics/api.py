"""HTTP of analytics: figures over time, top products, a summary, event volumes, and the shop's time zone."""

from datetime import UTC, datetime
from typing import Any

from services.analytics import schemas, storage
from services.analytics.answers import Reader
from services.analytics.domain.sales import Rules
from shared.access.audit_route import serves_audit
from shared.http import Api, route
from shared.mongo import Session
from shared.openapi import serves_openapi
from shared.unit_of_work import command


class AnalyticsApi(Api):
    """Figures of the shop, read from running counters: an order counts a moment after it was heard of, and is never counted again."""

    name = "analytics_api"
    openapi = serves_openapi("analytics")
    audit = serves_audit("analytics")

    @route(
        "GET",
        "/api/analytics/revenue",
        summary="Orders, revenue and customers over time",
        query=schemas.RevenueQuery(),
        response=schemas.RevenueAnswer(),
    )
    def get_revenue(self, query: dict[str, Any]) -> dict[str, Any]:
        """Revenue is booked where the order was placed; cancellations, updates and refunds correct it there, whenever they come."""
        return {**self._reader.revenue(query), "definitions": schemas.DEFINITIONS}

    @route(
        "GET",
        "/api/analytics/products",
        summary="Top products",
        query=schemas.ProductsQuery(),
        response=schemas.ProductsAnswer(),
    )
    def get_products(self, query: dict[str, Any]) -> dict[str, Any]:
        """The products with most net revenue, or most pieces, among the orders placed in a range."""
        return self._reader.products(query)

    @route(
        "GET",
        "/api/analytics/summary",
        summary="The figures at a glance",
        query=schemas.TimezoneQuery(),
        response=schemas.SummaryAnswer(),
    )
    def get_summary(self, query: dict[str, Any]) -> dict[str, Any]:
        """Orders, different customers and revenue of today, yesterday, the last 7 and 30 days, and ever."""
        return self._reader.summary(query)

    @route(
        "GET",
        "/api/analytics/events",
        summary="Volumes of events over time",
        query=schemas.EventsQuery(),
        response=schemas.EventsAnswer(),
    )
    def get_events(self, query: dict[str, Any]) -> dict[str, Any]:
        """How often each event of the catalogue was published, by the time at which it happened."""
        return self._reader.events(query)

    @route("GET", "/api/analytics/settings", summary="The shop's settings", response=schemas.SettingsAnswer())
    def get_settings(self) -> dict[str, Any]:
        """The shop's time zone, and how far the recount is that a change of it led to."""
        return self._settings()

    @route(
        "PUT",
        "/api/analytics/settings",
        summary="Change the shop's settings",
        body=schemas.Settings(),
        response=schemas.SettingsAnswer(),
    )
    def put_settings(self, body: dict[str, Any]) -> dict[str, Any]:
        """Customers are counted anew in the background; orders and revenue are exact in every zone all the while."""

        def change(session: Session) -> tuple[None, list[Any]]:
            storage.write_rules(self.store, Rules(**body), session)
            return None, []

        command(self.store, change)
        return self._settings()

    @property
    def _reader(self) -> Reader:
        return Reader(self.store, datetime.now(UTC))

    def _settings(self) -> dict[str, Any]:
        return {"timezone": storage.read_rules(self.store).timezone, "recount": self._reader.recount()}
