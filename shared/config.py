"""The environment of a process, read once into a frozen dataclass; every problem is named at once."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from email.utils import parseaddr
from typing import Any
from urllib.parse import urlsplit

from phonenumbers import SUPPORTED_REGIONS

from shared.errors import ConfigurationError
from shared.mail import MailServer


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one service process. The environment variable of a field is its name in upper case."""

    service: str
    amqp_uri: str = "amqp://guest:guest@127.0.0.1:5672//"
    mongo_uri: str = "mongodb://127.0.0.1:27017/?replicaSet=rs0"
    mongo_database: str = ""  # default: sambandh_<service>
    http_port: int = 8000
    http_host: str = "127.0.0.1"
    metrics_port: int = 9000
    metrics_host: str = "127.0.0.1"
    jwks: str = ""  # the issuer's keys: an address, a file, or the key set itself; none: no token is good
    jwt_issuer: str = ""  # `iss` of its tokens
    jwt_audience: str = "sambandh"  # their `aud`
    jwt_subject_claim: str = "sub"  # which claim names the person on record
    jwt_roles_claim: str = "roles"  # which claim has the roles
    jwt_leeway_seconds: int = (
        60  # how far the clocks of issuer and service may differ; the gateway's is 60 and cannot be set everywhere
    )
    log_level: str = "INFO"
    inbox_partitions: int = 4  # a constant of the deployment: changing it moves customers between queues
    batch_size: int = 300  # events in one transaction, and the prefetch of each partition
    batch_linger_ms: int = 50  # how long, at most, a batch that is not full waits for company
    handling_seconds: int = 30  # a batch that takes longer hangs, and ends its process; the database gives up after 15
    inbox_retention_days: int = 30  # how long a repeated delivery is recognised
    archive_retention_days: int = 400  # how long the collector keeps accepted events
    quarantine_retention_days: int = (
        30  # how long the collector keeps refused ones; 30 at most, for erasure cannot find people in all of them
    )
    audit_retention_days: int = 400  # how long it is known who asked for which change
    phone_region: str = ""  # ISO 3166 region of phone numbers without a country code; none: they identify nobody
    mail_url: str = (
        ""  # where campaigns hands mail over: smtp://user:password@host:587, smtps://host, file:///directory; none: it waits
    )
    mail_from: str = ""  # whom it is from: Shop <news@shop.example>
    public_url: str = ""  # what customers' browsers reach the gateway by: https://shop.example
    backlog_limit: int = 200_000  # accepted and not yet published events beyond which the doors answer 429
    drain_seconds: int = 25  # how long a stop waits for work in hand; keep below the grace period
    allow_faults: bool = False  # named fault points answer to FAULT; never set in production

    @property
    def database(self) -> str:
        return self.mongo_database or f"sambandh_{self.service}"


def _boolean(text: str) -> bool:
    if text.lower() not in {"0", "1", "true", "false"}:
        raise ValueError("use true or false")
    return text.lower() in {"1", "true"}


_PARSERS: dict[Any, Callable[[str], Any]] = {int: int, str: str, bool: _boolean}
_LONGEST_QUARANTINE = 30
_AT_LEAST_ONE = {
    "quarantine_retention_days",
    "inbox_partitions",
    "batch_size",
    "handling_seconds",
    "inbox_retention_days",
    "archive_retention_days",
    "audit_retention_days",
    "backlog_limit",
}


def _mail_problems(values: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with how mail is sent: a server is of use with a sender and a beginning of links alone."""
    url, sender, public = (values.get(name, "") for name in ("mail_url", "mail_from", "public_url"))
    if url:
        try:
            MailServer.at(url)
        except ValueError as error:
            yield f"MAIL_URL: {error}"
    if url and not (sender and public):
        yield "MAIL_URL needs MAIL_FROM and PUBLIC_URL: links in mails begin with the last"
    if sender and "@" not in parseaddr(sender)[1]:
        yield "MAIL_FROM must be an address, with a name before it or not: Shop <news@shop.example>"
    if public and not (public.startswith(("https://", "http://")) and urlsplit(public).netloc):
        yield "PUBLIC_URL must be an address such as https://shop.example"


def load(service: str, environment: Mapping[str, str] = os.environ) -> Config:
    """Read the settings of `service`. Raises ConfigurationError that lists every bad value."""
    values: dict[str, Any] = {"service": service}
    problems = []
    for field in fields(Config):
        text = environment.get(field.name.upper())
        if field.name == "service" or text is None or text == "":
            continue
        try:
            values[field.name] = _PARSERS[field.type](text)
        except ValueError as error:
            problems.append(f"{field.name.upper()}={text!r}: {error}")
    if values.get("phone_region", "") and values["phone_region"] not in SUPPORTED_REGIONS:
        problems.append("PHONE_REGION must be a region of ISO 3166 in capitals, such as IN")
    if values.get("jwks") and not values.get("jwt_issuer"):
        problems.append("JWT_ISSUER must be set where JWKS is: keys are those of one issuer")
    if values.get("quarantine_retention_days", 1) > _LONGEST_QUARANTINE:
        problems.append(
            f"QUARANTINE_RETENTION_DAYS must be at most {_LONGEST_QUARANTINE}: people are not found in all that is refused"
        )
    problems += _mail_problems(values)
    problems += [f"{name.upper()} must be at least 1" for name in _AT_LEAST_ONE if values.get(name, 1) < 1]
    if problems:
        raise ConfigurationError("; ".join(problems))
    return Config(**values)
