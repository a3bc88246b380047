"""How facts are sent: one request, one answer, and whether the answer says that everything was taken."""

import base64
import http.client
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from chaos.ledger import Fact
from chaos.workload.segment import CURRENCY, batch, product_of

_TIMEOUT = 8.0


class Door(Protocol):
    """Takes up to `size` facts in one request."""

    size: int

    def post(self, facts: Sequence[Fact]) -> bool:
        """Whether all of them were accepted; False where that is not known."""


class SegmentDoor:
    """The product's: batches of the Segment protocol, through the gateway."""

    size = 20

    def __init__(self, port: int, write_key: str) -> None:
        token = base64.b64encode(f"{write_key}:".encode()).decode()
        self._port, self._headers = port, {"Authorization": f"Basic {token}"}

    def post(self, facts: Sequence[Fact]) -> bool:
        """Send a batch. Raises ValueError where the system refuses what is valid."""
        answer = _answer(self._port, "/v1/batch", self._headers, batch(facts))
        if answer and json.loads(answer)["rejected"]:
            raise ValueError(f"the system refused what is valid: {answer[:500]!r}")
        return answer is not None


class PlainDoor:
    """The control's: one order a request."""

    size = 1

    def __init__(self, port: int) -> None:
        self._port = port

    def post(self, facts: Sequence[Fact]) -> bool:
        return all(_answer(self._port, "/orders", {}, order(fact)) is not None for fact in facts)


def order(fact: Fact) -> dict[str, Any]:
    """An order as the data of `order_completed`. Its customer is one of its own, so that counting customers counts orders."""
    line = {"product_id": product_of(fact.customer), "quantity": 1, "price": fact.amount}
    money = {"amount": fact.amount, "currency": CURRENCY}
    return {"identity_keys": [f"user:{fact.id}"], "order_id": fact.id, **money, "products": [line], "cart_id": fact.about or None}


def _answer(port: int, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> bytes | None:
    """The body of an answer of 200; None for any other answer, and for none."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request("POST", path, json.dumps(body).encode(), {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    return text if answer.status == 200 else None
