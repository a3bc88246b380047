"""HTTP: typed routes with problem-details errors, a guard at every door, and the OpenAPI document of what is served.

    class ProfilesApi(Api):
        name = "profiles_api"

        @route("GET", "/api/profiles/customers/<identity>", summary="A customer", response=schemas.Customer())
        def get_customer(self, identity: str) -> dict[str, Any]:
            ...

A handler gets the path's parts, `query`, `headers` and `body` (loaded by their schemas), raises a `Problem` or returns what `response`
dumps. Nobody calls it without the scope that its method and service ask for, or a sharper one that it names (shared/access/scopes.py).
nameko's own answer to an exception is its text, and its server takes bodies of any size: both are replaced here.
"""

from shared.http.answers import answer, problem
from shared.http.doors import BODY_LIMIT, Api, Door, Route, door, give_way, route
from shared.http.paging import PageQuery, from_cursor, page, to_cursor
from shared.http.server import Server
from shared.http.tags import Conditional, Tagged, tag_that_holds, tag_until

__all__ = [
    "BODY_LIMIT",
    "Api",
    "Conditional",
    "Door",
    "PageQuery",
    "Route",
    "Server",
    "Tagged",
    "answer",
    "door",
    "from_cursor",
    "give_way",
    "page",
    "problem",
    "route",
    "tag_that_holds",
    "tag_until",
    "to_cursor",
]
