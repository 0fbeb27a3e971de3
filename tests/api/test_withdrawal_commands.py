"""``pycore withdrawal``, beside a running server."""

import json

from api.services import Services
from pycore.ids import format_typed_id
from pycore.payments.wallet import CreateWithdrawal
from tests.api.command import pycore
from tests.api.shop import Shop


async def test_u4_withdrawals_are_found_at_the_command_line(services: Services, database_dsn: str) -> None:
    """Who pays withdrawals out had no list of what waits."""
    shop = await Shop.open(services)
    asked = CreateWithdrawal(merchant_reference="W1", amount=700, destination="salary account")
    made = await services.payments.wallet.withdraw(shop.tenant, shop.customer, "k1", asked)
    whose = ("--merchant", format_typed_id("mer", shop.tenant.merchant_id), "--dsn", database_dsn)
    code, output, _ = await pycore("withdrawal", "list", *whose, "--status", "requested", "--json")
    assert (code, [each["id"] for each in json.loads(output)["withdrawals"]]) == (0, [made.id])
    code, output, _ = await pycore("withdrawal", "list", *whose, "--status", "canceled", "--json")
    assert (code, json.loads(output)["withdrawals"]) == (0, [])
    code, output, _ = await pycore("withdrawal", "show", made.id, *whose, "--json")
    assert (code, json.loads(output)["withdrawal"]["amount"]) == (0, 700)
    for command in (("list",), ("show", made.id)):
        code, output, _ = await pycore("withdrawal", *command, *whose)
        assert (code, made.id in output, "salary account" in output) == (0, True, True)
    code, output, _ = await pycore("withdrawal", "show", made.id, *whose, "--live", "--json")
    assert (code, json.loads(output)["error"]["reason"]) == (1, "not_found")
