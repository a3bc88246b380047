"""The few query, update and aggregation operators of MongoDB that this code base uses; any other is refused, not guessed.

Meanings from the MongoDB manual, "Query and Projection Operators", "Update Operators" and "Aggregation Pipeline Operators"; the
contract test of this package holds them against a real server.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]
MISSING = object()


def value_of(document: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or MISSING."""
    if "." not in path:
        return document.get(path, MISSING)
    value: Any = document
    for name in path.split("."):
        if isinstance(value, list):
            raise NotImplementedError(f"a path through a list: {path}")
        if not isinstance(value, Mapping) or name not in value:
            return MISSING
        value = value[name]
    return value


def matches(document: Mapping[str, Any], query: Mapping[str, Any], now: datetime) -> bool:
    return all(_satisfied(document, name, condition, now) for name, condition in query.items())


def _satisfied(document: Mapping[str, Any], name: str, condition: Any, now: datetime) -> bool:
    if name[:1] == "$":
        return _LOGIC[name](document, condition, now)
    value = value_of(document, name)
    if type(condition) is dict and any(key[:1] == "$" for key in condition):
        return all(_COMPARISONS[operator](value, wanted) for operator, wanted in condition.items())
    return _equal(value, condition)


_LOGIC: dict[str, Callable[[Mapping[str, Any], Any, datetime], bool]] = {
    "$and": lambda document, parts, now: all(matches(document, part, now) for part in parts),
    "$or": lambda document, parts, now: any(matches(document, part, now) for part in parts),
    "$expr": lambda document, expression, now: bool(evaluate(expression, document, now)),
}


def _equal(value: Any, wanted: Any) -> bool:
    if value is MISSING:
        return wanted is None
    return bool(value == wanted) or (isinstance(value, list) and wanted in value)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Only values of one type compare; a missing one never does."""
    return lambda value, wanted: value is not MISSING and type(value) is type(wanted) and compare(value, wanted)


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$in": lambda value, wanted: any(_equal(value, one) for one in wanted),
    "$exists": lambda value, wanted: (value is not MISSING) == bool(wanted),
    "$ne": lambda value, wanted: not _equal(value, wanted),
    "$gt": _ordered(lambda value, wanted: value > wanted),
    "$gte": _ordered(lambda value, wanted: value >= wanted),
    "$lt": _ordered(lambda value, wanted: value < wanted),
    "$lte": _ordered(lambda value, wanted: value <= wanted),
}


def evaluate(expression: Any, document: Mapping[str, Any], now: datetime) -> Any:
    """An aggregation expression over one document; missing fields are None."""
    if expression == "$$NOW":
        return now
    if isinstance(expression, str) and expression.startswith("$"):
        value = value_of(document, expression[1:])
        return None if value is MISSING else value
    if type(expression) is not dict:
        return expression
    ((operator, arguments),) = expression.items()
    return _EXPRESSIONS[operator](*(evaluate(argument, document, now) for argument in arguments))


def _plus(left: Any, right: Any) -> Any:
    if left is None or right is None:
        return None
    return left + timedelta(milliseconds=right) if isinstance(left, datetime) else left + right


def _before(left: Any, right: Any) -> bool:
    """Null sorts before everything else."""
    if left is None or right is None:
        return left is None and right is not None
    return bool(left < right)


_EXPRESSIONS: dict[str, Callable[..., Any]] = {
    "$eq": lambda left, right: left == right,
    "$lt": _before,
    "$gt": lambda left, right: _before(right, left),
    "$or": lambda *parts: any(parts),
    "$not": lambda part: not part,
    "$ifNull": lambda value, other: other if value is None else value,
    "$cond": lambda condition, then, other: then if condition else other,
    "$add": _plus,
    "$subtract": lambda left, right: _plus(left, -right),
}


def changed(document: Document, change: Mapping[str, Any] | Sequence[Any], now: datetime, *, inserting: bool) -> Document:
    """What an update, a replacement or a pipeline makes of a document; the document itself is left alone."""
    if isinstance(change, Sequence):
        return _through(document, change, now)
    if not any(name.startswith("$") for name in change):
        return {"_id": document["_id"], **change} if "_id" in document else dict(change)
    result = dict(document)
    for operator, fields in change.items():
        if operator == "$setOnInsert" and not inserting:
            continue
        for path, value in fields.items():
            _UPDATES[operator](result, path, value)
    return result


def _through(document: Document, stages: Sequence[Any], now: datetime) -> Document:
    for stage in stages:
        ((name, fields),) = stage.items()
        if name != "$set":
            raise NotImplementedError(name)
        document = {**document, **{field: evaluate(value, document, now) for field, value in fields.items()}}
    return document


def _set(document: Document, path: str, value: Any) -> None:
    head, _, rest = path.partition(".")
    if rest:
        document[head] = dict(document.get(head, {}))
        _set(document[head], rest, value)
    else:
        document[head] = value


def _unset(document: Document, path: str, _: Any) -> None:
    if "." in path:
        raise NotImplementedError(f"$unset of {path}")
    document.pop(path, None)


def _increase(document: Document, path: str, value: Any) -> None:
    before = value_of(document, path)
    _set(document, path, value if before is MISSING else before + value)


_UPDATES: dict[str, Callable[[Document, str, Any], None]] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$unset": _unset,
    "$inc": _increase,
}
