"""Checks that `http` and its options fit together. Loaded where one of them is set."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from supervice.config.context import Context
    from supervice.config.reader import Section
    from supervice.models import SupervisorConfig

DIGITS = "0123456789abcdef"


def http_problems(ctx: Context, config: SupervisorConfig, sections: Iterable[Section]) -> None:
    """Reports what does not fit together; no message contains the password."""
    given = {option: place[1:] for section in sections for option, place in section.options.items()}

    def error(option: str, message: str) -> None:
        file, line = given.get(option, ("", 0))
        ctx.error(file, line, option, message)

    password, file = config.http_password, config.http_password_file
    if config.http_user is not None and password is None and file is None:
        error("http_user", "http_user has no password; add http_password or http_password_file")
    if config.http_user is None and (password is not None or file is not None):
        option = "http_password" if file is None else "http_password_file"
        error(option, f"{option} has no effect without http_user; add it")
    if password is not None and file is not None:
        error("http_password_file", "http_password and http_password_file are both there; keep one")
    if config.http_user is not None and ":" in config.http_user:
        error("http_user", "a user name in HTTP cannot hold a colon; choose another one")
    problem = "" if password is None else digest_problem(password)
    if problem:
        error("http_password", f"http_password: {problem}")
    if config.http_probes == "protected" and config.http_user is None:
        error("http_probes", "http_probes = protected needs a password; add http_user and http_password")
    for host in config.http_hosts:
        if "/" in host or (":" in host.strip("[]") and not host.startswith("[")):
            error(
                "http_hosts",
                f"http_hosts: {host} is not the name of a host; write it without scheme and port",
            )


def digest_problem(password: str) -> str:
    """Returns what is wrong with `{SHA256}…`; "" for a good digest, and for a plain password."""
    if not password.startswith("{SHA256}"):
        return ""
    digest = password[8:].strip().lower()
    if len(digest) == 64 and all(digit in DIGITS for digit in digest):
        return ""
    return "no SHA-256; write {SHA256} and the 64 digits that sha256sum prints"
