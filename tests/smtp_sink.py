"""A mail server for tests: speaks as much SMTP as a client needs, keeps what it takes, and refuses what it is told to refuse."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

LONGEST = 100_000


@dataclass
class Sink:
    """Where it listens, and what it took. `answers` says what is answered to RCPT for an address; `breaks` hangs up after a message."""

    port: int = 0
    taken: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    breaks: bool = False

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"


@contextmanager
def smtp_sink() -> Iterator[Sink]:
    """One on a free port."""
    sink = Sink()

    class Conversation(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 sink")
            while line := self.rfile.readline(LONGEST):
                said = line.decode().strip()
                verb = said[:4].upper()
                if verb == "RCPT":
                    self.say(sink.answers.get(said.partition("<")[2].partition(">")[0], "250 2.1.5 fine"))
                elif verb == "DATA":
                    self.say("354 go on")
                    sink.taken.append(self.message())
                    if sink.breaks:
                        return
                    self.say("250 2.0.0 taken")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 fine")

        def message(self) -> EmailMessage:
            lines = []
            while (line := self.rfile.readline(LONGEST)) not in (b".\r\n", b""):
                lines.append(line[1:] if line.startswith(b"..") else line)
            return message_from_bytes(b"".join(lines), policy=policy.default)  # type: ignore[return-value]  # of that policy

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Conversation) as server:
        server.daemon_threads = True
        sink.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()
