"""Where mentions come in, from whatever connector reports them: once each, however often they are reported."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from services.social import schemas
from services.social.domain.mentions import Mention, key_of
from services.social.storage import Mentions, People, Store
from shared import events
from shared.errors import Unprocessable
from shared.handlers import Announcement
from shared.identity import id_of
from shared.mongo import Session, server_time
from shared.unit_of_work import command

ACCEPTED, DUPLICATE, REFUSED = "accepted", "duplicate", "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one report: `errors` maps the fields of a refused one to what is wrong with them."""

    index: int
    status: str
    mention_id: str | None = None
    errors: dict[str, Any] | None = None


class Reception:
    """Takes reports, all that are right of a list, in one transaction with what is announced of them."""

    def __init__(self, database: Store) -> None:
        self._database = database
        self._mentions, self._people = Mentions(database), People(database)

    def receive(self, reports: Sequence[Any]) -> list[Result]:
        """A result for each report, in their order. Raises Unprocessable where every one is refused."""
        now = server_time(self._database)
        schema = schemas.Report(context_now=now)
        read = [_read(schema, index, report) for index, report in enumerate(reports)]
        mentions = {index: mention for index, mention in enumerate(read) if isinstance(mention, Mention)}
        refused = [result for result in read if isinstance(result, Result)]
        if not mentions:
            fields = {str(result.index): result.errors for result in refused}
            raise Unprocessable("No mention can be taken: see `fields`.", fields={"mentions": fields})

        def work(session: Session) -> tuple[list[Result], list[Announcement]]:
            first = {mention.mention_id: index for index, mention in reversed(mentions.items())}
            known = self._mentions.known(first, session)
            fresh = [mentions[index] for mention_id, index in first.items() if mention_id not in known]
            if fresh:
                self._mentions.keep(fresh, now, session)
            taken = {first[mention.mention_id] for mention in fresh}
            told = [Result(i, ACCEPTED if i in taken else DUPLICATE, m.mention_id) for i, m in mentions.items()]
            return told, self._announcements(fresh, session)

        taken = command(self._database, work)
        self._mentions.forget_late(list(mentions.values()))
        return sorted([*taken, *refused], key=lambda result: result.index)

    def _announcements(self, mentions: Sequence[Mention], session: Session) -> list[Announcement]:
        customers = self._people.customer_ids([id_of(mention.identity_key) for mention in mentions], session)
        return [announcement(mention, customers.get(id_of(mention.identity_key))) for mention in mentions]


def announcement(mention: Mention, customer_id: str | None) -> Announcement:
    """What the rest of the company is told, filed under the handle."""
    data = {
        "mention_id": mention.mention_id,
        "network": mention.network,
        "handle": mention.handle,
        "author_name": mention.author_name,
        "customer_id": customer_id,
        "text": mention.text,
        "url": mention.url,
        "in_reply_to": mention.in_reply_to,
    }
    return Announcement(
        events.MENTION_RECEIVED, mention.mention_id, mention.identity_key, mention.published_at, data, mention.backfill
    )


def _read(schema: schemas.Report, index: int, report: Any) -> Mention | Result:
    try:
        said = schema.load(report)
    except ValidationError as error:
        return Result(index, REFUSED, errors=error.messages_dict)
    network, handle = said["network"], said["handle"]
    return Mention(f"{network}:{said['external_id']}", identity_key=key_of(network, handle), **said)
