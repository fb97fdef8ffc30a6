"""What the kernel and Python allow: a pipe into files of 10 MB with one readv and one write a block, and nothing else.

`bare_copy.py FILE BYTES KEEP COMMAND…`. It looks at no line and reports nothing; the difference to it is what a supervisor
adds.
"""

import fcntl
import os
import sys

F_SETPIPE_SZ = 1031
BUFFER = 1 << 20


def main(path: str, limit: int, keep: int, command: list[str]) -> None:
    read, write = os.pipe()
    fcntl.fcntl(read, F_SETPIPE_SZ, BUFFER)
    os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
    os.close(write)
    buffer = bytearray(BUFFER)
    view = memoryview(buffer)
    file, size = _open(path), 0
    while count := os.readv(read, [buffer]):
        os.write(file, view[:count])
        size += count
        if size >= limit:
            os.close(file)
            if os.path.exists(f"{path}.{keep}"):
                os.unlink(
                    f"{path}.{keep}"
                )  # a rename over it would make some file systems write to the disk first
            for number in range(keep, 1, -1):
                if os.path.exists(f"{path}.{number - 1}"):
                    os.rename(f"{path}.{number - 1}", f"{path}.{number}")
            os.rename(path, f"{path}.1")
            file, size = _open(path), 0


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
