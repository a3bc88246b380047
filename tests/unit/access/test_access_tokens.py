"""Which tokens are good. Every trick that is known ends in the same refusal, and nothing that a token says leads anywhere."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from shared.access.caller import Kind
from shared.access.issuers import REFRESH_SECONDS, THROTTLE_SECONDS, KeySet, keys_of
from shared.access.signing import LOCAL_ISSUER, SigningKey
from shared.access.tokens import Claims, Refused, Tokens
from shared.errors import ConfigurationError, Unavailable

OURS, THEIRS = SigningKey.generate(), SigningKey.generate()
RSA_KEY = rsa.generate_private_key(65537, 2048)
RSA_JWK = {**json.loads(RSAAlgorithm.to_jwk(RSA_KEY.public_key())), "kid": "rsa", "use": "sig"}
ED_KEY = ed25519.Ed25519PrivateKey.generate()
ED_JWK = {**json.loads(OKPAlgorithm.to_jwk(ED_KEY.public_key())), "kid": "ed"}
KEYS = json.dumps({"keys": [*json.loads(OURS.key_set)["keys"], RSA_JWK, ED_JWK]})


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def verifier(source: str = KEYS, clock: Callable[[], float] | None = None) -> Tokens:
    keys = KeySet(source, clock) if clock else KeySet(source)
    return Tokens(keys, Claims(LOCAL_ISSUER, "sambandh"))


def claims(**changed: Any) -> dict[str, Any]:
    """What a good token says; None takes a claim away."""
    good = {"iss": LOCAL_ISSUER, "aud": "sambandh", "sub": "maria", "roles": ["agent"], "exp": 4_000_000_000}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def signed(headers: dict[str, Any], payload: dict[str, Any], key: SigningKey = OURS) -> str:
    """A token with any headers, signed with ES256 all the same."""
    made = jwt.api_jws.encode(json.dumps(payload).encode(), jwt.PyJWK.from_dict(key.jwk, "ES256"), headers=headers)
    return str(made)


def by_hand(headers: dict[str, Any], payload: dict[str, Any], signature: bytes) -> str:
    return f"{part(headers)}.{part(payload)}.{part(signature)}"


def with_secret(secret: bytes, headers: dict[str, Any]) -> str:
    """HMAC over what a public key is written as: a verifier that lets the token choose takes it."""
    text = f"{part(headers)}.{part(claims())}"
    return f"{text}.{part(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


KID = OURS.jwk["kid"]
PEM = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
GOOD = signed({"kid": KID}, claims())
TRICKS: dict[str, tuple[str, str]] = {
    "nothing": ("", "malformed"),
    "no token at all": ("guessed", "malformed"),
    "two parts": (GOOD.rpartition(".")[0], "malformed"),
    "alg none": (by_hand({"alg": "none", "kid": KID}, claims(), b""), "algorithm"),
    "alg None": (by_hand({"alg": "None", "kid": KID}, claims(), b""), "algorithm"),
    "alg none without kid": (by_hand({"alg": "none"}, claims(), b""), "malformed"),
    "HS256 with our public PEM": (with_secret(PEM, {"alg": "HS256", "kid": "rsa"}), "algorithm"),
    "HS256 with our key set": (with_secret(KEYS.encode(), {"alg": "HS256", "kid": KID}), "algorithm"),
    "HS256 with nothing": (with_secret(b"", {"alg": "HS256", "kid": KID}), "algorithm"),
    "another algorithm of the same key": (
        jwt.encode(claims(), RSA_KEY, algorithm="PS256", headers={"kid": "rsa"}),
        "algorithm",
    ),
    "a stranger's key": (signed({"kid": THEIRS.jwk["kid"]}, claims(), THEIRS), "unknown_key"),
    "a stranger's key under our id": (signed({"kid": KID}, claims(), THEIRS), "signature"),
    "a key that the token brings": (
        signed({"kid": KID, "jwk": json.loads(THEIRS.key_set)["keys"][0]}, claims(), THEIRS),
        "signature",
    ),
    "a kid that is a path": (signed({"kid": "../../../../dev/null"}, claims(), THEIRS), "unknown_key"),
    "a kid that is a query": (signed({"kid": "x' UNION SELECT 'a"}, claims(), THEIRS), "unknown_key"),
    "a kid that is no text": (by_hand({"alg": "ES256", "kid": {"$ne": ""}}, claims(), b"x" * 64), "malformed"),
    "no kid": (signed({}, claims()), "malformed"),
    "an extension that must be understood": (signed({"kid": KID, "crit": ["exp"]}, claims()), "malformed"),
    "a changed payload": (".".join([GOOD.split(".")[0], part(claims(roles=["admin"])), GOOD.split(".")[2]]), "signature"),
    "an empty signature": (GOOD.rpartition(".")[0] + ".", "signature"),
    "a signature of zeros": (by_hand({"alg": "ES256", "kid": KID}, claims(), bytes(64)), "signature"),
    "expired": (signed({"kid": KID}, claims(exp=1_000_000_000)), "expired"),
    "for ever": (signed({"kid": KID}, claims(exp=None)), "malformed"),
    "not yet": (signed({"kid": KID}, claims(nbf=4_000_000_000)), "malformed"),
    "of the future": (signed({"kid": KID}, claims(iat=3_900_000_000)), "malformed"),
    "an end that is no time": (signed({"kid": KID}, claims(exp="soon")), "malformed"),
    "for another audience": (signed({"kid": KID}, claims(aud="billing")), "for_others"),
    "for no audience": (signed({"kid": KID}, claims(aud=None)), "malformed"),
    "of another issuer": (signed({"kid": KID}, claims(iss="https://evil.example/")), "for_others"),
    "of no issuer": (signed({"kid": KID}, claims(iss=None)), "malformed"),
    "of nobody": (signed({"kid": KID}, claims(sub=None)), "malformed"),
    "of somebody unprintable": (signed({"kid": KID}, claims(sub="maria\nadmin")), "malformed"),
    "of a machine": (signed({"kid": KID}, claims(sub="key:3f0c9a77d1e2")), "malformed"),
    "of a number": (signed({"kid": KID}, claims(sub=7)), "malformed"),
    "endless": (signed({"kid": KID}, claims(more="x" * 9_000)), "malformed"),
    "a list": (by_hand({"alg": "ES256", "kid": KID}, [1], b"x" * 64), "signature"),  # type: ignore[arg-type]
    "deep": (by_hand({"alg": "ES256", "kid": KID}, {}, b"x" * 64).replace(part({}), part(b"[" * 3_000)), "signature"),
    "a deep header": (f"{part(b'[' * 3_000)}.{part(claims())}.x", "malformed"),
}


@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_is_refused_for_what_it_is(trick: str) -> None:
    token, reason = TRICKS[trick]
    with pytest.raises(Refused) as refused:
        verifier().caller(token)
    assert refused.value.reason == reason


@pytest.mark.parametrize(
    "token",
    [
        GOOD,
        jwt.encode(claims(), RSA_KEY, algorithm="RS256", headers={"kid": "rsa"}),
        jwt.encode(claims(), ED_KEY, algorithm="EdDSA", headers={"kid": "ed"}),
        signed({"kid": KID}, claims(aud=["billing", "sambandh"])),
    ],
    ids=["ES256", "RS256", "EdDSA", "several audiences"],
)
def test_a_token_of_the_issuer_says_who_it_is(token: str) -> None:
    caller = verifier().caller(token)
    assert (caller.subject, caller.kind) == ("maria", Kind.PERSON)
    assert caller.may("support:write")


@pytest.mark.parametrize(
    ("said", "may", "may_not"),
    [
        ({"roles": ["agent", "marketer"]}, ["support:write", "campaigns:write"], ["collector:read"]),
        ({"roles": "agent"}, ["support:write"], ["campaigns:write"]),
        ({"roles": ["owner"]}, [], ["support:read"]),
        ({"roles": ["admin", 7]}, ["anything:atall"], []),
        ({"roles": None}, [], ["support:read"]),
        ({"roles": None, "scope": "support:read analytics:read"}, ["support:read", "analytics:read"], ["support:write"]),
        ({"roles": ["admin"], "scope": "openid profile support:read"}, ["support:read"], ["support:write", "profiles:read"]),
        ({"roles": ["analyst"], "scope": "openid email"}, ["analytics:read"], ["support:read"]),
        ({"roles": ["analyst"], "scope": "*:*"}, ["analytics:read"], ["support:read"]),
        ({"roles": ["owner"], "scope": "support:read"}, [], ["support:read"]),
        ({"roles": None, "scope": "*:read"}, ["support:read", "profiles:read"], ["support:write"]),
    ],
)
def test_roles_allow_and_scopes_narrow(said: dict[str, Any], may: list[str], may_not: list[str]) -> None:
    caller = verifier().caller(signed({"kid": KID}, claims(**said)))
    assert [scope for scope in may if not caller.may(scope)] == []
    assert [scope for scope in may_not if caller.may(scope)] == []


def test_other_claims_can_name_the_person_and_the_roles() -> None:
    named = Claims(LOCAL_ISSUER, "sambandh", subject="preferred_username", roles="https://shop.example/roles")
    token = signed({"kid": KID}, claims(preferred_username="maria.k", **{"https://shop.example/roles": ["admin"]}))
    caller = Tokens(KeySet(KEYS), named).caller(token)
    assert (caller.subject, caller.may("collector:read")) == ("maria.k", True)


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tokens whose signatures were looked at."""
    seen: list[str] = []
    original = jwt.decode

    def counted(token: str, *given: Any, **named: Any) -> Any:
        seen.append(token)
        return original(token, *given, **named)

    monkeypatch.setattr("shared.access.tokens.jwt.decode", counted)
    return seen


