"""The runtime under every service: how an event arrives, is applied once, and what follows leaves again.

Read in this order: `envelope` (an event), `handlers` (what a service declares), `model` (what it keeps), `fold` (what an event does to
a customer, without any database), `difference` (what therefore has to be done), `unit_of_work` (the one transaction), `mailbox` and
`consume`, `timers` and `outbox` (the threads of a worker), `privacy` (what people may ask). Only `events` and `commerce` know business
names.
"""

import warnings

# Known and decided: nameko stands on eventlet. Saying so at every start would hide what matters.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
