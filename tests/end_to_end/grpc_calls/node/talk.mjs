// A client and a service of gRPC by @grpc/grpc-js, which is not the C library: see ../talk.py.

import { readFileSync } from "node:fs";
import grpc from "@grpc/grpc-js";

const SERVICE = "test.Talk";
const PATIENCE = 60_000;
const [verb, ...rest] = process.argv.slice(2);
const bytes = (one) => one;

const method = (name, requestStream, responseStream) => ({
  path: `/${SERVICE}/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});

const METHODS = {
  Unary: method("Unary", false, false),
  Count: method("Count", false, true),
  Join: method("Join", true, false),
  AnswerEach: method("AnswerEach", true, true),
  Fail: method("Fail", false, false),
  FailLate: method("FailLate", false, true),
  Wait: method("Wait", false, true),
  Hang: method("Hang", false, false),
  WasCancelled: method("WasCancelled", false, false),
};

function serve(key, certificate) {
  const cancelled = [];
  const waiting = [];
  const settle = () => {
    while (cancelled.length && waiting.length) waiting.shift()(null, Buffer.from(cancelled.shift()));
  };
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
  server.addService(METHODS, {
    Unary(call, done) {
      const first = new grpc.Metadata();
      first.set("x-echo", call.metadata.get("x-echo")[0] ?? "");
      call.sendMetadata(first);
      const last = new grpc.Metadata();
      last.set("x-trailer-bin", Buffer.from([0, 255]));
      done(null, Buffer.concat([Buffer.from("unary "), call.request]), last);
    },
    Count(call) {
      for (let at = 0; at < Number(call.request); at += 1) call.write(Buffer.from(`${at}`));
      call.end();
    },
    Join(call, done) {
      const pieces = [];
      call.on("data", (piece) => pieces.push(piece));
      call.on("end", () => done(null, Buffer.concat(pieces)));
    },
    AnswerEach(call) {
      call.on("data", (piece) => call.write(Buffer.concat([piece, Buffer.from("!")])));
      call.on("end", () => call.end());
    },
    Fail(_, done) {
      done({ code: 5, details: "not found: ä%" });
    },
    FailLate(call) {
      call.write(Buffer.from("one"));
      call.emit("error", { code: 15, details: "lost" });
    },
    Wait(call) {
      call.on("cancelled", () => {
        cancelled.push("yes");
        settle();
      });
      call.write(Buffer.from("waiting"));
    },
    Hang() {},
    WasCancelled(_, done) {
      waiting.push(done);
      settle();
    },
  });
  const pair = { private_key: readFileSync(key), cert_chain: readFileSync(certificate) };
  const bind = (credentials) =>
    new Promise((resolve, reject) =>
      server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
        error ? reject(error) : resolve(port),
      ),
    );
  return Promise.all([
    bind(grpc.ServerCredentials.createInsecure()),
    bind(grpc.ServerCredentials.createSsl(null, [pair])),
  ]).then(([plain, secure]) => console.log(JSON.stringify({ plain, secure })));
}

async function ask(address, authority, name, good, weak) {
  const credentials = authority
    ? grpc.credentials.createSsl(readFileSync(authority))
    : grpc.credentials.createInsecure();
  const client = new grpc.Client(address, credentials, {
    "grpc.enable_http_proxy": 0,
    "grpc.default_authority": name,
  });
  const fields = (token, more = {}) => {
    const made = new grpc.Metadata();
    if (token) made.set("authorization", `Bearer ${token}`);
    for (const [name, value] of Object.entries(more)) made.set(name, value);
    return made;
  };
  const options = (wait = PATIENCE) => ({ deadline: Date.now() + wait });
  const unary = (name, request, made = fields(good), wait = PATIENCE) =>
    new Promise((resolve) => {
      const seen = {};
      const call = client.makeUnaryRequest(
        `/${SERVICE}/${name}`,
        bytes,
        bytes,
        Buffer.from(request),
        made,
        options(wait),
        (error, value) => Object.assign(seen, { error, value }),
      );
      call.on("metadata", (first) => (seen.first = first));
      call.on("status", (status) => resolve({ ...seen, status }));
    });
  const failure = async (name, token = good, wait = PATIENCE) => {
    const { status } = await unary(name, "x", fields(token), wait);
    return [status.code, status.details];
  };
  const streamed = (name, request) =>
    new Promise((resolve) => {
      const answers = [];
      const path = `/${SERVICE}/${name}`;
      const made = client.makeServerStreamRequest(
        path,
        bytes,
        bytes,
        Buffer.from(request),
        fields(good),
        options(),
      );
      made.on("data", (one) => answers.push(`${one}`));
      made.on("error", () => {});
      made.on("status", ({ code, details }) =>
        resolve(code ? [...answers, code, details] : answers),
      );
    });
  const join = (...pieces) =>
    new Promise((resolve, reject) => {
      const call = client.makeClientStreamRequest(
        `/${SERVICE}/Join`,
        bytes,
        bytes,
        fields(good),
        options(),
        (error, value) => (error ? reject(error) : resolve(`${value}`)),
      );
      for (const piece of pieces) call.write(Buffer.from(piece));
      call.end();
    });
  const pingPong = () =>
    new Promise((resolve, reject) => {
      const answers = [];
      const path = `/${SERVICE}/AnswerEach`;
      const call = client.makeBidiStreamRequest(path, bytes, bytes, fields(good), options());
      call.on("error", reject);
      call.on("status", () => resolve(answers));
      call.on("data", (one) => {
        answers.push(`${one}`);
        if (answers.length < 3) call.write(Buffer.from(`${answers.length}`));
        else call.end();
      });
      call.write(Buffer.from("0"));
    });
  const cancel = () =>
    new Promise((resolve) => {
      const path = `/${SERVICE}/Wait`;
      const call = client.makeServerStreamRequest(
        path,
        bytes,
        bytes,
        Buffer.from("x"),
        fields(good),
        options(),
      );
      let first;
      call.on("data", (one) => {
        first = `${one}`;
        call.cancel();
      });
      call.on("error", () => {});
      call.on("status", ({ code }) => resolve([first, code]));
    });
  const metadata = async () => {
    const { value, first, status } = await unary("Unary", "hello", fields(good, { "x-echo": "echoed" }));
    const last = status.metadata.get("x-trailer-bin")[0];
    return [`${value}`, first.get("x-echo")[0], Buffer.from(last ?? "").toString("hex")];
  };
  const large = async () => {
    const content = Buffer.alloc(3 << 20, Buffer.from([...Array(256).keys()]));
    const { value } = await unary("Unary", content);
    return Buffer.concat([Buffer.from("unary "), content]).equals(value ?? Buffer.alloc(0));
  };
  const atOnce = async () => {
    const numbers = [...Array(50).keys()];
    const answers = await Promise.all(numbers.map((at) => unary("Unary", `${at}`)));
    return answers.every(({ value }, at) => `${value}` === `unary ${at}`);
  };
  const results = {
    metadata: await metadata(),
    count: await streamed("Count", "5"),
    nothing: await streamed("Count", "0"),
    join: await join("a", "b", "", "c"),
    ping_pong: await pingPong(),
    failure: await failure("Fail"),
    late_failure: await streamed("FailLate", "x"),
    deadline: (await failure("Hang", good, 400))[0],
    cancel: await cancel(),
    was_cancelled: `${(await unary("WasCancelled", "")).value}`,
    large: await large(),
    at_once: await atOnce(),
    unknown: (await failure("Unknown"))[0],
    no_token: (await failure("Unary", ""))[0],
    weak_token: (await failure("Unary", weak))[0],
  };
  console.log(JSON.stringify(results));
  client.close();
}

await (verb === "serve" ? serve(...rest) : ask(...rest));
