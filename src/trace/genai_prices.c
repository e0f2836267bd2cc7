/*
 * Price files and what a call costs (spec bedrock.md §4.4). A price is a decimal as it stands in
 * the file, kept as a whole number of 1e-18, so that no cost passes through a double.
 */
#include <stdlib.h>

#include "codec/codec.h"
#include "trace/genai.h"

__extension__ typedef unsigned __int128 u128;

#define PRICE_DECIMALS 18
#define PRICE_DIGITS   27            /* of a price in 1e-18; so it is below 1e9 */
#define PER_MAX        1000000000000 /* tokens that a price may be for */
#define NANO_DECIMALS  9
#define CURRENCY_CHARS 16
#define NAME_SHOWN     80 /* bytes of a model's name in a message */

typedef struct price {
    fl_str model;
    size_t order; /* in the file: the last of equal names wins */
    u128 input, output;
} price;

struct fl_genai_prices {
    fl_str currency;
    uint64_t per;
    price *prices; /* by model */
    size_t count;
};

static u128 power_of_ten(int exponent)
{
    u128 power = 1;
    for (int i = 0; i < exponent; i++) {
        power *= 10;
    }
    return power;
}

/* numerator / denominator to the nearest, halves up. */
static u128 divided(u128 numerator, u128 denominator)
{
    u128 quotient = numerator / denominator;
    u128 rest = numerator % denominator;
    return quotient + (rest >= denominator - rest);
}

/* ---- Decimals */

/* A number taken apart: digits × 10^exponent, without zeros in front. */
typedef struct decimal {
    u128 digits;
    size_t digit_count;
    int64_t exponent;
} decimal;

/* The digits at *at; false if there are too many. */
static bool take_digits(fl_str number, size_t *at, decimal *out)
{
    for (; *at < number.n && number.p[*at] >= '0' && number.p[*at] <= '9'; (*at)++) {
        if (out->digits == 0 && number.p[*at] == '0') {
            continue;
        }
        if (++out->digit_count > PRICE_DIGITS) {
            return false;
        }
        u128 digit = (unsigned char)(number.p[*at] - '0');
        out->digits = out->digits * 10 + digit;
    }
    return true;
}

/* number is a JSON number, so its form is right. */
static bool take_apart(fl_str number, decimal *out)
{
    size_t at = 0;
    *out = (decimal){0};
    if (!take_digits(number, &at, out)) {
        return false;
    }
    if (at < number.n && number.p[at] == '.') {
        size_t begin = ++at;
        if (!take_digits(number, &at, out)) {
            return false;
        }
        out->exponent -= (int64_t)(at - begin);
    }
    if (at == number.n) {
        return true;
    }
    fl_str exponent = {number.p + at + 1, number.n - at - 1};
    bool plus = exponent.n > 0 && exponent.p[0] == '+';
    int64_t value;
    if (number.p[at] == '-' || /* in front of it all: a negative number */
        !fl_str_to_i64((fl_str){exponent.p + plus, exponent.n - plus}, &value) ||
        value > INT32_MAX || value < -INT32_MAX) {
        return false;
    }
    out->exponent += value;
    return true;
}

/* A price in 1e-18, digits beyond the 18th decimal rounded; false if it is negative or too large.
 */
static bool price_read(fl_str number, u128 *out)
{
    decimal d;
    if (number.p == NULL || !take_apart(number, &d)) {
        return false;
    }
    int64_t exponent = d.exponent + PRICE_DECIMALS;
    if (d.digits == 0 || exponent < -PRICE_DIGITS - 1) {
        *out = 0;
        return true;
    }
    if ((int64_t)d.digit_count + exponent > PRICE_DIGITS) {
        return false;
    }
    *out = exponent >= 0 ? d.digits * power_of_ten((int)exponent)
                         : divided(d.digits, power_of_ten((int)-exponent));
    return true;
}

/* ---- The file */

static fl_status read_price(fl_str model, yyjson_val *entry, fl_str member, u128 *out, fl_err *err)
{
    fl_str shown = fl_str_clip(model, NAME_SHOWN);
    yyjson_val *given = fl_json_get(entry, member);
    if (given == NULL) {
        FL_FAIL(err, FL_E_INVALID, "models.%.*s has no %.*s; write 0 for what costs nothing",
                FL_P(shown), FL_P(member));
    }
    if (!price_read(fl_json_number(given), out)) {
        FL_FAIL(err, FL_E_INVALID,
                "models.%.*s.%.*s must be a number from 0 to below 1e9 of at most %d digits",
                FL_P(shown), FL_P(member), PRICE_DIGITS);
    }
    return FL_OK;
}

