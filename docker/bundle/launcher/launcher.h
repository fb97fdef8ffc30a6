#ifndef SUPERVICE_LAUNCHER_H
#define SUPERVICE_LAUNCHER_H

#include <stdbool.h>
#include <stddef.h>

/* The signals that were blocked when the program was started, as the kernel's 64 bits. */
extern unsigned long inherited_mask;

/* What a question to the daemon ends with when the launcher cannot answer it as Python would. */
#define ASK_PYTHON (-1)

/* `supervicectl health [--live|--ready]`: the exit code, everything printed; ASK_PYTHON for any other arguments and
 * for whatever is not understood here, with nothing printed. */
int answer_health(int argc, char **argv);

/* -- places.c: where the control socket may be -------------------------------------------------------------- */

#define MOST_PLACES 12

struct places {
    size_t count;
    bool named; /* by -s or $SUPERVICE_SOCKET: no other place is tried */
    bool includes; /* the configuration includes files, which may have other places */
    char path[MOST_PLACES][4096];
};

/* The places in the order of supervice/control/address.py; false when only Python can tell. */
bool find_places(struct places *places, const char *explicit_path);

/* -- reply.c: the daemon's answer to `health` as text ------------------------------------------------------- */

/* Writes what `body`, `size` bytes of JSON, says to the standard streams and returns the exit code, or ASK_PYTHON. */
int show_health(const char *body, size_t size);

/* -- text.c: bytes that grow --------------------------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t size, room;
};

void add_bytes(struct text *text, const char *bytes, size_t size);
void add_string(struct text *text, const char *string);
/* Writes all of it to a descriptor; false when that is not possible. */
bool put_text(int fd, const struct text *text);
/* "supervicectl: " and the pieces up to the first NULL as one line on stderr; returns `code`. */
int complain(int code, ...);

#endif
