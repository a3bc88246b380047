"""Conditions on what happened and what was bought: how often, for how much, when first and last."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from services.profiles.domain.history import MOST_KEPT, PROPERTIES
from services.profiles.domain.segments.clock import FOREVER
from services.profiles.domain.segments.nodes import Extreme, Group, Node, Range, Tally
from services.profiles.domain.segments.problems import listed
from services.profiles.domain.segments.reading import EventSource, OrderSource, Selection, Test

if TYPE_CHECKING:
    from services.profiles.domain.segments.language import Language

S = TypeVar("S", bound=Selection)
Wheres = tuple[tuple[str, Test], ...]
MOST_WHERE = 5
OWN_EVENT = "custom_event_tracked"  # has whatever properties the shop sends with it
OF_ORDERS = ("amount", "currency", "source", "channel", "coupon", "discount", "affiliation")
OF_LINES = ("product_id", "name", "category", "brand", "variant", "price", "quantity")
_NUMBERS = ("equals", "gte", "gt", "lte", "lt", "between")
_TIMES = ("within_last", "more_than_ago", "before", "after")
_COUNTED = ("did", "within", "during", "where")
_EVENTS = ("count", "sum", "average", "min", "max", "first", "last")
_ORDERS = ("count", "spend", "average", "min", "max", "pieces", "first", "last")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A condition while it is read: what it says, where, and the name of its measure."""

    language: "Language"
    said: Mapping[str, Any]
    path: str
    measure: str

    @property
    def is_time(self) -> bool:
        return self.measure in ("first", "last")

    def at(self, name: str) -> str:
        return f"{self.path}/{name}"

    def note(self, name: str, text: str) -> None:
        self.language.problems.note(self.at(name), text)


def event(language: "Language", said: Mapping[str, Any], path: str) -> Node | None:
    """`{"event": "product_viewed", "gte": 3, "within": {"days": 7}}`; `measure` is `count` where nothing is said of it."""
    problems = language.problems
    name = problems.one_of(said["event"], language.events, f"{path}/event")
    measure = problems.one_of(said.get("measure", "count"), _EVENTS, f"{path}/measure")
    if name is None or measure is None:
        return None
    asked = _Asked(language, said, path, measure)
    known = ("event", "measure", "of", "since_last_order", *_COUNTED, *_NUMBERS, *_TIMES)
    problems.names(said, known, path)
    of = _property_to_sum(asked)
    properties = None if name == OWN_EVENT else PROPERTIES
    where = _where(asked, lambda one: properties is None or one in properties, PROPERTIES)
    since = problems.truth(said.get("since_last_order", False), asked.at("since_last_order"))
    begin, end = _during(asked)
    source = EventSource(begin, end, of=of, name=name, where=where, since_last_order=bool(since))
    return _node(asked, source, MOST_KEPT if _needs_history(said) else None)


def orders(language: "Language", said: Mapping[str, Any], path: str) -> Node | None:
    """`{"orders": "count", "gte": 2}`, `{"orders": "spend", "currency": "EUR", "gte": 100000, "within": {"days": 365}}`."""
    problems = language.problems
    measure = problems.one_of(said["orders"], _ORDERS, f"{path}/orders")
    if measure is None:
        return None
    asked = _Asked(language, said, path, measure)
    problems.names(said, ("orders", "currency", *_COUNTED, *_NUMBERS, *_TIMES), path)
    currency = said.get("currency")
    is_money = measure in ("spend", "average", "min", "max")
    if is_money and not (isinstance(currency, str) and len(currency) == 3 and currency.isascii() and currency.isupper()):
        asked.note("currency", "Say in which currency, as its ISO 4217 code: `EUR`. Amounts are in its minor units.")
    if not is_money and currency is not None:
        asked.note("currency", f"`{measure}` is no amount of money. Put a currency into `where` to count the orders in it.")
    where = _where(asked, lambda one: one in (*OF_ORDERS, *OF_LINES), (*OF_ORDERS, *OF_LINES))
    begin, end = _during(asked)
    source = OrderSource(
        begin,
        end,
        of="spend" if is_money else measure if measure == "pieces" else None,
        currency=currency if is_money else None,
        where=tuple(one for one in where if one[0] in OF_ORDERS),
        lines=tuple(one for one in where if one[0] in OF_LINES),
    )
    return _node(asked, source, None)


def _node(asked: _Asked, source: S, most: int | None) -> Node | None:
    if asked.is_time:
        return _in_time(asked, source)
    for name in _TIMES:
        if name in asked.said:
            asked.note(name, "Only `first` and `last` are compared with times; for a window give `within`.")
    range_ = _range(asked, most)
    window = asked.language.window(asked.said["within"], asked.at("within")) if "within" in asked.said else None
    if range_ is None:
        return None
    shared = _shared(asked, source)
    if asked.measure in ("average", "min", "max"):
        return Extreme(shared, window, range_, asked.measure)
    return Tally(shared, window, range_)


