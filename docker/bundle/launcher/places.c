/* Where the control socket may be: what supervice/control/address.py does, for the ordinary cases.
 *
 * tests/unit/test_bundle_launcher.py holds the two against each other. What needs more than a glance (an expansion in
 * the path, bytes that are no ASCII) is left to Python.
 */
#include "launcher.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_CONFIGURATION (1 << 20)
#define MOST_COMMAND_LINE 65536

static const char *const CONFIGURATIONS[] = {
    "supervice.conf",
    "supervisord.conf",
    "/etc/supervice/supervice.conf",
    "/etc/supervisord.conf",
    "/etc/supervisor/supervisord.conf",
    NULL,
};

enum glance { NOTHING, FOUND, TOO_HARD };

/* What a file holds, up to `most` bytes and with a NUL behind them; NULL when it cannot be read. */
static char *contents(const char *path, size_t most, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat status;
    char *bytes;
    ssize_t count = 0;
    *size = 0;
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return NULL;
    }
    bytes = malloc(most + 1);
    while (bytes != NULL && *size < most && (count = read(fd, bytes + *size, most - *size)) > 0)
        *size += (size_t)count;
    close(fd);
    if (bytes == NULL || count < 0) {
        free(bytes);
        return NULL;
    }
    bytes[*size] = 0;
    return bytes;
}

static void add_place(struct places *places, const char *path)
{
    size_t i;
    if (path[0] == 0 || strcmp(path, "none") == 0 || strlen(path) >= sizeof places->path[0])
        return;
    for (i = 0; i < places->count; i++)
        if (strcmp(places->path[i], path) == 0)
            return;
    if (places->count < MOST_PLACES)
        strcpy(places->path[places->count++], path);
}

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* `line` without the blanks around it; changes the line. */
static char *stripped(char *line)
{
    size_t size;
    while (is_space(*line))
        line++;
    size = strlen(line);
    while (size > 0 && is_space(line[size - 1]))
        line[--size] = 0;
    return line;
}

/* Cuts a comment off, which begins with a blank and a mark. */
static void cut_comment(char *value)
{
    static const char *const MARKS[] = {" ;", "\t;", " #", "\t#", NULL};
    size_t i;
    for (i = 0; MARKS[i] != NULL; i++) {
        char *mark = strstr(value, MARKS[i]);
        if (mark != NULL)
            *mark = 0;
    }
}

/* Whether os.path.abspath would leave the path as it is. */
static bool is_plain(const char *path)
{
    size_t size = strlen(path);
    if (path[0] != '/' || strstr(path, "//") != NULL || strstr(path, "/./") != NULL || strstr(path, "/../") != NULL)
        return false;
    if (size > 1 && path[size - 1] == '/')
        return false;
    return !(size > 1 && strcmp(path + size - 2, "/.") == 0) && !(size > 2 && strcmp(path + size - 3, "/..") == 0);
}

/* `socket` of the section [supervice] in `text`, into `path`; `includes`: whether it names more files. */
static enum glance socket_in(char *text, size_t size, char *path, size_t room, bool *includes)
{
    char *line = text, *value = NULL;
    bool inside = false;
    size_t i;
    for (i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x80 || byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n'))
            return TOO_HARD;
    }
    while (line != NULL) {
        char *next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        if (line[0] == '[') {
            char *end = strchr(line, ']');
            if (end != NULL)
                *end = 0;
            inside = strcmp(stripped(line + 1), "supervice") == 0;
            if (strcmp(stripped(line + 1), "include") == 0)
                *includes = true;
        } else if (inside && strncmp(line, "socket", 6) == 0) {
            char *cut = line + strcspn(line, "=:");
            if (*cut != 0) {
                *cut = 0;
                if (strcmp(stripped(line), "socket") == 0)
                    value = cut + 1;
            }
        }
        line = next;
    }
    if (value == NULL)
        return NOTHING;
    cut_comment(value);
    value = stripped(value);
    if (value[0] == 0 || strcmp(value, "none") == 0)
        return NOTHING;
    if (strchr(value, '%') != NULL || !is_plain(value) || strlen(value) >= room)
        return TOO_HARD;
    strcpy(path, value);
    return FOUND;
}

static enum glance configured_socket(const char *configuration, char *path, size_t room, bool *includes)
{
    size_t size;
    enum glance found;
    char *text = contents(configuration, MOST_CONFIGURATION, &size);
    if (text == NULL)
        return NOTHING;
    found = size == MOST_CONFIGURATION ? TOO_HARD : socket_in(text, size, path, room, includes);
    free(text);
    return found;
}

