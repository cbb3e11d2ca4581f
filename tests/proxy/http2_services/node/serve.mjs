// Serves over Node's own HTTP/2: its ports first, then every request with its own body.
import { readFileSync } from "node:fs";
import http2 from "node:http2";

const [key, cert] = process.argv.slice(2);

const answer = (request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    response.setHeader("x-version", request.httpVersion);
    response.setHeader("x-trailers", JSON.stringify(request.trailers));
    if (request.url === "/public/large") return response.end(Buffer.alloc(5_000_000, "y"));
    response.write(`${request.method} ${request.url} `);
    if (request.headers.te === "trailers") response.addTrailers({ "x-sum": "9" });
    response.end(Buffer.concat(pieces));
  });
};

const listen = (server) =>
  new Promise((resolve) =>
    server.on("request", answer).listen(0, "127.0.0.1", () => resolve(server.address().port)),
  );

// In MB: by default Node refuses streams once ten of them wait to be read.
const maxSessionMemory = 1000;
const pair = { key: readFileSync(key), cert: readFileSync(cert) };
const plain = await listen(http2.createServer({ maxSessionMemory }));
const secure = await listen(http2.createSecureServer({ ...pair, maxSessionMemory }));
console.log(JSON.stringify({ plain, secure }));
