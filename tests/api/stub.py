"""A gRPC service's methods by their published names, so that a test calls what a foreign client would."""

from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import aio


class Stub:
    """``Stub(channel, DESCRIPTOR.services_by_name[…]).SomeMethod(request)``."""

    def __init__(self, channel: aio.Channel, service: ServiceDescriptor) -> None:
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
        return self._methods[name]
