"""The vocabulary of failure: what may be tried again, what never helps, and what a client did wrong."""

from collections.abc import Mapping, Sequence
from typing import Any


class SambandhError(Exception):
    """Anything that this code raises on purpose."""


class StoreAway(SambandhError):
    """MongoDB cannot be reached or has no primary: wait and try the same work again."""


class TooMuchAtOnce(StoreAway):
    """The database ran out of time within one transaction: try the same work again in smaller pieces."""


class BrokerAway(SambandhError):
    """RabbitMQ cannot be reached or broke the connection: reconnect and try again."""


class InvalidEvent(SambandhError):
    """An event that no retry will make right: it is parked with this reason.

    `reason` names fields and types, never values, because it is logged and values may be personal.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ConfigurationError(SambandhError):
    """The environment does not make a working service; the message lists every problem."""


class Problem(SambandhError):
    """An HTTP error as RFC 9457 problem details. `detail` says what to do; `fields` maps a field to what is wrong with it."""

    status = 500
    title = "Internal error"

    def __init__(
        self,
        detail: str,
        *,
        fields: Mapping[str, Any] | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields
        self.headers = headers

    @property
    def code(self) -> str:
        """The title as a stable slug: `not_found`."""
        return self.title.lower().replace(" ", "_")


class BadRequest(Problem):
    status, title = 400, "Bad request"


class Unauthorized(Problem):
    status, title = 401, "Unauthorized"


class Forbidden(Problem):
    status, title = 403, "Forbidden"


class NotFound(Problem):
    status, title = 404, "Not found"


class MethodNotAllowed(Problem):
    status, title = 405, "Method not allowed"


class Conflict(Problem):
    status, title = 409, "Conflict"


class Gone(Problem):
    status, title = 410, "Gone"


class TooLarge(Problem):
    status, title = 413, "Too large"


class Unprocessable(Problem):
    status, title = 422, "Unprocessable"


class TooManyRequests(Problem):
    status, title = 429, "Too many requests"


class Unavailable(Problem):
    status, title = 503, "Unavailable"
