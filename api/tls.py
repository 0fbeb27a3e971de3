"""TLS 1.3 for both doors, from the same files (the gRPC door's oldest version is set in ``api/__init__.py``)."""

import ssl
from pathlib import Path
from typing import NamedTuple, Self

import grpc

from pycore.config import ServerSettings
from pycore.errors import ConfigurationError


class Tls(NamedTuple):
    """What the two servers need to speak TLS."""

    rpc: grpc.ServerCredentials
    rest: ssl.SSLContext

    @classmethod
    def configured(cls, settings: ServerSettings) -> Self | None:
        """Return TLS as the settings want it, or None where they want none.

        Raises ConfigurationError where a file cannot be read, is no PEM, or the key is not the certificate's.
        """
        if settings.tls_certificate_file is None or settings.tls_key_file is None:
            return None
        certificate, key = Path(settings.tls_certificate_file), Path(settings.tls_key_file)
        client_ca = Path(settings.tls_client_ca_file) if settings.tls_client_ca_file is not None else None
        try:
            context = _context(certificate, key, client_ca)
            credentials = grpc.ssl_server_credentials(
                [(key.read_bytes(), certificate.read_bytes())],
                root_certificates=client_ca.read_bytes() if client_ca is not None else None,
                require_client_auth=client_ca is not None,
            )
        except OSError as error:  # also ssl.SSLError
            raise ConfigurationError(
                f"TLS cannot be set up from {certificate}, {key} and {client_ca or 'no client CA'}: {error};"
                " the server does not listen: give PEM files that can be read and belong together"
            ) from error
        return cls(credentials, context)


def _context(certificate: Path, key: Path, client_ca: Path | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(certificate, key)
    if client_ca is not None:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
