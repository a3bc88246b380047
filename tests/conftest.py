"""Patches first: nameko's services run inside the tests, and a socket made before the patch would block them all."""

import eventlet

eventlet.monkey_patch()

import signal  # noqa: E402 - nothing may be imported before the patch
from collections.abc import Iterator  # noqa: E402

import pytest  # noqa: E402
import pytest_timeout  # noqa: E402
from hypothesis import settings  # noqa: E402

from deploy.local.mongod import MongoServer  # noqa: E402
from deploy.local.rabbitmq import RabbitServer  # noqa: E402
from tests import servers  # noqa: E402

settings.register_profile("shared machines", deadline=None)  # time says nothing on a busy machine
settings.load_profile("shared machines")


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: pytest_timeout.Settings) -> bool:
    """Fail the test that hangs, and go on with the others.

    pytest-timeout takes a patched main thread for another one, and would end the whole run without a word about where it hung.
    The alarm rings again, should another green thread have been at work.
    """
    signal.signal(signal.SIGALRM, lambda number, frame: pytest_timeout.timeout_sigalrm(item, settings))
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, 5)
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_timeout_cancel_timer(item: pytest.Item) -> bool:
    """The test has ended in time."""
    signal.setitimer(signal.ITIMER_REAL, 0)
    return True


@pytest.fixture(scope="session")
def mongo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """The one MongoDB of a test run. A test that stops it starts it again."""
    server = servers.start_mongo(tmp_path_factory.mktemp("mongo"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def rabbit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """The one broker of a test run. A test that stops it starts it again."""
    server = servers.start_rabbit(tmp_path_factory.mktemp("rabbit"))
    yield server
    server.stop()