/* What an option of the command line is called, and the value that follows in the same word, or NULL. */
static char option_of(char *word, char **value)
{
    static const char *const FLAGS[] = {"-n", "--nodaemon", "-g", "--group", "--single-child", "--subreaper",
                                        "--warn-on-reap", "-v", NULL};
    size_t i;
    char *equals;
    *value = NULL;
    for (i = 0; FLAGS[i] != NULL; i++)
        if (strcmp(word, FLAGS[i]) == 0)
            return 'f';
    if (strncmp(word, "--", 2) == 0) {
        equals = strchr(word, '=');
        if (equals != NULL) {
            *equals = 0;
            *value = equals + 1;
        }
        return strcmp(word, "--configuration") == 0 ? 'c' : strcmp(word, "--socket") == 0 ? 's' : 'o';
    }
    if (word[2] != 0)
        *value = word + 2;
    return word[1];
}

/* The options -c and -s of PID 1's command line, when that is supervice; "" for what it does not say. */
static void options_of_init(char *configuration, char *socket_path, size_t room)
{
    size_t size, number = 0;
    char *word, *next, *end;
    bool started = false;
    char *text = contents("/proc/1/cmdline", MOST_COMMAND_LINE, &size);
    configuration[0] = socket_path[0] = 0;
    if (text == NULL)
        return;
    end = text + size;
    for (word = text; word < end; word = next) {
        char *value, *slash = strrchr(word, '/');
        char option;
        next = word + strlen(word) + 1;
        if (!started) {
            started = strcmp(slash != NULL ? slash + 1 : word, "supervice") == 0;
            if (!started && ++number == 6)
                break;
            continue;
        }
        if (word[0] != '-' || strcmp(word, "-") == 0 || strcmp(word, "--") == 0)
            break;
        option = option_of(word, &value);
        if (option == 'f')
            continue;
        if (value == NULL) { /* it is the next word */
            if (next >= end)
                break;
            value = next;
            next += strlen(value) + 1;
        }
        if ((option == 'c' || option == 's') && value[0] != 0 && strlen(value) < room)
            strcpy(option == 'c' ? configuration : socket_path, value);
    }
    free(text);
}

static bool is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* The default places with `mark` in the name, as address.all_defaults has them. */
static void add_default_places(struct places *places, const char *mark)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    const char *const folders[] = {"/tmp", "/run", runtime != NULL && runtime[0] == '/' ? runtime : "", "/dev/shm"};
    char path[4096];
    size_t i;
    for (i = 0; i < sizeof folders / sizeof *folders; i++) {
        size_t size = strlen(folders[i]);
        const char *slash = size > 0 && folders[i][size - 1] == '/' ? "" : "/";
        int length = snprintf(path, sizeof path, "%s%ssupervice%s.sock", folders[i], slash, mark);
        if (size > 0 && length > 0 && (size_t)length < sizeof path)
            add_place(places, path);
    }
}

bool find_places(struct places *places, const char *explicit_path)
{
    char configuration[4096], init_socket[4096], configured[4096];
    char mark[24];
    struct stat own;
    const char *told = explicit_path != NULL ? explicit_path : getenv("SUPERVICE_SOCKET");
    size_t i;
    places->count = 0;
    places->includes = false;
    places->named = told != NULL && told[0] != 0 && strcmp(told, "none") != 0;
    if (places->named) {
        add_place(places, told);
        return places->count == 1;
    }
    options_of_init(configuration, init_socket, sizeof configuration);
    add_place(places, init_socket);
    if (configuration[0] == 0) {
        const char *named = getenv("SUPERVICE_CONFIG");
        if (named != NULL && strlen(named) < sizeof configuration)
            strcpy(configuration, named);
    }
    for (i = 0; configuration[0] == 0 && CONFIGURATIONS[i] != NULL; i++)
        if (is_file(CONFIGURATIONS[i]))
            strcpy(configuration, CONFIGURATIONS[i]);
    if (configuration[0] != 0 && strcmp(configuration, "none") != 0) {
        switch (configured_socket(configuration, configured, sizeof configured, &places->includes)) {
        case FOUND: add_place(places, configured); break;
        case TOO_HARD: return false;
        case NOTHING: break;
        }
    }
    add_default_places(places, "");
    /* A daemon that could have none of them has the mark of its mount namespace in the name. */
    snprintf(mark, sizeof mark, "-%llu", stat("/proc/self/ns/mnt", &own) == 0 ? (unsigned long long)own.st_ino : 0);
    add_default_places(places, mark);
    return true;
}
