"""Which services there are, and the nameko classes of each, found by their names."""

import importlib
import pkgutil
from dataclasses import dataclass

import services


@dataclass(frozen=True)
class Classes:
    """The nameko classes of a service: `worker` handles events and timers, `api` serves HTTP."""

    worker: type
    api: type


def service_names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(services.__path__))


def service_classes(service: str) -> Classes:
    """Find the classes by their nameko names: `<service>` in service.py, `<service>_api` in api.py."""
    found = []
    for module_name, nameko_name in (("service", service), ("api", f"{service}_api")):
        module = importlib.import_module(f"services.{service}.{module_name}")
        found.append(next(c for c in vars(module).values() if isinstance(c, type) and getattr(c, "name", None) == nameko_name))
    return Classes(*found)
