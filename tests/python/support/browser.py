# SPDX-License-Identifier: MIT
"""Headless Chromium, which opens a page as a user would."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
needs_chromium = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="chromium or chromedriver is missing (apt install chromium chromium-driver)"
)

GATHER = """
    window.failures = [];
    addEventListener('error', (event) => failures.push(String(event.message || event.target)), true);
    addEventListener('securitypolicyviolation', (event) => failures.push(event.violatedDirective + event.blockedURI));
"""


@contextmanager
def open_browser() -> Iterator[Any]:
    """A browser that keeps its console and its requests for :func:`open_page`."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--mute-audio",
        "--autoplay-policy=no-user-gesture-required",
        "--window-size=1200,1000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": GATHER})
    try:
        yield driver
    finally:
        driver.quit()


@contextmanager
def open_page(browser: Any, url: str) -> Iterator[Any]:
    """A freshly loaded page; whatever is done with it, the console must stay clean."""
    browser.get_log("performance")
    browser.get(url)
    yield browser
    assert browser.execute_script("return failures") == []
    assert browser.get_log("browser") == []


def state(page: Any, expression: str) -> Any:
    """A field of ``window.fxtrain``: of the first player, or ``players[1].position``."""
    return page.execute_script(f"return fxtrain.{expression}")


def eventually(holds: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Waits for sound, which keeps its own time; however busy the machine is, it comes."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return holds()


def press(page: Any, key: str) -> None:
    """Presses a key wherever the focus is."""
    from selenium.webdriver import ActionChains

    ActionChains(page).send_keys(key).perform()


def click(page: Any, selector: str) -> None:
    """Clicks the first element that the selector finds."""
    page.find_element("css selector", selector).click()


@contextmanager
def screen(page: Any, width: int, height: int = 900) -> Iterator[None]:
    """A screen of another size: a phone below 500 pixels."""
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    yield
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def least_contrast(page: Any, scheme: str) -> tuple[float, str]:
    """The least contrast of visible text to its ground in the ``light`` or ``dark`` scheme, and where it is.

    Source: WCAG 2.1, 1.4.3: at least 4.5 for body text.
    """
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    ratio, where = page.execute_script(
        """
        const light = (css) => {
            const [r, g, b] = css.match(/[0-9.]+/g).slice(0, 3).map((v) => v / 255)
                .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const ground = (node) => {
            for (; node; node = node.parentElement) {
                const css = getComputedStyle(node).backgroundColor;
                if (!/, 0\\)|transparent/.test(css)) return light(css);
            }
            return 1;
        };
        return [...document.querySelectorAll('h1,h2,p,dt,b,span,th,td,button,summary,a,kbd,figcaption')]
            .filter((node) => node.offsetParent)
            .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
            .map((node) => {
                const [a, b] = [light(getComputedStyle(node).color), ground(node)].sort((x, y) => y - x);
                return [(a + 0.05) / (b + 0.05), `${node.tagName} ${node.className} ${node.textContent.trim()}`];
            }).sort((a, b) => a[0] - b[0])[0];
        """
    )
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return ratio, where
