"""The control: the same orders and the same faults against the plain nameko way, so that our zeroes mean something."""
