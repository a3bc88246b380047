"""All settings that decide what follows from the facts of a customer, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.profiles.domain.affinities import AffinityRules
from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.domain.feed import FeedRules
from services.profiles.domain.identity.rules import IdentityRules
from services.profiles.domain.lifecycle import LifecycleRules
from services.profiles.domain.privacy.retention import Retention
from services.profiles.domain.segments.definitions import Segments
from services.profiles.domain.traits import Strategy

STRATEGIES: Mapping[str, Strategy] = {"created_at": Strategy.SMALLEST}  # of two accounts that are one the older opened it


@dataclass(frozen=True, slots=True)
class ProfileRules:
    """What is made of the facts of a customer.

    `traits` names the strategy of each trait that is not simply what was stated last; `timezone` is the shop's, an IANA zone.
    """

    lifecycle: LifecycleRules = field(default_factory=LifecycleRules)
    affinities: AffinityRules = field(default_factory=AffinityRules)
    traits: Mapping[str, Strategy] = field(default_factory=lambda: dict(STRATEGIES))
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Changed:
    """How often a part was changed, and when last."""

    version: int = 0
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Each part is changed by itself; without a change it is as the product comes. A change of any looks at every customer again.

    `link_secret` is what links in mails are sealed by. It is drawn once and never shown. `profile_changed` says which version of
    `profile` this is.
    """

    identity: IdentityRules = field(default_factory=IdentityRules)
    consent: ConsentRules = field(default_factory=ConsentRules)
    retention: Retention = field(default_factory=Retention)
    link_secret: str = ""
    profile: ProfileRules = field(default_factory=ProfileRules)
    profile_changed: Changed = field(default_factory=Changed)
    consent_changed: Changed = field(default_factory=Changed)
    segments: Segments = field(default_factory=Segments)
    feed: FeedRules = field(default_factory=FeedRules)
