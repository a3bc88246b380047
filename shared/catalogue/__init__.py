"""The event catalogue as documents for people and machines: `python -m shared.catalogue` writes them, `--check` compares them.

`page` makes docs/events.md, `asyncapi` makes docs/asyncapi.json, and docs/schemas/ gets a JSON Schema for each event.
"""
