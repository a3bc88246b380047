"""The doctor knows which indexes a service needs from the code that makes them, without any database."""

import pytest

from shared.doctor.database import declared_indexes
from shared.registry import service_names


@pytest.mark.parametrize("service", service_names())
def test_every_service_says_which_indexes_it_needs(service: str) -> None:
    declared = declared_indexes(service)
    assert declared["outbox"]["pending"] == (
        [("pending_since", 1)],
        {"partialFilterExpression": {"pending_since": {"$exists": True}}},
    )
    assert {"inbox", "timers", "parked"} <= declared.keys()
    assert all(keys for indexes in declared.values() for keys, _ in indexes.values())


def test_options_that_matter_are_known() -> None:
    assert declared_indexes("support")["tickets"]["number"] == ([("number", 1)], {"unique": True})
    assert declared_indexes("collector")["events"]["retention"][1] == {"expireAfterSeconds": 400 * 86_400}
