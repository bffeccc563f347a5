/* What a choreo plan in C includes.
 *
 * A plan is a WebAssembly component that says which messages a language model reads
 * and writes, and which earlier messages each of them sees: its parents. A plan
 * defines `choreo_run`; README.md starts from nothing. What each call means is in
 * wit/choreo.wit, and every name here is that file's.
 *
 * Errors. A function that can fail returns a code, CHOREO_OK (0) or a cause. The
 * evidence is in `choreo_last_error()` until the next failure. CHOREO_TRY passes a
 * failure on, and notes where.
 *
 * Memory. What is passed in stays the caller's, and is not looked at after the call.
 * What comes back is the SDK's: it stays there until the run ends, and need not be
 * freed. A plan that runs long gives all of it back since a point that it marked:
 * `choreo_mark`, `choreo_reset`. Texts that come back end with a NUL that `length`
 * does not count; texts that are passed in are UTF-8 and end at their first NUL.
 */
#ifndef CHOREO_H
#define CHOREO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A message of this run: its number, from 1. */
typedef uint32_t choreo_message;

typedef uint8_t choreo_role;
/* Of a call that names none: the user prefills, the assistant decodes. */
enum { CHOREO_USUAL, CHOREO_SYSTEM, CHOREO_USER, CHOREO_ASSISTANT, CHOREO_TOOL, CHOREO_RAW };

typedef uint8_t choreo_part;
enum { CHOREO_WHOLE, CHOREO_OPEN, CHOREO_MIDDLE, CHOREO_CLOSE };

typedef uint8_t choreo_on_violation;
enum { CHOREO_FAIL, CHOREO_REENCODE };

/* Values that may be left out: a field that is not set is. */
typedef struct { bool is_set; uint32_t value; } choreo_option_u32;
typedef struct { bool is_set; float value; } choreo_option_f32;
static inline choreo_option_u32 choreo_u32(uint32_t value) { return (choreo_option_u32){true, value}; }
static inline choreo_option_f32 choreo_f32(float value) { return (choreo_option_f32){true, value}; }

/* A text that comes back. */
typedef struct { const char *bytes; size_t length; } choreo_text;
typedef struct { const choreo_text *items; size_t count; } choreo_texts;

/* Lists that are passed in: CHOREO_STRINGS("a", "b"), CHOREO_MESSAGES(a, b),
 * CHOREO_PARENTS(choreo_at(a, 0), choreo_after(b)), or an array and its count. A list
 * that is written out so ends with the block it stands in, as a loop's body. */
typedef struct { const char *const *items; size_t count; } choreo_strings;
typedef struct { const choreo_message *items; size_t count; } choreo_messages;
#define CHOREO_LIST(list, item, ...) \
    ((list){(item[]){__VA_ARGS__}, sizeof((item[]){__VA_ARGS__}) / sizeof(item)})
#define CHOREO_STRINGS(...) CHOREO_LIST(choreo_strings, const char *const, __VA_ARGS__)
#define CHOREO_MESSAGES(...) CHOREO_LIST(choreo_messages, const choreo_message, __VA_ARGS__)
#define CHOREO_PARENTS(...) CHOREO_LIST(choreo_parents, const choreo_parent, __VA_ARGS__)

/* Repair of a parent in its new company. */
typedef struct {
    bool is_set;
    struct {
        uint8_t kind;
        union { uint32_t link; float blend; } value;
    } refresh;
} choreo_option_refresh;
enum { CHOREO_LINK, CHOREO_BLEND, CHOREO_FULL };

/* A message that a call sees, and where its first token stands in that call's view.
 * No offset: right after the parent before it. */
typedef struct {
    choreo_message id;
    choreo_option_u32 offset;
    choreo_option_refresh refresh;
} choreo_parent;
typedef struct { const choreo_parent *items; size_t count; } choreo_parents;
static inline choreo_parent choreo_after(choreo_message id) { return (choreo_parent){.id = id}; }
static inline choreo_parent choreo_at(choreo_message id, uint32_t offset) {
    return (choreo_parent){.id = id, .offset = {true, offset}};
}

/* What a call sees. `after` and then `parents`; most calls have only the former. */
#define CHOREO_VIEW \
    choreo_messages after;            /* these, one after another */ \
    choreo_parents parents;           /* these, each where it is placed */ \
    choreo_option_u32 offset;         /* where the new message stands; else after its last parent */ \
    const choreo_strings *may_see;    /* labels that parents may carry; NULL: any */ \
    choreo_on_violation on_violation /* what a parent with another label does */

typedef struct {
    choreo_role role;      /* else the user's */
    const char *name;      /* the speaker's */
    choreo_part part;
    const char *text;
    choreo_strings labels;
    CHOREO_VIEW;
} choreo_prefill_call;

