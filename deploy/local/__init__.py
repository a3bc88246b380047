"""The whole system on one machine: `python -m deploy.local up|down|status`, behind `make run`.

Plain threads and subprocesses, standard sockets: nothing here imports nameko or patches anything, so that the
tests can start and stop the same servers from inside a patched process.
"""
