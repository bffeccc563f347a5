/* Asks for the texts of a list of messages, again and again. The same plan as src/lib.rs. */
#include <stdlib.h>

#include "choreo.h"

choreo_code choreo_run(size_t count, const char *const *arguments, const char **result) {
    if (count != 2) return choreo_fail("give two numbers: calls, messages");
    size_t calls = strtoul(arguments[0], NULL, 10), messages = strtoul(arguments[1], NULL, 10), bytes = 0;
    choreo_message *ids = choreo_allocate(messages * sizeof *ids), one;
    choreo_text *texts = choreo_allocate(messages * sizeof *texts);
    CHOREO_TRY(choreo_prefill(&one, .text = "one"));
    for (size_t i = 0; i < messages; i++) ids[i] = one;
    choreo_point start = choreo_mark();
    for (size_t call = 0; call < calls; call++) {
        CHOREO_TRY(choreo_text_of((choreo_messages){ids, messages}, texts));
        for (size_t i = 0; i < messages; i++) bytes += texts[i].length;
        choreo_reset(start);
    }
    *result = choreo_format("%zu bytes", bytes);
    return CHOREO_OK;
}
