"""The server: the ledger over gRPC and HTTP. It holds no business rule; those live in :mod:`pycore`."""

import os

# gRPC lets a server name cipher suites but no oldest TLS version, and reads them when it is first imported. A client
# without a pre-shared key can use none of these below TLS 1.3, so older versions find nothing in common.
os.environ.setdefault("GRPC_SSL_CIPHER_SUITES", "ECDHE-PSK-AES256-CBC-SHA")
