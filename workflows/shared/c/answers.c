/* What is read out of a model's answers, and the transcript that a plan returns. */
#include <ctype.h>
#include <string.h>

#include "shared.h"

static bool alphanumeric(char c) { return isalnum((unsigned char)c); }

/* What stands in the last \boxed{…}, inner braces included, or NULL. */
static const char *boxed_in(const char *text) {
    static const char MARK[] = "\\boxed{";
    const char *inside = NULL;
    for (const char *mark = text; (mark = strstr(mark, MARK)); mark++) inside = mark + strlen(MARK);
    if (!inside) return NULL;
    int depth = 1;
    const char *end = inside;
    for (; *end; end++) {
        depth += (*end == '{') - (*end == '}');
        if (depth == 0) break;
    }
    if (!*end) return NULL;
    while (inside < end && isspace((unsigned char)*inside)) inside++;
    while (inside < end && isspace((unsigned char)end[-1])) end--;
    return choreo_format("%.*s", (int)(end - inside), inside);
}

const char *answer_in(const char *text) {
    const char *boxed = boxed_in(text);
    if (boxed) {
        bool letters = false;
        for (const char *c = boxed; *c; c++) letters |= isalpha((unsigned char)*c) != 0;
        const char *number = letters ? NULL : number_in(boxed);
        return number ? number : boxed;
    }
    static const char MARK[] = "answer";
    for (const char *at = text + strlen(text); at-- > text;) {
        size_t same = 0;
        while (same < strlen(MARK) && tolower((unsigned char)at[same]) == MARK[same]) same++;
        if (same < strlen(MARK)) continue;
        const char *after = at + same;
        while (*after && !alphanumeric(*after) && *after != '-') after++;
        size_t line = strcspn(after, "\n");
        const char *number = line ? number_in(choreo_format("%.*s", (int)line, after)) : NULL;
        if (number) return number;
    }
    return NULL;
}

/* Whether these many characters are digits. */
static bool digits(const char *text, size_t count) {
    while (count && isdigit((unsigned char)*text)) text++, count--;
    return count == 0;
}

const char *number_in(const char *text) {
    const char *start = text;
    while (*start && !isdigit((unsigned char)*start)) start++;
    if (!*start) return NULL;
    bool negative = start > text && start[-1] == '-' && (start - 1 == text || !alphanumeric(start[-2]));
    char *found = choreo_allocate(strlen(start) + 2);
    size_t length = 0;
    bool fraction = false, point = false;
    if (negative) found[length++] = '-';
    for (const char *at = start; *at; at++) {
        if (isdigit((unsigned char)*at)) {
            found[length++] = *at;
        } else if (*at == ',' && digits(at + 1, 3) && !digits(at + 4, 1)) {
            continue;
        } else if ((*at == '.' || *at == '/') && digits(at + 1, 1) && !fraction) {
            fraction = true;
            point = *at == '.';
            found[length++] = *at;
        } else {
            break;
        }
    }
    while (point && found[length - 1] == '0') length--;
    if (point && found[length - 1] == '.') length--;
    found[length] = '\0';
    return found;
}

const char *majority(const char *const *votes, size_t count, size_t *most) {
    const char *winner = NULL;
    *most = 0;
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        for (size_t j = 0; j < count; j++) same += strcmp(votes[i], votes[j]) == 0;
        if (same > *most) *most = same, winner = votes[i];
    }
    return winner;
}

/* --- The transcript. --- */

static void add(transcript *transcript, const char *text) {
    size_t length = strlen(text);
    if (transcript->length + length + 1 > transcript->room) {
        transcript->room = 2 * (transcript->length + length + 1);
        char *larger = choreo_allocate(transcript->room);
        if (transcript->length) memcpy(larger, transcript->text, transcript->length);
        transcript->text = larger;
    }
    memcpy(transcript->text + transcript->length, text, length + 1);
    transcript->length += length;
}

transcript transcript_of(const problem *problem) {
    transcript made = {0};
    add(&made, "Problem: ");
    add_line(&made, problem->text);
    return made;
}

void add_line(transcript *transcript, const char *text) {
    add(transcript, text);
    add(transcript, "\n");
}

void add_section(transcript *transcript, const char *title) {
    add(transcript, "\n== ");
    add_line(transcript, title);
}

void add_turns(transcript *transcript, const choreo_decoded *turns, size_t count) {
    for (size_t i = 0; i < count; i++) add_line(transcript, turns[i].text.bytes);
}

const char *answered(transcript *transcript, const problem *problem, const char *answer, const char *how) {
    add_line(transcript, choreo_format("\nAnswer: %s (%s)", answer ? answer : "none", how));
    if (problem->expected) {
        bool right = answer && strcmp(answer, problem->expected) == 0;
        add_line(transcript, choreo_format("Expected: %s (%s)", problem->expected, right ? "right" : "wrong"));
    }
    while (transcript->length && isspace((unsigned char)transcript->text[transcript->length - 1])) {
        transcript->text[--transcript->length] = '\0';
    }
    return transcript->text;
}
