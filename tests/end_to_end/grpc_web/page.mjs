// Calls by gRPC-Web, with the libraries that pages use. Each function returns what a page saw:
// {messages, code, details, more}; a call without an error has the code 0. `more` is metadata.
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";
import { ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { GrpcWebClientBase, MethodDescriptor, MethodType } from "grpc-web";

const TEXT = ".google.protobuf.StringValue";
const WRAPPERS = "google/protobuf/wrappers.proto";
const method = (name, serverStreaming) => ({ name, inputType: TEXT, outputType: TEXT, serverStreaming });
const file = create(FileDescriptorProtoSchema, {
  name: "shop.proto",
  package: "shop",
  syntax: "proto3",
  dependency: [WRAPPERS],
  service: [{ name: "Orders", method: [method("Get", false), method("Watch", true)] }],
});
const registry = createFileRegistry(file, (name) =>
  name === WRAPPERS ? file_google_protobuf_wrappers.proto : undefined,
);
const Orders = registry.getService("shop.Orders");

const authorization = (token) => (token ? { authorization: `Bearer ${token}` } : {});

async function byConnect(origin, name, text, token, heard, signal) {
  const client = createClient(Orders, createGrpcWebTransport({ baseUrl: origin }));
  const seen = { messages: [], code: 0, details: "", more: {} };
  const options = {
    headers: authorization(token),
    signal,
    onTrailer: (trailers) => { seen.more = Object.fromEntries(trailers); },
  };
  try {
    if (name === "get") {
      seen.messages.push((await client.get({ value: text }, options)).value);
    } else {
      for await (const one of client.watch({ value: text }, options)) {
        seen.messages.push(one.value);
        heard();
      }
    }
  } catch (error) {
    const known = ConnectError.from(error);
    seen.code = known.code;
    seen.details = known.rawMessage;
    seen.more = Object.fromEntries(known.metadata);
  }
  return seen;
}

// StringValue, written and read by hand: field 1 is the text.
function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const head = [0x0a];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128);
  return new Uint8Array([...head, rest, ...bytes]);
}
function decode(bytes) {
  let at = 1;
  while (bytes[at] & 128) at += 1;
  return new TextDecoder().decode(bytes.subarray(at + 1));
}

const byGoogle = (format) => (origin, name, text, token, heard, signal) =>
  new Promise((done) => {
    const client = new GrpcWebClientBase({ format });
    const kind = name === "get" ? MethodType.UNARY : MethodType.SERVER_STREAMING;
    const path = `/shop.Orders/${name === "get" ? "Get" : "Watch"}`;
    const about = new MethodDescriptor(path, kind, Object, Object, encode, decode);
    const seen = { messages: [], code: 0, details: "", more: {} };
    const fail = (error) => {
      seen.code = error.code;
      seen.details = error.message;
      seen.more = error.metadata;
    };
    if (name === "get") {
      client
        .unaryCall(origin + path, text, authorization(token), about)
        .then((value) => seen.messages.push(value), fail)
        .then(() => done(seen));
      return;
    }
    const stream = client.serverStreaming(origin + path, text, authorization(token), about);
    stream.on("data", (value) => {
      seen.messages.push(value);
      heard();
    });
    stream.on("error", (error) => {
      fail(error);
      done(seen);
    });
    stream.on("status", (status) => { seen.more = status.metadata ?? {}; });
    stream.on("end", () => done(seen));
    signal.addEventListener("abort", () => {
      stream.cancel();
      done(seen);
    });
  });

const LIBRARIES = {
  "connect-web": byConnect,
  "grpc-web": byGoogle("binary"),
  "grpc-web-text": byGoogle("text"),
};
const nothing = () => {};
let open = null;

window.call = (library, origin, name, text, token) =>
  LIBRARIES[library](origin, name, text, token, nothing, new AbortController().signal);

// Begin a stream; return once its first message has come, or it has ended.
window.begin = async (library, origin, text, token) => {
  const control = new AbortController();
  await new Promise((heard) => {
    const seen = LIBRARIES[library](origin, "watch", text, token, heard, control.signal);
    open = { seen, control };
    seen.then(heard);
  });
};
window.finish = () => open.seen;
window.cancel = () => {
  open.control.abort();
  return open.seen;
};
