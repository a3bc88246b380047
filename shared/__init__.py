"""The runtime under every service: how an event arrives, is applied once, and what follows leaves again.

Read in this order: `envelope` (an event), `handlers` (what a service declares), `fold` (what an event does to a customer,
without any database), `unit_of_work` (the one transaction), `consume`, `timers` and `outbox` (the three threads of a worker).
Only `events` knows business names.
"""

import warnings

# Known and decided: nameko stands on eventlet. Saying so at every start would hide what matters.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
