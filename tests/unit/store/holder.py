"""A process that runs an embedded server until it is killed; tests start it as a program.

Prints the server's process id when the server takes connections.
"""

import asyncio
import sys

from pycore.config import StoreSettings
from pycore.store import EmbeddedServer


async def main(data: str) -> None:
    server = EmbeddedServer(StoreSettings(data=data, shared_buffers_mib=32), progress=lambda _: None)
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(3600)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
