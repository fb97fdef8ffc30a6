/* Bytes that grow, and the one line on stderr that every failure has. */
#include "launcher.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void add_bytes(struct text *text, const char *bytes, size_t size)
{
    if (text->room - text->size < size) {
        size_t room = (text->size + size) * 2;
        char *grown = realloc(text->bytes, room);
        if (grown == NULL)
            _exit(1);
        text->bytes = grown;
        text->room = room;
    }
    if (size > 0)
        memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

void add_string(struct text *text, const char *string)
{
    add_bytes(text, string, strlen(string));
}

bool put_text(int fd, const struct text *text)
{
    size_t done = 0;
    while (done < text->size) {
        ssize_t count = write(fd, text->bytes + done, text->size - done);
        if (count < 0 && errno != EINTR)
            return false;
        if (count > 0)
            done += (size_t)count;
    }
    return true;
}

int complain(int code, ...)
{
    struct text line = {0};
    va_list pieces;
    const char *piece;
    add_string(&line, "supervicectl: ");
    va_start(pieces, code);
    while ((piece = va_arg(pieces, const char *)) != NULL)
        add_string(&line, piece);
    va_end(pieces);
    add_string(&line, "\n");
    put_text(STDERR_FILENO, &line);
    return code;
}
