"""`docs/rate-limits.md`: its example behaves as it shows."""

import re
from pathlib import Path

import yaml

from gateway.limits.limiter import MAX_BUCKETS
from gateway.settings.values.rates import OnFailure
from tests.project.console import fence_of
from tests.project.test_docs import rows, sections
from tests.proxy.conftest import pytest_asyncio_loop_factories
from tests.proxy.gateways import bearer, load, make_token, running_gateway, write_config
from tests.proxy.messages import make_request
from tests.proxy.service import running_service
from tests.settings.configs import config
from tests.settings.configs import load as load_text

__all__ = ["pytest_asyncio_loop_factories"]

ROOT = Path(__file__).parents[2]
URL = "rediss://:password@redis.example.com:6379/0"
PAGE = (ROOT / "docs" / "rate-limits.md").read_text()


async def test_the_example_runs_as_it_is_shown(tmp_path: Path) -> None:
    example = yaml.safe_load(fence_of(PAGE, "version: 1\n"))
    changes = {name: example[name] for name in ("rate_limits", "routes", "upstreams")}
    request = make_request("/orders/1", bearer(make_token(tenant={"id": "acme"})))
    async with running_service() as service:
        changes["upstreams"]["shop"]["servers"] = [service.url]
        settings = load(write_config(tmp_path, [service.url], changes))
        async with running_gateway(settings) as gateway:
            for _ in range(2):
                assert (await gateway.ask(request)).status == 200
            answer = await gateway.ask(request)
        assert len(service.requests) == 2

    shown = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "X-Request-Id": "xxxxxxxxxxxxxx-xxxxxxxxx"}
    lines = [answer.start.decode()]
    lines += [
        f"{name.decode()}: {shown.get(name.decode(), value.decode())}"
        for name, value in answer.fields
    ]
    told, said = "\n".join(lines) + "\n", fence_of(PAGE, "HTTP/1.1 429")
    # Time has passed since the first request, so the wait may be shorter.
    seconds = re.compile(r"(?<=;t=)\d+|(?<=Retry-After: )\d+")
    assert seconds.sub("…", told) == seconds.sub("…", said)
    waits = zip(seconds.findall(told), seconds.findall(said), strict=True)
    assert all(int(real) <= int(shown) for real, shown in waits)


def test_the_section_about_redis_is_a_configuration(tmp_path: Path) -> None:
    redis = load_text(
        tmp_path, config(fence_of(PAGE, "redis:\n")), {"REDIS_URL": URL}
    ).rate_limiting.redis

    assert redis is not None
    assert redis.timeout_seconds == 0.1


def test_every_failure_mode_is_listed() -> None:
    listed = [re.match(r"`(\w+)`", row[0]) for row in rows(sections(PAGE, "##")["Redis outages"])]

    assert [one[1] for one in listed if one is not None] == [one.value for one in OnFailure]


def test_the_number_of_counts_is_the_one_described() -> None:
    assert f"{MAX_BUCKETS:,} counts" in " ".join(PAGE.split())
