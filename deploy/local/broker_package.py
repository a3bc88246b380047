"""RabbitMQ, which comes from the distribution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deploy.local.debian_package import DebianPackage
from deploy.local.rabbitmq import installed


def ensure_broker(log: Path, say: Callable[[str], None]) -> None:
    """Install RabbitMQ unless it is there."""
    DebianPackage("rabbitmq-server", "RabbitMQ", installed, "set AMQP_URI to use a broker of yours").ensure(log, say)
