"""A hook of mkdocs: links from the documentation to files beside it lead to the repository.

On the repository's own pages `../examples/` works as it is; the site has only what lies in docs/.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

# A link to a file or folder: [text](target), not an address, not an anchor of the page itself.
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """The text of a page whose links out of docs/ are addresses."""
    folder = posixpath.dirname(page.file.src_uri)
    base = f"{str(config['repo_url']).rstrip('/')}/blob/main"

    def outside(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join("docs", folder, match[1]))
        if target.startswith("docs/"):
            return match[0]
        return f"]({base}/{target}{match[2] or ''})"

    return LINK.sub(outside, markdown)
