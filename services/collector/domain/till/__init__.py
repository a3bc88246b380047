"""What a till reports: purchases and returns, out of tables and JSON, as messages that every other client might have sent.

`settings` says how a table is meant, `columns` what its columns are called, `tables` takes bytes apart into rows, `receipts` puts rows
together, `amounts` and `moments` read what people's tills write, and `messages` makes the message of a receipt.
"""

from services.collector.domain.till.messages import message_of
from services.collector.domain.till.receipts import Receipt, Receipts, receipt_in
from services.collector.domain.till.settings import Dates, Decimals, Numbering, TillSettings
from services.collector.domain.till.tables import Form, Record, form_of, records

__all__ = [
    "Dates",
    "Decimals",
    "Form",
    "Numbering",
    "Receipt",
    "Receipts",
    "Record",
    "TillSettings",
    "form_of",
    "message_of",
    "receipt_in",
    "records",
]
