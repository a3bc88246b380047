"""The till: a table of receipts, as tills export them, through the door for tills."""

import csv
import io
from collections.abc import Sequence

import requests

from demo.cast import Cast, Person
from demo.errors import DemoError
from demo.purchases import CURRENCY, Purchase
from demo.shop import product_of

_COLUMNS = ("receipt", "time", "product_id", "product_name", "quantity", "price", "email", "loyalty_card", "customer_id")
_TIMEOUT = 60


def bring(url: str, write_key: str, cast: Cast) -> None:
    """Report all receipts; those that were reported before count nothing again. Raises DemoError where one is refused."""
    receipts = cast.at_the_till()
    if not receipts:
        return
    try:
        answer = requests.post(
            f"{url}/v1/till/purchases",
            params={"store": cast.store, "currency": CURRENCY},
            data=table(receipts, cast.namespace).encode(),
            headers={"Content-Type": "text/csv"},
            auth=(write_key, ""),
            timeout=_TIMEOUT,
        )
    except requests.RequestException as fault:
        raise DemoError(f"{url} does not take the till's receipts ({type(fault).__name__}): see `make status`") from fault
    told = answer.json() if answer.ok else {}
    if not answer.ok or told.get("accepted", 0) + told.get("duplicates", 0) < len(receipts):
        raise DemoError(f"the till's receipts were not taken ({answer.status_code}): {answer.text[:300]}")


def table(receipts: Sequence[tuple[Person, Purchase]], namespace: str) -> str:
    """The receipts as a table. Each customer is known to the till by something else: the first by e-mail, then by card, then by number."""
    text = io.StringIO()
    rows = csv.DictWriter(text, _COLUMNS)
    rows.writeheader()
    for number, (person, purchase) in enumerate(receipts):
        known = [("email", person.email), ("loyalty_card", person.loyalty_card), ("customer_id", person.user_id)][number % 3]
        price = f"{purchase.amount / purchase.pieces / 100:.2f}"
        bought = {"product_id": product_of(namespace), "product_name": "CD", "quantity": purchase.pieces, "price": price}
        said = {"receipt": purchase.order_id.rpartition("/")[2], "time": purchase.placed_at.isoformat(), **bought}
        rows.writerow({**said, known[0]: known[1]})
    return text.getvalue()
