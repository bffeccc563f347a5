/* A plan whose first argument picks what goes wrong, or what is timed. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "choreo.h"

static choreo_code unknown_message(void) {
    choreo_message message;
    CHOREO_TRY(choreo_prefill(&message, .text = "Hi", .after = CHOREO_MESSAGES(999)));
    return CHOREO_OK;
}

static choreo_code wrong_role(void) {
    choreo_message message;
    CHOREO_TRY(choreo_prefill(&message, .text = "Hi", .role = 77));
    return CHOREO_OK;
}

static choreo_code wrong_temperature(void) {
    choreo_decoded decoded;
    CHOREO_TRY(choreo_decode(&decoded, .header = "Hi", .temperature = choreo_f32(-1)));
    return CHOREO_OK;
}

static void crash(size_t count) { assert(count == 0 && "one argument too many"); }

static int beyond(const int *numbers, size_t count) { return numbers ? numbers[count] : *(const volatile int *)NULL; }

static void hoard(void) {
    for (size_t i = 0;; i++) memset(choreo_allocate(1 << 20), (int)i, 1 << 20);
}

/* Texts of the host's fill the memory. */
static choreo_code texts(void) {
    choreo_message messages[1000];
    choreo_text found[1000];
    CHOREO_TRY(choreo_prefill(&messages[0], .text = choreo_format("%0800d", 0)));
    for (size_t i = 1; i < 1000; i++) messages[i] = messages[0];
    for (;;) CHOREO_TRY(choreo_text_of((choreo_messages){messages, 1000}, found));
}

/* A long line of the log, and what is known of a failure after its memory was used anew. */
static choreo_code words(const char **result) {
    choreo_log(CHOREO_LOG_WARN, "%1022s%s", "", "é: a long line");
    choreo_point point = choreo_mark();
    wrong_temperature();
    choreo_reset(point);
    for (size_t bytes = 16; bytes < 256; bytes += 16) memset(choreo_allocate(bytes), 'x', bytes);
    *result = choreo_error_text(choreo_last_error());
    return CHOREO_OK;
}

enum { LANES = 8 };

static choreo_code started(const choreo_decode_call *lanes, choreo_decoded *decoded) {
    choreo_pending pendings[LANES];
    choreo_indexes ready;
    CHOREO_TRY(choreo_start_all(lanes, LANES, pendings));
    CHOREO_TRY(choreo_wait_any(pendings, LANES, CHOREO_UNTIL_FINISHED, (choreo_option_u32){0}, &ready));
    if (ready.count == 0) return choreo_fail("nothing is ready");
    for (size_t i = 0; i < LANES; i++) {
        choreo_text piece;
        const char *text = "";
        do {
            CHOREO_TRY(choreo_read(pendings[i], &piece));
            text = choreo_format("%s%s", text, piece.bytes ? piece.bytes : "");
        } while (piece.bytes);
        CHOREO_TRY(choreo_finish_pending(pendings[i], &decoded[i]));
        if (strcmp(text, decoded[i].text.bytes) != 0) return choreo_fail("what is read is not the text");
        choreo_drop(pendings[i]);
    }
    return CHOREO_OK;
}

/* Eight decodes of so many tokens: in a list, started, or one by one. */
static choreo_code eight(const char *way, const char *tokens, const char **result) {
    choreo_message question;
    choreo_decode_call lanes[LANES];
    choreo_decoded decoded[LANES];
    CHOREO_TRY(choreo_prefill(&question, .text = "What pet does Halan have?"));
    for (size_t i = 0; i < LANES; i++) {
        lanes[i] = (choreo_decode_call){
            .header = choreo_format("%zu:", i),
            .after = {&question, 1},
            .temperature = choreo_f32(1),
            .max_tokens = choreo_u32((uint32_t)atoi(tokens)),
            .constraint = choreo_regex("[a-z ]{4000}"),
        };
    }
    if (strcmp(way, "list") == 0) CHOREO_TRY(choreo_decode_all(lanes, LANES, decoded));
    if (strcmp(way, "started") == 0) CHOREO_TRY(started(lanes, decoded));
    for (size_t i = 0; i < LANES && strcmp(way, "apart") == 0; i++) {
        CHOREO_TRY(choreo_decode_all(&lanes[i], 1, &decoded[i]));
    }
    *result = "";
    for (size_t i = 0; i < LANES; i++) *result = choreo_format("%s%s\n", *result, decoded[i].text.bytes);
    return CHOREO_OK;
}

