"""What the server takes before it says no. Every queue and every message has an end."""

MESSAGE_BYTES_MAX = 4 << 20
"""One gRPC message or HTTP body. A full request (8,190 transfers) is up to 1.4 MB of protobuf."""

PAYER_BYTES_MAX = 4 << 10
"""What a payer's page sends at once: a choice, an amount. Anybody may send it, without a key."""

NOTIFICATION_BYTES_MAX = 64 << 10
"""What a channel may tell at once."""

RPC_CONNECTIONS_MAX = 2048
"""Open gRPC connections; more are closed at once."""

RPC_CONCURRENCY_MAX = 4096
"""gRPC calls under way at once in the whole process, streams included; beyond, who has its part of them is refused."""

RPC_CALLS_PER_ADDRESS_MAX = 1024
"""gRPC calls under way of one address (IPv6: one /64)."""

RPC_APART_CALLS_MAX = 1024
"""Calls of health under way, which are counted apart: a balancer watches for as long as it runs."""

RPC_APART_CALLS_PER_ADDRESS_MAX = 32
"""Those of one address."""

RPC_SLOWED_CALLS_MAX = 512
"""Calls that wait for their refusal; more are refused at once."""

RPC_STREAMS_PER_CONNECTION_MAX = 256
"""HTTP/2 streams at once on one connection."""

RPC_PENDING_CALLS_MAX = 1024
"""Calls that have arrived and not been looked at; more are refused without a look."""

RPC_MESSAGE_SECONDS_MAX = 10.0
"""How long the message of a unary call may take to arrive."""

RPC_HANDSHAKE_SECONDS_MAX = 10
"""How long a gRPC connection may take to be set up."""

RPC_IDLE_SECONDS_MAX = 300
"""How long a gRPC connection without a call is kept."""

RPC_METADATA_BYTES_MAX = 16 << 10
"""Headers of one gRPC call."""

STREAM_EVENTS_MAX = 4 * 8190
"""Transfers of one ``StreamTransfers`` call that wait for their result; beyond, the stream is not read further."""

HTTP_CONCURRENCY_MAX = 1024
"""HTTP requests under way at once."""

HTTP_CONNECTIONS_MAX = 4096
"""Open HTTP connections; of more, who has most loses one, or the newcomer where it has most itself."""

HTTP_CONNECTIONS_PER_ADDRESS_MAX = 1024
"""Open HTTP connections of one address (IPv6: one /64), trusted proxies apart."""

DESCRIPTORS = HTTP_CONNECTIONS_MAX + RPC_CONNECTIONS_MAX + 1024
"""Open files the process has to be allowed: a connection each, and those of store, journal and calls to channels."""

HTTP_BACKLOG = 2048
"""Connections the system may keep until they are accepted."""

HTTP_WAITING_BYTES_MAX = 64 << 20
"""Bytes of requests, in all, that have arrived and are not answered; beyond, who has most is refused."""

HTTP_UNREAD_BYTES_MAX = 64 << 20
"""Bytes of replies, in all, that are not taken; beyond, who has not read for longest is cut off."""

HTTP_HEADERS_MAX = 100
"""Header lines of one HTTP request."""

HTTP_HEADER_BYTES_MAX = 16 << 10
"""Request line and headers of one HTTP request."""

HTTP_HEAD_SECONDS_MAX = 10.0
"""How long a client may take to begin its first request, and for the head of each."""

HTTP_GRACE_SECONDS = 5.0
"""How long a body may take to arrive and a reply to be taken, whatever their size."""

HTTP_BYTES_PER_SECOND_MIN = 4096
"""What a body must bring, and a client take of a reply, in each second beyond the grace."""

HTTP_RECEIVE_SECONDS_MAX = 30.0
"""How long a client may take to send one HTTP request."""

HTTP_DEADLINE_SECONDS = 30.0
"""An HTTP request's deadline where it names none."""

REQUEST_EVENTS_MAX = 8190
"""Events of one request, ids of one lookup, rows of one answer."""
