"""Events out: the log of what happened, in the order it became durable."""

from pycore.events.event import INSERT_EVENTS, MEANINGS, Event, EventType, event_row

__all__ = ["INSERT_EVENTS", "MEANINGS", "Event", "EventType", "event_row"]
