"""What a person is told of all that is kept about them: one archive with the data as JSON and a page to read."""

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2126; background: #fff }
h1, h2, h3 { line-height: 1.2 } h2 { border-top: 1px solid #cbd2d9; margin-top: 2.5rem; padding-top: 1rem }
details { border: 1px solid #cbd2d9; border-radius: .4rem; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer } dl { display: grid; gap: .1rem 1rem; grid-template-columns: minmax(8rem, max-content) 1fr; margin: .3rem 0 }
dt { color: #52606d } dd { margin: 0; overflow-wrap: anywhere }
""".strip()


def archive(told: Mapping[str, Sequence[Any]], request: Mapping[str, Any]) -> bytes:
    """A ZIP file: `index.html`, and `<service>.json` with the sections that each service told."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("index.html", page(told, request))
        for service, sections in told.items():
            file.writestr(f"{service}.json", json.dumps(sections, ensure_ascii=False, indent=2))
    return packed.getvalue()


def page(told: Mapping[str, Sequence[Any]], request: Mapping[str, Any]) -> str:
    """The archive as one HTML page without scripts or anything from elsewhere."""
    made = request["requested_at"].strftime("%-d %B %Y")
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
            f"<title>Data kept about you</title><style>{STYLE}</style></head><body>",
            f"<h1>Data kept about you</h1><p>As of {escape(made)}. The same is in the files <code>*.json</code> beside this page.</p>",
            *(part for service, sections in told.items() for part in _service(service, sections)),
            "</body></html>",
        ]
    )


def _service(service: str, sections: Sequence[Any]) -> Iterator[str]:
    yield f"<h2>{escape(service.capitalize())}</h2>"
    if not sections:
        yield "<p>Nothing.</p>"
    for section in sections:
        yield f"<h3>{escape(section['title'])} ({len(section['items'])})</h3>"
        for number, item in enumerate(section["items"], 1):
            yield f"<details><summary>{escape(_title(item, number))}</summary>{_value(item)}</details>"


def _title(item: Any, number: int) -> str:
    """What a row is called: its time and name where it has them, else its number."""
    named = item if isinstance(item, dict) else {}
    texts = [named.get(field) for field in ("time", "at", "opened_at", "due", "name", "kind", "identity_key", "subject")]
    return " · ".join(text for text in texts if isinstance(text, str)) or f"No. {number}"


def _value(value: Any) -> str:
    """A JSON value as HTML, nested lists of names and values; empty ones are left out."""
    if isinstance(value, dict):
        rows = (
            f"<dt>{escape(str(name))}</dt><dd>{_value(one)}</dd>" for name, one in value.items() if one not in (None, "", [], {})
        )
        return f"<dl>{''.join(rows)}</dl>"
    if isinstance(value, list):
        return "".join(f"<div>{_value(one)}</div>" for one in value)
    return escape(str(value))
