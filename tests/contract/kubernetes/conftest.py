"""The rendered overlays, once for a test run."""

import pytest

from tests.contract.kubernetes.manifests import OVERLAYS, Manifests, render


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Manifests]:
    directory = tmp_path_factory.mktemp("manifests")
    return {overlay: render(overlay, directory) for overlay in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(request: pytest.FixtureRequest, rendered: dict[str, Manifests]) -> Manifests:
    """Each overlay in turn."""
    return rendered[request.param]
