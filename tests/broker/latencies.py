"""How long records take from when their event was made, its timestamp, to a read_committed reader."""
import threading
import time

import topics

FLOWING_TIMEOUT_S = 30


class Latencies:
    """Milliseconds to a reader of these topics, with the moment when a record came there."""

    def __init__(self, bootstrap, names):
        self._found = []
        self._stop = threading.Event()
        self._consumer = topics.tail(bootstrap, names)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            for message in self._consumer.consume(1000, timeout=0.02):
                if message.error() is None:
                    now = time.time()
                    self._found.append((now, now * 1000 - message.timestamp()[1]))

    def close(self):
        if not self._stop.is_set():
            self._stop.set()
            self._thread.join(10)
            self._consumer.close()

    def wait_until_flowing(self):
        """What came before the group had its members is through."""
        deadline = time.time() + FLOWING_TIMEOUT_S
        while time.time() < deadline:
            time.sleep(1)
            found = self.between(time.time() - 1, time.time())
            if found and found[-1] < 1000:
                return

    def wait_for(self, count, timeout_s):
        """Whether so many have come, of all that there were."""
        deadline = time.monotonic() + timeout_s
        while self.count() < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.count() >= count

    def count(self):
        return len(self._found)

    def between(self, begin, end):
        return sorted(ms for at, ms in self._found if begin <= at < end)


def percentile(sorted_ms, share):
    return sorted_ms[min(len(sorted_ms) - 1, int(share * len(sorted_ms)))] if sorted_ms else 0.0
