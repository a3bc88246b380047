"""Mail is a component that an overlay asks for: one worker gets the server's address, and the way to it."""

from pathlib import Path

import pytest

from deploy.local.settings import REPOSITORY
from shared.config import load
from tests.contract.kubernetes.manifests import Manifests, Object, render
from tests.contract.kubernetes.schemas import complaints
from tests.contract.kubernetes.test_kubernetes_policies import reached, secret_references

SECRET = ("campaigns-mail", "MAIL_URL")


@pytest.fixture(scope="module")
def with_mail(tmp_path_factory: pytest.TempPathFactory) -> Manifests:
    return render("production", Path(tmp_path_factory.mktemp("with_mail")), "mail")


def variables(found: Object) -> set[str]:
    (container,) = found["spec"]["template"]["spec"]["containers"]
    return {entry["name"] for entry in container["env"]}


def test_one_worker_alone_knows_the_server_and_may_reach_it(with_mail: Manifests, rendered: dict[str, Manifests]) -> None:
    knowing = {name for name, found in with_mail.of("Deployment").items() if "MAIL_URL" in variables(found)}
    assert knowing == {"campaigns-worker"}
    known = variables(rendered["production"].one("Deployment", "campaigns-worker"))
    assert variables(with_mail.one("Deployment", "campaigns-worker")) == known | {"MAIL_URL"}
    (way,) = with_mail.of("NetworkPolicy").keys() - rendered["production"].of("NetworkPolicy").keys()
    selector = with_mail.one("NetworkPolicy", way)["spec"]["podSelector"]["matchLabels"]
    labels = with_mail.one("Deployment", "campaigns-worker")["spec"]["template"]["metadata"]["labels"]
    assert selector.items() <= labels.items()
    assert selector.keys() == {"app.kubernetes.io/name", "app.kubernetes.io/component"}
    assert reached(with_mail, "api") == reached(rendered["production"], "api")


def test_what_it_adds_is_whole(with_mail: Manifests, rendered: dict[str, Manifests]) -> None:
    assert [complaint for found in with_mail.objects for complaint in complaints(found)] == []
    assert set(secret_references(with_mail)) - set(secret_references(rendered["production"])) == {SECRET}
    settings = with_mail.one("ConfigMap", "settings")["data"]
    assert load("campaigns", {**settings, "MAIL_URL": "smtp://user:password@mail.shop.example:587"}).public_url
    assert load("support", settings).mail_from, "who only shows mails is not told of the server"


def test_the_page_on_kubernetes_names_its_secret() -> None:
    page = (REPOSITORY / "docs" / "kubernetes.md").read_text()
    mail = page[page.index("## Mail") : page.index("## The doors")]
    assert all(f"`{name}`" in mail for name in SECRET)
