/* What plans in C share, as workflows/shared has it for Rust: arguments, the problem,
 * sampling, the transcript, what is read out of an answer. Texts are ASCII where
 * letters and white space are told from the rest. */
#ifndef SHARED_H
#define SHARED_H

#include "choreo.h"

/* --- Arguments: options are taken by their names, words are left. --- */

typedef struct {
    const char **left;
    size_t count;
    const char *usage;
} arguments;

arguments arguments_new(size_t count, const char *const *words, const char *usage);
/* Whether this option, which has no value, is there. */
bool take_flag(arguments *arguments, const char *name);
/* The option's value, or NULL where it is not there. */
choreo_code take_value(arguments *arguments, const char *name, const char **value);
/* The option's number; what `number` has stays where the option is not there. */
choreo_code take_number(arguments *arguments, const char *name, size_t least, size_t most, size_t *number);
/* The index of the option's value among those that are known; 0 where it is not there. */
choreo_code take_choice(arguments *arguments, const char *name, choreo_strings known, size_t *choice);

/* --- Sampling: `--temperature T` and `--max-tokens N`. --- */

typedef struct {
    float temperature;
    size_t max_tokens;
} sampling;

choreo_code take_sampling(arguments *arguments, float temperature, sampling *sampling);
/* A message to decode that starts with the header and sees these. */
choreo_decode_call sampled(const sampling *sampling, const char *header, choreo_messages after);

/* --- The problem: a word, or one of workflows/problems.txt. --- */

typedef struct problem {
    const char *text;
    const char *expected; /* NULL where it is not known */
} problem;

/* The last that is taken: the one word that is left, or `--draw N`. */
choreo_code take_problem(arguments *arguments, problem *problem);
/* A system's message that puts the problem where the prompt has `{problem}`. */
choreo_code instruct(const problem *problem, const char *prompt, choreo_message *message);

/* --- What a plan returns. --- */

typedef struct {
    char *text;
    size_t length, room;
} transcript;

transcript transcript_of(const problem *problem);
void add_line(transcript *transcript, const char *text);
void add_section(transcript *transcript, const char *title);
/* The texts of these messages. */
void add_turns(transcript *transcript, const choreo_decoded *turns, size_t count);
/* Ends with the answer (NULL: none) and how it came about; the whole text. */
const char *answered(transcript *transcript, const problem *problem, const char *answer, const char *how);

/* --- What is read out of an answer. --- */

/* What a solution answers, or NULL. */
const char *answer_in(const char *text);
/* The first number of a text, written in one way, or NULL. */
const char *number_in(const char *text);
/* The vote that most gave, of equals the first, or NULL; and how many did. */
const char *majority(const char *const *votes, size_t count, size_t *most);

#endif
