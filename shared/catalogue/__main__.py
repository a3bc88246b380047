"""Write the catalogue's documents, or tell which of them are stale."""

import json
from pathlib import Path
from typing import Any

import click

from shared.catalogue.asyncapi import document
from shared.catalogue.page import events_page
from shared.events import CATALOGUE, EventKind

DOCS = Path(__file__).resolve().parents[2] / "docs"


@click.command(help="Write docs/events.md, docs/asyncapi.json and docs/schemas/ from the event catalogue.")
@click.option("--check", is_flag=True, help="Write nothing; name the files that are not as the catalogue says, and exit with 1.")
def main(check: bool) -> None:
    wanted = files()
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    leftover = [path for path in sorted((DOCS / "schemas").glob("*.json")) if path not in wanted]
    if check:
        _report(stale + leftover)
        return
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in leftover:
        path.unlink()


def files() -> dict[Path, str]:
    """The text of every generated file, by its path."""
    schemas = {DOCS / "schemas" / f"{kind.name}.json": _json(_standalone(kind)) for kind in CATALOGUE.values()}
    return {DOCS / "events.md": events_page(CATALOGUE), DOCS / "asyncapi.json": _json(document(CATALOGUE)), **schemas}


def _standalone(kind: EventKind) -> dict[str, Any]:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": kind.dataschema, "title": kind.name}
    return {**head, "description": kind.sent, **kind.json_schema}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _report(paths: list[Path]) -> None:
    for path in paths:
        click.echo(f"{path.relative_to(DOCS.parent)} is stale: run `python -m shared.catalogue`", err=True)
    if paths:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
