/* choreo.h over what wit-bindgen generates of the contract (generated/plan.h). */
#include "choreo.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "generated/plan.h"

/* Records that come back are laid out as the contract's are, and are not copied. */
#define SAME(ours, theirs) \
    _Static_assert(sizeof(ours) == sizeof(theirs) && alignof(ours) == alignof(theirs), "another layout: " #ours)
SAME(choreo_text, plan_string_t);
SAME(choreo_parent, choreo_host_choreo_parent_t);
SAME(choreo_finish, choreo_host_choreo_finish_t);
SAME(choreo_logprobs, choreo_host_choreo_logprobs_t);
SAME(choreo_decoded, choreo_host_choreo_decoded_t);
SAME(choreo_description, choreo_host_choreo_description_t);
SAME(choreo_scored, choreo_host_choreo_scored_t);
SAME(choreo_budget, choreo_host_choreo_budget_t);
SAME(choreo_model_info, choreo_host_choreo_model_info_t);
SAME(choreo_pending, choreo_host_choreo_own_pending_t);
_Static_assert((int)CHOREO_ENGINE == CHOREO_HOST_CHOREO_CAUSE_ENGINE + 1, "a code is a cause and one");
_Static_assert((int)CHOREO_RAW == CHOREO_HOST_CHOREO_ROLE_RAW + 1, "a role is the contract's and one");

/* The component's types are added when it is made. */
void __component_type_object_force_link_plan(void);
void __component_type_object_force_link_plan(void) {}

/* --- Memory: blocks that know the one before them. --- */

typedef struct block { alignas(16) struct block *before; } block;

/* What the plan may use, and what one call needs until it returns. */
static block *kept, *lent;

/* NULL where there is none. */
static void *find(block **blocks, size_t bytes) {
    block *found = malloc(sizeof(block) + bytes);
    if (!found) return NULL;
    found->before = *blocks;
    *blocks = found;
    return found + 1;
}

static void say(choreo_level level, const char *text);

static void *take(block **blocks, size_t bytes) {
    void *found = find(blocks, bytes);
    if (found) return found;
    char line[64];
    snprintf(line, sizeof line, "no memory for %zu bytes", bytes);
    say(CHOREO_LOG_ERROR, line);
    __builtin_trap();
}

static void give_back(block **blocks, block *until) {
    while (*blocks != until) {
        block *last = *blocks;
        *blocks = last->before;
        free(last);
    }
}

void *choreo_allocate(size_t bytes) { return take(&kept, bytes); }
choreo_point choreo_mark(void) { return (choreo_point){kept}; }
void choreo_reset(choreo_point point) { give_back(&kept, point.latest); }

/* The host's way to memory. A byte more than it asks for ends its texts. Nothing may be
 * asked of the host meanwhile, so where there is no memory nothing is said. */
__attribute__((export_name("cabi_realloc")))
void *cabi_realloc(void *old, size_t old_bytes, size_t align, size_t bytes) {
    (void)align;
    char *found = find(&kept, bytes + 1);
    if (!found) __builtin_trap();
    if (old) memcpy(found, old, old_bytes < bytes ? old_bytes : bytes);
    found[bytes] = '\0';
    return found;
}

static const char *formatted(const char *format, va_list values) {
    va_list again;
    va_copy(again, values);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = choreo_allocate((size_t)(length < 0 ? 0 : length) + 1);
    text[0] = '\0';
    if (length > 0) vsnprintf(text, (size_t)length + 1, format, values);
    return text;
}

const char *choreo_format(const char *format, ...) {
    va_list values;
    va_start(values, format);
    const char *text = formatted(format, values);
    va_end(values);
    return text;
}

/* A copy that no reset frees. */
static char *copied(const char *text) {
    size_t bytes = strlen(text) + 1;
    char *copy = malloc(bytes);
    if (!copy) __builtin_trap();
    return memcpy(copy, text, bytes);
}

/* --- Into the contract's types. --- */

static plan_string_t lend(const char *text) {
    if (!text) text = "";
    return (plan_string_t){(uint8_t *)text, strlen(text)};
}

static plan_list_string_t lend_all(choreo_strings strings) {
    plan_string_t *items = take(&lent, strings.count * sizeof *items);
    for (size_t i = 0; i < strings.count; i++) items[i] = lend(strings.items[i]);
    return (plan_list_string_t){items, strings.count};
}

/* The first value that names nothing: the host would end the run for it. */
static choreo_error mistake;

static uint8_t within(unsigned value, unsigned count, const char *what, size_t call) {
    if (value >= count && mistake.code == CHOREO_OK) {
        const char *why = choreo_format("this %s is none of the contract's: name one of choreo.h's", what);
        mistake = (choreo_error){.code = CHOREO_INVALID_ARGUMENT, .what = why, .call = choreo_u32((uint32_t)call)};
    }
    return (uint8_t)value;
}

/* Assignments to the fields of the generated records, whose type names are long. */
#define LEND_OPTION(into, from) ((into).is_some = (from).is_set, (into).val = (from).value)
#define LEND_NAME(into, from) ((into).is_some = (from) != NULL, (into).val = lend(from))
#define LEND_ROLE(from, usual, at) within((from) == CHOREO_USUAL ? (usual) - 1u : (from) - 1u, 5, "role", at)
#define LEND_VIEW(into, call) \
    lend_view(&(into), (call)->after, (call)->parents, (call)->offset, (call)->may_see, \
              within((call)->on_violation, 2, "on_violation", i))

static void lend_view(choreo_host_choreo_view_t *view, choreo_messages after, choreo_parents parents,
                      choreo_option_u32 offset, const choreo_strings *may_see, choreo_on_violation on_violation) {
    size_t count = after.count + parents.count;
    choreo_parent *all = take(&lent, count * sizeof *all);
    for (size_t i = 0; i < after.count; i++) all[i] = choreo_after(after.items[i]);
    if (parents.count) memcpy(all + after.count, parents.items, parents.count * sizeof *all);
    view->parents.ptr = (choreo_host_choreo_parent_t *)all;
    view->parents.len = count;
    LEND_OPTION(view->offset, offset);
    view->may_see.is_some = may_see != NULL;
    if (may_see) view->may_see.val = lend_all(*may_see);
    view->on_violation = on_violation;
}

static choreo_host_choreo_list_prefill_call_t lend_prefills(const choreo_prefill_call *calls, size_t count) {
    choreo_host_choreo_prefill_call_t *items = take(&lent, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const choreo_prefill_call *call = calls + i;
        choreo_host_choreo_prefill_call_t *item = items + i;
        item->role = LEND_ROLE(call->role, CHOREO_USER, i);
        LEND_NAME(item->name, call->name);
        item->part = within(call->part, 4, "part", i);
        item->text = lend(call->text);
        item->labels = lend_all(call->labels);
        LEND_VIEW(item->view, call);
    }
    return (choreo_host_choreo_list_prefill_call_t){items, count};
}

static void lend_constraint(choreo_host_choreo_decode_options_t *options, choreo_constraint constraint) {
    options->constraint.is_some = constraint.kind != CHOREO_ANYTHING;
    if (constraint.kind == CHOREO_ANYTHING) return;
    options->constraint.val.tag = (uint8_t)(constraint.kind - CHOREO_ONE_OF);
    switch (constraint.kind) {
    case CHOREO_ONE_OF: options->constraint.val.val.one_of = lend_all(constraint.choices); break;
    case CHOREO_REGEX: options->constraint.val.val.regex = lend(constraint.text); break;
    default: options->constraint.val.val.json_schema = lend(constraint.text); break;
    }
}

static choreo_host_choreo_list_decode_call_t lend_decodes(const choreo_decode_call *calls, size_t count) {
    choreo_host_choreo_decode_call_t *items = take(&lent, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const choreo_decode_call *call = calls + i;
        choreo_host_choreo_decode_call_t *item = items + i;
        item->role = LEND_ROLE(call->role, CHOREO_ASSISTANT, i);
        LEND_NAME(item->name, call->name);
        item->part = within(call->part, 4, "part", i);
        item->header = lend(call->header);
        item->labels = lend_all(call->labels);
        LEND_VIEW(item->view, call);
        LEND_OPTION(item->options.max_tokens, call->max_tokens);
        LEND_OPTION(item->options.temperature, call->temperature);
        LEND_OPTION(item->options.top_p, call->top_p);
        LEND_OPTION(item->options.top_k, call->top_k);
        LEND_OPTION(item->options.min_p, call->min_p);
        LEND_OPTION(item->options.repetition_penalty, call->repetition_penalty);
        LEND_OPTION(item->options.seed, call->seed);
        item->options.stop = lend_all(call->stop);
        lend_constraint(&item->options, call->constraint);
        item->options.top_logprobs = call->top_logprobs;
    }
    return (choreo_host_choreo_list_decode_call_t){items, count};
}

static choreo_host_choreo_list_score_call_t lend_scores(const choreo_score_call *calls, size_t count) {
    choreo_host_choreo_score_call_t *items = take(&lent, count * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        const choreo_score_call *call = calls + i;
        choreo_host_choreo_score_call_t *item = items + i;
        item->role = LEND_ROLE(call->role, CHOREO_ASSISTANT, i);
        LEND_NAME(item->name, call->name);
        item->header = lend(call->header);
        LEND_VIEW(item->view, call);
        item->candidates = lend_all(call->candidates);
        item->with_end = call->with_end;
    }
    return (choreo_host_choreo_list_score_call_t){items, count};
}

/* --- Errors. --- */

static choreo_error last;

const choreo_error *choreo_last_error(void) { return &last; }

/* Keeps a failure until the next one, through any reset. */
static choreo_code failed(choreo_error error) {
    char *words = error.what ? copied(error.what) : NULL;
    // Not sooner, for the new one may be in the words of the one before.
    free((char *)last.what);
    last = error;
    last.what = words;
    return last.code;
}

choreo_code choreo_fail(const char *format, ...) {
    va_list values;
    va_start(values, format);
    const char *words = formatted(format, values);
    va_end(values);
    return failed((choreo_error){.code = CHOREO_FAILED, .what = words});
}

choreo_code choreo_passed(choreo_code code, const char *file, int line) {
    if (!last.file) {
        last.file = file;
        last.line = line;
    }
    return code;
}

/* A text of the host's: it has a NUL behind it, unless it is empty. */
static const char *text_of(plan_string_t text) { return text.len ? (const char *)text.ptr : ""; }

static choreo_error error_of(const choreo_host_choreo_error_t *error) {
    choreo_error found = {.code = (choreo_code)(error->cause.tag + 1), .call = {error->call.is_some, error->call.val}};
    const choreo_host_choreo_shortage_t *shortage = &error->cause.val.budget;
    switch (found.code) {
    case CHOREO_UNKNOWN_MESSAGE: case CHOREO_LOST: case CHOREO_LABEL:
        found.message = error->cause.val.lost;
        break;
    case CHOREO_CONTEXT_OVERFLOW: case CHOREO_CACHE_FULL: case CHOREO_BUDGET: case CHOREO_TIMEOUT:
        found.what = text_of(shortage->what);
        found.asked = shortage->asked;
        found.left = shortage->left;
        break;
    case CHOREO_INVALID_ARGUMENT: case CHOREO_DENIED: case CHOREO_UNSUPPORTED: case CHOREO_ENGINE:
        found.what = text_of(error->cause.val.engine);
        break;
    default: break;
    }
    return found;
}

static const char *cause_text(const choreo_error *error) {
    unsigned long long asked = error->asked, left = error->left;
    const char *what = error->what;
    switch (error->code) {
    case CHOREO_OK: return "no error";
    case CHOREO_UNKNOWN_MESSAGE:
        return choreo_format("message %u is not known to this run: name a message that was made here and not "
                             "released", error->message);
    case CHOREO_LOST:
        return choreo_format("message %u could not be encoded, so its descendants cannot: make it and them again",
                             error->message);
    case CHOREO_LABEL:
        return choreo_format("message %u carries a label that the call may not see: name the label in may_see or "
                             "leave the parent out", error->message);
    case CHOREO_CONTEXT_OVERFLOW:
        return choreo_format("%s needs %llu positions and the model has %llu: see less or decode less", what, asked,
                             left);
    case CHOREO_CACHE_FULL:
        return choreo_format("%s needs room for %llu tokens at once and the cache has %llu: see fewer messages, or "
                             "ask for a larger cache", what, asked, left);
    case CHOREO_BUDGET:
        return choreo_format("the budget %s has %llu left and the call needs %llu: ask the operator for more", what,
                             left, asked);
    case CHOREO_TIMEOUT:
        return choreo_format("the time is over (%s: %llu asked, %llu left): ask the operator for more", what, asked,
                             left);
    case CHOREO_INVALID_ARGUMENT: return choreo_format("invalid argument: %s", what);
    case CHOREO_DENIED: return choreo_format("denied by the operator: %s", what);
    case CHOREO_UNSUPPORTED: return choreo_format("not supported by this host: %s", what);
    case CHOREO_CANCELLED: return "cancelled";
    case CHOREO_ENGINE: return choreo_format("engine: %s", what);
    case CHOREO_FAILED: return choreo_format("%s", what);
    }
    return "an unknown cause";
}

const char *choreo_error_text(const choreo_error *error) {
    const char *text = cause_text(error);
    // A plan's own words are for who runs it, the contract's for who wrote it.
    if (error->code == CHOREO_FAILED) return text;
    if (error->call.is_set) text = choreo_format("call %u of the list: %s", error->call.value, text);
    return error->file ? choreo_format("%s:%d: %s", error->file, error->line, text) : text;
}

/* Whether a call makes sense; if not, it fails without the host. */
static bool sound(void) {
    if (mistake.code == CHOREO_OK) return true;
    failed(mistake);
    mistake = (choreo_error){.code = CHOREO_OK};
    give_back(&lent, NULL);
    return false;
}

/* Ends a call: what was lent is given back, and a failure is kept. */
static choreo_code ended(bool worked, const choreo_host_choreo_error_t *error) {
    give_back(&lent, NULL);
    return worked ? CHOREO_OK : failed(error_of(error));
}

/* --- What comes back. Empty texts get the NUL that the others have. --- */

static choreo_text ending(choreo_text text) { return text.length ? text : (choreo_text){"", 0}; }

static void finish_ending(choreo_finish *finish) {
    if (finish->kind == CHOREO_BUDGET_RAN_OUT) finish->value.budget = ending(finish->value.budget);
}

static void decoded_ending(choreo_decoded *decoded) {
    decoded->text = ending(decoded->text);
    finish_ending(&decoded->finish);
}

/* The host's list, copied to where the caller has room for as many. */
#define COPY(into, list, count) \
    memcpy(into, (list).ptr, ((list).len < (count) ? (list).len : (count)) * sizeof *(into))

/* --- The calls. --- */

choreo_code choreo_prefill_all(const choreo_prefill_call *calls, size_t count, choreo_message *messages) {
    choreo_host_choreo_list_prefill_call_t list = lend_prefills(calls, count);
    if (!sound()) return last.code;
    choreo_host_choreo_list_message_t ids;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_prefill(&list, &ids, &error);
    if (worked && count) COPY(messages, ids, count);
    return ended(worked, &error);
}

choreo_code choreo_decode_each(const choreo_decode_call *calls, size_t count, choreo_lane *lanes) {
    choreo_host_choreo_list_decode_call_t list = lend_decodes(calls, count);
    if (!sound()) return last.code;
    choreo_host_choreo_list_result_decoded_error_t found;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_decode(&list, &found, &error);
    for (size_t i = 0; worked && i < count; i++) {
        if (found.ptr[i].is_err) {
            lanes[i].error = error_of(&found.ptr[i].val.err);
            lanes[i].error.call = choreo_u32((uint32_t)i);
        } else {
            lanes[i].error = (choreo_error){.code = CHOREO_OK};
            memcpy(&lanes[i].decoded, &found.ptr[i].val.ok, sizeof(choreo_decoded));
            decoded_ending(&lanes[i].decoded);
        }
    }
    return ended(worked, &error);
}

choreo_code choreo_decode_all(const choreo_decode_call *calls, size_t count, choreo_decoded *decoded) {
    choreo_lane *lanes = choreo_allocate(count * sizeof *lanes);
    choreo_code code = choreo_decode_each(calls, count, lanes);
    if (code != CHOREO_OK) return code;
    for (size_t i = 0; i < count; i++) {
        if (lanes[i].error.code != CHOREO_OK) return failed(lanes[i].error);
        decoded[i] = lanes[i].decoded;
    }
    return CHOREO_OK;
}

static choreo_host_choreo_list_message_t lend_messages(choreo_messages messages) {
    return (choreo_host_choreo_list_message_t){(choreo_message *)messages.items, messages.count};
}

choreo_code choreo_text_of(choreo_messages messages, choreo_text *texts) {
    choreo_host_choreo_list_message_t ids = lend_messages(messages);
    plan_list_string_t found;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_text(&ids, &found, &error);
    for (size_t i = 0; worked && i < messages.count; i++) {
        texts[i] = (choreo_text){text_of(found.ptr[i]), found.ptr[i].len};
    }
    return ended(worked, &error);
}

choreo_code choreo_describe(choreo_messages messages, choreo_description *descriptions) {
    choreo_host_choreo_list_message_t ids = lend_messages(messages);
    choreo_host_choreo_list_description_t found;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_describe(&ids, &found, &error);
    if (worked && messages.count) COPY(descriptions, found, messages.count);
    for (size_t i = 0; worked && i < messages.count; i++) {
        choreo_description *description = descriptions + i;
        description->role++;
        description->name.text = ending(description->name.is_set ? description->name.text : (choreo_text){"", 0});
        finish_ending(&description->finish);
        for (size_t l = 0; l < description->labels.count; l++) {
            choreo_text *label = (choreo_text *)description->labels.items + l;
            *label = ending(*label);
        }
    }
    return ended(worked, &error);
}

choreo_code choreo_count_tokens(choreo_role role, choreo_part part, choreo_strings texts, uint32_t *tokens) {
    plan_list_string_t list = lend_all(texts);
    uint8_t role_number = LEND_ROLE(role, CHOREO_USER, 0), part_number = within(part, 4, "part", 0);
    if (!sound()) return last.code;
    plan_list_u32_t found;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_count_tokens(role_number, part_number, &list, &found, &error);
    if (worked && texts.count) COPY(tokens, found, texts.count);
    return ended(worked, &error);
}

choreo_code choreo_release(choreo_messages messages) {
    choreo_host_choreo_list_message_t ids = lend_messages(messages);
    choreo_host_choreo_error_t error;
    return ended(choreo_host_choreo_release(&ids, &error), &error);
}

choreo_code choreo_start_all(const choreo_decode_call *calls, size_t count, choreo_pending *pendings) {
    choreo_host_choreo_list_decode_call_t list = lend_decodes(calls, count);
    if (!sound()) return last.code;
    choreo_host_choreo_list_own_pending_t found;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_start_decode(&list, &found, &error);
    if (worked && count) COPY(pendings, found, count);
    return ended(worked, &error);
}

static choreo_host_choreo_borrow_pending_t borrow(choreo_pending pending) {
    return (choreo_host_choreo_borrow_pending_t){pending.handle};
}

choreo_code choreo_read(choreo_pending pending, choreo_text *piece) {
    plan_option_string_t found;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_method_pending_read(borrow(pending), &found, &error);
    *piece = (choreo_text){NULL, 0};
    if (worked && found.is_some) *piece = (choreo_text){text_of(found.val), found.val.len};
    return ended(worked, &error);
}

choreo_code choreo_finish_pending(choreo_pending pending, choreo_decoded *decoded) {
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_method_pending_finish(borrow(pending), (choreo_host_choreo_decoded_t *)decoded,
                                                           &error);
    if (worked) decoded_ending(decoded);
    return ended(worked, &error);
}

choreo_code choreo_cancel(choreo_pending pending, choreo_decoded *decoded) {
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_method_pending_cancel(borrow(pending), (choreo_host_choreo_decoded_t *)decoded,
                                                           &error);
    if (worked) decoded_ending(decoded);
    return ended(worked, &error);
}

__attribute__((import_module("choreo:host/choreo@0.1.0"), import_name("[resource-drop]pending")))
extern void drop_pending(int32_t handle);

void choreo_drop(choreo_pending pending) { drop_pending(pending.handle); }

choreo_code choreo_wait_any(const choreo_pending *pendings, size_t count, choreo_until until,
                            choreo_option_u32 timeout_ms, choreo_indexes *ready) {
    choreo_host_choreo_borrow_pending_t *items = take(&lent, count * sizeof *items);
    for (size_t i = 0; i < count; i++) items[i] = borrow(pendings[i]);
    choreo_host_choreo_list_borrow_pending_t list = {items, count};
    plan_list_u32_t found;
    choreo_host_choreo_error_t error;
    uint32_t *timeout = timeout_ms.is_set ? &timeout_ms.value : NULL;
    bool worked = choreo_host_choreo_wait_any(&list, (uint8_t)until, timeout, &found, &error);
    if (worked) *ready = (choreo_indexes){found.ptr, found.len};
    return ended(worked, &error);
}

choreo_code choreo_score_all(const choreo_score_call *calls, size_t count, choreo_scores *scores) {
    choreo_host_choreo_list_score_call_t list = lend_scores(calls, count);
    if (!sound()) return last.code;
    choreo_host_choreo_list_list_scored_t found;
    choreo_host_choreo_error_t error;
    bool worked = choreo_host_choreo_score(&list, &found, &error);
    for (size_t i = 0; worked && i < count; i++) {
        scores[i] = (choreo_scores){(const choreo_scored *)found.ptr[i].ptr, found.ptr[i].len};
    }
    return ended(worked, &error);
}

choreo_budgets choreo_remaining(void) {
    choreo_host_choreo_list_budget_t found;
    choreo_host_choreo_remaining(&found);
    return (choreo_budgets){(const choreo_budget *)found.ptr, found.len};
}

choreo_code choreo_limit(const char *name, uint64_t left) {
    choreo_host_choreo_budget_t budget = {lend(name), left};
    choreo_host_choreo_error_t error;
    return ended(choreo_host_choreo_limit(&budget, &error), &error);
}

choreo_model_info choreo_model(void) {
    choreo_model_info info;
    choreo_host_choreo_model((choreo_host_choreo_model_info_t *)&info);
    info.name = ending(info.name);
    for (size_t i = 0; i < info.roles.count; i++) ((choreo_role *)info.roles.items)[i]++;
    return info;
}

static void say(choreo_level level, const char *text) {
    plan_string_t lent = lend(text);
    choreo_host_log_log((uint8_t)level, &lent);
}

void choreo_log(choreo_level level, const char *format, ...) {
    choreo_point before = choreo_mark();
    va_list values;
    va_start(values, format);
    say(level, formatted(format, values));
    va_end(values);
    choreo_reset(before);
}

/* --- The plan. --- */

/* A copy that the component's own code frees. */
static plan_string_t given(const char *text) { return (plan_string_t){(uint8_t *)copied(text), strlen(text)}; }

bool exports_plan_run(plan_list_string_t *args, plan_string_t *ret, plan_string_t *err) {
    const char **arguments = choreo_allocate((args->len + 1) * sizeof *arguments);
    for (size_t i = 0; i < args->len; i++) arguments[i] = text_of(args->ptr[i]);
    arguments[args->len] = NULL;
    const char *result = NULL;
    choreo_code code = choreo_run(args->len, arguments, &result);
    if (code == CHOREO_OK) {
        *ret = given(result ? result : "");
        return true;
    }
    *err = given(choreo_error_text(&last));
    return false;
}
