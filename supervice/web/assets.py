"""The files of the page as bytes: read beside this module, or from modules that the bundle has instead.

The bundle has no files: docker/bundle/modules.py makes `web.files.page_css` of `page.css`, with its text as
TEXT.
"""

from __future__ import annotations

import binascii

KINDS = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}

_read: dict[str, str] = {}


def asset(name: str) -> str:
    """Returns the text of a file of the page. OSError or ImportError when the installation is broken."""
    found = _read.get(name)
    if found is None:
        from supervice.web import files

        loader = None if files.__spec__ is None else files.__spec__.loader
        read = getattr(loader, "get_data", None)
        if read is not None and files.__file__:
            found = read(f"{files.__file__.rpartition('/')[0]}/{name}").decode()
        else:
            module = f"{files.__name__}.{name.replace('.', '_')}"
            found = str(__import__(module, fromlist=["TEXT"]).TEXT)
        _read[name] = found
    return found


def build() -> str:
    """Returns a number that changes with the files: a browser may cache a file under that number."""
    number = 0
    for name in ("page.html", *KINDS):
        number = binascii.crc32(asset(name).encode(), number)
    return f"{number:08x}"
