"""The keys that end `attach`: parses them, and finds them in what is typed. Pure."""

from __future__ import annotations

DEFAULT = "ctrl-p,ctrl-q"


def parse(text: str) -> bytes:
    """Returns the bytes of `ctrl-p,ctrl-q` or `Ctrl-P Ctrl-Q`. ValueError says what to write."""
    words = text.replace(",", " ").split()
    if not words:
        raise ValueError(f"not a key; write {DEFAULT}")
    return bytes(_key(word) for word in words)


def _key(word: str) -> int:
    kind, dash, key = word.rpartition("-") if len(word) > 1 else ("", "", word)
    if len(key) == 1 and " " < key < "\x7f":
        if not dash:
            return ord(key)
        if kind.lower() in ("ctrl", "c", "^") and "@" <= key.upper() <= "_":
            return ord(key.upper()) - 64
    raise ValueError(f"{word!r} is not a key; write a character or ctrl- and a letter: {DEFAULT}")


class DetachKeys:
    """Finds the keys; it holds back what may be their beginning until the next key or `late`."""

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = b""
        self.detached = False

    @property
    def waits(self) -> bool:
        """Returns whether it holds anything back."""
        return bool(self._held)

    def feed(self, typed: bytes) -> bytes:
        """Returns what to pass on. When the keys have come it sets `detached` and drops what follows them."""
        out = bytearray()
        for at in range(len(typed)):
            if self.detached:
                break
            self._held += typed[at : at + 1]
            while self._held and not self._keys.startswith(self._held):
                out += self._held[:1]
                self._held = self._held[1:]
            if self._held == self._keys:
                self._held = b""
                self.detached = True
        return bytes(out)

    def late(self) -> bytes:
        """Returns what was held back, since no further key came."""
        held, self._held = self._held, b""
        return held
