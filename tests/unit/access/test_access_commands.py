"""`./crm issuer`, `./crm token`, and what `./crm doctor` says about who issues tokens."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shared.access.issuers import KeySet
from shared.access.signing import LOCAL_ISSUER, SigningKey
from shared.access.tokens import Claims, Tokens
from shared.crm import crm
from shared.doctor import Finding, Verdict
from shared.doctor.examination import check_issuer

KEY = SigningKey.generate()


def run(*words: object, **environment: str) -> Result:
    return CliRunner().invoke(crm, [str(word) for word in words], env={"SAMBANDH_SIGNING_KEY": None, **environment})


def test_an_issuer_is_made_once_and_its_private_half_is_its_owners_alone(tmp_path: Path) -> None:
    directory = tmp_path / "issuer"
    made = run("issuer", directory)
    assert made.exit_code == 0
    private = directory / "signing-key.json"
    assert private.stat().st_mode & 0o777 == 0o600
    key = SigningKey.read(private.read_text())
    assert json.loads((directory / "jwks.json").read_text()) == json.loads(key.key_set)
    assert run("issuer", directory).exit_code == 1
    assert SigningKey.read(private.read_text()) == key


def test_a_token_is_for_the_person_role_and_scope_that_were_named(tmp_path: Path) -> None:
    run("issuer", tmp_path)
    told = run(
        "token",
        "--role",
        "agent",
        "--subject",
        "maria",
        "--scope",
        "*:read",
        SAMBANDH_SIGNING_KEY=str(tmp_path / "signing-key.json"),
    )
    caller = Tokens(KeySet(str(tmp_path / "jwks.json")), Claims(LOCAL_ISSUER, "sambandh")).caller(told.output.strip())
    assert caller.subject == "maria"
    assert [scope for scope in ("support:read", "support:write", "analytics:read") if caller.may(scope)] == ["support:read"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--role", "agent"], "SAMBANDH_SIGNING_KEY is not set"),
        ([], "--role or --scope"),
        (["--role", "owner"], "owner"),
        (["--scope", "everything"], "no scope: everything"),
    ],
)
def test_a_token_that_cannot_be_made_is_told_why(words: list[str], said: str, tmp_path: Path) -> None:
    run("issuer", tmp_path)
    key = {} if "is not set" in said else {"SAMBANDH_SIGNING_KEY": str(tmp_path / "signing-key.json")}
    told = run("token", *words, **key)
    assert told.exit_code != 0
    assert said in told.output


def test_a_file_that_is_no_signing_key_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "jwks.json").write_text(KEY.key_set)
    told = run("token", "--role", "agent", "--key", tmp_path / "jwks.json")
    assert (told.exit_code, "signing key" in told.output) == (1, True)


def found(about: str, environment: dict[str, str]) -> list[Finding]:
    return [finding for finding in check_issuer(environment) if finding.about == about]


def test_a_deployment_that_signs_its_own_tokens_is_told_so() -> None:
    own = {"JWKS": KEY.key_set, "JWT_ISSUER": LOCAL_ISSUER}
    (finding,) = found("access tokens", own)
    assert finding.verdict is Verdict.LOOK
    assert found("access tokens", {**own, "JWT_ISSUER": "https://login.example.com/"}) == []


@pytest.mark.parametrize(
    ("jwks", "verdicts"),
    [
        (KEY.key_set, [Verdict.GOOD]),
        ('{"keys": []}', [Verdict.WRONG]),
        ("<html>", [Verdict.WRONG]),
        ("http://127.0.0.1:1/keys", [Verdict.WRONG, Verdict.WRONG]),
        ("https://127.0.0.1:1/keys", [Verdict.WRONG]),
        ("", [Verdict.LOOK]),
    ],
)
def test_keys_that_cannot_be_had_or_verify_nothing_are_told(jwks: str, verdicts: list[Verdict]) -> None:
    environment = {"JWKS": jwks, "JWT_ISSUER": "https://login.example.com/"}
    assert [finding.verdict for finding in found("issuer", environment)] == verdicts


def test_a_signing_key_that_others_can_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "signing-key.json"
    file.write_text(KEY.text)
    file.chmod(0o644)
    (finding,) = found("signing key", {"SAMBANDH_SIGNING_KEY": str(file)})
    assert finding.verdict is Verdict.WRONG
    file.chmod(0o600)
    assert found("signing key", {"SAMBANDH_SIGNING_KEY": str(file)}) == []
