"""The .proto files, and :mod:`api.proto.generate`, which writes ``api/_generated`` from them."""
