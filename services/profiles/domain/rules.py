"""All settings that decide what follows from the facts of a customer, as one value."""

from dataclasses import dataclass, field

from services.profiles.domain.consent.rules import ConsentRules
from services.profiles.domain.identity.rules import IdentityRules


@dataclass(frozen=True, slots=True)
class Rules:
    """Each part is changed by itself; without a change it is as the product comes. A change of any looks at every customer again.

    `link_secret` is what links in mails are sealed by. It is drawn once and never shown.
    """

    identity: IdentityRules = field(default_factory=IdentityRules)
    consent: ConsentRules = field(default_factory=ConsentRules)
    link_secret: str = ""
