/* Multi-agent debate in parallel: the plan of src/lib.rs, with the same prompts,
 * arguments and transcript. */
#include "shared.h"

static const char SOLVE[] = {
#embed "prompts/solve.txt"
    , '\0'};
static const char UPDATE[] = {
#embed "prompts/update.txt"
    , '\0'};
static const char SUMMARISE[] = {
#embed "prompts/summarise.txt"
    , '\0'};
static const char USAGE[] =
    "[--agents A] [--rounds R] [--summaries] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]";

/* What an agent sees. */
typedef struct {
    choreo_message *items;
    size_t count;
} view;

static void see(view *view, choreo_message message) { view->items[view->count++] = message; }

/* One turn of every agent, all at once. */
static choreo_code take_turns(const sampling *sampling, const view *views, size_t agents, choreo_decoded *turns) {
    choreo_decode_call *calls = choreo_allocate(agents * sizeof *calls);
    for (size_t agent = 0; agent < agents; agent++) {
        choreo_messages after = {views[agent].items, views[agent].count};
        calls[agent] = sampled(sampling, choreo_format("From Agent %zu:\n", agent + 1), after);
    }
    return choreo_decode_all(calls, agents, turns);
}

static choreo_code summary_of(const sampling *sampling, choreo_message summarise, const choreo_decoded *last,
                              size_t agents, choreo_decoded *summary) {
    view seen = {choreo_allocate((agents + 1) * sizeof(choreo_message)), 0};
    see(&seen, summarise);
    for (size_t agent = 0; agent < agents; agent++) see(&seen, last[agent].id);
    choreo_decode_call call = sampled(sampling, "Summary:\n", (choreo_messages){seen.items, seen.count});
    return choreo_decode_all(&call, 1, summary);
}

choreo_code choreo_run(size_t count, const char *const *words, const char **result) {
    arguments arguments = arguments_new(count, words, USAGE);
    size_t agents = 3, rounds = 2;
    sampling sampling;
    problem problem;
    CHOREO_TRY(take_number(&arguments, "--agents", 1, 64, &agents));
    CHOREO_TRY(take_number(&arguments, "--rounds", 0, 64, &rounds));
    bool summaries = take_flag(&arguments, "--summaries");
    CHOREO_TRY(take_sampling(&arguments, 0.7f, &sampling));
    CHOREO_TRY(take_problem(&arguments, &problem));
    transcript transcript = transcript_of(&problem);

    choreo_message solve, update, summarise;
    choreo_decoded *last = choreo_allocate(agents * sizeof *last);
    view *views = choreo_allocate(agents * sizeof *views);
    /* Every agent's own turns before its last one, oldest first. */
    view *earlier = choreo_allocate(agents * sizeof *earlier);
    for (size_t agent = 0; agent < agents; agent++) {
        views[agent] = (view){choreo_allocate((2 + agents + rounds) * sizeof(choreo_message)), 0};
        earlier[agent] = (view){choreo_allocate((rounds + 1) * sizeof(choreo_message)), 0};
    }

    CHOREO_TRY(instruct(&problem, SOLVE, &solve));
    for (size_t agent = 0; agent < agents; agent++) see(&views[agent], solve);
    CHOREO_TRY(take_turns(&sampling, views, agents, last));
    add_section(&transcript, "Answers");
    add_turns(&transcript, last, agents);

    if (rounds > 0) {
        CHOREO_TRY(instruct(&problem, UPDATE, &update));
        if (summaries) CHOREO_TRY(instruct(&problem, SUMMARISE, &summarise));
    }
    for (size_t round = 1; round <= rounds; round++) {
        add_section(&transcript, choreo_format("Round %zu", round));
        choreo_decoded summary;
        if (summaries) {
            CHOREO_TRY(summary_of(&sampling, summarise, last, agents, &summary));
            add_turns(&transcript, &summary, 1);
        }
        for (size_t agent = 0; agent < agents; agent++) {
            view *view = &views[agent];
            view->count = 0;
            see(view, update);
            if (summaries) see(view, summary.id);
            for (size_t other = 0; other < agents && !summaries; other++) see(view, last[other].id);
            for (size_t turn = 0; turn < earlier[agent].count; turn++) see(view, earlier[agent].items[turn]);
            /* Without summaries an agent's last turn is among everyone's. */
            if (summaries) see(view, last[agent].id);
            see(&earlier[agent], last[agent].id);
        }
        CHOREO_TRY(take_turns(&sampling, views, agents, last));
        add_turns(&transcript, last, agents);
    }

    const char **answers = choreo_allocate(agents * sizeof *answers);
    size_t known = 0, votes;
    for (size_t agent = 0; agent < agents; agent++) {
        const char *answer = answer_in(last[agent].text.bytes);
        if (answer) answers[known++] = answer;
    }
    const char *answer = majority(answers, known, &votes);
    *result = answered(&transcript, &problem, answer, choreo_format("%zu of %zu agents", votes, agents));
    return CHOREO_OK;
}
