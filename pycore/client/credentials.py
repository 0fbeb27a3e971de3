"""What a client needs to speak TLS."""

from pathlib import Path

import grpc

TlsCredentials = grpc.ChannelCredentials


def tls_credentials(
    ca_file: str | Path, certificate_file: str | Path | None = None, key_file: str | Path | None = None
) -> TlsCredentials:
    """Return credentials for a server whose certificate one in ``ca_file`` has signed; all files are PEM.

    ``certificate_file`` and ``key_file`` are our own, for a server that asks for a certificate.

    Raises:
        OSError: a file cannot be read.
    """
    files = (ca_file, key_file, certificate_file)
    return grpc.ssl_channel_credentials(*(Path(file).read_bytes() if file is not None else None for file in files))
