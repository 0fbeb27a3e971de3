"""A gRPC service's methods by their published names, so that a test calls what a foreign client would."""

from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import aio


class Stub:
    """``Stub(channel, DESCRIPTOR.services_by_name[…]).SomeMethod(request)``, with a key where a secret is given."""

    def __init__(self, channel: aio.Channel, service: ServiceDescriptor, secret: str | None = None) -> None:
        self._key = () if secret is None else (("authorization", f"Bearer {secret}"),)
        kinds = {False: {False: "unary_unary", True: "unary_stream"}, True: {True: "stream_stream"}}
        self._methods: dict[str, Any] = {
            method.name: getattr(channel, kinds[method.client_streaming][method.server_streaming])(
                f"/{service.full_name}/{method.name}",
                request_serializer=GetMessageClass(method.input_type).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )
            for method in service.methods
        }

    def __getattr__(self, name: str) -> Any:
        method = self._methods[name]

        def call(*request: Any, metadata: tuple[tuple[str, str], ...] = (), **options: Any) -> Any:
            return method(*request, metadata=(*self._key, *metadata), **options)

        return call
