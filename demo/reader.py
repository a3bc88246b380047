"""The HTTP answers of the services, read through the gateway with the API token."""

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import requests

from demo.errors import DemoError

_TIMEOUT = 30.0
_PATIENCE = 60.0  # how long a service may ask to be left alone, or be away
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}
_PAGE = 500


class Reader:
    """Reads, and posts where a person would. Waits as long as Retry-After says where the gateway says it is too much."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {token}"

    def answers(self) -> bool:
        """Whether the system is there and knows the token."""
        try:
            return self._session.get(f"{self._url}/api/analytics/settings", timeout=_TIMEOUT).ok
        except requests.RequestException:
            return False

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at `/api/<path>`. Raises DemoError where there is none."""
        return self._read(self._ask("GET", path, params=query), path)

    def find(self, path: str, **query: Any) -> Any:
        """The same; None where nothing is found."""
        answer = self._ask("GET", path, params=query)
        return None if answer.status_code == HTTPStatus.NOT_FOUND else self._read(answer, path)

    def post(self, path: str, body: Any) -> Any:
        """The answer to `body`. Raises DemoError where it is refused."""
        return self._read(self._ask("POST", path, json=body), path)

    def put(self, path: str, body: Any) -> Any:
        """The answer to `body` in the place of what is there. Raises DemoError where it is refused."""
        return self._read(self._ask("PUT", path, json=body), path)

    def text(self, path: str) -> str:
        """What is at `/api/<path>`, such as a table. Raises DemoError where there is nothing."""
        answer = self._ask("GET", path)
        answer.encoding = "utf-8"
        return answer.text if answer.ok else str(self._read(answer, path))

    def pages(self, path: str, **query: Any) -> Iterator[Any]:
        """The items of all pages of a listing."""
        cursor = None
        while True:
            page = self.get(path, limit=_PAGE, cursor=cursor, **query)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def _ask(self, method: str, path: str, **parts: Any) -> requests.Response:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                answer = self._session.request(method, f"{self._url}/api/{path}", timeout=_TIMEOUT, **parts)
            except requests.RequestException as fault:
                raise DemoError(f"{self._url} does not answer any more ({type(fault).__name__}): see `make status`") from fault
            pause = _pause(answer)
            if pause is None or time.monotonic() + pause > deadline:
                return answer
            time.sleep(pause)

    def _read(self, answer: requests.Response, path: str) -> Any:
        if answer.ok:
            return answer.json()
        raise DemoError(f"/api/{path} answered {answer.status_code}: {answer.text[:300].strip() or 'nothing more'}")


def identity(user_id: str) -> str:
    """A customer in a path."""
    return quote(f"user:{user_id}", safe="")


def _pause(answer: requests.Response) -> float | None:
    """Seconds after which to ask again; None for an answer that stands."""
    if answer.status_code not in _BUSY:
        return None
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() else 1.0
