"""HTTP of profiles: customers, found by whatever is known of them, and their timelines."""

from typing import Any

from services.profiles.consent_routes import ConsentRoutes
from services.profiles.data_request_routes import DataRequestRoutes
from services.profiles.desk import UNKNOWN
from services.profiles.identity_routes import IdentityRoutes
from services.profiles.journey_routes import JourneyRoutes
from services.profiles.public_routes import PublicRoutes
from services.profiles.reading_routes import ReadingRoutes
from services.profiles.schemas import customers as schemas
from services.profiles.segment_routes import SegmentRoutes
from services.profiles.storage import Customers, Directory
from shared.access.audit_route import serves_audit
from shared.errors import NotFound
from shared.http import route
from shared.openapi import serves_openapi


class ProfilesApi(ReadingRoutes, IdentityRoutes, ConsentRoutes, PublicRoutes, DataRequestRoutes, SegmentRoutes, JourneyRoutes):
    """Customers as profiles knows them. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    name = "profiles_api"
    openapi = serves_openapi("profiles")
    audit = serves_audit("profiles")

    @route(
        "GET",
        "/api/profiles/customers",
        summary="Find or list customers",
        query=schemas.CustomersQuery(),
        response=schemas.CustomerPage(),
    )
    def list_customers(self, query: dict[str, Any]) -> dict[str, Any]:
        """Everybody who left a name of any kind or bought; visitors without either are not listed.

        A name is found in whatever script it was written: first those whose letters are the same, then those that sound alike.
        """
        customers = Customers(self.store)
        if query["sort"] == "spend":
            return customers.biggest_spenders(query["currency"], query["cursor"], query["limit"])
        directory = Directory(self.store)
        if query["sort"] == "name":
            return directory.by_name(query["cursor"], query["limit"])
        wanted = schemas.CustomersQuery.search(query)
        return directory.search(wanted, query["sort"], query["cursor"], query["limit"])

    @route(
        "GET",
        "/api/profiles/customers/<path:identity>/timeline",
        summary="What happened to a customer",
        query=schemas.TimelineQuery(),
        response=schemas.TimelinePage(),
    )
    def get_timeline(self, identity: str, query: dict[str, Any]) -> dict[str, Any]:
        """The events of all identity keys of the customer, newest first."""
        wanted = schemas.TimelineQuery.excerpt(query)
        found = Customers(self.store).timeline(identity, wanted, query["cursor"], query["limit"])
        if found is None:
            raise NotFound(UNKNOWN)
        return found
