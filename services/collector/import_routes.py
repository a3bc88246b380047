"""HTTP of imports in the background: a file is uploaded in parts, started, followed, and its errors fetched."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from services.collector import till_schemas as schemas
from services.collector.imports import new_import
from services.collector.storage import Storage
from shared.errors import BadRequest, Conflict, NotFound, TooLarge
from shared.http import BODY_LIMIT, Api, answer, door, route

_IMPORTS = "/api/collector/till/imports"
_UNKNOWN = "No import has this id; it may have been kept for its time already."
_ERROR_COLUMNS = ("line", "receipt", "code", "message")


class ImportRoutes(Api):
    """Imports of files of tills."""

    @route("POST", _IMPORTS, summary="Begin an import", body=schemas.NewImport(), response=schemas.Import(), status=201)
    def begin_import(self, body: dict[str, Any]) -> dict[str, Any]:
        """Then upload the file in parts of at most 1 MiB, in any order and as often as needed, and start it."""
        storage = Storage(self.store)
        source = storage.sources.find(body["source"])
        if source is None:
            raise NotFound("No source has this id or name: see /api/collector/sources.")
        row = new_import(source, body, datetime.now(UTC))
        storage.imports.add(row)
        return _shown(row)

    @door("PUT", f"{_IMPORTS}/<id>/parts/<int:number>")
    def put_part(self, request: Request, id: str, number: int) -> Response:
        """A part of the file, as bytes: part 0 is its beginning. The same number again replaces it."""
        storage = Storage(self.store)
        if _existing(storage, id)["status"] != "receiving":
            raise Conflict("The import was started: begin another one.")
        if number >= schemas.MOST_PARTS:
            raise BadRequest(f"A file has at most {schemas.MOST_PARTS} parts.")
        storage.imports.put_part(id, number, _bytes(request), datetime.now(UTC))
        return answer({"part": number})

    @route("POST", f"{_IMPORTS}/<id>/start", summary="Start an import", body=schemas.Start(), response=schemas.Import())
    def start_import(self, id: str, body: dict[str, Any]) -> dict[str, Any]:
        """It runs in the background, one import at a time, and goes on where it was when a process dies."""
        storage = Storage(self.store)
        _existing(storage, id)
        sizes = storage.imports.sizes(id)
        missing = [number for number in range(body["parts"]) if number not in sizes]
        if missing or len(sizes) != body["parts"]:
            wrong = f"Parts {missing[:10]} are missing." if missing else f"There are {len(sizes)} parts: begin another import."
            raise Conflict(f"Parts 0 to {body['parts'] - 1} have to be there, and no others. {wrong}")
        values = {"status": "waiting", "parts": len(sizes), "bytes_total": sum(sizes.values())}
        row = storage.imports.change(id, ("receiving",), values)
        if row is None:
            raise Conflict("The import was started already.")
        return _shown(row)

    @route("POST", f"{_IMPORTS}/<id>/cancel", summary="Stop an import", response=schemas.Import())
    def cancel_import(self, id: str) -> dict[str, Any]:
        """What was taken by now stays: it is in the archive like every event."""
        storage = Storage(self.store)
        _existing(storage, id)
        values = {"status": "cancelled", "finished_at": datetime.now(UTC)}
        row = storage.imports.change(id, ("receiving", "waiting", "running"), values)
        if row is None:
            raise Conflict("The import has ended.")
        storage.imports.end(id, {})
        return _shown(row)

    @route("GET", _IMPORTS, summary="Imports, newest first", query=schemas.ImportsQuery(), response=schemas.ImportPage())
    def list_imports(self, query: dict[str, Any]) -> dict[str, Any]:
        """Of the last days: they are kept as long as the quarantine."""
        page = Storage(self.store).imports.listed(query.get("status"), query["cursor"], query["limit"])
        return {**page, "items": [_shown(row) for row in page["items"]]}

    @route("GET", f"{_IMPORTS}/<id>", summary="How far an import is", response=schemas.Import())
    def get_import(self, id: str) -> dict[str, Any]:
        """Its state, counts, and how its table was understood."""
        return _shown(_existing(Storage(self.store), id))

    @door("GET", f"{_IMPORTS}/<id>/errors")
    def get_errors(self, request: Request, id: str) -> Response:
        """What was refused, as a table: line, receipt, code and what to do. The rows themselves are in the quarantine."""
        storage = Storage(self.store)
        _existing(storage, id)
        headers = {"Content-Disposition": f'attachment; filename="import-{id}-errors.csv"'}
        return Response(_table(storage.imports.errors(id)), headers=headers, content_type="text/csv; charset=utf-8")


def _existing(storage: Storage, import_id: str) -> dict[str, Any]:
    row = storage.imports.find(import_id)
    if row is None:
        raise NotFound(_UNKNOWN)
    return row


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    share = row["bytes_done"] / row["bytes_total"] if row["bytes_total"] else 0.0
    return {**row, "share_done": 1.0 if row["status"] == "done" else round(min(share, 1.0), 4)}


def _bytes(request: Request) -> bytes:
    request.environ["wsgi.input_terminated"] = True  # eventlet ends the stream by itself
    try:
        return request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise TooLarge(f"A part has at most {BODY_LIMIT} bytes: upload the file in more of them.") from None


def _table(rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    """The rows of a table, a few hundred at a time. A cell that a spreadsheet would run as a formula begins with an apostrophe."""
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(_ERROR_COLUMNS)
    for row in rows:
        writer.writerow([_inert(row[name]) for name in _ERROR_COLUMNS])
        if written.tell() > 64 * 1024:
            yield written.getvalue().encode()
            written.seek(0)
            written.truncate()
    yield written.getvalue().encode()


def _inert(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t") else value
