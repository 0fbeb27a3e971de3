"""The .proto files, and :mod:`api.proto.generate`, which writes ``pycore/client/_generated`` from them."""
