"""The newest results as Markdown tables."""

from collections.abc import Mapping

from benchmarks.results import Document

BEGIN, END = "<!-- results: written by `make bench` -->", "<!-- end of results -->"
ORDER = ("consume", "ingest", "latency", "read", "relay", "timers", "growth", "segments", "timeline", "access")


def tables(results: Mapping[str, Document]) -> str:
    """Markdown of all results."""
    parts = [_sides(results["consume"])] if "consume" in results else []
    return "\n\n".join([*parts, _rows(results)])


def summary(results: Mapping[str, Document]) -> str:
    """Markdown of the figures that have aims."""
    lines = [_line(["figure", "measured", "aim"]), _line(["---", "---:", "---:"])]
    rows = [row for name in ORDER for row in results.get(name, {}).get("rows", ()) if "met" in row]
    return "\n".join([*lines, *(_line([row["what"], _measured(row), f"{_aim(row)}, {_verdict(row)}"]) for row in rows)])


def put_between(text: str, content: str, begin: str = BEGIN, end: str = END) -> str:
    """`text` with `content` between two markers. Raises ValueError where they are missing."""
    before, found, rest = text.partition(begin)
    _, found_too, after = rest.partition(end)
    if not found or not found_too:
        raise ValueError(f"the markers {begin} and {end} are missing")
    return f"{before}{begin}\n\n{content}\n\n{end}{after}"


def _sides(consume: Document) -> str:
    head = ["four effects of a purchase", "orders/s", "services", "mongod", "rabbitmq", "together", "terms"]
    lines = [_line(head), _line(["---", *["---:"] * 5, "---"])]
    for side in consume["sides"]:
        costs = side["cpu_ms_per_order"]
        each = [shown(costs[group]) for group in ("services", "mongod", "rabbitmq")]
        lines.append(_line([side["title"], shown(side["orders_per_second"]), *each, shown(sum(costs.values())), side["terms"]]))
    return "\n".join([*lines, "", "Processor time is milliseconds an order."])


def _rows(results: Mapping[str, Document]) -> str:
    lines = [_line(["figure", "measured", "aim", "", "on", "commit"]), _line(["---", "---:", "---:", "---", "---", "---"])]
    for name in [*ORDER, *sorted(results.keys() - set(ORDER))]:
        for row in results.get(name, {}).get("rows", ()):
            result = results[name]
            lines.append(
                _line([row["what"], _measured(row), _aim(row), _verdict(row), result["at"][:10], f"`{result['commit'][:7]}`"])
            )
    under = [f"- {name}: {results[name]['under']}; {_machine(results[name])}" for name in ORDER if name in results]
    return "\n".join([*lines, "", "Measured with:", "", *under])


def _machine(result: Document) -> str:
    versions = result["versions"]
    servers = f"MongoDB {versions['mongod']}, RabbitMQ {versions['rabbitmq']}, Python {versions['python']}"
    return f"{result['cores']} cores, load {result['load'][0]} at the end, {servers}, {result['trials']} trials"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _measured(row: Document) -> str:
    return f"{shown(row['figure'])} {row['unit']}"


def _aim(row: Document) -> str:
    if "at_least" in row:
        return f"at least {shown(row['at_least'])}"
    return f"at most {shown(row['at_most'])}" if "at_most" in row else ""


def _verdict(row: Document) -> str:
    return "" if "met" not in row else "met" if row["met"] else "missed"


def shown(value: float) -> str:
    """Three significant digits, with commas in thousands and no trailing zeros."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
