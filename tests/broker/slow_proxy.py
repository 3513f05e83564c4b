#!/usr/bin/python3
"""Stands before a broker and passes bytes on, each as late as it is told: slow_proxy.py HOST PORT
BEHIND_HOST BEHIND_PORT. A line on standard input is the delay from now on, in milliseconds, each way.

As a module, `SlowProxy` is that program, started and ended. It knows nothing of what it passes on.
Threads: one thread uses a SlowProxy.
"""
import asyncio
import subprocess
import sys
import time
from pathlib import Path

PIECE_BYTES = 1 << 16
WAITING_PIECES_MAX = 256  # of a direction: then its sender waits too
STOP_TIMEOUT_S = 5


class SlowProxy:
    """Listens at `host` and `port` for what is to go to `behind`, a (host, port)."""

    def __init__(self, host, port, behind):
        from processes import die_with_parent
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).resolve(), host, str(port), behind[0], str(behind[1])],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            preexec_fn=die_with_parent)
        if self._process.stdout.readline() != "listening\n":
            raise RuntimeError(f"the proxy at {host}:{port} does not listen")

    def delay(self, milliseconds):
        self._process.stdin.write(f"{milliseconds}\n")
        self._process.stdin.flush()

    def close(self):
        self._process.kill()
        self._process.wait(STOP_TIMEOUT_S)


class _Proxy:
    def __init__(self, behind):
        self._behind = behind
        self._delay_s = 0.0

    async def run(self, host, port):
        await asyncio.start_server(self._accept, host, port)
        print("listening", flush=True)
        lines = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
        while line := await lines.readline():
            self._delay_s = float(line) / 1000

    async def _accept(self, reader, writer):
        try:
            behind_reader, behind_writer = await asyncio.open_connection(*self._behind)
        except OSError:  # the broker is away: as it would refuse itself
            writer.transport.abort()
            return
        await asyncio.gather(self._pass_on(reader, behind_writer),
                             self._pass_on(behind_reader, writer))

    async def _pass_on(self, reader, writer):
        pieces = asyncio.Queue(WAITING_PIECES_MAX)
        sending = asyncio.create_task(self._send(pieces, writer))
        try:
            while piece := await reader.read(PIECE_BYTES):
                await pieces.put((time.monotonic() + self._delay_s, piece))
        except OSError:
            pass
        await pieces.put((time.monotonic() + self._delay_s, None))
        await sending

    async def _send(self, pieces, writer):
        is_open = True
        while True:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if piece is None:
                writer.close()
                return
            try:
                if is_open:
                    writer.write(piece)
                    await writer.drain()
            except OSError:  # what comes now is for nobody
                is_open = False


if __name__ == "__main__":
    asyncio.run(_Proxy((sys.argv[3], int(sys.argv[4]))).run(sys.argv[1], int(sys.argv[2])))
