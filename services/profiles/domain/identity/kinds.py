"""Sorts of identity keys (`kind:value`), and how strongly each stands for one person."""

from collections.abc import Iterable

LOGIN = "user"
DEVICES = ("device", "push", "anon")
KINDS = (LOGIN, "email", "phone", "loyalty", "external", "social", *DEVICES)  # what a customer is named after, first to last
OTHER = "other"  # stands in rules for every kind that they do not name
_RANKS = {kind: rank for rank, kind in enumerate(KINDS)}
_RANK_OF_OTHERS = _RANKS["device"] - 0.5


def kind_of(key: str) -> str:
    """The kind of an identity key: `email`."""
    return key.partition(":")[0]


def value_of(key: str) -> str:
    """What an identity key says besides its kind."""
    return key.partition(":")[2]


def rank(key: str) -> float:
    """How strongly a key stands for one person; lower is stronger."""
    return _RANKS.get(kind_of(key), _RANK_OF_OTHERS)


def is_login(key: str) -> bool:
    """Whether the key is an account of the shop."""
    return kind_of(key) == LOGIN


def is_device(key: str) -> bool:
    """Whether the key stands for a visitor who has not said who they are."""
    return kind_of(key) in DEVICES


def by_strength(keys: Iterable[str]) -> tuple[str, ...]:
    """Keys, strongest first, then by text."""
    return tuple(sorted(keys, key=lambda key: (rank(key), key)))
