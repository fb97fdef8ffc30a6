"""Knows servers that go into the background by default, and what keeps them in the foreground.

A supervisor watches the process that it started. A server that forks and lets that process end is out of its
sight, and the next start finds the port taken.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# What to add to the command; the source is the manual of each server.
_ADD = {
    "apache2": "-DFOREGROUND",
    "apache2ctl": "-DFOREGROUND",
    "apachectl": "-DFOREGROUND",
    "atd": "-f",
    "chronyd": "-d",
    "cron": "-f",
    "crond": "-f",
    "dnsmasq": "-k",
    "dovecot": "-F",
    "exim": "-bdf",
    "exim4": "-bdf",
    "haproxy": "-db",
    "httpd": "-DFOREGROUND",
    "in.tftpd": "--foreground",
    "keepalived": "--dont-fork",
    "lighttpd": "-D",
    "named": "-f",
    "nginx": "-g 'daemon off;'",
    "nmbd": "--foreground",
    "nscd": "--foreground",
    "ntpd": "-n",
    "openresty": "-g 'daemon off;'",
    "php-fpm": "-F",
    "proftpd": "--nodaemon",
    "redis-server": "--daemonize no",
    "rsyslogd": "-n",
    "slapd": "-d 0",
    "smbd": "--foreground",
    "squid": "-N",
    "sshd": "-D",
    "stunnel": "-fd 0",
    "supervisord": "-n",
    "syslog-ng": "-F",
    "syslogd": "-n",
    "tor": "--RunAsDaemon 0",
    "unbound": "-d",
    "valkey-server": "--daemonize no",
    "varnishd": "-F",
    "vsftpd": "-obackground=NO",
    "winbindd": "--foreground",
    "xinetd": "-dontfork",
    "zabbix_agentd": "--foreground",
    "zabbix_server": "--foreground",
}
# Servers that go into the background unless one of these words (or letters), or their own configuration, says
# otherwise. The others of `_ADD` do so only when told to.
_STAYS = {
    "apache2": ("-DFOREGROUND", "FOREGROUND", "-X", "-DNO_DETACH"),
    "apache2ctl": ("-DFOREGROUND", "FOREGROUND", "-X"),
    "apachectl": ("-DFOREGROUND", "FOREGROUND", "-X"),
    "atd": ("-f", "-d"),
    "chronyd": ("-d", "-n", "-Q", "-q"),
    "cron": ("-f",),
    "crond": ("-f", "-n", "-d"),
    "dnsmasq": ("-k", "-d", "--keep-in-foreground", "--no-daemon"),
    "dovecot": ("-F",),
    "exim": ("-bdf",),
    "exim4": ("-bdf",),
    "httpd": ("-DFOREGROUND", "FOREGROUND", "-X", "-f"),  # -f: BusyBox
    "keepalived": ("-n", "--dont-fork", "-l"),
    "lighttpd": ("-D",),
    "named": ("-f", "-g"),
    "nginx": ("daemon off",),
    "nmbd": ("-F", "--foreground", "-i"),
    "nscd": ("-F", "-d", "--foreground"),
    "ntpd": ("-n", "-d"),
    "openresty": ("daemon off",),
    "php-fpm": ("-F", "--nodaemonize"),
    "proftpd": ("-n", "--nodaemon"),
    "rsyslogd": ("-n",),
    "slapd": ("-d",),
    "smbd": ("-F", "--foreground", "-i"),
    "squid": ("-N", "--foreground"),
    "sshd": ("-D", "-d"),
    "supervisord": ("-n", "--nodaemon"),
    "syslog-ng": ("-F", "--foreground"),
    "syslogd": ("-n",),
    "unbound": ("-d",),
    "varnishd": ("-F", "-d"),
    "winbindd": ("-F", "--foreground", "-i"),
    "xinetd": ("-dontfork",),
    "zabbix_agentd": ("-f", "--foreground"),
    "zabbix_server": ("-f", "--foreground"),
}
_SHELLS = ("sh", "bash", "dash", "ash")
# Words that send a program into the background, whichever program it is.
_DROP = ("--daemon", "--daemonize", "--detach", "--background", "--fork", "-daemon")
# With these words a program prints something and ends.
_PRINTS = frozenset(("-t", "-v", "-V", "--version", "--help", "-h", "-T"))


def foreground_form(argv: Sequence[str]) -> str:
    """Returns how to write the command so that it stays in the foreground; "" when that is unknown."""
    if not argv:
        return ""
    path, *rest = argv
    name = path.rpartition("/")[2]
    if name.startswith("php-fpm"):
        return f"{path} -F"
    if name in _ADD:
        return f"{path} {_ADD[name]}"
    if name == "service" and rest:
        return foreground_form(rest[:1]) or f"{rest[0]} itself, not by way of service"
    if "/init.d/" in path:
        return foreground_form([name]) or f"{name} itself, not by way of its init script"
    if name in ("setsid", "nohup", "daemonize", "start-stop-daemon"):
        return f"the command itself, without {name}"
    dropped = next((word for word in rest if word in _DROP), None)
    if dropped is not None:
        return f"{name} without {dropped}"
    if name in _SHELLS and any("&" in word.replace("&&", "") for word in rest):
        return "the last command with exec and without &"
    return ""


def told_problem(argv: Sequence[str]) -> str:
    """Returns what in the command sends it into the background, and what to write; else ""."""
    if not argv:
        return ""
    path, *rest = argv
    name = path.rpartition("/")[2]
    told = next((number for number, word in enumerate(rest) if word.partition("=")[0] in _DROP), None)
    if told is not None and name not in _SHELLS:
        word, following = rest[told], rest[told + 1 : told + 2]
        if word.endswith(("=no", "=false", "=0")) or following == ["no"]:
            return ""
        return f"{word} sends {name} into the background; remove it"
    if (name == "service" and rest[1:2] == ["start"]) or ("/init.d/" in path and rest[:1] == ["start"]):
        what = "service" if name == "service" else "an init script"
        own = rest[:1] if name == "service" else [name]
        form = foreground_form(own) or f"{own[0]} itself"
        return f"{what} starts a server in the background; run {form}"
    return ""


def server_problem(argv: Sequence[str], command: str) -> str:
    """Returns how to keep a server in the foreground that goes into the background by default; else "".

    It looks at the command only; the caller looks at the server's own configuration.
    """
    path, *rest = argv or [""]
    name = path.rpartition("/")[2]
    known = "php-fpm" if name.startswith("php-fpm") else name
    if known not in _STAYS or "/init.d/" in path or not _PRINTS.isdisjoint(rest):
        return ""
    if any(_keeps(word, stay) for stay in _STAYS[known] for word in rest):
        return ""
    return (
        f"{name} goes into the background unless its own configuration says otherwise; "
        f"write command = {command} {_ADD[known]}"
    )


def _keeps(word: str, stay: str) -> bool:
    """Returns whether the word is, or contains, the one that keeps the server in the foreground."""
    if " " in stay:
        return stay in " ".join(word.split())
    if word == stay:
        return True
    cluster = len(stay) == 2 and stay[0] == "-" and word[:1] == "-" and word[1:2] not in ("-", "")
    return cluster and stay[1] in word and word[1:].isalpha()
