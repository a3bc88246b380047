"""How a customer reads: language, script and direction, out of what was stated of them and of how they write their name."""

from services.profiles.domain.names import Writing, writing_of
from services.profiles.domain.traits import Traits, text_of

_STATED = ("language", "locale")  # that of most weight first


def writing_of_customer(traits: Traits, name: str | None) -> Writing:
    """The writing of a customer called `name`."""
    return writing_of([tag for trait in _STATED if (tag := text_of(traits, trait))], name)
