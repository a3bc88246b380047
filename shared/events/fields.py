"""Words that the schemas of the catalogue are written in.

There are two kinds of fields: a *required* one is always there and never null; an *optional* one may be absent or null, and both
mean the same: not known.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from marshmallow import fields, validate

F = TypeVar("F", bound=fields.Field[Any])


class Identifier(fields.String):
    """An id that some system gave out: text of 1 to 255 characters, compared byte by byte. MongoDB keeps ids as keys: no NUL."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=[validate.Length(min=1, max=255), validate.Regexp(r"^[^\x00]*$")], **kwargs)


class Currency(fields.String):
    """An ISO 4217 code in upper case: `EUR`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Regexp(r"^[A-Z]{3}$"), **kwargs)


class Count(fields.Integer):
    """A whole number of things, from 0 (or `least`) to a thousand million."""

    def __init__(self, *, least: int = 0, **kwargs: Any) -> None:
        super().__init__(strict=True, validate=validate.Range(min=least, max=1_000_000_000), **kwargs)


class Choice(fields.String):
    """One of a closed list of words. Readers should have a branch for words that they do not know: lists grow."""

    def __init__(self, *words: str, **kwargs: Any) -> None:
        super().__init__(validate=validate.OneOf(words), **kwargs)


class Share(fields.Float):
    """A share or probability between 0 and 1."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validate=validate.Range(min=0, max=1), **kwargs)


def required(kind: Callable[..., F], description: str, *args: Any, **kwargs: Any) -> F:
    """A field that is always present and never null."""
    return kind(*args, required=True, metadata={"description": description}, **kwargs)


def optional(kind: Callable[..., F], description: str, *args: Any, **kwargs: Any) -> F:
    """A field that may be absent or null: not known."""
    return kind(*args, allow_none=True, metadata={"description": description}, **kwargs)
