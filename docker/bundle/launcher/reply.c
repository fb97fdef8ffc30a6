/* The daemon's answer to `health` as text: what supervice/control/render.py makes of it.
 *
 * Reads as much JSON as the answer has. Anything else makes the launcher ask Python, which has nothing printed twice
 * because nothing is printed before all is understood.
 */
#include "launcher.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS 5
#define DEEPEST 8

struct cursor {
    const char *at, *end;
};

enum kind { ABSENT, WRONG, TEXT, YES, NO, NOTHING, OTHER };

struct value {
    enum kind kind;
    struct text text;
};

struct row {
    struct text cell[COLUMNS];
    size_t width[COLUMNS];
    int rank;
};

static void skip_blanks(struct cursor *json)
{
    while (json->at < json->end && strchr(" \t\r\n", *json->at) != NULL && *json->at != 0)
        json->at++;
}

static bool take(struct cursor *json, char byte)
{
    skip_blanks(json);
    if (json->at == json->end || *json->at != byte)
        return false;
    json->at++;
    return true;
}

static bool take_word(struct cursor *json, const char *word)
{
    size_t size = strlen(word);
    if ((size_t)(json->end - json->at) < size || memcmp(json->at, word, size) != 0)
        return false;
    json->at += size;
    return true;
}

/* The four digits of \uXXXX; -1 when they are not there. */
static long hexadecimal(struct cursor *json)
{
    long number = 0;
    int i;
    for (i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef";
        char byte = json->at < json->end ? *json->at++ : 0;
        const char *found = byte != 0 ? strchr(digits, byte >= 'A' && byte <= 'F' ? byte + 32 : byte) : NULL;
        if (found == NULL)
            return -1;
        number = number * 16 + (found - digits);
    }
    return number;
}

/* Characters that str.isprintable() knows to be printable, of those that are no ASCII: whole blocks, none of them
 * in doubt. The rest is for Python. */
static bool printable(long point)
{
    return (point >= 0xa1 && point <= 0x377 && point != 0xad) || (point >= 0x3a3 && point <= 0x52f) ||
           (point >= 0x2010 && point <= 0x2027) || (point >= 0x2030 && point <= 0x205e) ||
           (point >= 0x20a0 && point <= 0x20bf) || (point >= 0x2190 && point <= 0x2426) ||
           (point >= 0x2500 && point <= 0x2b73) || (point >= 0x3041 && point <= 0x3096) ||
           (point >= 0x30a0 && point <= 0x30ff) || (point >= 0x4e00 && point <= 0x9fff) ||
           (point >= 0xac00 && point <= 0xd7a3) || (point >= 0xff01 && point <= 0xff9f) ||
           (point >= 0x1f300 && point <= 0x1f5ff);
}

