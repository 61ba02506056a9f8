"""A page as it is parsed: its elements, attributes and text."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "link", "rect"}


_OURS = {
    *("html", "head", "meta", "link", "title", "style", "body", "header", "main", "footer", "article", "div"),
    *("span", "h1", "h2", "h3", "p", "ul", "li", "dl", "dt", "dd", "figure", "figcaption", "table", "thead"),
    *("tbody", "tr", "th", "td", "pre", "code", "b", "i", "small", "details", "summary", "svg", "rect"),
}


class Parsed(HTMLParser):
    """Elements as they are opened and closed; each closed that was opened, in order."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def plain(page: str) -> Parsed:
    """Of our elements alone, without anything that runs, asks for something or does not show."""
    found = Parsed(page)
    assert found.seen <= _OURS
    assert not any(
        name.startswith("on") or name in ("src", "style", "xlink:href") for name in found.attributes
    )
    assert all(each.isprintable() or each in "\n\xa0" for each in page)
    assert "http:" not in page.replace("http://192.0.2.1/", "")
    assert "https:" not in page
    return found
