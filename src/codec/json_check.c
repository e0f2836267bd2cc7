#include "codec/codec.h"

/* What the next byte is looked at as. A zeroed state stands before a value. */
enum check_state {
    VALUE,
    ELEMENT_OR_END, /* behind [ */
    KEY_OR_END,     /* behind { */
    KEY,
    COLON,
    AFTER, /* behind a value in a container */
    STRING,
    ESCAPE,
    HEX,
    LITERAL,
    MINUS,
    ZERO,
    INTEGER,
    POINT,
    FRACTION,
    EXPONENT,
    EXPONENT_SIGN,
    EXPONENT_DIGITS,
    SCALAR_END, /* behind a scalar outside of containers */
    CLOSED,     /* behind the last bracket */
    CHECK_STATES,
};

/* What became of a byte. */
typedef enum verdict { TAKEN, AGAIN, ENDED, REFUSED, DEEP } verdict;

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* That stands for itself in a string. */
static bool is_character(char c)
{
    return c != '"' && c != '\\' && (unsigned char)c >= 0x20;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static verdict go(fl_json_check *check, uint8_t state)
{
    check->state = state;
    return TAKEN;
}

static bool in_object(const fl_json_check *check)
{
    uint16_t top = (uint16_t)(check->depth - 1);
    return (check->objects[top / 64] >> (top % 64) & 1) != 0;
}

static uint8_t behind_scalar(const fl_json_check *check)
{
    return check->depth > 0 ? AFTER : SCALAR_END;
}

static verdict open_container(fl_json_check *check, bool object)
{
    if (check->depth == check->max_depth) {
        return DEEP;
    }
    uint64_t bit = (uint64_t)1 << (check->depth % 64);
    uint64_t *word = &check->objects[check->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    check->depth++;
    return go(check, object ? KEY_OR_END : ELEMENT_OR_END);
}

static verdict close_container(fl_json_check *check)
{
    check->depth--;
    return go(check, check->depth > 0 ? AFTER : CLOSED);
}

static verdict begin_string(fl_json_check *check, bool is_key)
{
    check->is_key = is_key;
    return go(check, STRING);
}

static verdict begin_literal(fl_json_check *check, const char *rest)
{
    check->literal = rest;
    return go(check, LITERAL);
}

static verdict begin_value(fl_json_check *check, char c)
{
    switch (c) {
    case '{':
        return open_container(check, true);
    case '[':
        return open_container(check, false);
    case '"':
        return begin_string(check, false);
    case 't':
        return begin_literal(check, "rue");
    case 'f':
        return begin_literal(check, "alse");
    case 'n':
        return begin_literal(check, "ull");
    case '-':
        return go(check, MINUS);
    case '0':
        return go(check, ZERO);
    default:
        return is_digit(c) ? go(check, INTEGER) : REFUSED;
    }
}

/* Before a member's name, or where the object may end before the first one. */
static verdict before_key(fl_json_check *check, char c)
{
    if (c == '}' && check->state == KEY_OR_END) {
        return close_container(check);
    }
    return c == '"' ? begin_string(check, true) : REFUSED;
}

static verdict after_value(fl_json_check *check, char c)
{
    bool object = in_object(check);
    if (c == ',') {
        return go(check, object ? KEY : VALUE);
    }
    return c == (object ? '}' : ']') ? close_container(check) : REFUSED;
}

/* Outside of scalars, where blanks may stand. */
static verdict between(fl_json_check *check, char c)
{
    if (is_blank(c)) {
        return TAKEN;
    }
    switch (check->state) {
    case ELEMENT_OR_END:
        return c == ']' ? close_container(check) : begin_value(check, c);
    case KEY_OR_END:
    case KEY:
        return before_key(check, c);
    case COLON:
        return c == ':' ? go(check, VALUE) : REFUSED;
    case AFTER:
        return after_value(check, c);
    default:
        return begin_value(check, c);
    }
}

static verdict escaped(fl_json_check *check, char c)
{
    if (c == 'u') {
        check->hex_left = 4;
        return go(check, HEX);
    }
    return c != '\0' && strchr("\"\\/bfnrt", c) != NULL ? go(check, STRING) : REFUSED;
}

static verdict hex(fl_json_check *check, char c)
{
    uint64_t digit;
    if (!fl_hex_read(&c, 1, &digit)) {
        return REFUSED;
    }
    check->hex_left--;
    return go(check, check->hex_left > 0 ? HEX : STRING);
}

/* In a string, but for the run of plain characters. */
static verdict in_string(fl_json_check *check, char c)
{
    if (c == '"') {
        return go(check, check->is_key ? COLON : behind_scalar(check));
    }
    if (c == '\\') {
        return go(check, ESCAPE);
    }
    return is_character(c) ? TAKEN : REFUSED;
}

static verdict literal(fl_json_check *check, char c)
{
    if (c != *check->literal) {
        return REFUSED;
    }
    check->literal++;
    return go(check, *check->literal != '\0' ? LITERAL : behind_scalar(check));
}

/* A number ends before the byte that is none of it. */
static verdict end_number(fl_json_check *check)
{
    check->state = behind_scalar(check);
    return AGAIN;
}

/* Behind digits before the exponent: more of them, what else may come, or the number's end. */
static verdict in_digits(fl_json_check *check, char c)
{
    if (c == 'e' || c == 'E') {
        return go(check, EXPONENT);
    }
    if (c == '.' && check->state != FRACTION) {
        return go(check, POINT);
    }
    return is_digit(c) && check->state != ZERO ? TAKEN : end_number(check);
}

static verdict in_number(fl_json_check *check, char c)
{
    switch (check->state) {
    case MINUS:
        return c == '0' ? go(check, ZERO) : is_digit(c) ? go(check, INTEGER) : REFUSED;
    case POINT:
        return is_digit(c) ? go(check, FRACTION) : REFUSED;
    case EXPONENT:
        if (c == '+' || c == '-') {
            return go(check, EXPONENT_SIGN);
        }
        return is_digit(c) ? go(check, EXPONENT_DIGITS) : REFUSED;
    case EXPONENT_SIGN:
        return is_digit(c) ? go(check, EXPONENT_DIGITS) : REFUSED;
    case EXPONENT_DIGITS:
        return is_digit(c) ? TAKEN : end_number(check);
    default:
        return in_digits(check, c);
    }
}

static verdict look_at(fl_json_check *check, char c)
{
    switch (check->state) {
    case STRING:
        return in_string(check, c);
    case ESCAPE:
        return escaped(check, c);
    case HEX:
        return hex(check, c);
    case LITERAL:
        return literal(check, c);
    case SCALAR_END:
        return is_blank(c) || c == '{' || c == '[' || c == ',' || c == ']' ? ENDED : REFUSED;
    default:
        return check->state < STRING ? between(check, c) : in_number(check, c);
    }
}

/* ---- Runs: eight bytes at once, for the characters of strings and the blanks before members are
 * most of a text. */

#define EVERY_BYTE(byte) ((uint64_t)(byte)*UINT64_C(0x0101010101010101))

/* Not 0 if any byte of `eight` is 0: its high bit is then set, and maybe others above it. */
static uint64_t zero_bytes(uint64_t eight)
{
    return (eight - EVERY_BYTE(0x01)) & ~eight & EVERY_BYTE(0x80);
}

static bool is_plain(uint64_t eight)
{
    uint64_t control = (eight - EVERY_BYTE(0x20)) & ~eight & EVERY_BYTE(0x80);
    return (control | zero_bytes(eight ^ EVERY_BYTE('"')) | zero_bytes(eight ^ EVERY_BYTE('\\'))) ==
           0;
}

/* Goes over eight bytes at a time that change nothing; what is left is looked at byte by byte. */
static size_t skip_run(const fl_json_check *check, const char *bytes, size_t n, size_t at)
{
    uint64_t eight;
    bool string = check->state == STRING;
    if (!string && check->state >= STRING) {
        return at;
    }
    for (; n - at >= sizeof(eight); at += sizeof(eight)) {
        memcpy(&eight, bytes + at, sizeof(eight));
        if (string ? !is_plain(eight) : eight != EVERY_BYTE(' ')) {
            break;
        }
    }
    while (at < n && (string ? is_character(bytes[at]) : bytes[at] == ' ')) {
        at++;
    }
    return at;
}

/* ---- The whole */

fl_json_check fl_json_check_begin(size_t max_depth)
{
    size_t depth = max_depth < FL_JSON_DEPTH_MAX ? max_depth : FL_JSON_DEPTH_MAX;
    return (fl_json_check){.max_depth = (uint16_t)depth};
}

fl_json_check_result fl_json_check_feed(fl_json_check *check, const char *bytes, size_t n,
                                        size_t *eaten)
{
    for (size_t at = 0;;) {
        at = skip_run(check, bytes, n, at);
        *eaten = at;
        if (at == n) {
            return FL_CHECK_MORE;
        }
        switch (look_at(check, bytes[at])) {
        case TAKEN:
            at++;
            break;
        case AGAIN:
            break;
        case ENDED:
            return FL_CHECK_END;
        case REFUSED:
            return FL_CHECK_WRONG;
        case DEEP:
            return FL_CHECK_DEEP;
        }
        if (check->state == CLOSED) {
            *eaten = at;
            return FL_CHECK_END;
        }
    }
}

bool fl_json_check_is_whole(const fl_json_check *check)
{
    switch (check->state) {
    case ZERO:
    case INTEGER:
    case FRACTION:
    case EXPONENT_DIGITS:
        return check->depth == 0;
    default:
        return check->state == SCALAR_END || check->state == CLOSED;
    }
}

const char *fl_json_check_expected(const fl_json_check *check)
{
    static const char *const expected[CHECK_STATES] = {
        [VALUE] = "a value",
        [ELEMENT_OR_END] = "a value or ]",
        [KEY_OR_END] = "a member name in double quotes or }",
        [KEY] = "a member name in double quotes",
        [COLON] = ":",
        [STRING] = "no control character in a string, unless it is escaped",
        [ESCAPE] = "one of \" \\ / b f n r t u behind \\",
        [HEX] = "four hex digits behind \\u",
        [LITERAL] = "true, false or null",
        [MINUS] = "a digit behind -",
        [ZERO] = "the rest of the number",
        [INTEGER] = "the rest of the number",
        [POINT] = "a digit behind the decimal point",
        [FRACTION] = "the rest of the number",
        [EXPONENT] = "a digit or sign in the exponent",
        [EXPONENT_SIGN] = "a digit in the exponent",
        [EXPONENT_DIGITS] = "the rest of the number",
        [SCALAR_END] = "white space behind the value",
        [CLOSED] = "nothing more",
    };
    if (check->state == AFTER) {
        return in_object(check) ? ", or }" : ", or ]";
    }
    return expected[check->state];
}
