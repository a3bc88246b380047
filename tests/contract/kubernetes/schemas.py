"""Strict schemas of every kind: Kubernetes' own out of a package, those of operators out of `custom_resources.yaml`."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

KUBERNETES = "1.37.0"


def complaints(found: dict[str, Any]) -> Iterator[str]:
    """What is wrong with an object: no schema for its kind, an unknown field, a missing one, a value of the wrong kind."""
    reference = _kinds().get((found.get("apiVersion", ""), found.get("kind", "")))
    if reference is None:
        yield f"no schema for {found.get('apiVersion')} {found.get('kind')}"
        return
    for error in Draft202012Validator({"$ref": reference}, registry=_registry()).iter_errors(found):
        yield f"{found['kind']}/{found['metadata']['name']} {error.json_path}: {error.message[:300]}"


@cache
def _documents() -> tuple[Any, Any]:
    spec = find_spec("kubernetes_validate")
    assert spec is not None, "it is a development dependency"
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "kubernetes-json-schema" / f"v{KUBERNETES}-local-strict"
    core = json.loads((folder / "_definitions.json").read_text())
    custom = yaml.safe_load((Path(__file__).parent / "custom_resources.yaml").read_text())
    return core, custom


@cache
def _registry() -> Any:
    return Registry().with_resources([(document["$id"], Resource.from_contents(document)) for document in _documents()])


@cache
def _kinds() -> dict[tuple[str, str], str]:
    """Where the schema of (apiVersion, kind) is."""
    core, custom = _documents()
    found = {}
    for name, schema in core["$defs"].items():
        for kind in schema.get("x-kubernetes-group-version-kind", []):
            version = "/".join(filter(None, (kind["group"], kind["version"])))
            found[version, kind["kind"]] = f"{core['$id']}#/$defs/{name}"
    for name in custom["$defs"]:
        version, _, kind = name.rpartition("/")
        if version:
            found[version, kind] = f"{custom['$id']}#/$defs/{name.replace('/', '~1')}"
    return found
