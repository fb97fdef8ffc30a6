"""Finds the password of the page: in the configuration, or in its file.

It is read once, at the start: after that the daemon may run as another user.
"""

from __future__ import annotations

from supervice import logger
from supervice.config.http_rules import digest_problem
from supervice.fs.files import read_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from supervice.models import SupervisorConfig

MOST = 1 << 20  # bytes; more is not read


def password_of(config: SupervisorConfig) -> str | None:
    """Returns the password or its digest; None where none is set or its file cannot be read."""
    path = config.http_password_file
    if path is None or config.http_user is None:
        return config.http_password
    try:
        password = read_file(path, MOST)[0].decode().rstrip("\r\n")
        problem = digest_problem(password) if password else "it is empty; write the password into it"
    except (OSError, ValueError) as error:
        problem = str(getattr(error, "strerror", None) or error)
    if problem:
        logger.error(f"http_password_file = {path}: {problem}; the page is closed until the next start")
        return None
    return password
