"""Handing mail over: to a server that speaks SMTP, or into a directory where a person can look at it.

SMTP cannot say for certain that a message was taken when the connection breaks at the last moment. Whoever sends again gives it the same
`Message-ID`, by which servers and mail programs know it.
"""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

_SECONDS = 20
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_PORTS = {"smtp": 587, "smtps": 465}
_PERMANENT = 500
_NO_SUCH_ADDRESS = ("5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1")


class MailAway(Exception):
    """The server cannot be reached, or lets us in no more: the same message again later."""


class MailRefused(Exception):
    """The server refused a message. `permanent`: for good. `bad_address`: since nobody is there. `code` is that of RFC 3463, or SMTP's."""

    def __init__(self, code: str, *, permanent: bool, bad_address: bool = False) -> None:
        super().__init__(code)
        self.code, self.permanent, self.bad_address = code, permanent, bad_address


class Transport(Protocol):
    """Where messages are handed over, while it is open."""

    def hand_over(self, message: EmailMessage) -> None:
        """Raises MailAway and MailRefused."""


@dataclass(frozen=True)
class MailServer:
    """`smtp://user:password@host:587`, `smtps://host`, or `file:///directory`. Passwords are percent-encoded.

    With `smtp` the connection becomes a secret one (STARTTLS) wherever the server offers it, and must before a password is told; that is
    asked of no server on this machine. `?starttls=required` asks for it in any case.
    """

    scheme: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    strict: bool = False
    directory: str = ""

    @staticmethod
    def at(url: str) -> "MailServer":
        """Raises ValueError that says what is wrong, without the password."""
        parts = urlsplit(url)
        if parts.scheme == "file" and parts.path.startswith("/"):
            return MailServer("file", directory=unquote(parts.path))
        try:
            port = parts.port
        except ValueError:
            port = None
        if parts.scheme not in _PORTS or not parts.hostname or (port is None and parts.netloc.rpartition("@")[2].count(":") == 1):
            raise ValueError("use smtp://user:password@host:587, smtps://host or file:///directory")
        strict = parse_qs(parts.query).get("starttls") == ["required"]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        return MailServer(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user, password, strict)

    @contextmanager
    def opened(self) -> Iterator[Transport]:
        """One connection for several messages. Raises MailAway."""
        if self.scheme == "file":
            yield _Directory(Path(self.directory))
            return
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise MailAway(type(error).__name__) from error
        try:
            yield _Connection(server)
        finally:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def _connected(self) -> smtplib.SMTP:
        secure = ssl.create_default_context()
        if self.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=_SECONDS, context=secure)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=_SECONDS)
        try:
            server.ehlo_or_helo_if_needed()
            away = self.host not in _LOOPBACK
            needed = self.strict or (bool(self.user) and away)
            if self.scheme == "smtp" and (needed or (away and server.has_extn("starttls"))):
                server.starttls(context=secure)
            if self.user:
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server


class _Connection:
    """A connection to a server."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server

    def hand_over(self, message: EmailMessage) -> None:
        try:
            self._server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            ((code, text),) = list(refused.recipients.values())[:1]
            raise _refused(code, text, of_recipient=True) from refused
        except smtplib.SMTPNotSupportedError as refused:
            raise MailRefused("5.6.7", permanent=True) from refused
        except (smtplib.SMTPServerDisconnected, smtplib.SMTPHeloError) as broken:
            raise MailAway(type(broken).__name__) from broken
        except smtplib.SMTPSenderRefused as refused:  # it is about us, and about all messages
            raise MailAway(f"sender refused {refused.smtp_code}") from refused
        except smtplib.SMTPResponseException as refused:
            raise _refused(refused.smtp_code, refused.smtp_error, of_recipient=False) from refused
        except OSError as broken:
            raise MailAway(type(broken).__name__) from broken


class _Directory:
    """A file for each message, named by its id."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def hand_over(self, message: EmailMessage) -> None:
        name = "".join(c if c.isalnum() or c in "-_" else "_" for c in str(message["Message-ID"]).strip("<>").partition("@")[0])
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            (self._directory / f"{name}.eml").write_bytes(message.as_bytes(policy=SMTP))
        except OSError as error:
            raise MailAway(type(error).__name__) from error


def _refused(code: int, said: bytes | str, *, of_recipient: bool) -> MailRefused:
    """What a server answered. Its words may name the address: only the enhanced code at their beginning is kept."""
    text = said.decode("ascii", "replace") if isinstance(said, bytes) else said
    first = text.split(" ", 1)[0]
    enhanced = first if first.count(".") == 2 and first.replace(".", "").isdigit() else ""
    permanent = code >= _PERMANENT
    gone = permanent and of_recipient and (not enhanced or enhanced in _NO_SUCH_ADDRESS)
    return MailRefused(enhanced or str(code), permanent=permanent, bad_address=gone)
