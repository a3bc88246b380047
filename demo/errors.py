"""The one exception of the demo."""


class DemoError(Exception):
    """Something a person has to put right; the message is one line that says what is wrong and what to do."""
