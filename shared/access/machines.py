"""Who bears an API key, and that it was used."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from shared import logs
from shared.access import key_book
from shared.access.api_keys import digest_of, read
from shared.access.caller import MACHINE, Caller, Kind
from shared.access.tokens import Refused
from shared.errors import StoreAway
from shared.events import API_KEY_USED
from shared.handlers import Announcement
from shared.mongo import Session, ensure_collection
from shared.unit_of_work import UnitOfWork, command

REMEMBERED: Final = 1_000
TRUSTED_FOR: Final = timedelta(seconds=5)  # how long after it is heard of here a revoked key may still be good
USES: Final = "api_key_uses"  # _id = key id; day: the latest on which this service was called with it
_log = logs.get(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class Machines:
    """Verifies API keys against the copy that this service keeps, and announces each day that one is used."""

    def __init__(self, work: UnitOfWork, clock: Callable[[], datetime] = _now) -> None:
        self._work, self._clock = work, clock
        self._known: OrderedDict[str, tuple[datetime, Caller]] = OrderedDict()
        self._noted: dict[str, str] = {}
        self._lock = threading.Lock()

    def caller(self, text: str) -> Caller:
        """Who bears the key. Raises Refused, StoreAway."""
        found, now = read(text), self._clock()
        if found is None:
            raise Refused("malformed")
        key_id, secret = found
        digest = digest_of(text)
        until, caller = self._known.get(digest, (now, None))
        if caller is None or until <= now:
            until, caller = self._verified(key_id, secret, now)
            self._remember(digest, until, caller)
        self._note(key_id, now)
        return caller

    def _verified(self, key_id: str, secret: str, now: datetime) -> tuple[datetime, Caller]:
        key = key_book.find(self._work.database, key_id)
        if key is None:
            raise Refused("unknown_key")
        end = key.good_until(secret, now)
        if end is None:
            raise Refused(key.state(now) if key.state(now) != "active" else "signature")
        return min(end, now + TRUSTED_FOR), Caller(f"{MACHINE}{key.id}", Kind.MACHINE, (key.scopes,))

    def _remember(self, digest: str, until: datetime, caller: Caller) -> None:
        with self._lock:
            self._known[digest] = until, caller
            self._known.move_to_end(digest)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)

    def _note(self, key_id: str, now: datetime) -> None:
        """Announce the first use of a day, once for all replicas. That it could not be noted keeps nobody out."""
        day = now.date().isoformat()
        if self._noted.get(key_id) == day:
            return
        try:
            command(self._work.database, lambda session: (None, self._use(key_id, day, now, session)))
            self._noted[key_id] = day
        except StoreAway as error:
            _log.warning("use of a key not noted", error=logs.place(error))

    def _use(self, key_id: str, day: str, now: datetime, session: Session) -> list[Announcement]:
        rows = self._work.database[USES]
        known = rows.find_one({"_id": key_id}, session=session)
        if known and known["day"] >= day:
            return []
        rows.update_one({"_id": key_id}, {"$set": {"day": day}}, upsert=True, session=session)
        kind = API_KEY_USED.by(self._work.name)
        return [Announcement(kind, f"{key_id}/{day}", f"key:{key_id}", now, {"key_id": key_id, "day": day})]


def create_indexes(work: UnitOfWork) -> None:
    """Collections of what is kept about keys."""
    key_book.create_indexes(work.database)
    ensure_collection(work.database, USES)
