"""The sandbox as one process: the simulated world, opened from its folder, and everything that answers."""

import asyncio
import contextlib
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
from starlette.applications import Starlette

from api.sandbox.alipay.door import AlipayDoor
from api.sandbox.alipay.method import World as AlipayWorld
from api.sandbox.alipay.notice import AlipayPostman
from api.sandbox.alipay.rest import AlipayRestDoor
from api.sandbox.alipay.signature import Signer as AlipaySigner
from api.sandbox.control import api as control
from api.sandbox.control import page
from api.sandbox.core.agenda import Agenda
from api.sandbox.core.clock import Clock, ClockSetting
from api.sandbox.core.desk import Desk
from api.sandbox.core.fault import Faults
from api.sandbox.core.notices import Notices
from api.sandbox.core.store import Store
from api.sandbox.core.ticket import Tickets
from api.sandbox.gate import Gate
from api.sandbox.keys import alipay_keys, describe, unionpay_keys, wechat_keys
from api.sandbox.server import SandboxServer
from api.sandbox.unionpay.door import UnionpayDoor
from api.sandbox.unionpay.notice import UnionpayPostman
from api.sandbox.unionpay.signature import Signer as UnionpaySigner
from api.sandbox.unionpay.transaction import World as UnionpayWorld
from api.sandbox.wechat.call import World as WechatWorld
from api.sandbox.wechat.door import WechatDoor
from api.sandbox.wechat.notice import WechatPostman
from api.sandbox.wechat.signature import Signer as WechatSigner
from api.sandbox.wechat.xml_door import XmlDoor
from pycore.store.folder_lock import FolderLock

Tell = Callable[[str], None]


class Core(msgspec.Struct, frozen=True):
    """What has no wire format: the orders and everything around them."""

    store: Store
    clock: Clock
    faults: Faults
    agenda: Agenda
    notices: Notices
    desk: Desk
    tickets: Tickets

    @classmethod
    def open(cls, folder: Path) -> "Core":
        """Return the core as the folder's file remembers it; a new one where there is none yet."""
        store = Store(folder / "sandbox.sqlite3")
        stored = store.setting("clock")
        clock = Clock(None if stored is None else msgspec.json.decode(stored, type=ClockSetting))
        store.set_setting("clock", msgspec.json.encode(clock.setting).decode())
        secret = store.setting("ticket_secret") or secrets.token_hex(32)
        store.set_setting("ticket_secret", secret)
        faults = Faults(store)
        agenda = Agenda(store, clock)
        notices = Notices(store, clock, agenda, faults)
        desk = Desk(store, clock, agenda, faults, notices)
        return cls(store, clock, faults, agenda, notices, desk, Tickets(bytes.fromhex(secret)))


def application(core: Core, folder: Path, base_url: str) -> Starlette:
    """Return the HTTP application: the channels, the control interface and the payer's page.

    Writes ``sandbox.json`` for merchants, with ``base_url`` as the address to reach all of it.
    """
    wechat, alipay, unionpay = wechat_keys(folder), alipay_keys(folder), unionpay_keys(folder)
    describe(folder, base_url, wechat, unionpay)
    gate = Gate(core.faults)
    wechat_signer, alipay_signer = WechatSigner(wechat), AlipaySigner(alipay)
    wechat_world = WechatWorld(core.desk, core.store, core.clock, wechat, wechat_signer, core.tickets, base_url)
    alipay_world = AlipayWorld(core.desk, core.store, core.clock, alipay_signer, core.tickets, base_url)
    unionpay_signer = UnionpaySigner(unionpay)
    unionpay_world = UnionpayWorld(core.desk, core.store, core.clock, unionpay_signer, base_url)
    postman = AlipayPostman(alipay_signer, core.clock)
    core.notices.register("wechat", WechatPostman(wechat_signer, wechat.api_key))
    core.notices.register("alipay", postman)
    core.notices.register("unionpay", UnionpayPostman(unionpay_signer))
    wechat_door, xml_door = WechatDoor(wechat_world, gate), XmlDoor(wechat_world, gate)
    return Starlette(
        routes=[
            *wechat_door.routes(),
            *xml_door.routes(),
            *AlipayDoor(alipay_world, gate).routes(),
            *AlipayRestDoor(alipay_world, gate).routes(),
            *UnionpayDoor(unionpay_world, gate).routes(),
            *control.Control(core.desk, core.store, core.clock, core.agenda, core.faults, postman).routes(),
            *page.routes(),
            *wechat_door.elsewhere(),
            *xml_door.elsewhere(),
        ]
    )


@contextlib.asynccontextmanager
async def running(data: Path, address: str, base_url: str | None = None) -> AsyncIterator[str]:
    """Run the sandbox of a data folder; the value is the address it is reached at.

    Raises OSError where the address cannot be listened on, or another process uses the folder.
    """
    folder = data / "sandbox"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(folder / "lock")
    if not lock.take():
        raise OSError(f"the sandbox in {folder} is used by another process ({lock.holder()})")
    server = SandboxServer()
    try:
        listening = server.listen(address)
        reached = (base_url or f"http://{listening}").rstrip("/")
        core = Core.open(folder)
        await core.notices.open()
        await server.serve(application(core, folder, reached))
        agenda = asyncio.create_task(core.agenda.run(), name="sandbox-agenda")
        try:
            yield reached
        finally:
            await server.stop()
            agenda.cancel()
            await asyncio.gather(agenda, return_exceptions=True)
            await core.notices.close()
            core.store.close()
    finally:
        lock.release()


async def serve(
    data: Path, address: str, base_url: str | None = None, tell: Tell = print, *, with_parent: bool = False
) -> None:
    """Run the sandbox until SIGINT or SIGTERM. ``tell`` gets a line for each step. Raises OSError.

    ``with_parent``: standard input is a pipe from the process that began this; stop once that is gone, however it went.
    """
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    if with_parent:
        asyncio.get_running_loop().add_reader(sys.stdin.fileno(), stop.set)
    async with running(data, address, base_url) as reached:
        tell(f"merchants find ids and keys in {data / 'sandbox' / 'sandbox.json'}")
        tell(f"ready  {reached}  payer {reached}/payer/  control {reached}/control/orders")
        await stop.wait()
    tell("stopped")
