"""What a page points to is in the checkout: a stranger has nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGES = {
    str(page.relative_to(ROOT)): page.read_text()
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "manifests").rglob("*.md")])
}
SOURCES = {
    str(path.relative_to(ROOT)): path.read_text()
    for folder in ("operator/novacron", "tests", "image", "manifests", "docs", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".sql", ".md", ".toml", ".yaml", ".json", "")
    and path.is_file()
    and "__pycache__" not in path.parts
}


def _anchors(page: str) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    missing = []
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", PAGES[name]):
        there = (ROOT / name).parent / target if target else ROOT / name
        if not there.exists() or (anchor and anchor not in _anchors(there.read_text())):
            missing.append(f"{target}#{anchor}")
    assert missing == []


def test_every_page_that_is_named_is_there() -> None:
    known = {Path(name).name for name in PAGES}
    named = {(name, page) for name, text in SOURCES.items() for page in re.findall(r"(?<![\w<{*-])[\w-]+\.md\b", text)}
    assert {(name, page) for name, page in named if page not in known} == set()


def test_every_decision_that_is_named_is_there() -> None:
    known = {page[15:19] for page in PAGES if page.startswith("docs/decisions/")}
    named = {(name, number) for name, text in SOURCES.items() for number in re.findall(r"decisions/(\d+)", text)}
    assert {(name, number) for name, number in named if number not in known} == set()
