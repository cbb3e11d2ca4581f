"""The frame of every page: the banner, the style, and what a browser may do with it."""

import hashlib
from base64 import b64encode
from collections.abc import Sequence
from html import escape
from urllib.parse import urlsplit

_STYLE = """
:root { color-scheme: light; --ink: #1c2733; --soft: #5a6877; --line: #d6dde5; --blue: #1558b0; }
* { box-sizing: border-box; }
body { margin: 0; background: #f2f4f7; color: var(--ink);
  font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
.banner { background: #ffd54a; color: #3a2b00; padding: .6rem 1rem; text-align: center;
  font-weight: 600; border-bottom: 3px solid #b38600; }
main { max-width: 34rem; width: calc(100% - 2rem); margin: 2.5rem auto; padding: 2rem;
  background: #fff; border: 1px solid var(--line);
  border-radius: 12px; box-shadow: 0 2px 10px #1c273312; }
main.wide { max-width: 56rem; }
h1 { margin: 0 0 .5rem; font-size: 1.45rem; line-height: 1.25; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
p { margin: .5rem 0; }
.soft { color: var(--soft); font-size: .92rem; }
code { font: .92em ui-monospace, "DejaVu Sans Mono", monospace; background: #eef1f5;
  padding: .1em .35em; border-radius: 4px; overflow-wrap: anywhere; }
fieldset { border: 0; margin: 1.25rem 0 0; padding: 0; }
legend { font-weight: 600; padding: 0; margin-bottom: .4rem; }
label.choice { display: flex; gap: .75rem; align-items: flex-start; padding: .6rem .8rem;
  border: 1px solid var(--line); border-radius: 8px; margin-bottom: .5rem; cursor: pointer; }
label.choice:has(input:checked) { border-color: var(--blue); background: #f0f6ff; }
label.choice input { margin-top: .35rem; accent-color: var(--blue); }
label.choice small { display: block; color: var(--soft); }
ul.scopes { margin: .4rem 0 0; padding: 0; list-style: none; }
ul.scopes li { padding: .35rem 0; border-bottom: 1px solid #eef1f5; }
ul.scopes small { color: var(--soft); margin-left: .4rem; }
.buttons { display: flex; gap: .75rem; margin-top: 1.5rem; }
button { font: inherit; font-weight: 600; padding: .6rem 1.3rem; border-radius: 8px;
  border: 1px solid var(--line); background: #fff; color: var(--ink); cursor: pointer; }
button.go { background: var(--blue); border-color: var(--blue); color: #fff; flex: 1; }
button:focus-visible, input:focus-visible { outline: 3px solid #1558b055; outline-offset: 2px; }
input[type=text] { font: 1.4rem ui-monospace, "DejaVu Sans Mono", monospace; width: 100%;
  letter-spacing: .15em; text-transform: uppercase; padding: .6rem .8rem; border-radius: 8px;
  border: 1px solid #9aa7b5; }
.code { font: 600 2rem ui-monospace, "DejaVu Sans Mono", monospace; letter-spacing: .12em;
  text-align: center; padding: .6rem; background: #eef1f5; border-radius: 8px; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem .4rem 0;
  border-bottom: 1px solid #eef1f5; }
@media (max-width: 40rem) {
  main.wide { padding: 1rem; }
  /* A wide table scrolls: broken into single letters, nobody can read it. */
  table { display: block; overflow-x: auto; }
  td code { overflow-wrap: normal; }
}
"""

_STYLE_HASH = b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

BANNER = "Development issuer: no password is asked, anyone gets tokens. Never use it in production."


def render_document(title: str, body: str, wide: bool = False) -> str:
    """Return a whole page; *body* is HTML, *title* is not."""
    kind = ' class="wide"' if wide else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)} - development issuer</title>\n"
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<div class="banner" role="note">{escape(BANNER)}</div>\n'
        f"<main{kind}>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def page_fields(form_leads_to: Sequence[str] = ()) -> dict[str, str]:
    """Return the header fields of a page.

    *form_leads_to* are URIs that the answer to its form may redirect to: browsers hold redirects
    after a form against ``form-action``, too (Content Security Policy 3 §6.3.1).
    """
    targets = " ".join(("'self'", *(_source_of(uri) for uri in form_leads_to)))
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _source_of(uri: str) -> str:
    # A registered URI, so its scheme and host have no character that a policy could end with.
    parts = urlsplit(uri)
    # A policy cannot name an IPv6 address (Content Security Policy 3 §2.3.1, host-part).
    return f"{parts.scheme}:" if "[" in parts.netloc else f"{parts.scheme}://{parts.netloc}"
