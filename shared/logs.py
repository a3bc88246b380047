"""Structured logs: one JSON line a record, key-value, no personal data.

Libraries log through `logging`; their records take the same shape. nameko logs the text of exceptions, which may hold what a
customer typed, so its loggers are raised to CRITICAL and the runtime logs failures itself, by class and place.
"""

import logging
import sys
import traceback
from typing import Any, cast

import structlog

Logger = structlog.stdlib.BoundLogger


def setup(service: str, level: str = "INFO") -> None:
    """Configure logging of this process; call once, before anything logs."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for quiet in ("nameko", "amqp", "kombu", "pymongo"):
        logging.getLogger(quiet).setLevel(logging.CRITICAL)
    structlog.contextvars.bind_contextvars(service=service)


def get(name: str) -> Logger:
    return cast(Logger, structlog.get_logger(name))


def place(error: BaseException) -> str:
    """Where in our code an error came up, as `domain.py:41 KeyError`: safe to log, unlike its text."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "/shared/" in frame.filename or "/services/" in frame.filename] or frames
    where = f"{ours[-1].filename.rsplit('/', 1)[-1]}:{ours[-1].lineno} " if ours else ""
    return where + type(error).__name__
