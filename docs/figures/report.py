# SPDX-License-Identifier: MIT
"""Takes the picture of a run's report that README shows: ``python docs/figures/report.py runs/demo``.

It needs Chromium and its driver, as the tests of the report do, and writes ``docs/images/report.png``.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from selenium import webdriver

IMAGE = Path(__file__).parents[1] / "images" / "report.png"
WIDTH, HEIGHT, SCALE = 1200, 1085, 1.4
"""Of the window in CSS pixels, down to the facts, and how many pixels of the picture each of them has."""


def main() -> None:
    """Opens the page and takes the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run of fit or demo")
    page = parser.parse_args().run.resolve() / "report.html"
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", "--disable-gpu"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        size = {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": SCALE, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        driver.get(page.as_uri())
        driver.save_screenshot(str(IMAGE))
    finally:
        driver.quit()
    print(f"wrote {IMAGE}")


if __name__ == "__main__":
    main()
