"""The thread that hands mails over, and tells what became of each.

An attempt is on record before it is made, and what came of it is told in one transaction with all that follows. So a mail is sent once,
unless this process dies between the server's yes and that transaction: then it is sent again later, with the same `Message-ID`. It says
what the customer asked for, so twice is better than never.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from services.campaigns.confirming import message_data
from services.campaigns.domain.mails import Letter, NoAddress, OptInMail, Sender, message
from services.campaigns.domain.opt_ins import EMAIL, FAILED, REMINDER
from services.campaigns.storage import opt_ins
from shared import events, faults, logs, metrics, outbox
from shared.events import EventKind
from shared.extension import Worker
from shared.handlers import Announcement
from shared.health import HEALTH
from shared.lease import Lease
from shared.mail import MailAway, MailRefused, MailServer, Transport
from shared.mongo import Document, server_time

if TYPE_CHECKING:
    from shared.unit_of_work import UnitOfWork

_log = logs.get(__name__)
MAILER = "mailer"  # the lease
_PARTITION = "mail"


class Mailer(Worker):
    """One replica of campaigns at a time; another takes over within seconds when it dies. Without MAIL_URL it does nothing."""

    poll_seconds = 1.0
    pause_seconds = 15.0  # after the server could not be reached

    def run(self) -> None:
        if not self.config.mail_url:
            HEALTH.working(self.title)
            self.stopping.wait()
            return
        sender = Sender(self.config.mail_from, self.config.public_url)
        self.equip(MailServer.at(self.config.mail_url), sender, self.container.config["UNIT_OF_WORK"])
        self._lease = Lease(self.database, MAILER)
        self.repeat(self._round)
        self._lease.release()

    def equip(self, server: MailServer, sender: Sender, work: "UnitOfWork") -> None:
        """What it works with."""
        self._server, self._sender, self._work = server, sender, work

    def _round(self) -> None:
        if not self.every(self._lease.renew_after.total_seconds(), self._lease.hold):
            self.wait(self._lease.renew_after.total_seconds())
            return
        if not self.send_due():
            self.wait(self.poll_seconds)

    def send_due(self) -> int:
        """Hand over what is due; how many mails were tried. Raises StoreAway."""
        now = server_time(self.database)
        mail = opt_ins.settings(self.database)
        due = opt_ins.due(self.database, now, mail.reminder_hours)
        if not due:
            return 0
        try:
            with self._server.opened() as transport:
                return sum(self._try(row, mail, transport) for row in due if not self.stopping.is_set())
        except MailAway as error:
            metrics.MESSAGES.labels(EMAIL, "away").inc()
            _log.warning("mail server away", error=str(error), waiting=len(due))
            self.wait(self.pause_seconds)
            return 0

    def _try(self, row: Document, mail: OptInMail, transport: Transport) -> bool:
        """Try one mail, unless it is not wanted any more, or was tried a short while ago."""
        if not opt_ins.begin(self.database, row):
            return False
        now = server_time(self.database)
        letter = _letter(row)
        try:
            transport.hand_over(message(letter, mail, self._sender, now))
        except NoAddress:
            self._refused(row, MailRefused("5.1.3", permanent=True, bad_address=True), now)
            return True
        except MailRefused as refused:
            self._refused(row, refused, now)
            return True
        faults.reached("mailer.handed_over")
        texts = mail.all_texts[mail.language_for(letter.language)]
        said = {"subject": texts.reminder_subject if letter.reminds else texts.subject}
        self._tell(row, now, (events.MESSAGE_SENT, said))
        metrics.MESSAGES.labels(EMAIL, "sent").inc()
        return True

    def _refused(self, row: Document, refused: MailRefused, now: datetime) -> None:
        """For good: that is told. For now: it is tried again, until it is too late."""
        metrics.MESSAGES.labels(EMAIL, "refused" if refused.permanent else "put_off").inc()
        if refused.permanent:
            bounced = [(events.MESSAGE_BOUNCED, {"kind": "hard", "reason": refused.code})] if refused.bad_address else []
            self._tell(row, now, (events.MESSAGE_SKIPPED, {"reason": FAILED}), *bounced)

    def _tell(self, row: Document, at: datetime, *said: tuple[EventKind, Mapping[str, str]]) -> None:
        """What became of a message, in one transaction with what follows."""
        about = message_data(row["customer_id"], row["message_id"])
        told = [Announcement(kind, row["message_id"], row["identity_key"], at, {**about, **more}) for kind, more in said]
        self._work.tell([outbox.to_event(one, None, at) for one in told], _PARTITION)


def _letter(row: Document) -> Letter:
    return Letter(
        row["message_id"],
        row["address"],
        row["scope"].partition("/")[0],
        row["token"],
        row["expires_at"],
        row["language"],
        row["message_id"].endswith(REMINDER),
    )
