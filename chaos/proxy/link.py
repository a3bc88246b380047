"""One listening port and what is behind it."""

import asyncio
import contextlib
import socket
import struct

from chaos.proxy.behaviour import CLEAR, Behaviour, Weather

_CHUNK = 65_536
_SLOW_CHUNKS_A_SECOND = 20


class Link:
    """Forwards connections from `port` to `target`, both on the loopback, as its weather allows."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self._weather = CLEAR
        self._changed = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self.taken = self.given = 0  # bytes of both directions, read and passed on

    async def serve(self) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    def change(self, weather: Weather) -> None:
        """From now on, for open connections too. What was held is let go unless it is to be held on."""
        self._weather = weather
        self._changed.set()
        self._changed = asyncio.Event()

    def reset(self) -> None:
        """Reset every open connection."""
        for writer in list(self._open):
            _reset(writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            return
        pair = {writer, far_writer}
        self._open |= pair
        pumps = [
            asyncio.create_task(self._pump(reader, far_writer, up=True)),
            asyncio.create_task(self._pump(far_reader, writer, up=False)),
        ]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        self._open -= pair
        for each in pair:
            _reset(each) if any(_failed(pump) for pump in pumps) else each.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool) -> None:
        """One direction, until its end or its cut. Raises ConnectionResetError for a cut."""
        passed = _Cut()
        while True:
            behaviour = self._behaviour(up)
            data = await reader.read(_chunk_of(behaviour))
            if not data:
                return
            self.taken += len(data)
            behaviour = await self._held(up)
            await asyncio.sleep(behaviour.delay + (len(data) / behaviour.rate if behaviour.rate else 0.0))
            if behaviour.black_hole:
                continue
            allowed = passed.allowed(behaviour, len(data))
            writer.write(data[:allowed])
            await writer.drain()
            self.given += allowed
            if allowed < len(data):
                raise ConnectionResetError("cut")

    async def _held(self, up: bool) -> Behaviour:
        """The behaviour of the direction, once it lets bytes pass."""
        while self._behaviour(up).hold:
            await self._changed.wait()
        return self._behaviour(up)

    def _behaviour(self, up: bool) -> Behaviour:
        return self._weather.up if up else self._weather.down


class _Cut:
    """Counts the bytes of a direction since it was last told to cut."""

    def __init__(self) -> None:
        self._behaviour: Behaviour | None = None
        self._passed = 0

    def allowed(self, behaviour: Behaviour, size: int) -> int:
        if behaviour.cut_after is None:
            return size
        if behaviour is not self._behaviour:
            self._behaviour, self._passed = behaviour, 0
        room = max(0, behaviour.cut_after - self._passed)
        self._passed += size
        return min(size, room)


def _chunk_of(behaviour: Behaviour) -> int:
    return max(1, behaviour.rate // _SLOW_CHUNKS_A_SECOND) if behaviour.rate else _CHUNK


def _failed(pump: asyncio.Task[None]) -> bool:
    return pump.done() and not pump.cancelled() and pump.exception() is not None


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST, not FIN: what the peer sees when a host is gone."""
    with contextlib.suppress(OSError):
        held = writer.get_extra_info("socket")
        if held is not None:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
