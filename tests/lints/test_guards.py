"""Routes that open what others guard are found; exceptions that are named as such are not."""

from pathlib import Path

import pytest

from tests.lints.warned import assert_warned, routes, warnings
from tests.settings.configs import UPSTREAMS, config

ADMIN = "admin, match: {path_prefix: /admin/}, require: {}"
OPENED = [
    routes(ADMIN, "page, match: {path: '/admin/{page}'}, ¦public: true"),
    routes(ADMIN, "page, match: {path: '/admin/{page}', methods: [GET]}, ¦public: true"),
    routes(ADMIN, "page, match: {path: '/admin/{page}'}, require: {¦optional: true}"),
    routes(ADMIN, "reports, match: {path_prefix: /admin/reports/}, ¦public: true"),
    routes(ADMIN, "report, match: {path: '/admin/reports/{id}'}, ¦public: true"),
    routes(ADMIN.replace("/admin/", "/"), "page, match: {path: '/{page}'}, ¦public: true"),
    routes(
        "read, match: {path: /a, methods: [GET]}, require: {}",
        "rest, match: {path: /a}, ¦public: true",
    ),
    routes(
        ADMIN.replace("{path_prefix: /admin/}", "{path_prefix: '/{tenant}/'}"),
        "files, match: {path_prefix: '/{tenant}/files/'}, ¦public: true",
    ),
]
NAMED = [
    routes(ADMIN, "login, match: {path: /admin/login}, public: true"),
    routes(ADMIN.replace("/admin/", "/"), "health, match: {path: /healthz}, public: true"),
    routes(ADMIN.replace("/admin/", "/"), "files, match: {path_prefix: /files/}, public: true"),
    routes(
        ADMIN.replace("{path_prefix: /admin/}", "{path_prefix: '/{tenant}/'}"),
        "files, match: {path_prefix: /files/}, public: true",
    ),
    routes(
        "write, match: {path: /a, methods: [POST]}, require: {}",
        "read, match: {path: /a, methods: [GET]}, public: true",
    ),
    routes(
        "rest, match: {path: /a}, require: {}",
        "read, match: {path: /a, methods: [GET]}, public: true",
    ),
    routes(
        ADMIN.replace("/admin/", "/admin/, methods: [POST]"),
        "page, match: {path: '/admin/pages/{page}', methods: [GET]}, public: true",
    ),
    routes(ADMIN, "page, match: {path: '/admin/{page}', hosts: [docs.example]}, public: true"),
    routes(ADMIN, "page, match: {path: '/admin/{page}'}, require: {}"),
]


@pytest.mark.parametrize("text", OPENED)
def test_an_open_route_that_takes_an_open_ended_part_of_a_guarded_one_is_doubtful(
    text: str, tmp_path: Path
) -> None:
    assert_warned(tmp_path, "guard_opened", config(routes=text))


@pytest.mark.parametrize("text", NAMED)
def test_an_exception_with_a_name_of_its_own_is_none(text: str, tmp_path: Path) -> None:
    assert warnings(tmp_path, config(routes=text)) == ()


TWO = UPSTREAMS + "  pages: {servers: ['http://10.0.0.8:8000']}\n"
WEB = "web, match: {path_prefix: /}, ¦public: true"


@pytest.mark.parametrize(
    "text",
    [
        routes(ADMIN, WEB),
        routes(ADMIN, "other, match: {path_prefix: /other/}, require: {}", WEB),
        routes(ADMIN.replace("/admin/", "/a/b/"), WEB.replace("/}", "/a/}")),
        routes("me, match: {path: /me}, require: {}", "web, match: {path: '/{x}'}, ¦public: true"),
    ],
)
def test_a_guarded_route_within_an_open_one_of_its_service_is_doubtful(
    text: str, tmp_path: Path
) -> None:
    """A service may take `/Admin/` or `/admin` for `/admin/`; the gateway does not."""
    assert_warned(tmp_path, "guard_surrounded", config(routes=text))


@pytest.mark.parametrize(
    "text",
    [
        routes(ADMIN, f"{WEB}, upstream: pages"),
        routes(ADMIN, WEB.replace("public: true", "require: {}")),
        routes(ADMIN.replace("require: {}", "require: {optional: true}"), WEB),
        routes(ADMIN, WEB.replace("/}", "/, methods: [GET]}")).replace(
            "/admin/", "/admin/, methods: [POST]"
        ),
    ],
)
def test_where_no_request_can_slip_past_there_is_no_doubt(text: str, tmp_path: Path) -> None:
    plain = text.replace("¦", "")
    upstreams = TWO if "pages" in text else UPSTREAMS

    assert warnings(tmp_path, config(upstreams=upstreams, routes=plain)) == ()


def test_a_route_for_callers_with_a_token_or_without_is_as_open(tmp_path: Path) -> None:
    web = "web, match: {path_prefix: /}, require: {¦optional: true}"

    assert_warned(tmp_path, "guard_surrounded", config(routes=routes(ADMIN, web)))


def test_the_open_route_is_warned_of_once_for_all_that_it_surrounds(tmp_path: Path) -> None:
    others = [f"r{n}, match: {{path: /r{n}}}, require: {{}}" for n in range(5)]
    [fault] = warnings(tmp_path, config(routes=routes(ADMIN, *others, WEB.replace("¦", ""))))

    assert fault.message.replace(str(tmp_path), "") == (
        "requests that `orders` may treat as paths of `admin` (/gateway.yaml:7) (and of 5 more),"
        " e.g. in other letter case or without the trailing slash, pass here without a token"
    )


OF_HOST = ADMIN.replace("{path_prefix: /admin/}", "{hosts: [a.example.com], path_prefix: /admin/}")


@pytest.mark.parametrize(
    "match",
    [
        "{path_prefix: /}",
        "{path_prefix: /admin/}",
        "{hosts: ['*.example.com'], path_prefix: /}",
        "{path_prefix: '/{page}/'}",
    ],
)
def test_an_open_route_of_more_hosts_has_the_paths_of_a_guarded_one(
    match: str, tmp_path: Path
) -> None:
    text = config(routes=routes(OF_HOST, f"web, match: {match}, ¦public: true"))

    assert_warned(tmp_path, "guard_surrounded", text)
    [fault] = warnings(tmp_path, text.replace("¦", ""))
    assert "with another Host than `a.example.com` pass here without a token" in fault.message


@pytest.mark.parametrize(
    "web",
    [
        "web, match: {path: /}, public: true",
        "web, match: {path_prefix: /}, public: true, upstream: pages",
        "web, match: {path_prefix: /}, require: {}",
        "web, match: {path_prefix: /, hosts: [b.example.com]}, public: true",
        "web, match: {path_prefix: /, hosts: ['*.example.net']}, public: true",
    ],
)
def test_an_open_route_of_other_paths_services_or_hosts_does_not(web: str, tmp_path: Path) -> None:
    text = config(upstreams=TWO if "pages" in web else UPSTREAMS, routes=routes(OF_HOST, web))

    assert warnings(tmp_path, text) == ()


def test_two_upstreams_with_a_common_server_are_one_service(tmp_path: Path) -> None:
    upstreams = UPSTREAMS + "  same: {servers: ['http://10.0.0.7:8000', 'http://10.0.0.9:80']}\n"
    web = "web, match: {path_prefix: /}, ¦public: true, upstream: same"

    assert_warned(
        tmp_path, "guard_surrounded", config(upstreams=upstreams, routes=routes(ADMIN, web))
    )
