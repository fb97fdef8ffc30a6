"""A user name and a password, as HTTP Basic carries them (RFC 7617), and the guard that asks for them.

A password may be given as its digest: `{SHA}` (supervisord's way) or `{SHA256}` and hexadecimal digits.
"""

from __future__ import annotations

import binascii
from _operator import _compare_digest as same  # what hmac.compare_digest is, without hmac's imports

from supervice.http.messages import text
from supervice.lean.text import clean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from supervice.http.messages import Request, Response


def guard(
    username: str | None, password: str | None, realm: str = "default"
) -> Callable[[Request], Response | None] | None:
    """Returns the guard for HTTP Basic authentication; None when there is no password to ask for."""
    if username is None or password is None:
        return None
    user = username.encode()
    scheme, brace, rest = password.partition("}")
    digest = _DIGESTS.get(scheme) if brace else None
    secret = password.encode() if digest is None else rest.strip().lower().encode()

    def ask(request: Request) -> Response | None:
        given_user, given_secret = _given(request.headers.get("authorization", ""))
        if digest is not None:
            given_secret = digest(given_secret)
        # both are compared, so that the time taken does not tell which one was wrong
        if same(given_user, user) & same(given_secret, secret):
            return None
        return text(401, "user name and password, please", {"WWW-Authenticate": f'Basic realm="{realm}"'})

    return ask


def user_of(request: Request) -> str:
    """Returns the user name that the request gives, right or wrong, as one harmless line; "" without one."""
    return clean(_given(request.headers.get("authorization", ""))[0].decode("utf-8", "replace"))


def _given(header: str) -> tuple[bytes, bytes]:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return b"", b""
    try:
        user, _, password = binascii.a2b_base64(coded.strip().encode("ascii", "replace")).partition(b":")
    except binascii.Error:
        return b"", b""
    return user, password


# hashlib brings OpenSSL along; the C modules behind it do not.


def _sha1(data: bytes) -> bytes:
    try:
        from _sha1 import sha1  # type: ignore[import-not-found]
    except ImportError:
        from hashlib import sha1
    digest: str = sha1(data, usedforsecurity=False).hexdigest()
    return digest.encode()


def _sha256(data: bytes) -> bytes:
    for module in ("_sha2", "_sha256"):  # since Python 3.12, and before
        try:
            digest: str = __import__(module).sha256(data).hexdigest()
            return digest.encode()
        except ImportError:
            pass
    from hashlib import sha256

    return sha256(data).hexdigest().encode()


_DIGESTS: dict[str, Callable[[bytes], bytes]] = {"{SHA": _sha1, "{SHA256": _sha256}
