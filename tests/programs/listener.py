"""An event listener of supervisord's protocol, well-behaved or not: listener.py FILE [HOW [NUMBER]]

Each event goes into FILE as one line: the header, a blank, the payload with its newlines as \\n.
HOW: ok; fail (the first NUMBER events are refused); die (it exits over the first event, once for each FILE);
slow (each event takes it NUMBER milliseconds); silent (it takes an event and never answers); twice (it answers the first event two times); garbage (NUMBER
bytes instead of READY); deaf (READY, and it never reads); closed (READY, and stdin closed).
"""

import os
import sys
import time


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> None:
    path, how = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "ok"
    number = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if how == "garbage":
        say("x" * number)
    if how == "closed":
        os.close(0)
    seen = 0
    while True:
        if how != "garbage":
            say("READY\n")
        if how in ("garbage", "deaf", "closed"):
            time.sleep(1000)
        header = sys.stdin.readline()
        if not header:
            return
        words = dict(word.split(":") for word in header.split())
        payload = sys.stdin.read(int(words["len"]))
        with open(path, "a") as file:
            file.write(header.rstrip("\n") + " " + payload.replace("\n", "\\n") + "\n")
        seen += 1
        if how == "die" and not os.path.exists(path + ".died"):
            with open(path + ".died", "w"):
                sys.exit(3)
        if how == "slow":
            time.sleep(number / 1000)
        if how == "silent":
            time.sleep(1000)
        if how == "fail" and seen <= number:
            say("RESULT 4\nFAIL")
            continue
        say("RESULT 2\nOK")
        if how == "twice" and seen == 1:
            say("RESULT 2\nOK")


if __name__ == "__main__":
    main()