static int by_model(const void *a, const void *b)
{
    const price *left = a, *right = b;
    int order = fl_str_cmp(left->model, right->model);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

/* Of equal neighbours the last one stays. */
static void drop_repeated(fl_genai_prices *prices)
{
    size_t kept = 0;
    for (size_t i = 0; i < prices->count; i++) {
        bool repeated = i + 1 < prices->count &&
                        fl_str_eq(prices->prices[i].model, prices->prices[i + 1].model);
        if (!repeated) {
            prices->prices[kept++] = prices->prices[i];
        }
    }
    prices->count = kept;
}

static fl_status read_models(fl_arena *arena, yyjson_val *models, fl_genai_prices *prices,
                             fl_err *err)
{
    if (!yyjson_is_obj(models)) {
        FL_FAIL(err, FL_E_INVALID,
                "the price file needs models: {\"<model>\":{\"input\":0.25,\"output\":1.25}}");
    }
    prices->prices = FL_ARENA_ARRAY(arena, price, yyjson_obj_size(models));
    if (prices->prices == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for %zu prices", yyjson_obj_size(models));
    }
    size_t i, n;
    yyjson_val *key, *entry;
    yyjson_obj_foreach(models, i, n, key, entry)
    {
        price *row = &prices->prices[prices->count];
        *row = (price){.model = fl_json_str(key), .order = i};
        if (!yyjson_is_obj(entry)) {
            FL_FAIL(err, FL_E_INVALID, "models.%.*s must be an object with input and output",
                    FL_P(fl_str_clip(row->model, NAME_SHOWN)));
        }
        FL_TRY(read_price(row->model, entry, FL_S("input"), &row->input, err));
        FL_TRY(read_price(row->model, entry, FL_S("output"), &row->output, err));
        prices->count++;
    }
    qsort(prices->prices, prices->count, sizeof *prices->prices, by_model);
    drop_repeated(prices);
    return FL_OK;
}

static fl_status read_currency(yyjson_val *given, fl_str *out, fl_err *err)
{
    *out = given != NULL ? fl_json_str(given) : FL_S("USD");
    if (out->p == NULL || out->n == 0 || fl_utf8_length(*out) > CURRENCY_CHARS) {
        FL_FAIL(err, FL_E_INVALID, "currency must be a text of 1 to %d characters, like \"USD\"",
                CURRENCY_CHARS);
    }
    return FL_OK;
}

fl_status fl_genai_prices_read(fl_arena *arena, fl_str json, fl_genai_prices **out, fl_err *err)
{
    yyjson_val *root;
    int64_t per;
    FL_TRY(fl_json_read(arena, json, FL_JSON_STRICT, &root, NULL, err));
    if (!yyjson_is_obj(root)) {
        FL_FAIL(err, FL_E_INVALID,
                "the price file must be one JSON object with currency, per and models");
    }
    fl_genai_prices *prices = FL_ARENA_NEW(arena, fl_genai_prices);
    if (prices == NULL) {
        FL_FAIL(err, FL_E_NOMEM, "no memory for prices");
    }
    FL_TRY(read_currency(fl_json_get(root, FL_S("currency")), &prices->currency, err));
    fl_str number = fl_json_number(fl_json_get(root, FL_S("per")));
    if (!fl_json_i64(number, &per) || per < 1 || per > PER_MAX) {
        FL_FAIL(err, FL_E_INVALID,
                "per must be the number of tokens that the prices are for, like 1000000");
    }
    prices->per = (uint64_t)per;
    FL_TRY(read_models(arena, fl_json_get(root, FL_S("models")), prices, err));
    *out = prices;
    return FL_OK;
}

fl_str fl_genai_prices_currency(const fl_genai_prices *prices)
{
    return prices->currency;
}

/* ---- Cost */

static int model_against_price(const void *key, const void *row)
{
    return fl_str_cmp(*(const fl_str *)key, ((const price *)row)->model);
}

static const price *find(const fl_genai_prices *prices, fl_str model)
{
    const price *found =
        bsearch(&model, prices->prices, prices->count, sizeof *prices->prices, model_against_price);
    if (found != NULL) {
        return found;
    }
    model = fl_genai_model_without_region(model);
    return bsearch(&model, prices->prices, prices->count, sizeof *prices->prices,
                   model_against_price);
}

static bool add_product(u128 *sum, int64_t tokens, u128 unit)
{
    u128 product;
    return !__builtin_mul_overflow(tokens > 0 ? (u128)tokens : 0, unit, &product) &&
           !__builtin_add_overflow(*sum, product, sum);
}

bool fl_genai_cost(const fl_genai_prices *prices, fl_str model, int64_t prompt_tokens,
                   int64_t completion_tokens, int64_t *nano)
{
    const price *unit = prices != NULL ? find(prices, model) : NULL;
    u128 sum = 0;
    if (unit == NULL || !add_product(&sum, prompt_tokens, unit->input) ||
        !add_product(&sum, completion_tokens, unit->output)) {
        return false;
    }
    u128 cost = divided(sum, power_of_ten(PRICE_DECIMALS - NANO_DECIMALS) * prices->per);
    if (cost > (u128)INT64_MAX) {
        return false;
    }
    *nano = (int64_t)cost;
    return true;
}
