"""One call of gRPC-Web: a call of gRPC in another form, which only its client knows."""

from typing import Protocol

from gateway.decision.reason import Reason
from gateway.decision.verdict import Allow, Deny
from gateway.http.grpc_web import WebForm, find_web_form, grpc_fields
from gateway.http.reading.grpc_request import is_grpc
from gateway.http.reading.request import Request
from gateway.http.writing.grpc_status import grpc_status_of
from gateway.proxy.exchange.exchange import Exchange
from gateway.proxy.exchange.grpc_call import GrpcCall
from gateway.proxy.port import Port
from gateway.proxy.streams.client import Client
from gateway.proxy.streams.grpc_web import GrpcWebClient, TextBody
from gateway.proxy.streams.upload import BodySource, BodyTarget, Upload


class GrpcWebCall(GrpcCall):
    """A call in the *form* of gRPC-Web, by any version of HTTP.

    It is translated once it is allowed, if its upstream wants that (``grpc_web``). To any other
    upstream it passes as it came: that upstream speaks gRPC-Web itself.
    """

    __slots__ = ("_form",)

    def __init__(self, port: Port, client: Client, request: Request, form: WebForm) -> None:
        super().__init__(port, GrpcWebClient(client, form, self), request)
        self._form = form

    def dispatch(self, allow: Allow) -> None:
        """Send the call as one of gRPC."""
        if self.port.routes[allow.route.index].options.grpc_web:
            request, upload = self.request, self.upload
            request.fields = grpc_fields(request.fields, self._form)
            if upload is not None and self._form.is_text:
                upload.convert = self._decode
        super().dispatch(allow)

    def _decode(self, server: BodyTarget) -> BodyTarget:
        return TextBody(server, self.fail)

    def response_cut(self, detail: str) -> None:
        """Note that the client gets no end of the response, and why, unless that is known."""
        if self.deny is None:
            self.deny = Deny(Reason.UPSTREAM_INVALID, detail)
            self.grpc_status = grpc_status_of(Reason.UPSTREAM_INVALID)

    def _end(self) -> None:
        super()._end()
        if self.upload is not None:
            self.upload.convert = None  # without this cycle, both are freed at once


class UploadingClient(Client, BodySource, Protocol):
    """A client that a body comes from, and whose response goes to it."""


def make_exchange(port: Port, client: UploadingClient, request: Request) -> Exchange:
    """Return the exchange for *request*, which has a body: of the kind that its type asks for."""
    fields = request.fields
    exchange = _choose_kind(port, client, request)
    length = None if fields.is_chunked else fields.content_length
    exchange.upload = upload = Upload(client, length, port.most_body_bytes)
    upload.is_held_back = fields.expects_continue
    return exchange


def _choose_kind(port: Port, client: Client, request: Request) -> Exchange:
    if is_grpc(request):
        return GrpcCall(port, client, request)
    form = find_web_form(request) if port.serves_grpc_web else None
    if form is None:
        return Exchange(port, client, request)
    return GrpcWebCall(port, client, request, form)