def test_a_signature_is_looked_at_once_until_the_token_ends(verified: list[str]) -> None:
    clock = Clock()
    tokens = Tokens(KeySet(KEYS), Claims(LOCAL_ISSUER, "sambandh"), clock)
    for clock.now in (0, 3_999_999_999, 4_000_000_059):  # with the leeway
        assert tokens.caller(GOOD).subject == "maria"
    assert verified == [GOOD]
    clock.now = 4_000_000_060
    tokens.caller(GOOD)  # the library's own clock is not there yet
    assert verified == [GOOD, GOOD]


def test_what_was_refused_is_not_remembered_as_good(verified: list[str]) -> None:
    tokens, (forged, _) = verifier(), TRICKS["a changed payload"]
    tokens.caller(GOOD)
    for _ in range(2):
        with pytest.raises(Refused):
            tokens.caller(forged)
    assert verified == [GOOD, forged, forged]


def test_no_more_tokens_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch, verified: list[str]) -> None:
    monkeypatch.setattr("shared.access.tokens.REMEMBERED", 2)
    tokens = verifier()
    first, *others = [signed({"kid": KID}, claims(sub=f"person-{number}")) for number in range(3)]
    for token in (first, *others, *others, first):
        tokens.caller(token)
    assert verified == [first, *others, first]