/* What no other plan of the repository calls. */
static choreo_code everything(const char **result) {
    choreo_message system, message;
    choreo_description found;
    choreo_decoded decoded;
    choreo_scores scores;
    uint32_t tokens[2];
    CHOREO_TRY(choreo_prefill(&system, .role = CHOREO_SYSTEM, .text = "Be brief."));
    CHOREO_TRY(choreo_prefill(&message, .text = "What pet does Halan have?", .offset = choreo_u32(90),
                              .parents = CHOREO_PARENTS(choreo_at(system, 3), choreo_after(system))));
    CHOREO_TRY(choreo_describe((choreo_messages){&message, 1}, &found));
    const char *text = choreo_format("role %d, part %d, name %d, finish %d, labels %zu, at %u, parents %u %u\n",
                                     found.role, found.part, found.name.is_set, found.finish.kind, found.labels.count,
                                     found.offset, found.parents.items[0].offset.value, found.parents.items[1].id);
    CHOREO_TRY(choreo_count_tokens(CHOREO_USER, CHOREO_WHOLE, CHOREO_STRINGS("one", "one two"), tokens));
    CHOREO_TRY(choreo_decode(&decoded, .header = "It is ", .after = CHOREO_MESSAGES(message), .seed = choreo_u32(7),
                             .constraint = choreo_one_of(CHOREO_STRINGS("a fox.", "a cat.")), .top_logprobs = 2));
    const choreo_token_logprob *chosen = &decoded.logprobs.items[0].chosen;
    text = choreo_format("%smore tokens %u, %s %zu of %u with %zu, '%.*s' %d\n", text, tokens[1] - tokens[0],
                         decoded.text.bytes, decoded.logprobs.count, decoded.tokens,
                         decoded.logprobs.items[0].top.count, (int)chosen->bytes.count,
                         (const char *)chosen->bytes.items, chosen->logprob <= 0);
    CHOREO_TRY(choreo_decode(&decoded, .after = CHOREO_MESSAGES(message), .temperature = choreo_f32(0),
                             .stop = CHOREO_STRINGS("zzz", "a"), .max_tokens = choreo_u32(30)));
    text = choreo_format("%sfinish %d %u\n", text, decoded.finish.kind, decoded.finish.value.stop_string);
    CHOREO_TRY(choreo_score(&scores, .header = "It is a ", .after = CHOREO_MESSAGES(message), .with_end = true,
                            .candidates = CHOREO_STRINGS("fox.", "cat.")));
    text = choreo_format("%sscores %zu %d %u\n", text, scores.count, scores.items[0].logprob < 0, scores.items[0].tokens);
    CHOREO_TRY(choreo_limit("calls", 50));
    choreo_budgets budgets = choreo_remaining();
    for (size_t i = 0; i < budgets.count; i++) {
        if (strcmp(budgets.items[i].name.bytes, "calls") == 0) {
            text = choreo_format("%scalls %llu\n", text, (unsigned long long)budgets.items[i].left);
        }
    }
    choreo_model_info model = choreo_model();
    text = choreo_format("%smodel %d %d roles %zu from %d\n", text, model.name.length > 0, model.context > 100,
                         model.roles.count, model.roles.items[0]);
    choreo_log(CHOREO_LOG_WARN, "a line of the %s", "log");
    CHOREO_TRY(choreo_release(CHOREO_MESSAGES(message)));
    choreo_code code = choreo_describe((choreo_messages){&message, 1}, &found);
    *result = choreo_format("%sreleased %d: %s", text, code, choreo_error_text(choreo_last_error()));
    return CHOREO_OK;
}

choreo_code choreo_run(size_t count, const char *const *arguments, const char **result) {
    const char *verb = count ? arguments[0] : "";
    if (strcmp(verb, "error") == 0) return unknown_message();
    if (strcmp(verb, "role") == 0) return wrong_role();
    if (strcmp(verb, "temperature") == 0) return wrong_temperature();
    if (strcmp(verb, "crash") == 0) crash(count);
    if (strcmp(verb, "null") == 0) *result = choreo_format("%d", beyond(NULL, count));
    if (strcmp(verb, "loop") == 0) for (volatile size_t i = 0;; i++) continue;
    if (strcmp(verb, "memory") == 0) hoard();
    if (strcmp(verb, "texts") == 0) return texts();
    if (strcmp(verb, "words") == 0) return words(result);
    if (strcmp(verb, "eight") == 0 && count == 3) return eight(arguments[1], arguments[2], result);
    if (strcmp(verb, "everything") == 0) return everything(result);
    return choreo_fail("no behaviour is called \"%s\"", verb);
}
