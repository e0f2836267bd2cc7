/*
 * The web shop: shop-web takes requests from browsers and asks cart, inventory and payments; orders
 * go through a queue to fulfilment. Twenty traces in a row hold one of everything that goes wrong.
 */
#include "cli/demo_int.h"

#define ECS    "AWS::ECS::Container"
#define EC2    "AWS::EC2::Instance"
#define LAMBDA "AWS::Lambda::Function"

typedef enum twist {
    FINE,
    MISSING,    /* the product is unknown: 404 */
    THROTTLED,  /* the table refuses once, the retry succeeds */
    OVERLOADED, /* the table refuses every time: 503 */
    SLOW_QUERY, /* a query takes seconds */
    DECLINED,   /* the card is declined, and nobody catches the exception */
    TIMEOUT     /* the card gateway does not answer */
} twist;

static const char *pick(fl_demo_builder *b, const char *const *texts, size_t count)
{
    return texts[fl_demo_below(b->random, count)];
}
#define PICK(b, texts) pick((b), (texts), sizeof(texts) / sizeof *(texts))

/* ---- People */

static const char *const users[] = {"alice", "bob",  "carla", "dmitri",
                                    "zoë",   "李雷", "farid", "grace"};
static const char *const tiers[] = {"basic", "basic", "basic", "silver", "gold", "enterprise"};
static const char *const networks[] = {"203.0.113.", "198.51.100.", "192.0.2."};
static const char *const browsers[] = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) Version/18.1 Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36",
    "ShopApp/7.2 (Android 15)",
};

/* A request of some customer reaches the web front. */
static fl_segment *visit(fl_demo_builder *b, const char *method, fl_str path)
{
    fl_segment *web = fl_demo_serve(b, "shop-web", ECS, NULL);
    fl_str last_octet = fl_demo_number(b, 1 + fl_demo_below(b->random, 254));
    fl_demo_request(b, web, method, fl_demo_text(b, "https://shop.example", path, FL_S("")));
    fl_demo_client(b, web, fl_demo_text(b, PICK(b, networks), last_octet, FL_S("")),
                   PICK(b, browsers), fl_str_of(PICK(b, users)));
    fl_demo_annotate(b, web, "customer_tier", fl_str_of(PICK(b, tiers)));
    return web;
}

/* ---- Calls */

/* One of our services asks another over HTTP: the caller's side. */
static fl_segment *ask(fl_demo_builder *b, fl_segment *owner, const char *host, const char *method,
                       fl_str path)
{
    fl_segment *call = fl_demo_step(b, owner, host, "remote");
    fl_demo_request(b, call, method, fl_demo_text(b, "http://", fl_str_of(host), path));
    fl_demo_work(b, 400, 4000); /* on the wire */
    return call;
}

/* The other side takes it up. */
static fl_segment *answer(fl_demo_builder *b, const char *service, const char *origin,
                          const fl_segment *call)
{
    fl_segment *segment = fl_demo_serve(b, service, origin, call);
    fl_demo_request(b, segment, "GET", call->http->url);
    segment->http->method = call->http->method;
    return segment;
}

/* Both sides end with one status. */
static void answered(fl_demo_builder *b, fl_segment *served, fl_segment *call, int64_t status)
{
    int64_t bytes = 60 + (int64_t)fl_demo_below(b->random, 4000);
    fl_demo_work(b, 200, 1500);
    fl_demo_response(b, served, status, bytes);
    fl_demo_reply(b, served);
    fl_demo_work(b, 300, 3000);
    fl_demo_response(b, call, status, bytes);
    fl_demo_end(b, call);
}

static fl_segment *dynamodb(fl_demo_builder *b, fl_segment *owner, const char *operation,
                            const char *table)
{
    fl_segment *call = fl_demo_step(b, owner, "DynamoDB", "aws");
    fl_demo_aws(b, call, operation)->table_name = fl_str_of(table);
    fl_demo_work(b, 2500, 14000);
    fl_demo_response(b, call, 200, 2 + (int64_t)fl_demo_below(b->random, 900));
    fl_demo_end(b, call);
    return call;
}

static void s3(fl_demo_builder *b, fl_segment *owner, const char *operation, const char *bucket)
{
    fl_segment *call = fl_demo_step(b, owner, "S3", "aws");
    fl_demo_aws(b, call, operation)->bucket_name = fl_str_of(bucket);
    fl_demo_work(b, 9000, 60000);
    fl_demo_response(b, call, 200, 20000 + (int64_t)fl_demo_below(b->random, 80000));
    fl_demo_end(b, call);
}

