"""The mails that the local system writes into files, as their readers find them."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path


def letters_to(run_dir: Path, address: str) -> list[EmailMessage]:
    """All mails to an address."""
    found = (message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted((run_dir / "mail").glob("*.eml")))
    return [mail for mail in found if mail["To"] == address]  # type: ignore[misc]  # of that policy


def link_in(mail: EmailMessage) -> str:
    """The link of a mail, out of its plain text."""
    text = mail.get_body(("plain",))
    assert text is not None
    (link,) = re.findall(r"https?://\S+", text.get_content())
    return str(link)
