"""What a door asks: who is calling, and may they? One guard for a process."""

from collections.abc import Callable
from typing import Any, Final

from werkzeug.wrappers import Request

from shared import metrics
from shared.access.caller import Caller
from shared.access.issuers import KeySet
from shared.access.tokens import Claims, Refused, Tokens
from shared.config import Config
from shared.errors import Forbidden, Unauthorized

SETTING: Final = "GUARD"  # its place in nameko's configuration
CHALLENGE: Final = 'Bearer realm="sambandh"'
# The gateway answers in the same words (deploy/gateway/envoy.yaml), so that nobody learns from a refusal who refused, and why.
HOW_TO_CALL: Final = "Send a valid access token as `Authorization: Bearer <token>`, or an API key as `X-API-Key: <key>`."


class Guard:
    """Lets callers through whose credentials are good. Every refusal of credentials looks the same."""

    def __init__(self, config: Config, machine: Callable[[str], Caller] | None = None) -> None:
        """`machine` says who bears an API key, or raises Refused; without it no key is good."""
        self._machine = machine
        claims = Claims(
            config.jwt_issuer, config.jwt_audience, config.jwt_subject_claim, config.jwt_roles_claim, config.jwt_leeway_seconds
        )
        self._tokens = Tokens(KeySet(config.jwks), claims) if config.jwks else None

    def caller(self, request: Request) -> Caller:
        """Who is calling. Raises Unauthorized; Unavailable where nobody can be verified."""
        try:
            return self._caller(request)
        except Refused as refusal:
            metrics.REFUSED_CALLERS.labels(refusal.reason).inc()
            raise Unauthorized(HOW_TO_CALL, headers=[("WWW-Authenticate", CHALLENGE)]) from None

    def _caller(self, request: Request) -> Caller:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        key = request.headers.get("X-API-Key")
        if key is not None:
            if scheme or self._machine is None:  # with both, which of them counts would be a guess
                raise Refused("malformed")
            return self._machine(key.strip())
        if not scheme:
            raise Refused("missing")
        if scheme.lower() != "bearer" or self._tokens is None or not token.isascii():
            raise Refused("malformed")
        return self._tokens.caller(token.strip())


def demand(caller: Caller, scope: str) -> None:
    """Raise Forbidden unless the caller has the scope."""
    if not caller.may(scope):
        metrics.REFUSED_CALLERS.labels("scope").inc()
        challenge = f'{CHALLENGE}, error="insufficient_scope", scope="{scope}"'
        detail = f"This needs the scope `{scope}`, which these credentials do not have."
        raise Forbidden(detail, headers=[("WWW-Authenticate", challenge)])


def guard_of(settings: Any) -> Guard:
    """The guard of a process, by nameko's configuration."""
    found: Guard = settings[SETTING]
    return found
