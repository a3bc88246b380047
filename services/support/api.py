"""HTTP of support: a customer's context, and tickets."""

import json
from typing import Any

from werkzeug.wrappers import Response

from services.support import schemas
from services.support.desk import Desk
from services.support.domain.tickets import Assignment, Author, Channel, Priority, Request, Ticket, Words
from services.support.overview import Overview
from services.support.storage import Once, People, digest
from shared.access.audit_route import serves_audit
from shared.errors import Unprocessable
from shared.http import Api, PageQuery, answer, route
from shared.openapi import serves_openapi

TICKETS = "/api/support/tickets"


class SupportApi(Api):
    """What an agent should know of a customer, kept by events, and the tickets of all customers."""

    name = "support_api"
    openapi = serves_openapi("support")
    audit = serves_audit("support")

    @route(
        "GET",
        "/api/support/customers/<path:identity>/context",
        summary="What an agent should know of a customer",
        query=schemas.ContextQuery(),
        response=schemas.Context(),
    )
    def get_context(self, identity: str, query: dict[str, Any]) -> dict[str, Any]:
        """Orders with items and status, spend, open cart, last messages, mentions, contact and open tickets, as of this moment."""
        return Overview(self.store).customer(identity, query["limit"])

    @route(
        "POST",
        TICKETS,
        summary="Open a ticket",
        headers=schemas.IdempotencyHeaders(),
        body=schemas.OpenTicket(),
        response=schemas.Ticket(),
        status=201,
    )
    def open_ticket(self, headers: dict[str, Any], body: dict[str, Any]) -> Response:
        """An order that is not among the customer's does not keep the ticket from being opened: see `warnings`."""
        key = People(self.store).key_of(body["customer"])
        if key is None:
            unknown = "No customer is known by this id; give an identity key or an e-mail address."
            raise Unprocessable("The body cannot be used: see `fields`.", fields={"customer": [unknown]})
        channel, priority = Channel(body["channel"]), Priority(body["priority"])
        request = Request(key, body["subject"], body["body"], channel, priority, body["order_id"], body["agent_id"])
        return self._answer(Desk(self.store).open(request, _once("open_ticket", headers, body)), 201)

    @route("GET", TICKETS, summary="Tickets", query=schemas.TicketQuery(), response=schemas.page_of(schemas.TicketSummary))
    def list_tickets(self, query: dict[str, Any]) -> dict[str, Any]:
        """Filters add up; the last touched come first unless `sort` says otherwise."""
        return Overview(self.store).tickets(query)

    @route("GET", f"{TICKETS}/<ticket>", summary="A ticket, by id or number", response=schemas.Ticket())
    def get_ticket(self, ticket: str) -> Response:
        """With its messages, its history and the customer's context. The `ETag` is its version."""
        return _tagged(Overview(self.store).ticket(ticket), 200)

    @route(
        "GET",
        f"{TICKETS}/<ticket>/messages",
        summary="All messages and notes of a ticket, oldest first",
        query=PageQuery(),
        response=schemas.page_of(schemas.TicketMessage),
    )
    def list_messages(self, ticket: str, query: dict[str, Any]) -> dict[str, Any]:
        """The ticket itself shows the latest of them."""
        return Overview(self.store).history(ticket, True, query)

    @route(
        "GET",
        f"{TICKETS}/<ticket>/history",
        summary="All steps of a ticket, oldest first",
        query=PageQuery(),
        response=schemas.page_of(schemas.TicketStep),
    )
    def list_history(self, ticket: str, query: dict[str, Any]) -> dict[str, Any]:
        """The ticket itself shows the latest of them."""
        return Overview(self.store).history(ticket, False, query)

    @route(
        "POST",
        f"{TICKETS}/<ticket>/replies",
        summary="Write in a ticket",
        headers=schemas.ReplyHeaders(),
        body=schemas.Reply(),
        response=schemas.Ticket(),
        status=201,
    )
    def reply(self, ticket: str, headers: dict[str, Any], body: dict[str, Any]) -> Response:
        """A customer's reply brings a resolved ticket back; an agent's leaves it waiting for the customer; a note changes no status."""
        words = Words(body["body"], Author(body["author"]), body["agent_id"], body["is_note"])
        once = _once(f"reply/{ticket}", headers, body)
        return self._answer(Desk(self.store).write(ticket, words, _version(headers, body), once), 201)

    @route(
        "POST",
        f"{TICKETS}/<ticket>/assign",
        summary="Say who works on a ticket",
        headers=schemas.IfMatchHeaders(),
        body=schemas.Assign(),
        response=schemas.Ticket(),
    )
    def assign(self, ticket: str, headers: dict[str, Any], body: dict[str, Any]) -> Response:
        """Assigning whom it is assigned to changes nothing."""
        assignment = Assignment(body["agent_id"], body["team_id"])
        return self._answer(Desk(self.store).assign(ticket, assignment, body["by"], _version(headers, body)))

    @route(
        "POST",
        f"{TICKETS}/<ticket>/resolve",
        summary="Resolve a ticket",
        headers=schemas.IfMatchHeaders(),
        body=schemas.Settle(),
        response=schemas.Ticket(),
    )
    def resolve(self, ticket: str, headers: dict[str, Any], body: dict[str, Any]) -> Response:
        """409 if it is resolved already."""
        return self._answer(Desk(self.store).resolve(ticket, body["agent_id"], _version(headers, body)))

    @route(
        "POST",
        f"{TICKETS}/<ticket>/reopen",
        summary="Reopen a resolved ticket",
        headers=schemas.IfMatchHeaders(),
        body=schemas.Settle(),
        response=schemas.Ticket(),
    )
    def reopen(self, ticket: str, headers: dict[str, Any], body: dict[str, Any]) -> Response:
        """409 if it is not resolved."""
        return self._answer(Desk(self.store).reopen(ticket, body["agent_id"], _version(headers, body)))

    def _answer(self, ticket: Ticket, status: int = 200) -> Response:
        return _tagged(Overview(self.store).beside(ticket), status)


def _tagged(ticket: dict[str, Any], status: int) -> Response:
    return answer(schemas.Ticket().dump(ticket), status, [("ETag", f'"{ticket["version"]}"')])


def _version(headers: dict[str, Any], body: dict[str, Any]) -> int | None:
    """The version that the caller saw, from header or body."""
    tag, stated = headers["version"], body["version"]
    if tag is not None and stated is not None and tag != stated:
        raise Unprocessable("`If-Match` and `version` name two versions; send one of them.")
    seen: int | None = stated if tag is None else tag
    return seen


def _once(use: str, headers: dict[str, Any], body: dict[str, Any]) -> Once | None:
    return Once(use, headers["key"], digest(json.dumps(body, sort_keys=True))) if headers["key"] else None
