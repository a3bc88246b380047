"""What asking who is calling costs a request: a token seen for the first time and one that is remembered, an API key likewise."""

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from statistics import median

from benchmarks.options import Options
from benchmarks.outcome import Aim, Outcome, Row
from benchmarks.system import System
from shared import mongo
from shared.access import key_book, machines
from shared.access.api_keys import ApiKey, Secret, digest_of, written
from shared.access.issuers import KeySet
from shared.access.machines import TRUSTED_FOR, Machines
from shared.access.signing import AUDIENCE, LOCAL_ISSUER, SigningKey
from shared.access.tokens import Claims, Tokens
from shared.indexes import unit_of_work
from shared.mongo import Session
from shared.registry import service_classes
from shared.unit_of_work import UnitOfWork

_FRESH = 500
_KNOWN = 20_000
_SERVICE = "support"


def run(system: System, options: Options) -> Outcome:
    """In this process, one after the other; of each trial the mean, of all trials the median."""
    work = unit_of_work(mongo.durable(system.client[f"sambandh_{_SERVICE}"]), service_classes(_SERVICE))
    machines.create_indexes(work)
    signing = SigningKey.generate()
    key = _key(work)
    found = [{**_tokens(signing), **_keys(work, key)} for _ in range(options.trials)]
    trials = {name: [trial[name] for trial in found] for name in found[0]}
    aims = {"token, known": Aim(20, at_most=True), "key, known": Aim(20, at_most=True)}
    rows = [Row(f"access: {name}, a request", median(each), "microseconds", aims.get(name)) for name, each in trials.items()]
    return Outcome(
        rows, trials, "processor time of tokens signed with ES256 and of known keys, elapsed time of keys read from the database"
    )


def _tokens(signing: SigningKey) -> dict[str, float]:
    verifier = Tokens(KeySet(signing.key_set), Claims(LOCAL_ISSUER, AUDIENCE))
    fresh = iter([signing.token(f"person-{number}", roles=["agent"]) for number in range(_FRESH)])
    known = signing.token("maria", roles=["agent"])
    return {
        "token, new": _microseconds(lambda: verifier.caller(next(fresh)), _FRESH),
        "token, known": _microseconds(lambda: verifier.caller(known).may("support:write"), _KNOWN),
    }


def _keys(work: UnitOfWork, key: str) -> dict[str, float]:
    moments = _moments()
    forgetful, verifier = Machines(work, lambda: next(moments)), Machines(work)
    forgetful.caller(key)  # the use of the day is noted
    return {
        "key, read": _microseconds(lambda: forgetful.caller(key), _FRESH, time.perf_counter),
        "key, known": _microseconds(lambda: verifier.caller(key).may("support:write"), _KNOWN),
    }


def _microseconds(call: Callable[[], object], times: int, clock: Callable[[], float] = time.thread_time) -> float:
    began = clock()
    for _ in range(times):
        call()
    return (clock() - began) / times * 1e6


def _moments() -> Iterator[datetime]:
    """Each so much later that nothing is trusted any more, and all of one day."""
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        yield now
        now += TRUSTED_FOR


def _key(work: UnitOfWork) -> str:
    """A key that the service has heard of."""
    secret = secrets.token_urlsafe(32)
    lasting = datetime.now(UTC) + timedelta(days=30)
    known = ApiKey(
        secrets.token_hex(6), 1, "Bench", frozenset({"*:read", "support:write"}), (Secret(digest_of(secret)),), lasting
    )

    def keep(session: Session) -> None:
        key_book.write(work.database, [known], session)

    mongo.transaction(work.database, keep)
    return written(known.id, secret)
