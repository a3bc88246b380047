"""An issuer of our own, for a machine or a cluster without an identity provider: a signing key, its key set, and tokens.

key = SigningKey.generate()
key.token("maria", roles=["agent"], lifetime=timedelta(hours=8))
"""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from shared.errors import ConfigurationError

LOCAL_ISSUER: Final = "urn:sambandh:local"
AUDIENCE: Final = "sambandh"
_PUBLIC = ("kty", "crv", "x", "y", "kid", "alg", "use")


@dataclass(frozen=True)
class SigningKey:
    """A private key on the curve P-256 as a JSON Web Key."""

    jwk: dict[str, str]

    @classmethod
    def generate(cls) -> Self:
        made = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1())))
        return cls({**made, "kid": secrets.token_hex(8), "alg": "ES256", "use": "sig"})

    @classmethod
    def read(cls, text: str) -> Self:
        """Raises ConfigurationError for what is no private key of this kind."""
        try:
            key = cls(json.loads(text))
            jwt.PyJWK.from_dict(key.jwk, "ES256")
        except (ValueError, TypeError, jwt.PyJWTError):
            raise ConfigurationError("the signing key is not a JSON Web Key on the curve P-256") from None
        if not {"d", "kid"} <= key.jwk.keys():
            raise ConfigurationError("the signing key has no private part, or no id: `d`, `kid`")
        return key

    @property
    def text(self) -> str:
        return json.dumps(self.jwk)

    @property
    def key_set(self) -> str:
        """The public half, as `JWKS` has it."""
        return json.dumps({"keys": [{name: self.jwk[name] for name in _PUBLIC}]})

    def token(
        self,
        subject: str,
        *,
        roles: Sequence[str] = (),
        scope: str = "",
        lifetime: timedelta = timedelta(hours=12),
        issuer: str = LOCAL_ISSUER,
        audience: str = AUDIENCE,
    ) -> str:
        """A token for a person, valid from now on."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {"iss": issuer, "aud": audience, "sub": subject, "iat": now, "exp": now + lifetime}
        claims |= {"roles": list(roles)} if roles else {}
        claims |= {"scope": scope} if scope else {}
        key = jwt.PyJWK.from_dict(self.jwk, "ES256")
        return jwt.encode(claims, key, algorithm="ES256", headers={"kid": self.jwk["kid"]})
