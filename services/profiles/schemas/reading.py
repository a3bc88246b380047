"""What reading many customers takes and gives."""

from marshmallow import Schema, fields, validate

from services.profiles.schemas.customers import Customer

MOST = 500


class Identities(Schema):
    """Whom to read."""

    identities = fields.List(
        fields.String(validate=validate.Length(1, 1024)),
        required=True,
        validate=validate.Length(1, MOST, error=f"Name 1 to {MOST} identities."),
        metadata={"description": "Identity keys, e-mail addresses or customer ids, in any mixture."},
    )


class FoundCustomer(Schema):
    """A customer, and what it was asked by."""

    identity = fields.String(required=True, metadata={"description": "As it was asked for."})
    etag = fields.String(required=True, metadata={"description": "Tag of this customer: good for If-None-Match, in quotes."})
    customer = fields.Nested(Customer, required=True)


class CustomerBatch(Schema):
    """Customers, and who was not found."""

    items = fields.List(fields.Nested(FoundCustomer), required=True)
    missing = fields.List(fields.String(), required=True, metadata={"description": "Identities that nobody was heard of by."})
