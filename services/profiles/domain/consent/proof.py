"""What shows that something was said, with no more about the person than that takes."""

import ipaddress
from collections.abc import Mapping
from typing import Any

_BROWSERS = (
    ("edg", "edge"),
    ("opr/", "opera"),
    ("firefox", "firefox"),
    ("chrome", "chrome"),
    ("crios", "chrome"),
    ("safari", "safari"),
)
_PREFIXES = {4: 24, 6: 48}


def network_of(address: str) -> str | None:
    """The network of an IP address, as large as many households: `203.0.113.0/24`; None for what is no address."""
    try:
        found = ipaddress.ip_address(address.strip())
    except ValueError:
        return None
    return str(ipaddress.ip_network(f"{found}/{_PREFIXES[found.version]}", strict=False))


def browser_of(user_agent: str) -> str:
    """The kind of browser and device, without versions: `firefox on desktop`."""
    agent = user_agent.lower()
    name = next((name for mark, name in _BROWSERS if mark in agent), "other")
    return f"{name} on {'mobile' if 'mobi' in agent or 'android' in agent else 'desktop'}"


def as_kept(proof: Mapping[str, Any]) -> dict[str, Any]:
    """A proof as it is kept: `ip` and `user_agent` give way to what is left of them."""
    kept = {name: proof[name] for name in ("form_id", "document_id") if proof.get(name)}
    network = network_of(proof["ip"]) if proof.get("ip") else None
    return {
        **kept,
        **({"network": network} if network else {}),
        **({"browser": browser_of(proof["user_agent"])} if proof.get("user_agent") else {}),
    }
