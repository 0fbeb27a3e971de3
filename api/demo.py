"""Everything a new user needs beside the server: simulated channels, and a merchant in test mode to try them with."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from api.app import Doors, Tell, serve
from api.services import Services
from pycore.config import Settings
from pycore.errors import MerchantDisabledError, PermissionDeniedError, UnauthenticatedError
from pycore.merchants import OPERATOR_KEY_FILE, KeyTerms, Scope, read_secret, write_secret
from pycore.tenant import Tenant

KEY_FILE: Final = "demo.key"
"""In the data folder: the secret of the demo merchant's key, of test mode, for this machine's user only."""

_STOP_SECONDS: Final = 20.0
_MERCHANT: Final = "Demo Coffee"
_STORE: Final = "Demo Coffee, 南京路"
_TRY: Final = """\
  curl -s {server}/v1/payments -H "authorization: Bearer $(cat {key})" -H 'idempotency-key: first' \\
    -H 'content-type: application/json' -d '{{"merchant_reference": "first", "amount": 1050, "subject": "Two coffees",
    "method": "qr_code", "channel": "wechat", "confirm": true}}'
  curl -s -X POST {sandbox}/control/orders/latest/pay -H 'content-type: application/json'
  curl -s '{server}/v1/payments?merchant_reference=first' -H "authorization: Bearer $(cat {key})"
"""


class _Simulators:
    """The simulated channels in a process of their own, which ends with ours however ours ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def url(self) -> str:
        """Return their address once they are ready. Raises OSError where they ended instead; they said why."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            words = line.decode().split()
            if words[:1] == ["ready"]:
                return words[1]
        raise OSError("the simulated channels did not start; what they said stands above")

    async def stop(self) -> None:
        """Ask them to end, and wait until they did."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def _simulators(data: Path, address: str) -> AsyncIterator[_Simulators]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "api.sandbox", "--data", str(data), "--http", address, "--with-parent"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us: they are needed until our last call is answered
    )
    simulators = _Simulators(process)
    try:
        yield simulators
    finally:
        await simulators.stop()


async def serve_demo(settings: Settings, sandbox_address: str, *, take_over: bool = False, tell: Tell = print) -> None:
    """Serve as ``serve`` does, with simulated channels and a demo merchant, and tell what to try.

    Raises as ``serve``, and OSError where the simulators cannot start.
    """
    data = Path(settings.store.data)
    async with _simulators(data, sandbox_address) as simulators:

        async def welcome(services: Services, doors: Doors) -> None:
            sandbox = await simulators.url()
            tenant, key = await _merchant(services, data / KEY_FILE)
            page = await services.stores.list(tenant, 1)
            store = page.items[0] if page.items else await services.stores.create(tenant, _STORE)
            doors.start_page.cashier_url = services.cashier.links.store_url(store.id)
            tell("a demo merchant in test mode: no real money moves")
            tell(f"  key      {key}  (in {data / KEY_FILE})")
            tell(f"  operator {data / OPERATOR_KEY_FILE}  (the file with the key for the ledger alone and the metrics)")
            tell(
                f"  cashier  {services.cashier.links.store_url(store.code.id)}  (a store's code: enter an amount, pay)"
            )
            tell(f"  payer    {sandbox}/payer/  (pay, refuse or let expire what waits)")
            tell("a first payment: ask for it, play the payer, look at it")
            tell(_TRY.format(server=_short(doors.http_url), sandbox=_short(sandbox), key=data / KEY_FILE).rstrip())

        await serve(settings, take_over=take_over, tell=tell, opened=welcome)


async def _merchant(services: Services, file: Path) -> tuple[Tenant, str]:
    """Return the merchant whose key is in the file; where it is no key of this database, both are made."""
    secret = read_secret(file)
    try:
        caller = await services.access.caller(f"Bearer {secret}", "127.0.0.1", Scope.PAYMENTS_WRITE)
    except (UnauthenticatedError, MerchantDisabledError, PermissionDeniedError):
        merchant = await services.merchants.create(_MERCHANT)
        tenant = Tenant(merchant.id, live=False)
        _, secret = await services.api_keys.create(tenant, KeyTerms(name="demo", scopes=tuple(Scope)))
        write_secret(file, secret)
        return tenant, secret
    return caller.tenant, secret


def _short(url: str) -> str:
    return url.removeprefix("http://").replace("127.0.0.1", "localhost")