class Provider:
    """A file of keys that counts how often it is read."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.reads = file, 0
        original = Path.open

        def counted(path: Path, *given: Any, **named: Any) -> Any:
            self.reads += path == file
            return original(path, *given, **named)

        monkeypatch.setattr(Path, "open", counted)

    def has(self, *keys: SigningKey) -> None:
        self.file.write_text(json.dumps({"keys": [json.loads(key.key_set)["keys"][0] for key in keys]}))
        self.reads = 0


@pytest.fixture
def provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Provider:
    return Provider(tmp_path / "jwks.json", monkeypatch)


def test_a_new_key_is_found_when_a_token_names_it(provider: Provider) -> None:
    clock = Clock()
    provider.has(OURS)
    tokens = verifier(str(provider.file), clock)
    tokens.caller(GOOD)
    provider.has(OURS, THEIRS)
    clock.now = THROTTLE_SECONDS
    assert tokens.caller(THEIRS.token("li", roles=["agent"])).subject == "li"


def test_unknown_keys_do_not_make_us_ask_more_than_now_and_then(provider: Provider) -> None:
    clock = Clock()
    provider.has(OURS)
    tokens = verifier(str(provider.file), clock)
    for number in range(50):
        clock.now = number / 10
        with pytest.raises(Refused):
            tokens.caller(signed({"kid": f"guess-{number}"}, claims(), THEIRS))
    assert provider.reads == 1
    clock.now = THROTTLE_SECONDS
    with pytest.raises(Refused):
        tokens.caller(signed({"kid": "guess"}, claims(), THEIRS))
    assert provider.reads == 2


def test_a_key_that_was_taken_away_verifies_no_more_not_even_what_is_remembered(provider: Provider) -> None:
    clock = Clock()
    provider.has(OURS, THEIRS)
    tokens = verifier(str(provider.file), clock)
    tokens.caller(GOOD)
    provider.has(THEIRS)
    clock.now = REFRESH_SECONDS
    with pytest.raises(Refused) as refused:
        tokens.caller(GOOD)
    assert refused.value.reason == "unknown_key"


def test_keys_stay_while_the_issuer_is_away_and_without_any_callers_are_told_to_come_back(provider: Provider) -> None:
    clock = Clock()
    tokens = verifier(str(provider.file), clock)
    with pytest.raises(Unavailable):
        tokens.caller(GOOD)
    provider.has(OURS)
    with pytest.raises(Unavailable):
        tokens.caller(GOOD)  # not asked again at once
    clock.now = THROTTLE_SECONDS
    tokens.caller(GOOD)
    provider.file.unlink()
    clock.now += REFRESH_SECONDS
    assert tokens.caller(GOOD).subject == "maria"


def test_nobody_waits_for_an_issuer_that_is_slow_while_its_keys_are_at_hand(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, asked, answered = Clock(), threading.Event(), threading.Event()
    provider.has(OURS)
    tokens = verifier(str(provider.file), clock)
    tokens.caller(GOOD)

    def slow(source: str) -> bytes:
        asked.set()
        assert answered.wait(60)
        return KEYS.encode()

    monkeypatch.setattr("shared.access.issuers.read", slow)
    clock.now = REFRESH_SECONDS
    unlucky = threading.Thread(target=lambda: tokens.caller(GOOD))
    unlucky.start()
    assert asked.wait(60)
    assert tokens.caller(GOOD).subject == "maria"
    answered.set()
    unlucky.join()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": 5}', "<html>", '{"keys": null}'])
def test_what_is_no_key_set_is_said_to_be_none(content: str) -> None:
    with pytest.raises(ConfigurationError):
        keys_of(content.encode())


SHORT = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024).public_key()))


@pytest.mark.parametrize(
    "entry",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "a"},
        {**RSA_JWK, "use": "enc"},
        {**RSA_JWK, "alg": "HS256"},
        {**RSA_JWK, "alg": "none"},
        {**RSA_JWK, "key_ops": ["sign"]},
        {name: value for name, value in RSA_JWK.items() if name != "kid"},
        {**SHORT, "kid": "short"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "no point"},
        {"kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA", "kid": "curve"},
        "text",
    ],
)
def test_a_key_that_cannot_verify_tokens_is_left_out(entry: Any) -> None:
    assert keys_of(json.dumps({"keys": [entry, ED_JWK]}).encode()).keys() == {"ed"}


class Trap(BaseHTTPRequestHandler):
    """An address that answers with keys of the attacker, or sends on to where they are."""

    asked: list[str] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/keys")
        self.end_headers()
        self.wfile.write(THEIRS.key_set.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the test's output is not the place."""


