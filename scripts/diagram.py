#!/usr/bin/env python3
"""Draw `docs/images/request.svg`, the diagram at the top of the README.

python3 scripts/diagram.py
"""

from collections.abc import Iterator
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "request.svg"

CHECKS = ("path", "route", "token", "signature", "claims", "revocation", "rules")

# Pixels.
WIDTH, HEIGHT = 900, 364
CHIP_WIDTH, CHIP_HEIGHT, CHIP_STEP, CHIPS_LEFT, CHIPS_TOP = 86, 36, 94, 266, 98

# The picture has a background of its own: it is readable on any page, in both schemes.
STYLE = """\
  .page { fill: #ffffff; stroke: #d1d9e0 }
  .box { fill: #f6f8fa; stroke: #818b98 }
  .gateway { fill: #ddf4ff; stroke: #0969da; stroke-width: 1.5 }
  .chip { fill: #ffffff; stroke: #0969da }
  .allow { fill: #1a7f37 }
  .line { stroke: #59636e; stroke-width: 1.5; fill: none }
  .head { fill: #59636e }
  text { font: 13px -apple-system, "Segoe UI", "DejaVu Sans", Helvetica, sans-serif; fill: #1f2328;
         text-anchor: middle }
  .name { font-size: 15px; font-weight: 600 }
  .step { font-size: 12px }
  .note { font-size: 12px; fill: #59636e }
  .code { font: 12px ui-monospace, "DejaVu Sans Mono", monospace }
  .allowed { fill: #ffffff; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117; stroke: #3d444d }
    .box { fill: #151b23; stroke: #656c76 }
    .gateway { fill: #0c2d56; stroke: #4493f8 }
    .chip { fill: #0d1117; stroke: #4493f8 }
    .allow { fill: #238636 }
    .line { stroke: #9198a1 }
    .head { fill: #9198a1 }
    text { fill: #f0f6fc }
    .note { fill: #9198a1 }
    .allowed { fill: #ffffff }
  }
"""


def draw() -> str:
    """Return the diagram as SVG."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img">',
        "<title>A request passes seven checks, or is rejected with one reason</title>",
        f"<style>\n{STYLE}</style>",
        box("page", 0.5, 0.5, WIDTH - 1, HEIGHT - 1),
        *draw_gateway(),
        *draw_neighbours(),
    ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def draw_gateway() -> Iterator[str]:
    """Yield the gateway and its checks, in their order."""
    yield box("gateway", 250, 24, 400, 236)
    yield text("name", 450, 52, "JWT Gateway")
    yield text("note", 450, 76, "seven checks in this order; the first that fails is the reason")
    for number, name in enumerate((*CHECKS, "allow")):
        left = CHIPS_LEFT + number % 4 * CHIP_STEP
        top = CHIPS_TOP + number // 4 * (CHIP_HEIGHT + 14)
        is_last = number == len(CHECKS)
        yield box("allow" if is_last else "chip", left, top, CHIP_WIDTH, CHIP_HEIGHT)
        label = name if is_last else f"{number + 1} {name}"
        kind = "allowed" if is_last else "step"
        yield text(kind, left + CHIP_WIDTH / 2, top + 23, label)
    yield text("note", 450, 214, "a rejection names its reason:")
    yield text("code", 450, 238, "token_expired · scope_missing · path_rejected · …")


def draw_neighbours() -> Iterator[str]:
    """Yield the peers of the gateway, and the arrows between them."""
    yield box("box", 20, 92, 150, 100)
    yield text("name", 95, 122, "Client")
    yield text("code", 95, 148, "Authorization:")
    yield text("code", 95, 168, "Bearer eyJ…")
    yield arrow(170, 122, 250, 122)
    yield text("note", 210, 112, "request")
    yield arrow(250, 162, 170, 162)
    yield text("note", 210, 182, "401, 403")

    yield box("box", 730, 92, 150, 100)
    yield text("name", 805, 122, "Service")
    yield text("code", 805, 148, "X-Gateway-Subject:")
    yield text("code", 805, 168, "alice")
    yield arrow(650, 142, 730, 142)
    yield text("note", 690, 132, "allowed")

    yield box("box", 250, 300, 190, 44)
    yield text("other", 345, 327, "Issuer: keys (JWKS)")
    yield arrow(345, 300, 345, 260)
    yield box("box", 460, 300, 190, 44)
    yield text("other", 555, 327, "log, metrics, traces")
    yield arrow(555, 260, 555, 300)


def box(kind: str, left: float, top: float, width: float, height: float) -> str:
    """Return a rectangle."""
    return (
        f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" '
        'rx="8"/>'
    )


def text(kind: str, centre: float, baseline: float, words: str) -> str:
    """Return a line of text."""
    return f'<text class="{kind}" x="{centre:g}" y="{baseline:g}">{words}</text>'


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a horizontal or vertical line with a head at its second end."""
    dx, dy = (x2 > x1) - (x2 < x1), (y2 > y1) - (y2 < y1)
    back_x, back_y = x2 - 10 * dx, y2 - 10 * dy
    head = f"{x2},{y2} {back_x + 5 * dy},{back_y + 5 * dx} {back_x - 5 * dy},{back_y - 5 * dx}"
    return (
        f'<path class="line" d="M{x1} {y1}L{back_x} {back_y}"/>'
        f'<polygon class="head" points="{head}"/>'
    )


if __name__ == "__main__":
    PICTURE.write_text(draw())