/* What a decoded text must be, the header not counted. */
typedef struct {
    enum { CHOREO_ANYTHING, CHOREO_ONE_OF, CHOREO_REGEX, CHOREO_JSON_SCHEMA } kind;
    choreo_strings choices;
    const char *text;
} choreo_constraint;
static inline choreo_constraint choreo_one_of(choreo_strings choices) {
    return (choreo_constraint){.kind = CHOREO_ONE_OF, .choices = choices};
}
static inline choreo_constraint choreo_regex(const char *text) {
    return (choreo_constraint){.kind = CHOREO_REGEX, .text = text};
}
static inline choreo_constraint choreo_json_schema(const char *text) {
    return (choreo_constraint){.kind = CHOREO_JSON_SCHEMA, .text = text};
}

typedef struct {
    choreo_role role;      /* else the assistant's */
    const char *name;
    choreo_part part;
    const char *header;    /* what the message starts with */
    choreo_strings labels;
    CHOREO_VIEW;
    /* Options; what is not set is the operator's choice. */
    choreo_option_u32 max_tokens;
    choreo_option_f32 temperature;
    choreo_option_f32 top_p;
    choreo_option_u32 top_k;
    choreo_option_f32 min_p;
    choreo_option_f32 repetition_penalty;
    choreo_option_u32 seed;        /* replaces the run's */
    choreo_strings stop;           /* strings that end the message */
    choreo_constraint constraint;
    uint8_t top_logprobs;          /* alternatives to report for each token */
} choreo_decode_call;

typedef struct {
    uint8_t kind;
    union { uint32_t stop_string; choreo_text budget; } value;
} choreo_finish;
enum {
    CHOREO_PREFILLED, CHOREO_END, CHOREO_STOP_STRING, CHOREO_CONSTRAINT, CHOREO_LENGTH,
    CHOREO_WAS_CANCELLED, CHOREO_BUDGET_RAN_OUT,
};

typedef struct {
    uint32_t token;
    struct { const uint8_t *items; size_t count; } bytes;
    float logprob;
} choreo_token_logprob;
typedef struct {
    choreo_token_logprob chosen;
    struct { const choreo_token_logprob *items; size_t count; } top;
} choreo_logprobs;

typedef struct {
    choreo_message id;
    choreo_text text;      /* header included */
    choreo_finish finish;
    uint32_t tokens;       /* generated ones */
    struct { const choreo_logprobs *items; size_t count; } logprobs;
} choreo_decoded;

typedef struct {
    choreo_role role;
    struct { bool is_set; choreo_text text; } name;
    choreo_part part;
    uint32_t tokens;
    choreo_finish finish;
    choreo_texts labels;
    choreo_parents parents; /* as placed: every offset is set */
    uint32_t offset;
} choreo_description;

/* Why something failed, and with what evidence. */
typedef enum {
    CHOREO_OK,
    CHOREO_UNKNOWN_MESSAGE,  /* message */
    CHOREO_LOST,             /* message */
    CHOREO_INVALID_ARGUMENT, /* what */
    CHOREO_CONTEXT_OVERFLOW, /* what, asked, left */
    CHOREO_CACHE_FULL,       /* what, asked, left */
    CHOREO_BUDGET,           /* what, asked, left */
    CHOREO_TIMEOUT,          /* what, asked, left */
    CHOREO_LABEL,            /* message */
    CHOREO_DENIED,           /* what */
    CHOREO_UNSUPPORTED,      /* what */
    CHOREO_CANCELLED,
    CHOREO_ENGINE,           /* what */
    CHOREO_FAILED,           /* what: the plan's own words, see choreo_fail */
} choreo_code;
typedef struct {
    choreo_code code;
    choreo_message message;
    const char *what;
    uint64_t asked, left;
    choreo_option_u32 call;  /* index of the call to blame in its list */
    const char *file;        /* where CHOREO_TRY saw it first, or NULL */
    int line;
} choreo_error;

/* The last failure. */
const choreo_error *choreo_last_error(void);
/* An error in words, one line. */
const char *choreo_error_text(const choreo_error *error);
/* Fails with the plan's own words. */
choreo_code choreo_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Leaves the function with the code of an expression that failed. */
#define CHOREO_TRY(expression) \
    do { \
        choreo_code choreo_code_ = (expression); \
        if (choreo_code_ != CHOREO_OK) return choreo_passed(choreo_code_, __FILE_NAME__, __LINE__); \
    } while (0)
choreo_code choreo_passed(choreo_code code, const char *file, int line);

/* The plan. Its arguments are followed by NULL, as in `main`. With CHOREO_OK the run's
 * output is `*result`; with another code its error is the last one, in words. */
