"""What the other services tell of a customer, and profiles itself, for the timeline."""

from typing import Any

from services.profiles.catalogue import OF_OTHERS
from services.profiles.storage import CUSTOMERS
from services.profiles.storage.timeline import row_of_other
from shared.envelope import Event
from shared.handlers import Row, journals_each


class TimelineHandlers:
    """What profiles hears of others and only keeps."""

    @journals_each(OF_OTHERS, CUSTOMERS)
    def on_told(self, data: dict[str, Any], event: Event) -> tuple[Row, ...]:
        """Whatever a service says of a customer is on the timeline, under the key that it names."""
        return (row_of_other(data, event),)
