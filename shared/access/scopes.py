"""Scopes, and the roles of people as sets of them: the one place that says who may do what.

A scope is `<service>:<what>`. A route asks for `<service>:read` or `<service>:write` by its method, or for a sharper one that it names.
What is granted may have `*` on either side: `*:read`, `support:*`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Final

READ_METHODS: Final = frozenset({"GET", "HEAD"})
_GRANT = re.compile(r"(?:\*|[a-z]+):(?:\*|[a-z]+)", re.ASCII)
_SERVICE = re.compile(r"/api/([a-z]+)/")

ROLES: Final[Mapping[str, frozenset[str]]] = {
    # Everything, also what only admins may: keys, audit logs, erasure, who is who.
    "admin": frozenset({"*:*"}),
    # Segments, campaigns and journeys, and the people in them.
    "marketer": frozenset(
        {
            *("profiles:read", "profiles:write", "campaigns:read", "campaigns:write", "reengagement:read", "reengagement:write"),
            *("social:read", "social:write", "analytics:read"),
        }
    ),
    # The customer who is asking, what helps to answer, and what they say about being contacted.
    "agent": frozenset(
        {
            *("support:read", "support:write", "social:read", "social:write", "profiles:read", "profiles:consent"),
            *("campaigns:read", "reengagement:read"),
        }
    ),
    # Figures, and nobody's words or addresses.
    "analyst": frozenset({"analytics:read", "campaigns:read", "reengagement:read"}),
}


def scope_of(method: str, path: str) -> str:
    """What a route asks for that names nothing sharper. Raises ValueError for a path that is no service's API."""
    found = _SERVICE.match(path)
    if found is None:
        raise ValueError(f"{method} {path} is not below /api/<service>/: name its scope, or say that it is open to all")
    return f"{found[1]}:{'read' if method in READ_METHODS else 'write'}"


def is_grant(text: str) -> bool:
    """Whether this is written as a scope is, with or without `*`."""
    return _GRANT.fullmatch(text) is not None


def grants_of(roles: Iterable[str]) -> frozenset[str]:
    """What roles allow together; a role that is not known allows nothing."""
    return frozenset().union(*(ROLES[role] for role in roles if role in ROLES))


def covers(granted: Collection[str], scope: str) -> bool:
    """Whether a scope is among what was granted. One with `*` is only where as much was granted."""
    wanted = scope.split(":")
    return any(all(have in ("*", want) for have, want in zip(one.split(":"), wanted, strict=True)) for one in granted)


@lru_cache(maxsize=10_000)
def allows(grants: tuple[frozenset[str], ...], scope: str) -> bool:
    """Whether each of several sets of grants covers a scope; without any set nothing is allowed."""
    return bool(grants) and all(covers(one, scope) for one in grants)
