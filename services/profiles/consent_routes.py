"""HTTP of consent: what customers allow, the ledger of all that was said, how they wish to be contacted, and the shop's rules."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

from services.profiles.consent_desk import Circumstances, ConsentDesk, Party
from services.profiles.domain.consent.proof import as_kept
from services.profiles.domain.consent.rules import Channel, ConsentRules, switched
from services.profiles.schemas import consent as schemas
from services.profiles.schemas import consent_rules as rule_schemas
from services.profiles.storage import ledger
from services.profiles.storage.consent import ConsentRulesStore
from services.profiles.storage.rules import StoredRules
from shared.errors import Unprocessable
from shared.extension import Work
from shared.http import Api, route
from shared.mongo import server_time

_CUSTOMER = "/api/profiles/customers/<path:identity>"
_RULES = "/api/profiles/consent-rules"
_RECORDING = "profiles:consent"  # for those who speak with customers, not for those who would like to write to them
PUBLIC = "/api/profiles/public"
_HOUR, _AHEAD = timedelta(hours=1), timedelta(minutes=5)


class ConsentRoutes(Api):
    """What customers allow. An identity is an identity key (`user:42`), an e-mail address or a customer id."""

    work = Work()

    @route(
        "GET",
        f"{_CUSTOMER}/consent",
        summary="What a customer allows, and all that was said about it",
        query=schemas.LedgerQuery(),
        response=schemas.Ledger(),
    )
    def get_consent(self, identity: str, query: dict[str, Any]) -> dict[str, Any]:
        """What holds now for every purpose and channel, and the ledger: every word under all keys of the customer, the latest first."""
        party = ConsentDesk(self.work).party(identity)
        return {**_stand(party), **ledger.entries(self.store, party.customer.identity_keys, query)}

    @route(
        "POST",
        f"{_CUSTOMER}/consent",
        scope=_RECORDING,
        summary="Put on record what a customer said",
        headers=schemas.OnceHeaders(),
        body=schemas.StateConsent(),
        response=schemas.Stand(),
        status=201,
    )
    def state_consent(self, identity: str, headers: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Under an identity key that nobody heard of yet it makes a customer. On a channel with double opt-in a grant waits."""
        desk = ConsentDesk(self.work)
        party = desk.newcomer(identity)
        if body["said_at"] is not None and body["said_at"] > party.now + _AHEAD:
            raise Unprocessable("The body cannot be used: see `fields`.", fields={"said_at": ["It has not been said yet."]})
        told = {name: body[name] for name in ("source", "stated_by", "text_version", "locale", "legal_basis")}
        how = Circumstances({**told, "proof": as_kept(body["proof"])}, body["said_at"], headers["once"])
        return _stand(desk.state(party, body["words"], how, body["confirmed"]))

    @route("GET", f"{_CUSTOMER}/preferences", summary="How a customer wishes to be contacted", response=schemas.Preferences())
    def get_preferences(self, identity: str) -> dict[str, Any]:
        """Topics, frequency, channel and language: for each the latest word."""
        return preferences(ConsentDesk(self.work).party(identity))

    @route(
        "PATCH",
        f"{_CUSTOMER}/preferences",
        scope=_RECORDING,
        summary="Put on record how a customer wishes to be contacted",
        body=schemas.StatePreferences(),
        response=schemas.Preferences(),
    )
    def state_preferences(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """What is left out stays; null takes back what was said."""
        desk = ConsentDesk(self.work)
        stated = {name: value for name, value in body.items() if name not in ("source", "stated_by")}
        how = Circumstances({"source": body["source"], "stated_by": body["stated_by"]})
        return preferences(desk.prefer(desk.newcomer(identity), stated, how))

    @route(
        "POST",
        f"{_CUSTOMER}/preference-link",
        scope=_RECORDING,
        summary="Make a link by which a customer reaches their preferences",
        body=schemas.MakeLink(),
        response=schemas.PreferenceLink(),
        status=201,
    )
    def make_preference_link(self, identity: str, body: dict[str, Any]) -> dict[str, Any]:
        """Send it to the customer only: whoever has it may change what they allow, until it expires."""
        desk = ConsentDesk(self.work)
        party = desk.party(identity)
        until = (party.now + timedelta(days=body["days"])).replace(microsecond=0)
        token = desk.link(party, until)
        path = f"{PUBLIC}/preferences/{token}"
        return {"token": token, "page": f"{path}/page", "api": path, "expires_at": until}

    @route("GET", _RULES, summary="The rules of consent", response=rule_schemas.StoredConsentRules())
    def get_consent_rules(self) -> dict[str, Any]:
        """Channels, purposes and topics, and where a grant has to be confirmed."""
        return self._rules(ConsentRulesStore(self.store).current())

    @route(
        "PUT",
        _RULES,
        scope="profiles:privacy",
        summary="Change the rules of consent",
        body=rule_schemas.ChangeConsentRules(),
        response=rule_schemas.StoredConsentRules(),
    )
    def change_consent_rules(self, body: dict[str, Any]) -> dict[str, Any]:
        """Every customer is looked at anew in the background: see `reevaluation`. Double opt-in goes for grants at
        the doors from now on. For what shops report of accounts it begins five minutes later: their clocks may be so far ahead, and
        what was heard before the change and told to all is not taken back by it.
        """
        store = ConsentRulesStore(self.store)
        known, now = store.current().rules, server_time(self.store)
        channels = [
            Channel(one["id"], one["names"], switched(known.channel(one["id"]), one["double_opt_in"], now, now + _AHEAD))
            for one in body["channels"]
        ]
        hold = body["opt_in_hours"] * _HOUR
        wanted = ConsentRules(tuple(channels), tuple(body["purposes"]), tuple(body["topics"]), hold, body["texts"])
        return self._rules(store.change(StoredRules(wanted, body["version"], changed_by=body["changed_by"])))

    def _rules(self, stored: StoredRules[ConsentRules]) -> dict[str, Any]:
        rules = stored.rules
        return {
            "channels": [{"id": one.id, "names": one.names, "double_opt_in": one.confirms} for one in rules.channels],
            "purposes": rules.purposes,
            "topics": rules.topics,
            "opt_in_hours": rules.opt_in_hold // _HOUR,
            "texts": rules.texts,
            **{name: getattr(stored, name) for name in ("version", "changed_at", "changed_by")},
            "reevaluation": ConsentRulesStore(self.store).progress(),
        }


def _stand(party: Party) -> dict[str, Any]:
    return {
        "customer_id": party.customer_id,
        "identity_keys": party.customer.identity_keys,
        "permissions": [asdict(one) | {"scope": one.scope} for one in party.permissions],
    }


def preferences(party: Party) -> dict[str, Any]:
    """Preferences as they are shown."""
    wishes = party.wishes
    frequency = {"pace": wishes.pace.value, **({"per_week": wishes.per_week} if wishes.per_week else {})} if wishes.pace else None
    return {"topics": dict(wishes.topics), "frequency": frequency, "channel": wishes.channel, "language": wishes.language}
