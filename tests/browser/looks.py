"""What an eye would find on a page: text that is cut or too faint, as functions for a browser; pictures for people where they
are wanted.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What sticks out of the window sideways, or is cut where people should read it.
CUT = """
() => {
  const found = [];
  const meant = '.unseen, .skip, #alerts h2, .plot, .seats, .bar, thead';
  for (const node of document.querySelectorAll('body *')) {
    if (node.closest(meant) || !node.offsetParent) continue;
    const box = node.getBoundingClientRect();
    const name = `${node.tagName}.${node.className} ${node.textContent.slice(0, 40)}`;
    if (box.right > innerWidth + 1 || box.left < -1) found.push(`out: ${name}`);
    const style = getComputedStyle(node);
    if (node.clientWidth && node.scrollWidth > node.clientWidth + 1) found.push(`over: ${name}`);
    if (style.textOverflow === 'ellipsis') found.push(`dots: ${name}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) found.push('the window scrolls sideways');
  return found;
}
"""

# WCAG 2.2, 1.4.3: every piece of text against what is painted below it, the opacity of its ancestors reckoned in.
CONTRAST = """
() => {
  const parse = (colour) => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const mix = (top, below, c) => top[c] * top.a + below[c] * (1 - top.a);
  const over = (top, below) => ({ r: mix(top, below, 'r'), g: mix(top, below, 'g'), b: mix(top, below, 'b'), a: 1 });
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ({ r, g, b }) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const node = text.parentElement;
    if (!text.data.trim() || node.closest('.unseen, .skip, noscript, dialog:not([open])') || !node.getClientRects().length) continue;
    const chain = [];
    for (let each = node; each; each = each.parentElement) chain.unshift(each);
    let ground = { r: 255, g: 255, b: 255, a: 1 }, opacity = 1, behind = ground;
    for (const each of chain) {
      const style = getComputedStyle(each);
      if (Number(style.opacity) < 1) { opacity *= Number(style.opacity); behind = ground; }
      ground = over(parse(style.backgroundColor), ground);
    }
    const style = getComputedStyle(node);
    const seenGround = over({ ...ground, a: opacity }, behind);
    const seenText = over({ ...over(parse(style.color), ground), a: opacity }, behind);
    const [high, low] = [light(seenGround), light(seenText)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize), large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < (large ? 3 : 4.5)) found.push(`${ratio.toFixed(2)} ${node.tagName}.${node.className}: ${text.data.trim().slice(0, 40)}`);
  }
  return found;
}
"""


def keep(page: Page, name: str) -> None:
    """Write a screenshot of the whole page where somebody asked for some."""
    if folder := os.environ.get("SIDECAR_SCREENSHOTS"):
        size = page.viewport_size
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": size["width"], "height": height})  # charts are drawn where they are in sight
        for _ in range(2):  # the first one is a frame, in which cards come into sight
            page.screenshot(path=str(Path(folder) / f"dashboard-{name}.png"))
        page.set_viewport_size(size)
