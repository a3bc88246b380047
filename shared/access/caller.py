"""Who is calling, and on whose behalf."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from marshmallow import Schema, fields, validate

from shared.access.scopes import allows
from shared.errors import Forbidden

LONGEST_SUBJECT = 200
MACHINE = "key:"  # what subjects of machines begin with


class Kind(StrEnum):
    """`PERSON` has a token of the identity provider, `MACHINE` an API key of ours."""

    PERSON = "person"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Caller:
    """A verified caller. Each set of `grants` has to cover what is asked for: a token's scopes narrow what its roles allow.

    `subject` is the token's, or `key:<id>` of an API key.
    """

    subject: str
    kind: Kind
    grants: tuple[frozenset[str], ...] = ()

    def may(self, scope: str) -> bool:
        return allows(self.grants, scope)

    def acting_as(self, said: str | None, field: str) -> str:
        """The name that goes on record where a body says who did something.

        A person acts under the own name alone; raises Forbidden for another. A machine may name the person it acts for, whom we cannot
        verify: the record names both.
        """
        if said is None or said == self.subject:
            return self.subject
        if self.kind is Kind.PERSON:
            raise Forbidden(f"`{field}` names somebody else than the token: leave it out, the token says who you are.")
        return f"{said} via {self.subject}"


class Actor(fields.String):
    """A field of a body that says who did something: filled in from the credentials, which it must not contradict.

    Where what was read may be sent back as it is, the field may name whoever was the last: with `sent_back` it is not looked at.
    """

    def __init__(self, *, sent_back: bool = False) -> None:
        self.sent_back = sent_back
        told = "Who does this: filled in from the credentials. "
        told += "What is sent is not looked at." if sent_back else "With an API key, the person that the machine acts for."
        super().__init__(
            load_default=None,
            allow_none=True,
            validate=validate.Length(min=0 if sent_back else 1, max=LONGEST_SUBJECT),
            metadata={"description": told},
        )


def attributed(schema: Schema, loaded: Any, caller: Caller | None) -> Any:
    """What was loaded, with the fields that say who did something filled in."""
    actors = {name: field for name, field in schema.fields.items() if isinstance(field, Actor)}
    if not actors or caller is None or not isinstance(loaded, Mapping):
        return loaded
    said = {name: None if field.sent_back else loaded.get(name) for name, field in actors.items()}
    return {**loaded, **{name: caller.acting_as(said[name], field.data_key or name) for name, field in actors.items()}}
