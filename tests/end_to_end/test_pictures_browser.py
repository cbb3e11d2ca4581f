"""What `explain --graph` and `diff --html` write, as a real browser shows it."""

from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.cli.test_installed_command import gateway
from tests.end_to_end.conftest import program
from tests.seeded.mistakes import ESTATE, read_mistakes

URL = "https://api.shop.example/orders/7"


def test_a_person_sees_every_check_and_every_difference(tmp_path: Path) -> None:
    changed = read_mistakes("diff")[0].make(tmp_path)
    config = str(ESTATE / "gateway.yaml")
    page = gateway("diff", config, str(changed), "--html", directory=tmp_path)
    picture = gateway("explain", "--config", config, URL, "--graph", directory=tmp_path)
    (tmp_path / "diff.html").write_bytes(page.stdout)
    (tmp_path / "explain.svg").write_bytes(picture.stdout)
    problems: list[str] = []

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program("chromium-headless-shell"), args=["--no-sandbox"]
        )
        tab = browser.new_page(viewport={"width": 390, "height": 800}, color_scheme="dark")
        tab.on("console", lambda message: problems.append(message.text))
        tab.goto((tmp_path / "diff.html").as_uri())
        difference = tab.inner_text("body")
        is_too_wide = tab.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        tab.goto((tmp_path / "explain.svg").as_uri())
        explained = [one.text_content() for one in tab.query_selector_all("text")]
        drawn = tab.evaluate("document.documentElement.getBoundingClientRect().height")
        browser.close()

    assert "DELETE" in difference
    assert "opened" in difference
    assert not is_too_wide
    assert "401 token_missing: no bearer token was sent" in explained
    assert drawn > 300
    assert problems == []
