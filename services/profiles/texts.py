"""The English texts of the pages that customers see. A shop gives those of other languages, or other words, in the rules of consent."""

from collections.abc import Mapping, Sequence

from services.profiles.domain.names.writing import LTR, writing_of

TEXTS: Mapping[str, str] = {
    "preferences_title": "Your preferences",
    "preferences_intro": "Choose what you would like to hear from us, and where. Nothing changes until you save.",
    "permissions": "What we may contact you for",
    "waiting": "waiting for your confirmation",
    "topics": "Topics",
    "frequency": "How often",
    "pace_all": "As it comes",
    "pace_weekly": "Gathered once a week",
    "pace_monthly": "Gathered once a month",
    "pace_at_most": "At most this many messages a week",
    "per_week": "Messages a week",
    "channel": "The channel you like best",
    "language": "Language",
    "no_preference": "No preference",
    "save": "Save",
    "withdraw_all": "Stop all of this",
    "saved": "Your choices are saved.",
    "confirm_title": "Please confirm",
    "confirm_intro": "Press the button to confirm that we may contact you:",
    "confirm": "Confirm",
    "confirmed": "Thank you, it is confirmed.",
    "not_valid": "This link is not valid or no longer valid. Please ask for a new one.",
}


class Voice:
    """The texts of a page in the first of some languages that the shop has texts in, else in English."""

    def __init__(self, own: Mapping[str, Mapping[str, str]], wanted: Sequence[str]) -> None:
        known = {tag.lower(): tag for tag in own}
        tags = [one.lower() for tag in wanted for one in (tag, tag.partition("-")[0])]
        self.language = next((known[tag] for tag in tags if tag in known), "en")
        self._texts = {**TEXTS, **own.get("en", {}), **own.get(self.language, {})}

    @property
    def direction(self) -> str:
        """How the language is written, as HTML says it."""
        return writing_of([self.language], None).direction or LTR

    def __getitem__(self, name: str) -> str:
        return self._texts[name]


def accepted(header: str) -> list[str]:
    """The language tags of an `Accept-Language` header, the best liked first."""
    found: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, weight = part.partition(";q=")
        try:
            found.append((-float(weight or 1), tag.strip()))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(found, key=lambda one: one[0]) if tag and weight < 0]
