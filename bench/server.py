"""The server as a process of its own."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from bench.process import Child
from pycore.config import split_address
from pycore.merchants import OPERATOR_KEY_FILE, read_secret


class ServerProcess:
    """``python -m api`` on ports of the system's choice, or on given ones; ready when made."""

    def __init__(
        self,
        *,
        data: Path | None = None,
        dsn: str | None = None,
        grpc: str = "127.0.0.1:0",
        http: str = "127.0.0.1:0",
        module: Sequence[str] = ("api",),
        environment: dict[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        """``module`` is another program that takes the same options; ``log`` gets its messages.

        Raises RuntimeError when it ends instead of getting ready; it has said why on standard error.
        """
        arguments = [*module, "--grpc", grpc, "--http", http]
        arguments += ["--data", str(data)] if data is not None else []
        arguments += ["--dsn", dsn] if dsn is not None else []
        self._data = data or Path("data")
        self._child = Child(arguments, environment=environment, log=log)
        words: list[str] = []
        while words[:1] != ["ready"]:
            words = self._child.line().split()
        self.grpc_address = words[words.index("gRPC") + 1]
        self.http_address = words[words.index("HTTP") + 1].removeprefix("http://")

    @property
    def operator_key(self) -> str:
        """The key the ledger is used with: the one that its first start made."""
        return read_secret(self._data / OPERATOR_KEY_FILE)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._child.pid

    def kill(self) -> None:
        """End it without a chance to say good-bye."""
        self._child.kill()

    def stop(self) -> str:
        """Ask it to finish what it accepted and to end. Return what else it printed."""
        return self._child.stop()


@contextmanager
def running_server(address: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Use the server at ``address``; where none listens, run one for the length of the block."""
    if _listens(address):
        yield
        return
    tell(f"no server listens on {address}: one is started for this run, with its data under ./data")
    server = ServerProcess(grpc=address)
    try:
        yield
    finally:
        server.stop()


def _listens(address: str) -> bool:
    with closing(socket.socket(socket.AF_INET)) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(split_address(address)) == 0
