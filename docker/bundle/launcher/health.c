/* `supervicectl health [--live|--ready]` without Python: an exec probe has to work at a CPU limit of 20m.
 *
 * Says and decides what supervice/control/client.py does. Whatever is not ordinary is Python's: then nothing has been
 * printed, and the question is asked once more.
 */
#define _GNU_SOURCE /* struct ucred */
#include "launcher.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define UNREACHABLE 4
#define QUICK_TIMEOUT 10 /* seconds */
#define MOST_BODY (1024 * 1024)

struct question {
    const char *socket_path; /* of -s, or NULL */
    const char *kind;        /* "live", "ready" or NULL */
    long timeout;            /* seconds */
};

static bool decimal(const char *text, long *number)
{
    size_t size = strspn(text, "0123456789");
    *number = strtol(text, NULL, 10);
    return size > 0 && size < 7 && text[size] == 0;
}

/* False for other arguments than `[-s SOCKET] [--timeout N] health [--live|--ready]`. */
static bool understand(int argc, char **argv, struct question *question)
{
    bool health = false;
    int i;
    if (getenv("_SUPERVICECTL_COMPLETE") != NULL)
        return false;
    for (i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "-s") == 0 || strcmp(word, "--socket") == 0)
            question->socket_path = i + 1 < argc ? argv[++i] : "";
        else if (strncmp(word, "--socket=", 9) == 0)
            question->socket_path = word + 9;
        else if (strcmp(word, "--timeout") == 0 && i + 1 < argc) {
            if (!decimal(argv[++i], &question->timeout))
                return false;
        } else if (strncmp(word, "--timeout=", 10) == 0) {
            if (!decimal(word + 10, &question->timeout))
                return false;
        } else if (!health && strcmp(word, "health") == 0)
            health = true;
        else if (health && (strcmp(word, "--live") == 0 || strcmp(word, "--ready") == 0))
            question->kind = word + 2;
        else
            return false;
    }
    return health && (question->socket_path == NULL || question->socket_path[0] != 0);
}

static long long milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Waits until the descriptor is ready; false when the time is over. */
static bool ready_for(int fd, short events, long long until)
{
    for (;;) {
        struct pollfd asked = {fd, events, 0};
        long long left = until - milliseconds();
        int count;
        if (left <= 0)
            return false;
        count = poll(&asked, 1, (int)left);
        if (count > 0)
            return true;
        if (count == 0 || errno != EINTR)
            return false;
    }
}