choreo_code choreo_run(size_t count, const char *const *arguments, const char **result);

/* Adds messages, all or none; `messages` has room for as many. */
choreo_code choreo_prefill_all(const choreo_prefill_call *calls, size_t count, choreo_message *messages);
/* Generates messages in parallel, all of them or an error. */
choreo_code choreo_decode_all(const choreo_decode_call *calls, size_t count, choreo_decoded *decoded);
/* The same, each with an outcome of its own: where `error.code` is CHOREO_OK, `decoded`. */
typedef struct { choreo_error error; choreo_decoded decoded; } choreo_lane;
choreo_code choreo_decode_each(const choreo_decode_call *calls, size_t count, choreo_lane *lanes);

/* One call, with fields by their names, and where its answer goes:
 * choreo_prefill(&message, .text = "Hi", .after = CHOREO_MESSAGES(system)) */
#define choreo_prefill(message, ...) choreo_prefill_all(&(choreo_prefill_call){__VA_ARGS__}, 1, message)
#define choreo_decode(decoded, ...) choreo_decode_all(&(choreo_decode_call){__VA_ARGS__}, 1, decoded)
#define choreo_start(pending, ...) choreo_start_all(&(choreo_decode_call){__VA_ARGS__}, 1, pending)
#define choreo_score(scores, ...) choreo_score_all(&(choreo_score_call){__VA_ARGS__}, 1, scores)

/* Texts, descriptions, tokens: one for each of the list, in its order. */
choreo_code choreo_text_of(choreo_messages messages, choreo_text *texts);
choreo_code choreo_describe(choreo_messages messages, choreo_description *descriptions);
choreo_code choreo_count_tokens(choreo_role role, choreo_part part, choreo_strings texts, uint32_t *tokens);
/* Their numbers become unknown, and their room is the first to be given to others. */
choreo_code choreo_release(choreo_messages messages);

/* A message being decoded. `choreo_drop` cancels it and must come last; a message
 * that neither finish nor cancel has given then has no number. */
typedef struct { int32_t handle; } choreo_pending;
choreo_code choreo_start_all(const choreo_decode_call *calls, size_t count, choreo_pending *pendings);
/* New text since the last read; `bytes` is NULL at the end. Waits for some. */
choreo_code choreo_read(choreo_pending pending, choreo_text *piece);
choreo_code choreo_finish_pending(choreo_pending pending, choreo_decoded *decoded);
choreo_code choreo_cancel(choreo_pending pending, choreo_decoded *decoded);
void choreo_drop(choreo_pending pending);
typedef enum { CHOREO_UNTIL_TEXT, CHOREO_UNTIL_FINISHED } choreo_until;
typedef struct { const uint32_t *items; size_t count; } choreo_indexes;
/* Waits until one of them has text or is finished, or the time is over (not set:
 * no limit). The indexes of all that have, ascending. */
choreo_code choreo_wait_any(const choreo_pending *pendings, size_t count, choreo_until until,
                            choreo_option_u32 timeout_ms, choreo_indexes *ready);

typedef struct {
    choreo_role role;      /* else the assistant's */
    const char *name;
    const char *header;
    CHOREO_VIEW;
    choreo_strings candidates;
    bool with_end;         /* the end of message counts as part of each candidate */
} choreo_score_call;
typedef struct { double logprob; uint32_t tokens; } choreo_scored;
typedef struct { const choreo_scored *items; size_t count; } choreo_scores;
/* How likely each candidate is as the continuation of the header. */
choreo_code choreo_score_all(const choreo_score_call *calls, size_t count, choreo_scores *scores);

/* What is left of every limited thing, and a limit lowered. */
typedef struct { choreo_text name; uint64_t left; } choreo_budget;
typedef struct { const choreo_budget *items; size_t count; } choreo_budgets;
choreo_budgets choreo_remaining(void);
choreo_code choreo_limit(const char *name, uint64_t left);

typedef struct {
    choreo_text name;
    uint32_t context;      /* tokens */
    struct { const choreo_role *items; size_t count; } roles;
} choreo_model_info;
choreo_model_info choreo_model(void);

/* A line of the run's log, which the host bounds. */
typedef enum { CHOREO_LOG_DEBUG, CHOREO_LOG_INFO, CHOREO_LOG_WARN, CHOREO_LOG_ERROR } choreo_level;
void choreo_log(choreo_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Memory that stays until the run ends, or until a reset. The run fails where there
 * is none. */
void *choreo_allocate(size_t bytes);
const char *choreo_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
typedef struct { void *latest; } choreo_point;
choreo_point choreo_mark(void);
/* Frees all that came back, was allocated or formatted since the mark. */
void choreo_reset(choreo_point point);

#endif
