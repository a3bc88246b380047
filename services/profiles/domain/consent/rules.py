"""What the shop sets about consent: channels, purposes, topics, and on which channels a grant has to be confirmed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

ALL = "all"
MARKETING = "marketing"
TRANSACTIONAL = "transactional"
PURPOSES = (MARKETING, TRANSACTIONAL, "profiling", "advertising")
CHANNELS = ("email", "sms", "push", "phone", "post", "whatsapp", ALL)
MOST_PERIODS = 50
LONGEST_HOLD = timedelta(days=30)
Names = dict[str, str]  # what customers read, by language


@dataclass(frozen=True, slots=True)
class Period:
    """A time from `since` to before `until`; None: it lasts."""

    since: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class Channel:
    """A way to reach customers. `double_opt_in` are the times in which a grant had or has to be confirmed."""

    id: str
    names: Names = field(default_factory=dict)
    double_opt_in: tuple[Period, ...] = ()

    @property
    def confirms(self) -> bool:
        """Whether a grant that is given now has to be confirmed."""
        return bool(self.double_opt_in) and self.double_opt_in[-1].until is None


@dataclass(frozen=True, slots=True)
class Purpose:
    """What customers are asked for. One that `needs_consent` is not allowed until granted, another is allowed until denied by its
    name. One that is not `by_channel`, such as profiling, is asked for once and not for every channel.
    """

    id: str
    needs_consent: bool = True
    by_channel: bool = True
    names: Names = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something that customers may choose to hear of or not: `new_arrivals`. `on` where they have not chosen."""

    id: str
    on: bool = True
    names: Names = field(default_factory=dict)


_CHANNELS = (
    Channel("email", {"en": "E-mail"}),
    Channel("sms", {"en": "SMS"}),
    Channel("push", {"en": "Messages on your phone"}),
    Channel("phone", {"en": "Calls"}),
    Channel("post", {"en": "Letters"}),
    Channel("whatsapp", {"en": "WhatsApp"}),
)
_PURPOSES = (
    Purpose(MARKETING, names={"en": "News and offers"}),
    Purpose(TRANSACTIONAL, needs_consent=False, names={"en": "About your orders"}),
    Purpose("profiling", by_channel=False, names={"en": "Suggestions made for you"}),
    Purpose("advertising", by_channel=False, names={"en": "Advertising on other sites"}),
)


@dataclass(frozen=True, slots=True)
class ConsentRules:
    """All of it. A grant that has to be confirmed is held open for `opt_in_hold`. `texts` are those of the pages that customers see, by
    language and name, in place of or beside the English ones.
    """

    channels: tuple[Channel, ...] = _CHANNELS
    purposes: tuple[Purpose, ...] = _PURPOSES
    topics: tuple[Topic, ...] = ()
    opt_in_hold: timedelta = timedelta(days=7)
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def channel(self, channel: str) -> Channel | None:
        return next((one for one in self.channels if one.id == channel), None)

    def purpose(self, purpose: str) -> Purpose:
        """The purpose of that name; one that is not set any more still needs consent."""
        return next((one for one in self.purposes if one.id == purpose), Purpose(purpose))

    def must_be_confirmed(self, channel: str, at: datetime) -> bool:
        """Whether a grant that was given at that time counts only once it is confirmed."""
        known = self.channel(channel)
        return known is not None and any(period.holds(at) for period in known.double_opt_in)

    def channels_of(self, purpose: Purpose) -> tuple[str, ...]:
        """The channels that a purpose is asked for on."""
        return tuple(one.id for one in self.channels) if purpose.by_channel else (ALL,)


def switched(known: Channel | None, confirms: bool, at: datetime, begins: datetime | None = None) -> tuple[Period, ...]:
    """The periods of a channel on which grants have to be confirmed from `begins` on, by default from `at`, or from `at` on no more."""
    periods = known.double_opt_in if known else ()
    if confirms == (known is not None and known.confirms):
        return periods
    if confirms:
        return (*periods, Period(begins or at))[-MOST_PERIODS:]
    return (*periods[:-1], Period(periods[-1].since, at))


def name_in(names: Mapping[str, str], language: str, otherwise: str) -> str:
    """What to call something in a language: `de-AT`, else `de`, else English, else `otherwise`."""
    for tag in (language, language.partition("-")[0], "en"):
        if tag in names:
            return names[tag]
    return otherwise.replace("_", " ").capitalize()
