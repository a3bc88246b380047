"""nameko's server, with what it leaves out: limits on slow clients, an end that finishes its answers, problems for unknown paths."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import eventlet
from eventlet import wsgi
from nameko.web.server import WebServer, WsgiApp
from werkzeug.exceptions import HTTPException

from shared import logs
from shared.http.answers import as_problem, problem

_log = logs.get(__name__)


class Routes(WsgiApp):  # type: ignore[misc]  # nameko has no types
    """nameko's dispatch, with problem details where no route fits."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            self.url_map.bind_to_environ(environ).match()
        except HTTPException as error:
            refused: Any = problem(as_problem(error)) if error.code in (404, 405) else error.get_response(environ)
            return list(refused(environ, start_response))
        answered: Iterable[bytes] = super().__call__(environ, start_response)
        return answered


class Server(WebServer):  # type: ignore[misc]  # nameko has no types
    """nameko's server with quiet logs, limits on slow clients, problem details for unknown paths, and answers finished on stop."""

    active = 0
    around: ClassVar[Any] = staticmethod(lambda application: application)  # tracing, where it is on

    def get_wsgi_app(self) -> Any:
        routes = self.around(Routes(self))

        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self.active += 1
            try:
                return list(routes(environ, start_response))
            finally:
                self.active -= 1

        return application

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, **options: Any) -> Any:
        return wsgi.Server(sock, sock.getsockname(), wsgi_app, log_output=False, socket_timeout=65, url_length_limit=8192)

    def process_request(self, sock: Any, address: Any) -> None:
        """A client that is gone takes nobody with it: what this raises would end the whole service."""
        try:
            super().process_request(sock, address)
        except OSError as error:
            _log.info("a connection broke", error=logs.place(error))

    def stop(self) -> None:
        self._is_accepting = False
        if self._sock is None:  # asked to stop before it was started: the database was away all the time
            return
        self._gt.kill()  # before the socket: once that is closed its number may be given to another, and whoever waits for it is thrown out
        self._sock.close()
        with eventlet.Timeout(10, False):
            while self.active:
                eventlet.sleep(0.02)
        eventlet.sleep(0.05)  # the last answers are on their way to the socket
        super().stop()