static void query(fl_demo_builder *b, fl_segment *owner, const char *sql, int64_t least_us,
                  int64_t most_us)
{
    fl_segment *call = fl_demo_step(b, owner, "stock@stock-db.shop.internal", "remote");
    fl_demo_sql(b, call, sql);
    fl_demo_work(b, least_us, most_us);
    fl_demo_end(b, call);
}

static void compute(fl_demo_builder *b, fl_segment *owner, const char *name, int64_t least_us,
                    int64_t most_us)
{
    fl_segment *step = fl_demo_step(b, owner, name, NULL);
    fl_demo_work(b, least_us, most_us);
    fl_demo_end(b, step);
}

/* ---- Services */

static fl_str item_path(fl_demo_builder *b)
{
    return fl_demo_text(b, "/items/sku-", fl_demo_number(b, 1000 + fl_demo_below(b->random, 400)),
                        FL_S(""));
}

static void ask_stock(fl_demo_builder *b, fl_segment *owner, fl_str path, bool known)
{
    fl_segment *call = ask(b, owner, "inventory.shop.internal", "GET", path);
    fl_segment *inventory = answer(b, "inventory", EC2, call);
    query(b, inventory, "SELECT sku, title, price, stock FROM items WHERE sku = ?", 1500, 9000);
    answered(b, inventory, call, known ? 200 : 404);
}

static void reserve(fl_demo_builder *b, fl_segment *owner, bool slowly)
{
    fl_segment *call = ask(b, owner, "inventory.shop.internal", "POST", FL_S("/reservations"));
    fl_segment *inventory = answer(b, "inventory", EC2, call);
    fl_segment *step = fl_demo_step(b, inventory, "reserve_items", NULL);
    query(b, step,
          "SELECT i.sku, i.stock, sum(r.amount) AS reserved FROM items i LEFT JOIN reservations r "
          "ON r.sku = i.sku "
          "WHERE i.sku = ANY(?) GROUP BY i.sku, i.stock FOR UPDATE OF i",
          slowly ? 1400000 : 4000, slowly ? 2900000 : 30000);
    query(b, step, "INSERT INTO reservations (order_id, sku, amount) VALUES (?, ?, ?)", 2000, 9000);
    fl_demo_end(b, step);
    fl_demo_annotate_number(b, inventory, "items", 1 + (int64_t)fl_demo_below(b->random, 6));
    fl_demo_annotate_bool(b, inventory, "slow_plan", slowly);
    b->trace.slow |= slowly;
    answered(b, inventory, call, 201);
}

static void read_cart(fl_demo_builder *b, fl_segment *owner)
{
    fl_segment *call = ask(b, owner, "cart.shop.internal", "GET", FL_S("/carts/current"));
    fl_segment *cart = answer(b, "cart", ECS, call);
    dynamodb(b, cart, "GetItem", "shop-carts");
    answered(b, cart, call, 200);
}

static void refuse_write(fl_demo_builder *b, fl_segment *call)
{
    fl_demo_response(b, call, 429, 112);
    fl_demo_exception(
        b, call, "ProvisionedThroughputExceededException",
        FL_S("The level of configured provisioned throughput for the table was exceeded."),
        "[{\"path\":\"botocore/client.py\",\"line\":1009,\"label\":\"_make_api_call\"},"
        "{\"path\":\"cart/store.py\",\"line\":57,\"label\":\"put_line\"}]");
}

/* Writes a line into the cart; the status that cart answers. */
static int64_t write_cart(fl_demo_builder *b, fl_segment *cart, twist how)
{
    int refusals = how == OVERLOADED ? 3 : how == THROTTLED ? 1 : 0;
    for (int attempt = 0; attempt < refusals; attempt++) {
        refuse_write(b, dynamodb(b, cart, "UpdateItem", "shop-carts"));
        compute(b, cart, "back_off", (int64_t)25000 << attempt, (int64_t)60000 << attempt);
    }
    if (how == OVERLOADED) {
        return 503;
    }
    dynamodb(b, cart, "UpdateItem", "shop-carts");
    return 200;
}

