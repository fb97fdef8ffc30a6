"""Servers that go into the background by default, and what keeps them in the foreground.

A supervisor watches the process that it started; a server that forks and lets that one end is out of its
sight, and the next start finds the port taken.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

# What to add to the command. The daemon's manual is the source of each.
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
    "proftpd": "--nodaemon",
    "redis-server": "--daemonize no",
    "rsyslogd": "-n",
    "slapd": "-d 0",
    "smbd": "--foreground",
    "squid": "-N",
    "sshd": "-D",
    "stunnel": "-fd 0",
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
# Words that send a program into the background, whichever program it is.
_DROP = ("--daemon", "--daemonize", "--detach", "--background", "--fork", "-daemon")


def foreground_form(argv: Sequence[str]) -> str:
    """Returns how to write the command so that it stays in the foreground; "" when that is not known."""
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
    if name in ("sh", "bash", "dash", "ash") and any("&" in word.replace("&&", "") for word in rest):
        return "the last command with exec and without &"
    return ""
