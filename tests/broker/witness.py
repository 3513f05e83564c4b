"""What routers say of themselves while something is wrong: the troubles of their status page, looked
at again and again, and their logs.

Threads: one thread uses a Witness, which looks in a thread of its own.
"""
import re
import threading
import time

from too_late import TooLate

LOOK_EVERY_S = 0.3
NAMED_WITHIN_S = 90  # a few seconds on a quiet machine


class Witness:
    def __init__(self, routers):
        self._routers = routers
        self._seen = []  # (time, router, what is wrong, what to do)
        self._since = {}
        self._logs = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.forget()
        self._thread.start()

    def forget(self):
        """What was said until now does not count any more."""
        self._since = time.monotonic()
        self._logs = {router: len(router.log()) for router in self._routers}

    def wait_until_named(self, routers, what, log, status, within_s=NAMED_WITHIN_S):
        """Returns once one of these routers has logged `log`, and one has had `status` on its page,
        regular expressions, since the last `forget`; None where nothing is due."""
        deadline = time.monotonic() + within_s
        while True:
            said = {"log": (log, [self.log(router) for router in routers]),
                    "status": (status, ["\n".join(self.troubles(router)) for router in routers])}
            lacks = [where for where, (words, texts) in said.items()
                     if words and not any(re.search(words, text) for text in texts)]
            if not lacks:
                return
            if time.monotonic() > deadline:
                raise TooLate(
                    f"{what}: not named in {within_s} s by {' and '.join(lacks)} of "
                    f"{' nor '.join(str(router.directory) for router in routers)} (log: {log}, "
                    f"status: {status}); troubles were:\n" + "\n".join(said["status"][1])
                    + "\nlogged was:\n" + "\n".join(text[-2500:] for text in said["log"][1]))
            time.sleep(LOOK_EVERY_S)

    def troubles(self, router):
        """Each once, whatever its numbers are, in the order in which they were seen since the last
        `forget`."""
        return list({re.sub(r"\d+", "", what): f"{what} -> {cure}"
                     for at, who, what, cure in list(self._seen)
                     if who is router and at >= self._since}.values())

    def log(self, router):
        return router.log()[self._logs[router]:]

    def close(self):
        self._stop.set()
        self._thread.join()

    def _look(self):
        while not self._stop.wait(LOOK_EVERY_S):
            for router in self._routers:
                for trouble in router.status().get("troubles", []):
                    self._seen.append((time.monotonic(), router, trouble["what"],
                                       trouble["do"]))
