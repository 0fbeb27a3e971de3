"""The gRPC door: :mod:`api.rpc.ledger` is the service, :mod:`api.rpc.server` what it stands in."""