static void add_point(struct text *text, long point)
{
    char bytes[4];
    if (point < 0x800) {
        bytes[0] = (char)(0xc0 | point >> 6);
        bytes[1] = (char)(0x80 | (point & 0x3f));
        add_bytes(text, bytes, 2);
    } else if (point < 0x10000) {
        bytes[0] = (char)(0xe0 | point >> 12);
        bytes[1] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (point & 0x3f));
        add_bytes(text, bytes, 3);
    } else {
        bytes[0] = (char)(0xf0 | point >> 18);
        bytes[1] = (char)(0x80 | (point >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (point >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (point & 0x3f));
        add_bytes(text, bytes, 4);
    }
}

/* \uXXXX, or two of them for what has a number above 0xffff. */
static long escaped_point(struct cursor *json)
{
    long high = hexadecimal(json), low;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || !take_word(json, "\\u") || (low = hexadecimal(json)) < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* A string, as one line for a terminal: blanks for line ends and tabs, \xNN for other controls. */
static bool read_string(struct cursor *json, struct text *text)
{
    static const char HEX[] = "0123456789abcdef";
    while (json->at < json->end) {
        char byte = *json->at++;
        long point = (unsigned char)byte;
        if (byte == '"')
            return true;
        if (point < 0x20 || point >= 0x7f)
            return false; /* the daemon escapes them */
        if (byte == '\\') {
            const char *letters = "\"\\/bfnrt", *meant = "\"\\/\b\f\n\r\t", *found;
            if (json->at == json->end || *json->at == 0)
                return false;
            byte = *json->at++;
            found = strchr(letters, byte);
            if (found == NULL && byte != 'u')
                return false;
            point = found != NULL ? meant[found - letters] : escaped_point(json);
        }
        if (point == '\t' || point == '\n' || point == '\r') {
            add_bytes(text, " ", 1);
        } else if (point >= 0 && (point < 0x20 || point == 0x7f)) {
            char shown[4] = {'\\', 'x', HEX[point >> 4], HEX[point & 15]};
            add_bytes(text, shown, 4);
        } else if (point > 0x7f && printable(point)) {
            add_point(text, point);
        } else if (point >= 0 && point < 0x7f) {
            char plain = (char)point;
            add_bytes(text, &plain, 1);
        } else {
            return false;
        }
    }
    return false;
}

static bool skip_value(struct cursor *json, int depth);

static bool skip_members(struct cursor *json, char open, int depth)
{
    char close = open == '{' ? '}' : ']';
    if (take(json, close))
        return true;
    do {
        struct text key = {0};
        bool fine = open == '[' || (take(json, '"') && read_string(json, &key) && take(json, ':'));
        free(key.bytes);
        if (!fine || !skip_value(json, depth + 1))
            return false;
    } while (take(json, ','));
    return take(json, close);
}

static bool skip_value(struct cursor *json, int depth)
{
    struct text ignored = {0};
    bool fine;
    skip_blanks(json);
    if (depth > DEEPEST || json->at == json->end)
        return false;
    if (take(json, '"')) {
        fine = read_string(json, &ignored);
        free(ignored.bytes);
        return fine;
    }
    if (*json->at == '{' || *json->at == '[')
        return skip_members(json, *json->at++, depth);
    if (take_word(json, "true") || take_word(json, "false") || take_word(json, "null"))
        return true;
    fine = false;
    while (json->at < json->end && strchr("+-.0123456789eE", *json->at) != NULL && *json->at != 0) {
        json->at++;
        fine = true;
    }
    return fine;
}

/* The value of a member that is shown; what it held before is dropped, as of two equal keys the last one counts. */
static bool read_value(struct cursor *json, struct value *value)
{
    value->text.size = 0;
    value->kind = WRONG;
    skip_blanks(json);
    if (take(json, '"'))
        value->kind = read_string(json, &value->text) ? TEXT : WRONG;
    else if (take_word(json, "true"))
        value->kind = YES;
    else if (take_word(json, "false"))
        value->kind = NO;
    else if (take_word(json, "null"))
        value->kind = NOTHING;
    else
        value->kind = skip_value(json, 1) ? OTHER : WRONG;
    return value->kind != WRONG;
}

/* The members of an object whose names are in `names`, into `values`; where the member `list` begins, into `list_at`. */
static bool read_object(struct cursor *json, const char *const *names, struct value *values, const char *list,
                        struct cursor *list_at)
{
    if (!take(json, '{'))
        return false;
    if (take(json, '}'))
        return true;
    do {
        struct text key = {0};
        bool fine = take(json, '"') && read_string(json, &key) && take(json, ':');
        size_t i;
        add_bytes(&key, "", 1);
        for (i = 0; names[i] != NULL && strcmp(names[i], key.bytes) != 0; i++)
            ;
        if (fine && list != NULL && strcmp(key.bytes, list) == 0) {
            skip_blanks(json);
            *list_at = *json;
            fine = skip_value(json, 1);
        } else if (fine) {
            fine = names[i] != NULL ? read_value(json, &values[i]) : skip_value(json, 1);
        }
        free(key.bytes);
        if (!fine)
            return false;
    } while (take(json, ','));
    return take(json, '}');
}

static size_t characters(const struct text *text)
{
    size_t i, count = 0;
    for (i = 0; i < text->size; i++)
        count += (text->bytes[i] & 0xc0) != 0x80;
    return count;
}

static void fill(struct row *row, size_t column, const char *cell)
{
    add_string(&row->cell[column], cell);
}

static bool read_row(struct cursor *json, struct row *row)
{
    static const char *const NAMES[] = {"name", "state", "healthy", "ready", "message", NULL};
    struct value values[COLUMNS] = {0};
    enum kind healthy, ready;
    if (!read_object(json, NAMES, values, NULL, NULL) || values[0].kind != TEXT || values[1].kind != TEXT)
        return false;
    if (values[4].kind != TEXT && values[4].kind != NOTHING && values[4].kind != ABSENT)
        return false;
    healthy = values[2].kind;
    ready = values[3].kind;
    row->cell[0] = values[0].text;
    row->cell[1] = values[1].text;
    fill(row, 2, healthy == YES ? "ok" : healthy == NO ? "failed" : "-");
    fill(row, 3, ready == YES ? "ready" : ready == NO ? "not ready" : "-");
    row->cell[4] = values[4].text;
    row->rank = (healthy == NO ? 0 : 2) + (ready == NO ? 0 : 1);
    return true;
}

static void measure(struct row *row, size_t *widths)
{
    size_t i;
    for (i = 0; i < COLUMNS; i++) {
        row->width[i] = characters(&row->cell[i]);
        if (row->width[i] > widths[i])
            widths[i] = row->width[i];
    }
}

static void add_row(struct text *out, const struct row *row, const size_t *widths)
{
    size_t i, blanks;
    for (i = 0; i < COLUMNS; i++) {
        add_bytes(out, row->cell[i].bytes, row->cell[i].size);
        for (blanks = row->width[i]; i < COLUMNS - 1 && blanks < widths[i] + 2; blanks++)
            add_bytes(out, " ", 1);
    }
    while (out->size > 0 && out->bytes[out->size - 1] == ' ')
        out->size--;
    add_bytes(out, "\n", 1);
}

/* The table of the processes behind the verdict; what is wrong first. False when it is not understood. */
static bool add_table(struct text *out, struct cursor *json)
{
    struct row header = {0}, *rows = NULL;
    size_t widths[COLUMNS] = {0}, count = 0, i;
    int rank;
    static const char *const TITLES[] = {"NAME", "STATE", "HEALTH", "READY", "DETAIL"};
    if (!take(json, '['))
        return false;
    if (take(json, ']'))
        return true;
    for (i = 0; i < COLUMNS; i++)
        fill(&header, i, TITLES[i]);
    measure(&header, widths);
    do {
        rows = realloc(rows, (count + 1) * sizeof *rows);
        if (rows == NULL)
            return false;
        memset(&rows[count], 0, sizeof *rows);
        if (!read_row(json, &rows[count]))
            return false;
        measure(&rows[count++], widths);
    } while (take(json, ','));
    if (!take(json, ']'))
        return false;
    add_row(out, &header, widths);
    for (rank = 0; rank < 4; rank++)
        for (i = 0; i < count; i++)
            if (rows[i].rank == rank)
                add_row(out, &rows[i], widths);
    return true;
}

int show_health(const char *body, size_t size)
{
    static const char *const NAMES[] = {"status", "healthy", "message", "code", "results", "problems", "more", NULL};
    struct value values[7] = {0};
    struct cursor json = {body, body + size}, processes = {NULL, NULL};
    struct text out = {0};
    bool healthy;
    size_t i;
    if (!read_object(&json, NAMES, values, "processes", &processes))
        return ASK_PYTHON;
    skip_blanks(&json);
    if (json.at != json.end || values[0].kind != TEXT)
        return ASK_PYTHON;
    for (i = 4; i < 7; i++)
        if (values[i].kind != ABSENT)
            return ASK_PYTHON;
    add_bytes(&values[0].text, "", 1);
    if (strcmp(values[0].text.bytes, "ok") != 0) {
        struct text *message = &values[2].text;
        if (values[2].kind != TEXT || message->size == 0)
            return ASK_PYTHON;
        add_bytes(message, "", 1);
        return complain(1, message->bytes, NULL);
    }
    healthy = values[1].kind == YES;
    if (values[2].kind == TEXT && values[2].text.size > 0) {
        add_bytes(&out, values[2].text.bytes, values[2].text.size);
        add_string(&out, "\n");
    } else
        add_string(&out, healthy ? "healthy\n" : "not healthy\n");
    if (processes.at != NULL && !add_table(&out, &processes))
        return ASK_PYTHON;
    if (!put_text(STDOUT_FILENO, &out))
        return 1;
    return healthy ? 0 : 1;
}
