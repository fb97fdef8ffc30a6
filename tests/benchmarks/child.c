/* bench-child: the program that supervisors run while they are measured, and a few instruments.
 *
 * Static and small, so that its own start is not what is measured. It reports to a FIFO, one line a write:
 *     KIND NAME PID NANOSECONDS [VALUE...]          (CLOCK_MONOTONIC)
 * When it is the interpreter of a script ("#!bench-child up FIFO a"), all its words come as one argument.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 120, DIGITS = 12 };

static const char *fifo, *name;

static long long now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000LL + at.tv_nsec;
}

static void tell(const char *kind, long long when, const char *format, ...)
{
    char line[256];
    int length = snprintf(line, sizeof line, "%s %s %d %lld", kind, name, (int)getpid(), when);
    va_list values;
    va_start(values, format);
    length += vsnprintf(line + length, sizeof line - length, format, values);
    va_end(values);
    line[length++] = '\n';
    int file = open(fifo, O_WRONLY | O_CLOEXEC);
    if (file < 0 || write(file, line, length) != length) _exit(97);
    close(file);
}

/* up: says that it is there, and stays. */
static int up(void)
{
    tell("up", now(), "");
    for (;;) pause();
    return 0;
}

/* die: says that it was there. */
static int die(void)
{
    tell("up", now(), "");
    return 1;
}

/* term: says when SIGTERM came, and ends. */
static int term(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    tell("up", now(), "");
    siginfo_t info;
    while (sigwaitinfo(&set, &info) < 0);
    tell("term", now(), "");
    return 0;
}

/* lines BYTES BLOCK: numbered lines of 120 bytes on stdout, BLOCK bytes a write. */
static int lines(long long bytes, int block)
{
    int rows = block / WIDTH > 0 ? block / WIDTH : 1;
    long long total = bytes / WIDTH, number = 0;
    char *text = malloc((size_t)rows * WIDTH);
    memset(text, 'x', (size_t)rows * WIDTH);
    tell("up", now(), "");
    while (number < total) {
        int count = total - number < rows ? (int)(total - number) : rows;
        for (int row = 0; row < count; row++) {
            char *line = text + row * WIDTH;
            long long rest = number + row;
            for (int digit = DIGITS; digit-- > 0; rest /= 10) line[digit] = '0' + rest % 10;
            line[DIGITS] = ' ';
            line[WIDTH - 1] = '\n';
        }
        size_t done = 0, size = (size_t)count * WIDTH;
        while (done < size) {
            ssize_t wrote = write(1, text + done, size - done);
            if (wrote < 0 && errno != EINTR && errno != EAGAIN) _exit(96);
            if (wrote > 0) done += wrote;
        }
        number += count;
    }
    tell("written", now(), " %lld", total);
    for (;;) pause();
}

/* count TOTAL: reads such lines on stdin until TOTAL have come or the end; tells how many were whole and in order. */
static int count(long long total)
{
    static char text[1 << 20];
    fcntl(0, F_SETPIPE_SZ, 1 << 20);
    long long good = 0, bad = 0, number = 0, first = 0, last = 0;
    size_t have = 0;
    while (good + bad < total) {
        ssize_t came = read(0, text + have, sizeof text - have);
        if (came < 0 && errno == EINTR) continue;
        if (came <= 0) break;
        last = now();
        if (!first) first = last;
        have += came;
        char *at = text, *end = text + have, *stop;
        while ((stop = memchr(at, '\n', end - at))) {
            long long said = stop - at == WIDTH - 1 ? atoll(at) : -1;
            if (said == number) good++; else bad++;
            number = said >= 0 ? said + 1 : number + 1;
            at = stop + 1;
        }
        have = end - at;
        memmove(text, at, have);
        if (have == sizeof text) have = 0, bad++;
    }
    tell("counted", now(), " %lld %lld %lld", good, bad, last - first);
    return 0;
}

/* orphans COUNT: makes children that lose their parent, lets all of them end at once, and watches them being collected.
 * "ready" before, "ended" with the time of the last one's end, "collected" when no pid of theirs is left. */
static int orphans(int total)
{
    struct { atomic_llong last; atomic_int born; int pids[]; } *shared =
        mmap(NULL, sizeof *shared + total * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int hold[2];
    if (shared == MAP_FAILED || pipe(hold)) return 95;
    tell("up", now(), "");
    pid_t parent = fork();
    if (parent == 0) {
        close(hold[1]);
        for (int i = 0; i < total; i++) {
            pid_t pid = fork();
            if (pid < 0) break;
            if (pid == 0) {
                char byte;
                while (read(hold[0], &byte, 1) < 0 && errno == EINTR);
                long long mine = now(), seen = atomic_load(&shared->last);
                while (seen < mine && !atomic_compare_exchange_weak(&shared->last, &seen, mine));
                _exit(0);
            }
            shared->pids[i] = pid;
            atomic_fetch_add(&shared->born, 1);
        }
        _exit(0);
    }
    waitpid(parent, NULL, 0);
    int born = atomic_load(&shared->born);
    struct timespec moment = {0, 500000000}, blink = {0, 20000};
    tell("ready", now(), " %d", born);
    nanosleep(&moment, NULL);
    close(hold[0]);
    close(hold[1]);
    long long limit = now() + 20000000000LL;
    int left = 0;
    for (int i = 0; i < born; i++)
        while (kill(shared->pids[i], 0) == 0) {
            if (now() > limit) { left++; break; }
            nanosleep(&blink, NULL);
        }
    long long done = now();
    tell("ended", atomic_load(&shared->last), "");
    tell("collected", done, " %d", left);
    for (;;) pause();
}

/* exec COMMAND...: says when, and becomes it. */
static int become(char **command)
{
    tell("exec", now(), "");
    execvp(command[0], command);
    _exit(127);
}

int main(int argc, char **argv)
{
    static char *words[32];
    if (argc >= 2 && strchr(argv[1], ' ')) {
        int found = 1;
        for (char *word = strtok(argv[1], " "); word && found < 31; word = strtok(NULL, " ")) words[found++] = word;
        argv = words;
        argc = found;
    }
    if (argc < 4) return 64;
    const char *mode = argv[1];
    long long value = argc > 4 ? atoll(argv[4]) : 0;
    fifo = argv[2];
    name = argv[3];
    if (!strcmp(mode, "up")) return up();
    if (!strcmp(mode, "die")) return die();
    if (!strcmp(mode, "term")) return term();
    if (!strcmp(mode, "lines")) return lines(value, argc > 5 ? atoi(argv[5]) : 65536);
    if (!strcmp(mode, "count")) return count(value);
    if (!strcmp(mode, "orphans")) return orphans((int)value);
    if (!strcmp(mode, "exec") && argc > 4) return become(argv + 4);
    return 64;
}
