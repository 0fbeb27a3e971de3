"""Events out: the log of what happened, in the order it became durable, and the webhooks that tell of it."""

from pycore.events.delivery import Backlog, Deliveries, Delivery
from pycore.events.dispatcher import WebhookDispatcher
from pycore.events.event import EVENTS, MEANINGS, Event, EventType, EventView, event_row
from pycore.events.log import EventLog
from pycore.events.outbox import Outbox
from pycore.events.secret import WebhookSecret
from pycore.events.sender import WebhookSender
from pycore.events.tail import EventTail
from pycore.events.target import TargetGuard
from pycore.events.webhook_endpoint import EndpointChange, WebhookEndpoint, WebhookEndpoints

__all__ = [
    "EVENTS",
    "MEANINGS",
    "Backlog",
    "Deliveries",
    "Delivery",
    "EndpointChange",
    "Event",
    "EventLog",
    "EventTail",
    "EventType",
    "EventView",
    "Outbox",
    "TargetGuard",
    "WebhookDispatcher",
    "WebhookEndpoint",
    "WebhookEndpoints",
    "WebhookSecret",
    "WebhookSender",
    "event_row",
]
