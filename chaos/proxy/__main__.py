"""`python -m chaos.proxy --control PORT --link NAME:PORT:TARGET ...`: the proxy as a process."""

import argparse
import asyncio
import json
from typing import Any

from chaos.proxy.behaviour import Weather
from chaos.proxy.link import Link


async def serve(control: int, links: dict[str, Link]) -> None:
    """Serve links and control until the process is ended."""
    servers = [await link.serve() for link in links.values()]

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            answer = obey(links, json.loads(line))
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()

    servers.append(await asyncio.start_server(converse, "127.0.0.1", control))
    await asyncio.gather(*(server.serve_forever() for server in servers))


def obey(links: dict[str, Link], order: dict[str, Any]) -> dict[str, int]:
    """One order: `{"link": NAME, "weather": {"up": {…}, "down": {…}}}` or `{"link": NAME, "reset": true}`; without either, a question.

    The answer says how many bytes the link has taken and how many of them it gave on.
    """
    link = links[order["link"]]
    if order.get("reset"):
        link.reset()
    if "weather" in order:
        link.change(Weather.from_json(order["weather"]))
    return {"taken": link.taken, "given": link.given}


def main() -> None:
    parser = argparse.ArgumentParser("python -m chaos.proxy", description=__doc__)
    parser.add_argument("--control", type=int, required=True, help="port of the control connection")
    parser.add_argument("--link", action="append", required=True, help="NAME:PORT:TARGET, all on the loopback")
    arguments = parser.parse_args()
    links = {name: Link(int(port), int(target)) for name, port, target in (text.split(":") for text in arguments.link)}
    asyncio.run(serve(arguments.control, links))


if __name__ == "__main__":
    main()