static void ask_gateway(fl_demo_builder *b, fl_segment *payments, twist how)
{
    fl_segment *call = fl_demo_step(b, payments, "api.cardgate.example", "remote");
    fl_demo_request(b, call, "POST", FL_S("https://api.cardgate.example/v1/charges"));
    if (how == TIMEOUT) {
        b->now_ns += 5 * FL_NS_PER_S;
        fl_demo_exception(
            b, call, "ReadTimeout",
            FL_S("HTTPSConnectionPool(host='api.cardgate.example', port=443): Read timed out. "
                 "(read timeout=5)"),
            "[{\"path\":\"requests/adapters.py\",\"line\":713,\"label\":\"send\"},"
            "{\"path\":\"payments/gateway.py\",\"line\":52,\"label\":\"post\"}]");
        b->trace.slow = true;
    } else {
        fl_demo_work(b, 90000, 420000);
        fl_demo_response(b, call, how == DECLINED ? 402 : 200, 412);
    }
    fl_demo_end(b, call);
}

/* Charges the card; the status that payments answers. */
static int64_t charge(fl_demo_builder *b, fl_segment *owner, twist how)
{
    fl_segment *call = ask(b, owner, "payments.shop.internal", "POST", FL_S("/charges"));
    fl_segment *payments = answer(b, "payments", ECS, call);
    compute(b, payments, "fraud_check", 6000, 40000);
    ask_gateway(b, payments, how);
    fl_demo_annotate_number(b, payments, "amount_cents",
                            990 + (int64_t)fl_demo_below(b->random, 40000));
    fl_demo_annotate(b, payments, "card_network", FL_S("visa"));
    int64_t status = how == DECLINED ? 500 : how == TIMEOUT ? 504 : 201;
    if (how == DECLINED) {
        fl_demo_exception(
            b, payments, "CardDeclined",
            FL_S("the card gateway declined the charge: insufficient_funds (code 51)"),
            "[{\"path\":\"payments/gateway.py\",\"line\":88,\"label\":\"charge\"},"
            "{\"path\":\"payments/service.py\",\"line\":41,\"label\":\"create_charge\"},"
            "{\"path\":\"payments/app.py\",\"line\":19,\"label\":\"post_charges\"}]");
    }
    answered(b, payments, call, status);
    return status;
}

/* The worker behind the queue: the message carries the trace header, so it is the same trace. */
static void fulfil(fl_demo_builder *b, const fl_segment *sent, fl_str order_id)
{
    fl_demo_work(b, 60000, 400000); /* in the queue */
    fl_segment *worker = fl_demo_serve(b, "fulfilment", LAMBDA, sent);
    fl_demo_annotate(b, worker, "order_id", order_id);
    fl_demo_send_unfinished(b, worker);
    dynamodb(b, worker, "PutItem", "shop-orders");
    compute(b, worker, "render_invoice", 20000, 90000);
    s3(b, worker, "PutObject", "shop-invoices");
    fl_segment *notice = fl_demo_step(b, worker, "SNS", "aws");
    fl_demo_aws(b, notice, "Publish")->topic_arn =
        FL_S("arn:aws:sns:eu-west-1:123456789012:shop-orders");
    fl_demo_work(b, 6000, 30000);
    fl_demo_end(b, notice);
    fl_demo_reply(b, worker);
}

static fl_segment *enqueue(fl_demo_builder *b, fl_segment *owner)
{
    fl_segment *call = fl_demo_step(b, owner, "SQS", "aws");
    fl_demo_aws(b, call, "SendMessage")->queue_url =
        FL_S("https://sqs.eu-west-1.amazonaws.com/123456789012/shop-orders");
    fl_demo_work(b, 5000, 20000);
    fl_demo_response(b, call, 200, 378);
    fl_demo_end(b, call);
    return call;
}

/* ---- Requests */

static void leave(fl_demo_builder *b, fl_segment *web, int64_t status)
{
    compute(b, web, "render_page", 3000, 25000);
    fl_demo_response(b, web, status, 900 + (int64_t)fl_demo_below(b->random, 30000));
    fl_demo_reply(b, web);
}

static void browse(fl_demo_builder *b, twist how)
{
    fl_str path = item_path(b);
    fl_segment *web = visit(b, "GET", path);
    fl_demo_work(b, 500, 3000);
    ask_stock(b, web, path, how != MISSING);
    if (how != MISSING) {
        s3(b, web, "GetObject", "shop-images");
    }
    leave(b, web, how == MISSING ? 404 : 200);
}

/* Stock is asked for while the cart is written: two calls at a time. */
static void add_to_cart(fl_demo_builder *b, twist how)
{
    fl_segment *web = visit(b, "POST", FL_S("/cart/lines"));
    fl_demo_work(b, 500, 3000);
    int64_t fork_ns = b->now_ns;
    ask_stock(b, web, item_path(b), true);
    int64_t stock_ns = b->now_ns;
    b->now_ns = fork_ns;
    fl_segment *call = ask(b, web, "cart.shop.internal", "POST", FL_S("/carts/current/lines"));
    fl_segment *cart = answer(b, "cart", ECS, call);
    int64_t status = write_cart(b, cart, how);
    answered(b, cart, call, status);
    b->now_ns = b->now_ns > stock_ns ? b->now_ns : stock_ns;
    leave(b, web, status);
}

