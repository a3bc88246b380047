"""Green threads for this process: imported before anything else by every program that runs nameko services.

nameko patches only in its own command line, and a socket or lock that is made before the patch blocks every green thread.
"""

import eventlet

eventlet.monkey_patch()
