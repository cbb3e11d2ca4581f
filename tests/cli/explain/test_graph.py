"""An explanation as a picture: well-formed, with every check, and harmless whatever it shows."""

from pathlib import Path
from xml.etree import ElementTree

from gateway.cli.explain.graph import draw_explanation
from tests.admin.test_explanation import tell_of
from tests.proxy.messages import make_request

_SVG = "{http://www.w3.org/2000/svg}"
_HARMLESS = {f"{_SVG}{name}" for name in ("svg", "title", "style", "rect", "line", "g", "text")}


def draw(directory: Path, head: bytes) -> ElementTree.Element:
    drawn = draw_explanation(tell_of(directory, head))
    return ElementTree.fromstring(drawn)


def texts(picture: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in picture.iter(f"{_SVG}text")]


def test_every_check_is_a_box_from_the_request_to_the_end(tmp_path: Path) -> None:
    refused = draw(tmp_path, make_request("/api/x"))
    shown = texts(refused)

    assert shown[:2] == ["the request", "GET gateway.test/api/x"]
    assert shown.count("ok") == 3
    assert shown.count("NO") == 1
    at = shown.index("NO")
    assert shown[at + 1 : at + 4] == [
        "credential: expected one bearer token",
        "found no bearer token was sent",
        "file:api",
    ]
    assert "refused" in shown
    assert "401 token_missing: no bearer token was sent" in shown
    assert "allowed" in texts(draw(tmp_path, make_request("/open/x")))


def test_whatever_a_request_has_in_it_is_shown_as_text(tmp_path: Path) -> None:
    picture = draw(tmp_path, make_request("/open/a&lt;b&b?<script>'\"]]>"))

    assert {one.tag for one in picture.iter()} <= _HARMLESS
    assert not [name for one in picture.iter() for name in one.attrib if name.startswith("on")]
    assert any("/open/a&lt;b&b?<script>'\"]]>" in text for text in texts(picture))


def test_what_does_not_fit_is_cut_and_whole_in_its_title(tmp_path: Path) -> None:
    picture = draw(tmp_path, make_request("/open/" + "x" * 300))

    assert max(map(len, texts(picture))) <= 80
    titles = [one.text or "" for one in picture.iter(f"{_SVG}title")]
    assert any("x" * 300 in title for title in titles)
