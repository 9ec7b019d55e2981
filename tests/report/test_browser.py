"""The report in a real browser: by keyboard, without a console error, without a request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backsight.diagnosis import diagnose
from backsight.report import write_report

from .runs import hostile, long, small

CHROMIUM = Path("/usr/bin/chromium")
if not CHROMIUM.exists() and os.environ.get("REQUIRE_BROWSER") != "1":
    pytest.skip("there is no Chromium here (/usr/bin/chromium)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox"], timeout=120_000
        )
        yield browser
        browser.close()


class Open:
    """A report in a page of its own, and all that the page complained about or asked for."""

    def __init__(self, browser: Any, file: Path, **options: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page = browser.new_page(**options)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def markers(self) -> list[str]:
        return self.page.eval_on_selector_all(".marker", "all => all.map(m => m.dataset.at)")

    def first_row(self) -> str:
        return self.page.locator("#flow td[data-reading]").first.inner_text()


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Open]:
    file = tmp_path / "small.html"
    run = small()
    write_report(file, run, diagnose(run))
    report = Open(browser, file)
    yield report
    assert report.complaints == []
    assert report.requests == [file.as_uri()]
    report.page.close()


def test_arrow_keys_move_the_marker_of_every_chart_and_the_numbers(opened: Open) -> None:
    assert set(opened.markers()) == {"40"}
    assert opened.first_row() == "0.0125"  # 0.5 ÷ 40
    charts = opened.page.locator(".steps g[data-left]").count()
    assert len(opened.markers()) == charts >= 5
    before = opened.page.locator(".marker").first.bounding_box()["x"]
    opened.page.locator("#step").focus()
    opened.page.keyboard.press("ArrowLeft")
    assert set(opened.markers()) == {"39"}
    opened.page.keyboard.press("Home")
    assert set(opened.markers()) == {"1"}
    assert opened.first_row() == "0.5"
    assert opened.page.locator("#shown").inner_text() == "1"
    assert opened.page.locator("#step").get_attribute("aria-valuetext") == "step 1"
    assert opened.page.locator(".marker").first.bounding_box()["x"] < before - 100


def test_bars_follow_the_slider(opened: Open) -> None:
    bar = opened.page.locator("[data-bar]").first
    small_one = float(bar.get_attribute("width"))
    opened.page.locator("#step").focus()
    opened.page.keyboard.press("Home")
    assert float(bar.get_attribute("width")) > small_one + 10


def test_the_evidence_folds_by_keyboard(opened: Open) -> None:
    chart = opened.page.locator("article figure")
    assert chart.is_visible()
    opened.page.locator("article summary").focus()
    opened.page.keyboard.press("Enter")
    assert not chart.is_visible()
    opened.page.keyboard.press("Enter")
    assert chart.is_visible()


def test_a_finding_leads_to_its_steps(opened: Open) -> None:
    opened.page.get_by_role("button", name="Go to step 1", exact=True).click()
    assert set(opened.markers()) == {"1"}


def test_focus_can_be_seen_and_reaches_everything(opened: Open) -> None:
    seen = set()
    for _ in range(30):
        opened.page.keyboard.press("Tab")
        seen.add(opened.page.evaluate("document.activeElement.tagName"))
        outline = opened.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        on_page = opened.page.evaluate("document.activeElement !== document.body")
        assert not on_page or outline != "none"
    assert {"A", "SUMMARY", "BUTTON", "INPUT"} <= seen


def test_a_hostile_name_stays_text(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "hostile.html"
    run = hostile()
    write_report(file, run, diagnose(run))
    report = Open(browser, file)
    report.page.on("dialog", lambda dialog: report.complaints.append(f"dialog: {dialog.message}"))
    report.page.locator("#step").focus()
    report.page.keyboard.press("Home")
    assert "<script>alert(1)</script>" in report.page.locator("h1").inner_text()
    assert report.complaints == []
    assert report.requests == [file.as_uri()]
    report.page.close()


def test_the_policy_stops_what_an_attacker_would_add(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "attacked.html"
    run = small()
    write_report(file, run, diagnose(run))
    html = file.read_text(encoding="utf-8")
    added = "<script>document.title = 'taken'</script><img src=\"https://example.org/x.png\">"
    file.write_text(html.replace("</main>", f"{added}</main>"), encoding="utf-8")
    report = Open(browser, file)
    assert report.page.title() == "Backsight: train.py"
    assert len(report.complaints) == 2
    assert all("Content Security Policy" in each for each in report.complaints)
    report.page.close()


@pytest.mark.parametrize("width", [360, 400, 1400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_sideways(browser: Any, tmp_path: Path, width: int, scheme: str) -> None:
    file = tmp_path / "small.html"
    run = small()
    write_report(file, run, diagnose(run))
    viewport = {"width": width, "height": 900}
    report = Open(browser, file, viewport=viewport, color_scheme=scheme)
    assert report.page.evaluate("document.documentElement.scrollWidth") <= width
    ground = report.page.evaluate("getComputedStyle(document.body).backgroundColor")
    ink = report.page.evaluate("getComputedStyle(document.body).color")
    assert contrast(ground, ink) >= 7
    report.page.close()


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour[4:-1].split(",")]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(f * p for f, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_a_long_run_can_be_stepped_through(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "long.html"
    run = long()
    write_report(file, run, diagnose(run))
    report = Open(browser, file)
    report.page.locator("#step").focus()
    report.page.keyboard.press("Home")
    report.page.keyboard.press("ArrowRight")
    assert report.complaints == []
    assert len(set(report.markers())) == 1
    report.page.close()


def test_paper_shows_what_is_folded(browser: Any, tmp_path: Path) -> None:
    file = tmp_path / "small.html"
    run = small()
    write_report(file, run, diagnose(run))
    report = Open(browser, file)
    report.page.locator("article summary").click()
    assert not report.page.locator("article figure").is_visible()
    report.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    report.page.emulate_media(media="print")
    assert report.page.locator("article figure").is_visible()
    assert not report.page.locator("#slider").is_visible()
    report.page.close()
