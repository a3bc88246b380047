"""Traits and consent of a customer, from the many spellings that clients use."""

from collections.abc import Mapping
from typing import Any

from services.collector.domain.refusal import Reason, Refused
from services.collector.domain.shape import Shape
from services.collector.domain.values import record

# Flat traits that state consent -> (channel, what `true` means).
_CONSENT_TRAITS: Mapping[str, tuple[str, bool]] = {
    "accepts_marketing": ("email", True),
    "acceptsMarketing": ("email", True),
    "email_opt_in": ("email", True),
    "emailOptIn": ("email", True),
    "marketing_opt_in": ("email", True),
    "marketingOptIn": ("email", True),
    "subscribed": ("email", True),
    "unsubscribed": ("email", False),
    "sms_opt_in": ("sms", True),
    "smsOptIn": ("sms", True),
    "push_opt_in": ("push", True),
    "pushOptIn": ("push", True),
    "phone_opt_in": ("phone", True),
    "phoneOptIn": ("phone", True),
}
_WORDS: Mapping[Any, str] = {True: "granted", False: "denied", "granted": "granted", "denied": "denied"}


def read_traits(given: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Reserved traits typed and in snake case, the others as sent. Null stays: it clears a trait. Blank counts as not stated."""
    traits = shape.read(given, "traits")
    for field in shape.fields:
        if field.name not in traits and any(name in given and given[name] is None for name in field.names):
            traits[field.name] = None
    traits |= {name: value for name, value in given.items() if name not in shape.places and name != "consent"}
    if traits.get("email"):
        traits["email"] = traits["email"].lower()
    return traits


def read_consent(given: Mapping[str, Any]) -> dict[str, str]:
    """Consent by channel, from `traits.consent` ({"email": true, "sms": "denied"}), else from flat traits such as `emailOptIn`."""
    consent = {}
    for trait, (channel, meaning) in _CONSENT_TRAITS.items():
        if isinstance(given.get(trait), bool):
            consent[channel] = _WORDS[given[trait] is meaning]
    for channel, stated in record(given.get("consent"), "traits.consent").items():
        word = _WORDS.get(stated) if isinstance(stated, (bool, str)) else None
        if word is None:
            raise Refused(Reason.INVALID_FIELD, "traits.consent must map each channel to true, false, granted or denied")
        consent[channel] = word
    return consent
