"""Data of events about consent as profiles reads them."""

from dataclasses import dataclass
from typing import Any

from services.profiles.domain.consent.preferences import CHANNEL, LANGUAGE, PACE, PER_WEEK, TOPIC
from services.profiles.domain.consent.words import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Where something was said, who took it down, and what shows it."""

    source: str
    stated_by: str | None = None
    proof: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWord:
    """What was said about one purpose and channel."""

    purpose: str
    channel: str
    status: Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated(Told):
    """Data of `consent_stated`."""

    words: tuple[ConsentWord, ...]
    legal_basis: str | None = None
    text_version: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(Told):
    """Data of `consent_confirmed`."""

    purpose: str
    channel: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frequency:
    """How often marketing may arrive."""

    pace: str
    per_week: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferred(Told):
    """Data of `preferences_stated`. None: it stays as it is, unless it is `cleared`."""

    topics: dict[str, bool] | None = None
    frequency: Frequency | None = None
    channel: str | None = None
    language: str | None = None
    cleared: tuple[str, ...] | None = None

    @property
    def stated(self) -> dict[str, Any]:
        """The preferences that it states, as they are kept; None for one that is taken back."""
        found: dict[str, Any] = {name: value for name, value in ((CHANNEL, self.channel), (LANGUAGE, self.language)) if value}
        if self.frequency:
            found |= {PACE: self.frequency.pace, PER_WEEK: self.frequency.per_week}
        for name in self.cleared or ():
            found |= dict.fromkeys((PACE, PER_WEEK) if name == "frequency" else (name,))
        return found | {f"{TOPIC}{topic}": on for topic, on in (self.topics or {}).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    """Data of `unsubscribed`. Without a `list_id` the customer wants nothing more on the channel."""

    channel: str
    list_id: str | None = None
    message_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Complained:
    """Data of `message_complained`."""

    channel: str
    message_id: str
