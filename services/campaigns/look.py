"""One look at a customer, out of which follows what has to be so."""

from dataclasses import dataclass
from datetime import datetime

from services.campaigns.domain.customer import Customer
from shared.identity import strongest
from shared.permissions import contactable


@dataclass(frozen=True, slots=True)
class Look:
    """Who it is, and when."""

    customer_id: str
    customer: Customer
    now: datetime

    @property
    def subject(self) -> str:
        """The identity key that things about the customer are filed under."""
        return strongest(self.customer.identity_keys)

    @property
    def contactable(self) -> list[str]:
        """The channels on which the customer may be contacted for marketing."""
        return list(contactable(self.customer.permissions))
