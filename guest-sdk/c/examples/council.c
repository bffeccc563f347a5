/* Three agents solve a problem apart; a fourth sees what they said and decides. */
#include "choreo.h"

#define SOLVE "You are one of several agents. Solve the problem step by step, then write the answer."
#define DECIDE \
    "Several agents have solved the problem below. Use their answers as advice only, and solve the problem again " \
    "step by step."

choreo_code choreo_run(size_t count, const char *const *arguments, const char **result) {
    if (count < 1) return choreo_fail("no problem: give one as the first argument");
    choreo_message solve, decide;
    CHOREO_TRY(choreo_prefill(&solve, .role = CHOREO_SYSTEM,
                              .text = choreo_format("%s Problem: %s", SOLVE, arguments[0])));
    CHOREO_TRY(choreo_prefill(&decide, .role = CHOREO_SYSTEM,
                              .text = choreo_format("%s Problem: %s", DECIDE, arguments[0])));

    /* One list: the three run together, and none sees another. */
    choreo_messages seen = CHOREO_MESSAGES(solve);
    choreo_decode_call agents[3];
    for (int i = 0; i < 3; i++) {
        agents[i] = (choreo_decode_call){
            .header = choreo_format("From Agent %d:\n", i + 1),
            .after = seen,
            .max_tokens = choreo_u32(64),
            .temperature = choreo_f32(0.7f),
        };
    }
    choreo_decoded opinions[3], verdict;
    CHOREO_TRY(choreo_decode_all(agents, 3, opinions));

    /* The opinions stand one after another. None of them is encoded again. */
    CHOREO_TRY(choreo_decode(&verdict, .header = "From Agent 4:\n",
                             .after = CHOREO_MESSAGES(decide, opinions[0].id, opinions[1].id, opinions[2].id),
                             .max_tokens = choreo_u32(64), .temperature = choreo_f32(0)));
    *result = verdict.text.bytes;
    return CHOREO_OK;
}
