"""TooLate: what a wait that came to nothing ends with. Errors: none. Threads: any."""


class TooLate(AssertionError):
    """What was waited for did not happen in time, which says little where other things run beside."""
