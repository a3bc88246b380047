"""`python -m chaos.system.forking DIRECTORY`: forks service processes by order, out of one that has imported what they all import.

Only third-party libraries are imported beforehand, after the patch that the services' launcher begins with. Our own modules are
imported by each process itself, since some of them decide at import who this process is.
"""

import shared.green  # noqa: F401, I001 - first: it patches what the others import

import importlib
import json
import os
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eventlet import hubs, patcher

_LIBRARIES = (
    *("nameko.runners", "nameko.web.handlers", "nameko.extensions", "kombu", "amqp", "pymongo", "msgspec", "structlog", "click"),
    *("marshmallow", "apispec", "jsonschema_rs", "prometheus_client", "werkzeug.wrappers", "rich.console"),
)
_POLL_SECONDS = 0.02
Order = Mapping[str, Any]


def main() -> None:
    """Fork by order, a line of JSON each, until the orders end; write how each child ended into a file that is named by its pid."""
    exits, system = Path(sys.argv[1]), patcher.original("os")
    for library in _LIBRARIES:
        importlib.import_module(library)
    waiting = b""
    while True:
        _reap(exits, system)
        if not patcher.original("select").select([0], [], [], _POLL_SECONDS)[0]:
            continue
        data = system.read(0, 65_536)
        if not data:
            return
        *orders, waiting = (waiting + data).split(b"\n")
        for order in orders:
            pid = _fork(json.loads(order), system)
            (exits / str(pid)).unlink(missing_ok=True)  # pids come again: a former child of this number is not this one
            system.write(1, b"%d\n" % pid)


def _fork(order: Order, system: Any) -> int:
    pid = int(system.fork())
    if pid:
        return pid
    try:
        _become(order, system)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        code = 1
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _become(order: Order, system: Any) -> None:
    """A session, a log, an environment and an event loop of its own, then the module."""
    hubs.use_hub()  # a loop that was made before the fork would share its file descriptors with everybody else's
    system.setsid()
    log = system.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    silence = system.open(os.devnull, os.O_RDONLY)
    for own, standard in ((silence, 0), (log, 1), (log, 2)):
        system.dup2(own, standard)
    os.environ.update(order["environment"])
    module, *sys.argv[1:] = order["arguments"]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _reap(exits: Path, system: Any) -> None:
    while True:
        try:
            pid, status = system.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        temporary = exits / f"{pid}.new"
        temporary.write_text(str(os.waitstatus_to_exitcode(status)))
        temporary.rename(exits / str(pid))


if __name__ == "__main__":
    main()
