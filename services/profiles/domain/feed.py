"""The feed of changes: whether every change of a customer is told to others, by the section of the profile that it is in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeedRules:
    """A feed multiplies what is published, so it is off unless somebody wants it."""

    enabled: bool = False
