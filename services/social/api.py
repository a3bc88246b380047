"""HTTP of social: the door for mentions, and mentions with who wrote them."""

from collections import Counter
from typing import Any

from services.social import schemas
from services.social.domain.mentions import folded
from services.social.reception import ACCEPTED, DUPLICATE, REFUSED, Reception
from services.social.storage import Mentions, People, Wanted
from shared.access.audit_route import serves_audit
from shared.errors import NotFound
from shared.http import Api, PageQuery, route
from shared.mongo import Document
from shared.openapi import serves_openapi

MENTIONS = "/api/social/mentions"


class SocialApi(Api):
    """What is said about the shop in social networks, and which customer said it."""

    name = "social_api"
    openapi = serves_openapi("social")
    audit = serves_audit("social")

    @route("POST", MENTIONS, summary="Report mentions", body=schemas.Reports(), response=schemas.Results())
    def receive_mentions(self, body: dict[str, Any]) -> dict[str, Any]:
        """Mentions that are right are taken even when others are not; 422 where none is. Reporting one again changes nothing."""
        results = Reception(self.store).receive(body["mentions"])
        counts = Counter(result.status for result in results)
        return {"results": results, **{status: counts[status] for status in (ACCEPTED, DUPLICATE, REFUSED)}}

    @route("GET", MENTIONS, summary="Mentions, newest first", query=schemas.MentionQuery(), response=schemas.MentionPage())
    def list_mentions(self, query: dict[str, Any]) -> dict[str, Any]:
        """Filters add up. `linked` goes by who is known to be behind the handle now; such a page may be short: go on by `next`."""
        narrowed = {name: query.get(name) for name in ("network", "handle", "linked", "since", "until", "text")}
        return self._page(Wanted(**narrowed), query)

    @route("GET", f"{MENTIONS}/<path:mention_id>", summary="A mention", response=schemas.Mention())
    def get_mention(self, mention_id: str) -> dict[str, Any]:
        """With the customer behind the handle: their name, and whether and how much they bought."""
        row = Mentions(self.store).find(mention_id)
        if row is None:
            raise NotFound("No mention has this id, which is the network and its own id: x:1234.")
        return self._with_authors([row])[0]

    @route(
        "GET",
        "/api/social/customers/<path:identity>/mentions",
        summary="Mentions by a customer, newest first",
        query=PageQuery(),
        response=schemas.MentionPage(),
    )
    def list_mentions_of_customer(self, identity: str, query: dict[str, Any]) -> dict[str, Any]:
        """Of all handles that are the customer's now; `social:<network>:<handle>` finds one handle's even if it is linked with nobody."""
        people = People(self.store)
        known = people.member_ids(folded(identity))
        author_ids = known or (people.own_id(folded(identity)),)
        if known is None and not Mentions(self.store).exist_for(author_ids):
            raise NotFound("Nobody is known by this identity: give an identity key like user:42, an e-mail or a customer id.")
        return self._page(Wanted(author_ids=author_ids), query)

    def _page(self, wanted: Wanted, query: dict[str, Any]) -> dict[str, Any]:
        found = Mentions(self.store).page(wanted, query["cursor"], query["limit"])
        return {**found, "items": self._with_authors(found["items"])}

    def _with_authors(self, rows: list[Document]) -> list[dict[str, Any]]:
        authors = People(self.store).authors(row["author_id"] for row in rows)
        found = [(row, authors.get(row["author_id"])) for row in rows]
        return [{**row, "author": author, "customer_id": author.customer_id if author else None} for row, author in found]
