"""What kustomize makes of deploy/k8s, as objects to look at."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from deploy.k8s import kubectl, secrets
from deploy.local.settings import REPOSITORY

Object = dict[str, Any]
OVERLAYS = ("dev", "production")


@dataclass(frozen=True)
class Manifests:
    """All objects of an overlay, what is applied before it included."""

    overlay: str
    objects: list[Object]

    def of(self, kind: str) -> dict[str, Object]:
        """The objects of a kind by name."""
        return {found["metadata"]["name"]: found for found in self.objects if found["kind"] == kind}

    def one(self, kind: str, name: str) -> Object:
        return self.of(kind)[name]

    def pods(self) -> Iterator[tuple[str, Object]]:
        """Name and pod spec of everything that becomes a pod of ours."""
        for kind in ("Deployment", "StatefulSet", "Job"):
            for name, found in self.of(kind).items():
                yield f"{kind}/{name}", found["spec"]["template"]["spec"]

    def containers(self) -> Iterator[tuple[str, Object]]:
        for name, pod in self.pods():
            for container in [*pod.get("initContainers", []), *pod["containers"]]:
                yield f"{name}/{container['name']}", container


def render(overlay: str, directory: Path, *components: str) -> Manifests:
    """Render an overlay, with further components, from a copy below `directory`, with secrets generated there: a checkout has none, or
    somebody's own.
    """
    copy = directory / "k8s"
    if not copy.exists():
        shutil.copytree(REPOSITORY / "deploy" / "k8s", copy, ignore=shutil.ignore_patterns("*.env", "__pycache__"))
        secrets.write(copy / "overlays" / "dev" / "secrets")
    for component in components:
        kustomization = copy / "overlays" / overlay / "kustomization.yaml"
        asked = yaml.safe_load(kustomization.read_text())
        asked["components"].append(f"../../components/{component}")
        kustomization.write_text(yaml.safe_dump(asked))
    texts = [kubectl.render(copy / "overlays" / overlay / part) for part in ("prepare", ".")]
    return Manifests(overlay, [found for text in texts for found in yaml.load_all(text, yaml.CSafeLoader)])