def _in_time(asked: _Asked, source: S) -> Node | None:
    """The first or last one, and when it was: told by how many there are before, after or within."""
    for name in ("within", "did", *_NUMBERS):
        if name in asked.said:
            asked.note(name, f"`{asked.measure}` is compared by one of {', '.join(f'`{one}`' for one in _TIMES)}.")
    operator = asked.language.only(asked.said, _TIMES, asked.path)
    if operator is None:
        return None
    if operator in ("before", "after"):
        at = asked.language.problems.time(asked.said[operator], asked.at(operator))
        return _beside(asked, source, operator, asked.language.calendar.instant(at)) if at else None
    window = asked.language.window(asked.said[operator], asked.at(operator))
    if window is None:
        return None
    chosen = _shared(asked, replace(source, only_first=asked.measure == "first"))
    if operator == "within_last":
        return Tally(chosen, window, Range(1))
    return Group("all", (Tally(chosen, None, Range(1)), Tally(chosen, window, Range(high=0))))


def _beside(asked: _Asked, source: S, operator: str, bound: int) -> Node:
    """The first is before a moment where there is any before it, and after it where there is none; the last the other way round."""
    before = replace(source, end=bound if source.end is None else min(bound, source.end))
    after = replace(source, begin=bound if source.begin is None else max(bound, source.begin))
    if (asked.measure == "first") == (operator == "before"):
        return Tally(_shared(asked, before if operator == "before" else after), None, Range(1))
    some = Tally(_shared(asked, source), None, Range(1))
    return Group("all", (some, Tally(_shared(asked, before if operator == "after" else after), None, Range(high=0))))


def _shared(asked: _Asked, source: S) -> S:
    """One source for all conditions that choose the same."""
    chosen = {name: asked.said[name] for name in ("where", "since_last_order") if name in asked.said}
    said = {"of": source.of, "first": source.only_first, "during": [source.begin, source.end], **chosen}
    about = source.currency if isinstance(source, OrderSource) else asked.said["event"]
    return asked.language.once((type(source).__name__, about, said), lambda: source)


def _range(asked: _Asked, most: int | None) -> Range | None:
    """How many or how much it has to be; without a word at least one, or none where it says that it was not done."""
    given = [name for name in _NUMBERS if name in asked.said]
    if "did" in asked.said or (not given and asked.measure == "count"):
        if given or asked.measure != "count":
            asked.note("did", "Say either that it was done or not, or how often.")
        did = asked.language.problems.truth(asked.said.get("did", True), asked.at("did"))
        return Range(1) if did else Range(high=0)
    operator = asked.language.only(asked.said, _NUMBERS, asked.path)
    bounds = asked.language.bounds(operator, asked.said[operator], asked.at(operator)) if operator else None
    if operator is None or bounds is None:
        return None
    low, high = bounds
    if most is not None and asked.measure == "count" and (low > most or most <= high < FOREVER):
        text = f"Of an event the newest {most} are kept, so more cannot be told apart with a window or a choice: ask for fewer."
        asked.note(operator, text)
    return Range(low, high)


def _needs_history(said: Mapping[str, Any]) -> bool:
    return any(name in said for name in ("within", "during", "where", "since_last_order"))


def _property_to_sum(asked: _Asked) -> str | None:
    takes = asked.measure in ("sum", "average", "min", "max")
    if takes and "of" not in asked.said:
        asked.note("of", f"Say of which property it is the {asked.measure}: `price`.")
    elif not takes and "of" in asked.said:
        asked.note("of", "Only `sum`, `average`, `min` and `max` are of a property.")
    elif takes:
        return asked.language.problems.text(asked.said["of"], asked.at("of"))
    return None


def _where(asked: _Asked, knows: Callable[[str], bool], shown: tuple[str, ...]) -> Wheres:
    if "where" not in asked.said:
        return ()
    problems, found = asked.language.problems, []
    for number, said in enumerate(listed(asked.said["where"], MOST_WHERE, asked.at("where"), problems)):
        path = f"{asked.at('where')}/{number}"
        name = said.get("property") if isinstance(said, dict) else None
        if not isinstance(name, str) or not knows(name):
            problems.note(f"{path}/property", f"Give one of {', '.join(f'`{one}`' for one in shown)}.")
            continue
        test = asked.language.test(said, ("property",), path)
        if test:
            found.append((name, test))
    return tuple(found)


def _during(asked: _Asked) -> tuple[int | None, int | None]:
    """From the first to the second; a date is meant with the whole of its day, by the shop's clock. One of the two may be null."""
    if "during" not in asked.said:
        return None, None
    said, path, problems = asked.said["during"], asked.at("during"), asked.language.problems
    if not isinstance(said, list) or len(said) != 2 or said == [None, None]:
        problems.note(path, "Give two dates or times, the first and the last; one of them may be null.")
        return None, None
    begin, end = (problems.time(one, f"{path}/{number}") if one is not None else None for number, one in enumerate(said))
    calendar = asked.language.calendar
    first = calendar.instant(begin) if begin else None
    last = calendar.after(end) if end else None
    if first is not None and last is not None and first >= last:
        problems.note(path, "The first is not before the last.")
    return first, last