/* A connected descriptor, or -1 with errno. */
static int connected(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int saved, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    strcpy(address.sun_path, path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Whether a process has the mounts that we have: it is in our container. False also when /proc does not let us see. */
static bool shares_our_mounts(pid_t pid)
{
    struct stat own, other;
    char path[48];
    snprintf(path, sizeof path, "/proc/%ld/ns/mnt", (long)pid);
    if (pid <= 0)
        return false; /* in a namespace of processes that is not ours */
    if (stat(path, &other) != 0)
        return errno == ENOENT; /* without /proc there is nothing to go by */
    return stat("/proc/self/ns/mnt", &own) == 0 && own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}

/* Whether the daemon at the other end may be believed: root's or our own, for root also PID 1 and one that was named; in
 * our container unless it was named. Python says why it refuses one. */
static bool trusted(int fd, bool named)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    if (peer.uid != 0 && peer.uid != geteuid() && (geteuid() != 0 || !(named || peer.pid == 1)))
        return false;
    return named || shares_our_mounts(peer.pid);
}

/* A connection to the first daemon that answers; `refused` is where a socket is left over. NO_DAEMON, or ASK. */
enum { NO_DAEMON = -1, ASK = -2 };

static int reach(const struct places *places, const char **refused)
{
    size_t i;
    for (i = 0; i < places->count; i++) {
        const char *path = places->path[i];
        int fd;
        if (strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
            return ASK;
        fd = connected(path);
        if (fd >= 0) {
            if (trusted(fd, places->named))
                return fd;
            close(fd);
            return ASK;
        }
        if (errno == ECONNREFUSED && *refused == NULL)
            *refused = path;
        else if (errno != ENOENT && errno != ECONNREFUSED)
            return ASK; /* a queue that is full, a permission that is missing */
    }
    return NO_DAEMON;
}

static int no_daemon(const struct places *places, const char *refused)
{
    struct text list = {0};
    size_t i;
    if (refused != NULL)
        return complain(UNREACHABLE, "Supervice is not running (no daemon answers at ", refused, ")", NULL);
    for (i = 0; i < places->count; i++) {
        add_string(&list, i > 0 ? ", " : "");
        add_string(&list, places->path[i]);
    }
    add_bytes(&list, "", 1);
    return complain(UNREACHABLE, "Supervice is not running (socket not found): looked for ", list.bytes,
                    "; start it or give the socket with -s; outside of its container: docker exec CONTAINER supervicectl",
                    NULL);
}

/* Sends the request as a frame; what the daemon may have said before it hung up is read all the same. */
static void ask(int fd, const char *kind)
{
    char frame[64], body[48];
    int size = kind != NULL ? snprintf(body, sizeof body, "{\"command\": \"health\", \"kind\": \"%s\"}", kind)
                            : snprintf(body, sizeof body, "{\"command\": \"health\"}");
    memset(frame, 0, 3);
    frame[3] = (char)size;
    memcpy(frame + 4, body, (size_t)size);
    (void)!send(fd, frame, (size_t)size + 4, MSG_NOSIGNAL); /* into an empty buffer: all or nothing */
}

enum reading { WHOLE, HUNG_UP, TOO_LATE };

static enum reading receive(int fd, char *bytes, size_t size, long long until)
{
    size_t done = 0;
    while (done < size) {
        ssize_t count = recv(fd, bytes + done, size - done, 0);
        if (count > 0)
            done += (size_t)count;
        else if (count == 0 || (errno != EAGAIN && errno != EINTR))
            return HUNG_UP;
        else if (!ready_for(fd, POLLIN, until))
            return TOO_LATE;
    }
    return WHOLE;
}

/* Asks on a connection and shows the reply; the exit code. */
static int talk(int fd, const struct question *question)
{
    unsigned char header[4];
    char seconds[16], *body = NULL;
    size_t size = 0;
    long long until = milliseconds() + question->timeout * 1000LL;
    enum reading reading;
    ask(fd, question->kind);
    reading = receive(fd, (char *)header, sizeof header, until);
    if (reading == WHOLE) {
        size = (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
        if (size == 0 || size > MOST_BODY || (body = malloc(size)) == NULL)
            return ASK_PYTHON;
        reading = receive(fd, body, size, until);
    }
    if (reading == TOO_LATE) {
        snprintf(seconds, sizeof seconds, "%ld", question->timeout);
        return complain(UNREACHABLE, "the daemon did not answer within ", seconds, " s", NULL);
    }
    if (reading == HUNG_UP)
        return complain(UNREACHABLE, "the daemon hung up without an answer; look at its log", NULL);
    return show_health(body, size);
}

int answer_health(int argc, char **argv)
{
    static struct places places;
    struct question question = {NULL, NULL, QUICK_TIMEOUT};
    const char *refused = NULL;
    int fd;
    /* On a terminal there are colours, and a person, who hardly notices Python's 20 ms. */
    if (!understand(argc, argv, &question) || isatty(STDOUT_FILENO))
        return ASK_PYTHON;
    signal(SIGPIPE, SIG_IGN); /* as Python does */
    if (!find_places(&places, question.socket_path))
        return ASK_PYTHON;
    fd = reach(&places, &refused);
    if (fd == ASK || (fd == NO_DAEMON && places.includes))
        return ASK_PYTHON;
    return fd == NO_DAEMON ? no_daemon(&places, refused) : talk(fd, &question);
}
