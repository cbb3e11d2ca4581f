// Asks a gateway over one connection of Node's own HTTP/2, all requests at once; prints the answers.
import { readFileSync } from "node:fs";
import http2 from "node:http2";

const [url, authority] = process.argv.slice(2);
const options = authority ? { ca: readFileSync(authority) } : {};
const client = http2.connect(url, options);

const ask = (number) =>
  new Promise((resolve, reject) => {
    const body = "x".repeat(number * 10_000);
    const method = body ? "POST" : "GET";
    const request = client.request(
      { ":path": `/open/node/${number}`, ":method": method },
      { endStream: !body },
    );
    let status;
    let answer = "";
    request.on("response", (fields) => (status = fields[":status"]));
    request.setEncoding("utf8");
    request.on("data", (piece) => (answer += piece));
    request.on("end", () => resolve(`${status} ${answer === `/open/node/${number} ${body}`}`));
    request.on("error", reject);
    if (body) request.end(body);
  });

const answers = await Promise.all([...Array(20).keys()].map(ask));
client.close();
console.log(answers.join("\n"));
