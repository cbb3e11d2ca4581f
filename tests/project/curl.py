"""Send one request as curl does, on machines without curl: [-s] [-i] [-X METHOD] [-H FIELD] URL."""

import argparse
import http.client
import sys
from urllib.parse import urlsplit


def main(arguments: list[str]) -> None:
    """Send the request, and print the body, with -i after the head."""
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", action="store_true", dest="with_head")
    parser.add_argument("-X", default="GET", dest="method")
    parser.add_argument("-H", action="append", default=[], dest="fields")
    parser.add_argument("url")
    asked = parser.parse_args(arguments)
    parts = urlsplit(asked.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
    fields = dict(field.split(": ", 1) for field in asked.fields)
    connection.request(asked.method, parts.path, headers={"Accept": "*/*", **fields})
    answer = connection.getresponse()
    if asked.with_head:
        print(f"HTTP/1.1 {answer.status} {answer.reason}")  # noqa: T201 - it is what curl does
        for name, value in answer.getheaders():
            print(f"{name}: {value}")  # noqa: T201
        print(flush=True)  # noqa: T201
    sys.stdout.buffer.write(answer.read())


if __name__ == "__main__":
    main(sys.argv[1:])
