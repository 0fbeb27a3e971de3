"""What the server takes before it says no. Every queue and every message has an end."""

MESSAGE_BYTES_MAX = 4 << 20
"""One gRPC message or HTTP body. A full request (8,190 transfers) is up to 1.4 MB of protobuf."""

NOTIFICATION_BYTES_MAX = 64 << 10
"""What a channel may tell at once."""

RPC_CONCURRENCY_MAX = 4096
"""gRPC calls under way at once in the whole process, streams included."""

RPC_STREAMS_PER_CONNECTION_MAX = 1024
"""HTTP/2 streams at once on one connection."""

RPC_METADATA_BYTES_MAX = 16 << 10
"""Headers of one gRPC call."""

STREAM_EVENTS_MAX = 4 * 8190
"""Transfers of one ``StreamTransfers`` call that wait for their result; beyond, the stream is not read further."""

HTTP_CONCURRENCY_MAX = 1024
"""HTTP requests under way at once."""

HTTP_CONNECTIONS_MAX = 4096
"""Open HTTP connections; more are closed at once."""

HTTP_HEADERS_MAX = 100
"""Header lines of one HTTP request."""

HTTP_HEADER_BYTES_MAX = 16 << 10
"""Request line and headers of one HTTP request."""

HTTP_RECEIVE_SECONDS_MAX = 30.0
"""How long a client may take to send one HTTP request."""

HTTP_DEADLINE_SECONDS = 30.0
"""An HTTP request's deadline where it names none."""

REQUEST_EVENTS_MAX = 8190
"""Events of one request, ids of one lookup, rows of one answer."""
