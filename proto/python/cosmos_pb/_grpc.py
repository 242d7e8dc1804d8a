"""gRPC stubs and servers for the services in our descriptor pool."""

from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from cosmos_pb._pool import POOL, message_class


def export_services(module: dict[str, Any], path: str) -> None:
    """Fill a ``*_pb2_grpc`` module with a stub, a base servicer and a registrar per service."""
    for name, service in POOL.FindFileByName(path).services_by_name.items():
        home = {"__module__": module["__name__"]}
        module[f"{name}Stub"] = type(f"{name}Stub", (_Stub,), {**home, "service": service})
        module[f"{name}Servicer"] = type(f"{name}Servicer", (), home)
        module[f"add_{name}Servicer_to_server"] = _registrar(service)


class _Stub:
    """Works over ``grpc.Channel`` and ``grpc.aio.Channel`` alike."""

    service: ServiceDescriptor

    def __init__(self, channel: Any) -> None:
        for method in self.service.methods:
            multicallable = getattr(channel, _shape(method))(
                f"/{self.service.full_name}/{method.name}",
                request_serializer=message_class(method.input_type.full_name).SerializeToString,
                response_deserializer=message_class(method.output_type.full_name).FromString,
            )
            setattr(self, method.name, multicallable)


def _registrar(service: ServiceDescriptor) -> Any:
    def add_to_server(servicer: Any, server: Any) -> None:
        handlers = {
            method.name: getattr(grpc, f"{_shape(method)}_rpc_method_handler")(
                getattr(servicer, method.name),
                request_deserializer=message_class(method.input_type.full_name).FromString,
                response_serializer=message_class(method.output_type.full_name).SerializeToString,
            )
            for method in service.methods
        }
        handler = grpc.method_handlers_generic_handler(service.full_name, handlers)
        server.add_generic_rpc_handlers((handler,))

    return add_to_server


def _shape(method: MethodDescriptor) -> str:
    request = "stream" if method.client_streaming else "unary"
    response = "stream" if method.server_streaming else "unary"
    return f"{request}_{response}"
