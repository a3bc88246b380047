"""HTTP of the mail that asks for a confirmation."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from services.campaigns import opt_in_schemas as schemas
from services.campaigns import storage
from services.campaigns.domain.mails import BUILT_IN, Letter, OptInMail, Sender, rendered
from services.campaigns.domain.opt_ins import REMINDER, Asking
from services.campaigns.mailer import MAILER
from services.campaigns.storage import opt_ins
from shared.config import Config
from shared.errors import NotFound
from shared.extension import Environment
from shared.http import Api, route
from shared.lease import is_held

_MAIL = "/api/campaigns/opt-in-mail"
_NOBODY = Sender("Your shop <news@shop.example>", "https://shop.example")


class OptInRoutes(Api):
    """Asking for confirmations. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    environment = Environment()

    @route("GET", _MAIL, summary="The mail that asks for a confirmation", response=schemas.StoredOptInMail())
    def get_opt_in_mail(self) -> dict[str, Any]:
        """Its texts by language, and whether somebody is reminded."""
        return self._told(opt_ins.settings(self.store))

    @route(
        "PUT",
        _MAIL,
        summary="Change the mail that asks for a confirmation",
        body=schemas.ChangeOptInMail(),
        response=schemas.StoredOptInMail(),
    )
    def change_opt_in_mail(self, body: dict[str, Any]) -> dict[str, Any]:
        """From now on; what was sent stays as it was."""
        names = ("shop", "reply_to", "reminder_hours", "texts")

        def revise(known: OptInMail, now: datetime) -> OptInMail:
            wanted = {name: body[name] for name in names}
            return replace(known, **wanted, version=known.version + 1, changed_at=now, changed_by=body["changed_by"])

        return self._told(opt_ins.change(self.store, revise, body["version"]))

    @route(
        "POST",
        f"{_MAIL}/preview",
        only_asks=True,
        summary="How the mail looks",
        body=schemas.PreviewMail(),
        response=schemas.ShownMail(),
    )
    def preview_opt_in_mail(self, body: dict[str, Any]) -> dict[str, Any]:
        """In the language that a customer of `language` would get."""
        config: Config = self.environment
        sender = Sender(config.mail_from, config.public_url) if config.mail_from else _NOBODY
        until = storage.now(self.store) + timedelta(days=7)
        letter = Letter("preview", "jane@shop.example", body["purpose"], "preview", until, body["language"], body["reminder"])
        return asdict(rendered(letter, opt_ins.settings(self.store), sender))

    @route(
        "GET",
        "/api/campaigns/customers/<path:identity>/opt-ins",
        summary="What a customer was asked to confirm",
        response=schemas.CustomerOptIns(),
    )
    def list_opt_ins_of_customer(self, identity: str) -> dict[str, Any]:
        """Asked, sent, confirmed, expired: how far each is. What the customer allows is told by profiles."""
        found = storage.customer(self.store, identity)
        if found is None:
            raise NotFound("No order, abandoned cart, permission or request to confirm one is known of this customer.")
        customer_id, customer = found
        asking, now = customer.asking, storage.now(self.store)
        latest = sorted(asking.opt_ins, key=lambda name: (asking.opt_ins[name], name), reverse=True)
        return {"customer_id": customer_id, "items": [_shown(message_id, asking, now) for message_id in latest]}

    def _told(self, mail: OptInMail) -> dict[str, Any]:
        return {**asdict(mail), "built_in": BUILT_IN, "sends": is_held(self.store, MAILER)}


def _shown(message_id: str, asking: Asking, now: datetime) -> Mapping[str, Any]:
    one = asking.opt_ins[message_id]
    purpose, _, channel = one.scope.partition("/")
    return {
        "message_id": message_id,
        "purpose": purpose,
        "channel": channel,
        "identity_key": one.key,
        "address": one.address or None,
        "state": asking.state(message_id, now),
        "reason": asking.reason(message_id, now),
        "requested_at": one.requested_at,
        "due": asking.due(message_id),
        "sent_at": asking.sent_at(message_id),
        "reminded_at": asking.sent_at(message_id + REMINDER),
        "expires_at": one.expires_at,
    }
