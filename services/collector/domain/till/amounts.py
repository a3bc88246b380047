"""Numbers as tills write them, as decimal text that everything behind reads: `1.299,95`, `1,299.95`, `₹ 1299.95`, `-5`, `5-`, `(5)`."""

import re
import unicodedata
from typing import Any

from services.collector.domain.refusal import Reason, Refused

_GROUPED = re.compile(r"[0-9]{1,3}(?:[ '_][0-9]{2,3})*[ '_][0-9]{3}|[0-9]+")


def decimal_text(value: Any, field: str, *, comma: bool) -> str | None:
    """A number with a point before its decimals and nothing else, None for blank. `comma` says which mark parts decimals.

    Marks of thousands may stand where thousands are. Raises Refused for what is no number: a wrong guess would be a wrong price.
    """
    if value is None or isinstance(value, bool):
        return None if value is None else _wrong(field)
    if isinstance(value, (int, float)):
        return str(value) if isinstance(value, int) else repr(value)
    text = unicodedata.normalize("NFKC", str(value)).strip()
    text = "".join(" " if c.isspace() else str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)
    negative = text.startswith(("-", "−", "(")) or text.endswith("-")
    bare = text.strip("-−()+ ").strip("€$£₹¥ ").removeprefix("Rs.").removeprefix("Rs").strip()
    if not bare:
        return None if not text else _wrong(field)
    mark, thousands = (",", ".") if comma else (".", ",")
    whole, _, decimals = bare.partition(mark)
    if not _GROUPED.fullmatch(whole.replace(thousands, "'") or "0") or (decimals and not decimals.isdecimal()):
        return _wrong(field)
    digits = "".join(filter(str.isdecimal, whole)) or "0"
    return f"{'-' if negative else ''}{digits}{'.' + decimals if decimals else ''}"


def _wrong(field: str) -> str:
    raise Refused(Reason.INVALID_MONEY, f"{field} is no number as `decimals` says that this table writes them")
