"""What a channel wants of the payer, in the words of a payment."""

from __future__ import annotations

from pycore.channels import CallApp, OpenPage, ShowCode, SubmitForm
from pycore.channels.outcome import Action
from pycore.payments.payment import NextAction


def next_action(action: Action) -> NextAction | None:
    """Return what the payer has to do; None where it is not for a payer."""
    if isinstance(action, ShowCode):
        return NextAction(type="show_code", content=action.content)
    if isinstance(action, OpenPage):
        return NextAction(type="open_page", url=action.url)
    if isinstance(action, SubmitForm):
        return NextAction(type="submit_form", url=action.url, fields=action.fields)
    if isinstance(action, CallApp):
        return NextAction(type="call_app", parameters=action.parameters)
    return None
