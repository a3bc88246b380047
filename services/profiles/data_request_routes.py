"""HTTP of people's rights: to be told what is kept about them, to be forgotten, and how long anybody is kept."""

from dataclasses import asdict
from typing import Any

from werkzeug.wrappers import Response

from services.profiles.data_requests import request
from services.profiles.desk import Desk
from services.profiles.domain.privacy.requests import Wish
from services.profiles.domain.privacy.retention import Retention
from services.profiles.dossier import archive
from services.profiles.schemas import data_requests as schemas
from services.profiles.storage.data_requests import DataRequests, RetentionStore
from services.profiles.storage.rules import StoredRules
from shared.errors import Conflict, NotFound
from shared.extension import Work
from shared.http import Api, route

_CUSTOMER = "/api/profiles/customers/<path:identity>"
_REQUESTS = "/api/profiles/data-requests"
_RETENTION = "/api/profiles/retention"
_RIGHTS = "profiles:privacy"  # all that is kept about somebody, and its end, are not for everybody who may read a profile
_UNKNOWN = "No request has this id; list them at /api/profiles/data-requests."


class DataRequestRoutes(Api):
    """Requests about people's data. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    work = Work()

    @route(
        "POST",
        f"{_CUSTOMER}/erasure",
        scope=_RIGHTS,
        summary="Forget a customer",
        body=schemas.Asking(),
        response=schemas.Accepted(),
        status=202,
    )
    def erase(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """Every service erases all that it keeps about the person and gives a receipt. It cannot be taken back.

        What happened before is not taken in any more when it is heard later; figures of the shop stay as they are. Backups are not
        touched: they go with their age.
        """
        return self._asked(Wish.ERASURE, identity, body)

    @route(
        "POST",
        f"{_CUSTOMER}/export",
        scope=_RIGHTS,
        summary="Collect all that is kept about a customer",
        body=schemas.Asking(),
        response=schemas.Accepted(),
        status=202,
    )
    def export(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """Every service tells what it keeps about the person; when all have, the archive can be fetched for 7 days."""
        return self._asked(Wish.EXPORT, identity, body)

    @route(
        "GET",
        _REQUESTS,
        scope=_RIGHTS,
        summary="Requests about people's data",
        query=schemas.DataRequestsQuery(),
        response=schemas.DataRequestPage(),
    )
    def list_data_requests(self, query: dict[str, Any]) -> dict[str, Any]:
        """The latest first."""
        return DataRequests(self.store).page(query)

    @route(
        "GET",
        f"{_REQUESTS}/<request_id>",
        scope=_RIGHTS,
        summary="A request about a person's data",
        response=schemas.DataRequest(),
    )
    def get_data_request(self, request_id: str) -> dict[str, Any]:
        """Which services have answered, and when."""
        return self._found(request_id)

    @route("GET", f"{_REQUESTS}/<request_id>/archive", scope=_RIGHTS, summary="All that is kept about a customer, as a ZIP file")
    def get_archive(self, request_id: str) -> Response:
        """A page to read (`index.html`) and the data of each service as JSON."""
        found = self._found(request_id)
        if found["wish"] != Wish.EXPORT:
            raise NotFound("This request is an erasure: there is nothing to fetch.")
        if found["state"] != "completed":
            missing = ", ".join(one["service"] for one in found["services"] if one["answered_at"] is None)
            raise Conflict(f"Not all services have answered yet: {missing}. Try again in a moment.")
        told = DataRequests(self.store).told(request_id)
        if not told:
            raise NotFound("The archive is gone: it is kept for 7 days. Ask for a new one.")
        response = Response(archive(told, found), content_type="application/zip")
        response.headers["Content-Disposition"] = f'attachment; filename="{request_id}.zip"'
        response.headers["Cache-Control"] = "no-store"
        return response

    @route("GET", _RETENTION, summary="How long inactive people are kept", response=schemas.StoredTerms())
    def get_retention(self) -> dict[str, Any]:
        """As the product comes, everybody is kept for ever."""
        return self._terms(RetentionStore(self.store).current())

    @route(
        "PUT",
        _RETENTION,
        scope=_RIGHTS,
        summary="Change how long inactive people are kept",
        body=schemas.ChangeTerms(),
        response=schemas.StoredTerms(),
    )
    def change_retention(self, body: dict[str, Any]) -> dict[str, Any]:
        """Whoever is inactive for longer is erased by all services, as if they had asked. Those overdue already go within a week."""
        terms = Retention(body["customer_days"], body["visitor_days"])
        return self._terms(RetentionStore(self.store).change(StoredRules(terms, body["version"], changed_by=body["changed_by"])))

    def _asked(self, wish: Wish, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        person = Desk(self.work).person(identity)
        return {"request_id": request(self.work, wish, (person.customer_id, person.customer), body["requested_by"])}

    def _found(self, request_id: str) -> dict[str, Any]:
        found = DataRequests(self.store).find(request_id)
        if found is None:
            raise NotFound(_UNKNOWN)
        return found

    def _terms(self, stored: StoredRules[Retention]) -> dict[str, Any]:
        versioned = {name: getattr(stored, name) for name in ("version", "changed_at", "changed_by")}
        return {**asdict(stored.rules), **versioned, "reevaluation": RetentionStore(self.store).progress()}