static void check_out(fl_demo_builder *b, twist how)
{
    fl_str order_id = fl_demo_text(
        b, "o-", fl_demo_number(b, 100000 + fl_demo_below(b->random, 900000)), FL_S(""));
    fl_segment *web = visit(b, "POST", FL_S("/checkout"));
    fl_demo_annotate(b, web, "order_id", order_id);
    fl_demo_metadata(
        b, web,
        "{\"feature_flags\":{\"new_checkout\":true,\"express\":false},\"build\":\"2026.11.3\"}");
    fl_demo_send_unfinished(b, web);
    fl_demo_work(b, 800, 4000);
    read_cart(b, web);
    reserve(b, web, how == SLOW_QUERY);
    int64_t status = charge(b, web, how);
    fl_segment *sent = status < 400 ? enqueue(b, web) : NULL;
    leave(b, web, status < 400 ? 201 : status == 504 ? 504 : 502);
    if (sent != NULL) {
        fulfil(b, sent, order_id);
    }
}

#define SYNC_ITEMS 120

/* A nightly job of hundreds of steps, which its SDK streams one by one. */
static void sync_catalogue(fl_demo_builder *b)
{
    fl_segment *job = fl_demo_serve(b, "catalogue-sync", ECS, NULL);
    fl_demo_annotate_number(b, job, "items", SYNC_ITEMS);
    fl_demo_send_unfinished(b, job);
    fl_segment *feed = fl_demo_step(b, job, "feeds.supplier.example", "remote");
    fl_demo_request(b, feed, "GET", FL_S("https://feeds.supplier.example/v2/catalogue.ndjson"));
    fl_demo_work(b, 200000, 500000);
    fl_demo_response(b, feed, 200, 1834211);
    fl_demo_end(b, feed);
    for (int i = 0; i < SYNC_ITEMS; i++) {
        fl_segment *step = fl_demo_streamed_step(b, job, "import_item", NULL);
        compute(b, step, "parse", 300, 1200);
        query(b, step,
              "INSERT INTO items (sku, title, price) VALUES (?, ?, ?) ON CONFLICT (sku) DO UPDATE",
              1500, 12000);
        if (i % 12 == 0) {
            s3(b, step, "PutObject", "shop-images");
        }
        fl_demo_reply(b, step);
    }
    fl_demo_work(b, 2000, 9000);
    fl_demo_reply(b, job);
}

/* ---- The traffic, newest first: the trace that one looks at first has the most to tell */

typedef enum journey { BROWSE, ADD_TO_CART, CHECK_OUT, SYNC } journey;
static const struct {
    journey journey;
    twist twist;
} deck[] = {
    {CHECK_OUT, DECLINED}, {BROWSE, FINE},    {CHECK_OUT, SLOW_QUERY}, {ADD_TO_CART, THROTTLED},
    {CHECK_OUT, FINE},     {BROWSE, FINE},    {BROWSE, MISSING},       {ADD_TO_CART, FINE},
    {CHECK_OUT, FINE},     {SYNC, FINE},      {BROWSE, FINE},          {CHECK_OUT, TIMEOUT},
    {ADD_TO_CART, FINE},   {CHECK_OUT, FINE}, {BROWSE, FINE},          {ADD_TO_CART, OVERLOADED},
    {CHECK_OUT, FINE},     {BROWSE, FINE},    {CHECK_OUT, SLOW_QUERY}, {CHECK_OUT, FINE},
};

fl_status fl_demo_shop(fl_arena *arena, fl_demo_random *random, uint64_t index, int64_t start_ns,
                       fl_demo_trace *out, fl_err *err)
{
    fl_demo_builder b;
    twist how = deck[index % (sizeof deck / sizeof deck[0])].twist;
    FL_TRY(fl_demo_begin(&b, arena, random, start_ns, err));
    switch (deck[index % (sizeof deck / sizeof deck[0])].journey) {
    case BROWSE:
        browse(&b, how);
        break;
    case ADD_TO_CART:
        add_to_cart(&b, how);
        break;
    case CHECK_OUT:
        check_out(&b, how);
        break;
    case SYNC:
        sync_catalogue(&b);
        break;
    }
    return fl_demo_finish(&b, out, err);
}
