"""Every object is what its kind allows, and nothing in it is ignored."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.kubernetes.manifests import Manifests
from tests.contract.kubernetes.schemas import complaints

Break = Callable[[dict[str, Any]], None]


def test_every_object_fits_the_strict_schema_of_its_kind(manifests: Manifests) -> None:
    assert [complaint for found in manifests.objects for complaint in complaints(found)] == []


def test_no_two_objects_share_a_name(manifests: Manifests) -> None:
    names = [(found["kind"], found["metadata"]["name"]) for found in manifests.objects]
    assert len(names) == len(set(names))


def test_a_kind_without_a_schema_is_a_complaint() -> None:
    assert list(complaints({"apiVersion": "example.com/v1", "kind": "Widget"})) == ["no schema for example.com/v1 Widget"]
    assert list(complaints({"apiVersion": "autoscaling/v2beta2", "kind": "HorizontalPodAutoscaler"}))


def _unknown_field(found: dict[str, Any]) -> None:
    found["spec"]["surprise"] = True


def _text_for_an_object(found: dict[str, Any]) -> None:
    found["spec"] = "surprise"


def _unknown_label_field(found: dict[str, Any]) -> None:
    found["metadata"]["lables"] = {}


@pytest.mark.parametrize("change", [_unknown_field, _text_for_an_object, _unknown_label_field])
def test_what_is_broken_on_purpose_is_found_in_every_kind(manifests: Manifests, change: Break) -> None:
    kinds = {found["kind"]: found for found in manifests.objects if "spec" in found}
    assert len(kinds) > 10
    for kind, found in kinds.items():
        broken = copy.deepcopy(found)
        change(broken)
        assert list(complaints(broken)), kind