@pytest.fixture
def trap() -> Any:
    Trap.asked.clear()
    server = HTTPServer(("127.0.0.1", 0), Trap)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("header", ["jku", "x5u"])
def test_nothing_is_fetched_from_where_a_token_says(trap: str, header: str) -> None:
    with pytest.raises(Refused):
        verifier().caller(signed({"kid": THEIRS.jwk["kid"], header: f"{trap}/keys"}, claims(), THEIRS))
    assert Trap.asked == []


def test_keys_are_fetched_from_an_address_and_no_other_that_it_sends_on_to(trap: str) -> None:
    assert verifier(f"{trap}/keys").caller(THEIRS.token("li", roles=["agent"])).subject == "li"
    with pytest.raises(Unavailable):
        verifier(f"{trap}/moved").caller(THEIRS.token("li", roles=["agent"]))
    assert Trap.asked == ["/keys", "/moved"]


def test_a_signing_key_that_was_read_back_signs_the_same() -> None:
    again = SigningKey.read(OURS.text)
    assert verifier().caller(again.token("maria", scope="support:read", lifetime=timedelta(minutes=1))).may("support:read")
    assert "d" not in json.loads(OURS.key_set)["keys"][0]
    for text in ("", "{}", json.dumps(RSA_JWK), json.dumps(json.loads(OURS.key_set)["keys"][0])):
        with pytest.raises(ConfigurationError):
            SigningKey.read(text)
