/* Tree of thoughts of one level: the plan of src/lib.rs, with the same prompts,
 * arguments and transcript. */
#include <stdlib.h>
#include <string.h>

#include "shared.h"

static const char PROPOSE[] = {
#embed "prompts/propose.txt"
    , '\0'};
static const char VOTE[] = {
#embed "prompts/vote.txt"
    , '\0'};
static const char FINISH[] = {
#embed "prompts/finish.txt"
    , '\0'};
static const char USAGE[] =
    "[--branches B] [--voters V] [--choice text|constrained] [--temperature T] [--max-tokens N] [PROBLEM | --draw N]";

/* A vote's header. */
static const char BEST[] = "Best choice: ";

/* The solution that a vote names, as it is written: the first number in it, if there
 * is such a solution; else NULL. */
static const char *named(const char *ballot, size_t branches) {
    if (strncmp(ballot, BEST, strlen(BEST)) == 0) ballot += strlen(BEST);
    const char *number = number_in(ballot);
    if (!number || strspn(number, "0123456789") != strlen(number) || strlen(number) > 9) return NULL;
    size_t solution = strtoul(number, NULL, 10);
    return 1 <= solution && solution <= branches ? choreo_format("%zu", solution) : NULL;
}

choreo_code choreo_run(size_t count, const char *const *words, const char **result) {
    arguments arguments = arguments_new(count, words, USAGE);
    size_t branches = 8, voters = 4, constrained;
    sampling sampling;
    problem problem;
    CHOREO_TRY(take_number(&arguments, "--branches", 1, 64, &branches));
    CHOREO_TRY(take_number(&arguments, "--voters", 0, 64, &voters));
    CHOREO_TRY(take_choice(&arguments, "--choice", CHOREO_STRINGS("text", "constrained"), &constrained));
    CHOREO_TRY(take_sampling(&arguments, 0.7f, &sampling));
    CHOREO_TRY(take_problem(&arguments, &problem));
    transcript transcript = transcript_of(&problem);

    choreo_message propose, finish;
    CHOREO_TRY(instruct(&problem, PROPOSE, &propose));
    choreo_decode_call *calls = choreo_allocate((branches + voters) * sizeof *calls);
    const char **numbers = choreo_allocate(branches * sizeof *numbers);
    for (size_t branch = 0; branch < branches; branch++) {
        numbers[branch] = choreo_format("%zu", branch + 1);
        const char *header = choreo_format("Solution %s:\n", numbers[branch]);
        calls[branch] = sampled(&sampling, header, (choreo_messages){&propose, 1});
    }
    choreo_decoded *proposals = choreo_allocate(branches * sizeof *proposals);
    CHOREO_TRY(choreo_decode_all(calls, branches, proposals));
    add_section(&transcript, "Solutions");
    add_turns(&transcript, proposals, branches);

    /* A voter sees the instruction and all solutions. */
    choreo_message *seen = choreo_allocate((branches + 1) * sizeof *seen);
    CHOREO_TRY(instruct(&problem, VOTE, &seen[0]));
    for (size_t branch = 0; branch < branches; branch++) seen[branch + 1] = proposals[branch].id;
    for (size_t voter = 0; voter < voters; voter++) {
        calls[voter] = sampled(&sampling, BEST, (choreo_messages){seen, branches + 1});
        if (constrained) calls[voter].constraint = choreo_one_of((choreo_strings){numbers, branches});
    }
    choreo_decoded *ballots = choreo_allocate(voters * sizeof *ballots);
    CHOREO_TRY(choreo_decode_all(calls, voters, ballots));
    add_section(&transcript, "Votes");
    add_turns(&transcript, ballots, voters);

    const char **votes = choreo_allocate(voters * sizeof *votes);
    size_t valid = 0, most;
    for (size_t voter = 0; voter < voters; voter++) {
        const char *vote = named(ballots[voter].text.bytes, branches);
        if (vote) votes[valid++] = vote;
    }
    const char *winner = majority(votes, valid, &most);
    const char *how = winner ? choreo_format("solution %s, %zu of %zu votes", winner, most, voters)
                             : "solution 1, without a vote";
    if (!winner) winner = "1";

    CHOREO_TRY(instruct(&problem, FINISH, &finish));
    choreo_message ends[] = {finish, proposals[strtoul(winner, NULL, 10) - 1].id};
    choreo_decode_call call = sampled(&sampling, "Final answer:\n", (choreo_messages){ends, 2});
    choreo_decoded last;
    CHOREO_TRY(choreo_decode_all(&call, 1, &last));
    add_section(&transcript, choreo_format("Solution %s is finished", winner));
    add_turns(&transcript, &last, 1);
    *result = answered(&transcript, &problem, answer_in(last.text.bytes), how);
    return CHOREO_OK;
}
