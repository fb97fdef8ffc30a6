"""A seccomp filter as an old engine or a cautious host has it: system calls that answer EPERM."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Callable

NUMBERS = {
    "x86_64": {
        "clone3": 435, "clone": 56, "fork": 57, "vfork": 58, "prlimit64": 302, "getrlimit": 97,
        "setrlimit": 160, "pidfd_open": 434, "close_range": 436, "faccessat2": 439,
    },
    "aarch64": {
        "clone3": 435, "clone": 220, "prlimit64": 261, "getrlimit": 163, "setrlimit": 164,
        "pidfd_open": 434, "close_range": 436, "faccessat2": 439,
    },
}.get(platform.machine(), {})  # fmt: skip

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO_EPERM = 0x7FFF0000, 0x00050001


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(Instruction))]


def refuse(*names: str) -> Callable[[], None]:
    """For `preexec_fn`: from here on these calls answer EPERM, in this process and all that come of it."""
    numbers = [NUMBERS[name] for name in names if name in NUMBERS]
    assert numbers, f"no numbers for {platform.machine()}"
    text = [Instruction(LOAD, 0, 0, 0)]  # the number of the call
    for number in numbers:
        text += [Instruction(JUMP_IF_EQUAL, 0, 1, number), Instruction(RETURN, 0, 0, ERRNO_EPERM)]
    text.append(Instruction(RETURN, 0, 0, ALLOW))
    array = (Instruction * len(text))(*text)
    program = Program(len(text), array)
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def install() -> None:
        for arguments in (
            (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
            (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0),
        ):
            if prctl(*arguments):
                raise OSError(ctypes.get_errno(), "prctl")

    return install
