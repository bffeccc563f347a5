/* Arguments, and what every plan takes of them. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "shared.h"

arguments arguments_new(size_t count, const char *const *words, const char *usage) {
    arguments taken = {choreo_allocate(count * sizeof(char *)), count, usage};
    if (count) memcpy(taken.left, words, count * sizeof(char *));
    return taken;
}

/* Takes the word at this index away. */
static const char *take(arguments *arguments, size_t at) {
    const char *word = arguments->left[at];
    arguments->count--;
    memmove(arguments->left + at, arguments->left + at + 1, (arguments->count - at) * sizeof(char *));
    return word;
}

static size_t find(const arguments *arguments, const char *name) {
    size_t at = 0;
    while (at < arguments->count && strcmp(arguments->left[at], name) != 0) at++;
    return at;
}

bool take_flag(arguments *arguments, const char *name) {
    size_t at = find(arguments, name);
    bool found = at < arguments->count;
    if (found) take(arguments, at);
    return found;
}

choreo_code take_value(arguments *arguments, const char *name, const char **value) {
    size_t at = find(arguments, name);
    *value = NULL;
    if (at == arguments->count) return CHOREO_OK;
    if (at + 1 == arguments->count) return choreo_fail("%s has no value: take %s", name, arguments->usage);
    take(arguments, at);
    *value = take(arguments, at);
    return CHOREO_OK;
}

/* Digits, and no more than fit. */
static bool whole_number(const char *text, size_t *number) {
    if (*text == '+') text++;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits]) return false;
    *number = strtoul(text, NULL, 10);
    return true;
}

choreo_code take_number(arguments *arguments, const char *name, size_t least, size_t most, size_t *number) {
    const char *value;
    CHOREO_TRY(take_value(arguments, name, &value));
    if (!value) return CHOREO_OK;
    if (whole_number(value, number) && least <= *number && *number <= most) return CHOREO_OK;
    return choreo_fail("%s needs a number from %zu to %zu, not \"%s\"", name, least, most, value);
}

choreo_code take_choice(arguments *arguments, const char *name, choreo_strings known, size_t *choice) {
    const char *value;
    CHOREO_TRY(take_value(arguments, name, &value));
    *choice = 0;
    if (!value) return CHOREO_OK;
    const char *names = "";
    for (size_t i = 0; i < known.count; i++) {
        if (strcmp(value, known.items[i]) == 0) {
            *choice = i;
            return CHOREO_OK;
        }
        names = choreo_format("%s%s%s", names, i ? ", " : "", known.items[i]);
    }
    return choreo_fail("%s takes one of %s, not \"%s\"", name, names, value);
}

/* The one word that is left, or NULL. */
static choreo_code take_word(arguments *arguments, const char **word) {
    for (size_t i = 0; i < arguments->count; i++) {
        const char *left = arguments->left[i];
        if (strncmp(left, "--", 2) == 0) {
            return choreo_fail("no option is called %s, or it stands twice: take %s", left, arguments->usage);
        }
    }
    if (arguments->count > 1) {
        return choreo_fail("one text too many, \"%s\": take %s, texts in quotes", arguments->left[1], arguments->usage);
    }
    *word = arguments->count ? arguments->left[0] : NULL;
    return CHOREO_OK;
}

choreo_code take_sampling(arguments *arguments, float temperature, sampling *sampling) {
    const char *value;
    CHOREO_TRY(take_value(arguments, "--temperature", &value));
    if (value) {
        char *end;
        // What `strtof` takes beyond decimal numbers starts with a letter or a space, or has an x.
        bool decimal = value[0] && !isspace((unsigned char)value[0]) && !strpbrk(value, "xXpP");
        temperature = strtof(value, &end);
        if (!decimal || *end || !(temperature >= 0 && temperature <= 10)) {
            return choreo_fail("--temperature needs a number from 0 to 10, not \"%s\"", value);
        }
    }
    sampling->temperature = temperature;
    sampling->max_tokens = 256;
    return take_number(arguments, "--max-tokens", 1, 1000000, &sampling->max_tokens);
}

choreo_decode_call sampled(const sampling *sampling, const char *header, choreo_messages after) {
    return (choreo_decode_call){
        .header = header,
        .after = after,
        .temperature = choreo_f32(sampling->temperature),
        .max_tokens = choreo_u32((uint32_t)sampling->max_tokens),
    };
}

/* A problem and its answer a line, with a tab between. */
static const char HELD_OUT[] = {
#embed "../../problems.txt"
    , '\0'};

choreo_code take_problem(arguments *arguments, problem *problem) {
    const char *drawn, *word = NULL;
    CHOREO_TRY(take_value(arguments, "--draw", &drawn));
    CHOREO_TRY(take_word(arguments, &word));
    if (word && drawn) return choreo_fail("a problem and --draw: give one of them");
    *problem = (struct problem){word, NULL};
    if (word) return CHOREO_OK;

    size_t number = 1, known = 0;
    bool is_number = !drawn || whole_number(drawn, &number);
    for (const char *line = HELD_OUT, *end; (end = strchr(line, '\n')); line = end + 1) {
        if (++known != number || !is_number) continue;
        int text = (int)strcspn(line, "\t");
        problem->text = choreo_format("%.*s", text, line);
        problem->expected = choreo_format("%.*s", (int)(end - line) - text - 1, line + text + 1);
    }
    if (problem->text) return CHOREO_OK;
    return choreo_fail("--draw needs a number from 1 to %zu, not \"%s\"", known, drawn);
}

choreo_code instruct(const problem *problem, const char *prompt, choreo_message *message) {
    static const char PLACE[] = "{problem}";
    const char *text = "";
    for (const char *place; (place = strstr(prompt, PLACE)); prompt = place + strlen(PLACE)) {
        text = choreo_format("%s%.*s%s", text, (int)(place - prompt), prompt, problem->text);
    }
    text = choreo_format("%s%s", text, prompt);
    size_t length = strlen(text);
    while (length && isspace((unsigned char)text[length - 1])) length--;
    return choreo_prefill(message, .role = CHOREO_SYSTEM, .text = choreo_format("%.*s", (int)length, text));
}
