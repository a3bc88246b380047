"""What a person sees: parts coming up, the words at the end, the table of `status`."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from deploy.local.stack import Stack
from shared.access.scopes import ROLES

_ORDER = """curl -sS "$SAMBANDH_URL/v1/track" -u "$SAMBANDH_WRITE_KEY:" -H 'Content-Type: application/json' -d '{
  "userId": "42", "event": "Order Completed", "properties": {"order_id": "A-1", "total": 25.50, "currency": "EUR",
  "products": [{"product_id": "tea-1", "name": "Darjeeling", "quantity": 2, "price": 12.75}]}}'"""
_READ_BACK = """curl -sS "$SAMBANDH_URL/api/profiles/customers/user:42" -H "Authorization: Bearer $SAMBANDH_ADMIN_TOKEN\""""


class Progress:
    """Shows reports of the stack: a table with spinners on a terminal, one line per change elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._states: dict[str, str] = {}
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=8, transient=False)

    def __enter__(self) -> Self:
        self._states.clear()
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def report(self, name: str, state: str) -> None:
        """Take one report; its shape is `deploy.local.stack.Report`."""
        self._states[name] = state
        if not self._console.is_terminal:
            self._console.print(f"{name:<13} {state}", highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for name, state in self._states.items():
            done = state.startswith(("ready", "stopped"))
            table.add_row(Text("✓", style="green") if done else Spinner("dots"), name, Text(state, style="dim"))
        return table


def welcome(console: Console, stack: Stack) -> None:
    """Addresses, keys and what to try, once everything is ready."""
    run_dir = stack.settings.run_dir
    lines = [
        "",
        f"Sambandh is ready at {stack.settings.url}",
        f"  write key   {stack.credentials.write_key}",
        f"  tokens      one for each role in {run_dir / 'env'}: {', '.join(f'SAMBANDH_{role.upper()}_TOKEN' for role in ROLES)}",
        f"  logs        {run_dir / 'log'}",
        *([f"  RabbitMQ    {stack.rabbit.management_url} (admin, {stack.credentials.rabbit['admin']})"] if stack.rabbit else []),
        "",
        "Try next, in another terminal:",
        f"  . {run_dir / 'env'}",
        *(f"  {line}" for line in f"{_ORDER}\n{_READ_BACK}\nmake demo".splitlines()),
        "",
    ]
    # Not wrapped and not coloured: these lines are there to be copied.
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


def status_table(stack: Stack) -> Table:
    """Each process with its state, pid and ports."""
    table = Table("part", "state", "pid", "ports", caption=f"logs: {stack.settings.run_dir / 'log'}")
    ports = _ports(stack)
    for process in stack.processes():
        running = process.id
        state = "stopped" if running is None else _state(stack, process.name)
        table.add_row(process.name, state, str(running.pid) if running else "", ports.get(process.name, ""))
    return table


def _state(stack: Stack, name: str) -> str:
    if name not in stack.services:
        return "running"
    return "ready" if stack.ready(name) else "not ready"


def _ports(stack: Stack) -> dict[str, str]:
    number = stack.settings.ports
    broker = (number["AMQP_PORT"], number["RABBITMQ_MANAGEMENT_PORT"], number["RABBITMQ_PROMETHEUS_PORT"])
    services = {name: f"{pair.api}, metrics {pair.metrics}" for name, pair in stack.settings.services.items()}
    return services | {
        "mongod": str(number["MONGO_PORT"]),
        "epmd": str(number["EPMD_PORT"]),
        "rabbitmq": "{}, management {}, metrics {}".format(*broker),
        "gateway": f"{number['GATEWAY_PORT']}, admin {number['ENVOY_ADMIN_PORT']}",
    }
