"""Why a message is not taken: a code from a closed set, and a sentence that says what to do."""

from enum import StrEnum


class Reason(StrEnum):
    """Codes of refusal. They are part of the HTTP answer and of the quarantine: add, never rename."""

    INVALID_JSON = "invalid_json"
    INVALID_ENCODING = "invalid_encoding"
    INVALID_MESSAGE = "invalid_message"
    EVENT_TOO_LARGE = "event_too_large"
    REQUEST_TOO_LARGE = "request_too_large"
    TOO_MANY_EVENTS = "too_many_events"
    TOO_DEEP = "too_deep"
    UNKNOWN_CALL = "unknown_call"
    UNKNOWN_TYPE = "unknown_type"
    MISSING_IDENTITY = "missing_identity"
    INVALID_ID = "invalid_id"
    MISSING_FIELD = "missing_field"
    INVALID_FIELD = "invalid_field"
    INVALID_MONEY = "invalid_money"
    INVALID_CURRENCY = "invalid_currency"
    INVALID_TIME = "invalid_time"
    NOT_IN_CATALOGUE = "not_in_catalogue"
    MISSING_WRITE_KEY = "missing_write_key"
    UNKNOWN_WRITE_KEY = "unknown_write_key"
    EXPIRED_WRITE_KEY = "expired_write_key"
    SOURCE_DISABLED = "source_disabled"
    INVALID_TABLE = "invalid_table"
    CONFLICTING_RECEIPT = "conflicting_receipt"
    BUSY = "busy"


class Refused(Exception):
    """A message, or a whole request, that is not taken. `message` names fields and never values: values may be personal."""

    def __init__(self, code: Reason, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
