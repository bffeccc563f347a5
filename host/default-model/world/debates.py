"""The turns of both debates: madpar with and without summaries, and maditer with its moderator."""

import json

from .base import learnt, message, prompt, said
from .problems import draw_problem, solution, wrong_solution, wrong_steps

# ---------------------------------------------------------------- madpar


def agent(number):
    return f"From Agent {number}:\n"


def solve_messages(problem_text):
    return [message("system", prompt("madpar/prompts/solve.txt", problem=problem_text))]


def update_messages(problem_text, last, own):
    """`last`: every agent's last answer, in order, or their summary. `own`: this agent's older ones."""
    return [message("system", prompt("madpar/prompts/update.txt", problem=problem_text)), *last, *own]


def summarise_messages(problem_text, last):
    return [message("system", prompt("madpar/prompts/summarise.txt", problem=problem_text)), *last]


def summary(answers):
    """`2 agents say 24. 1 agent says 26.`: most first, and of equals the one first given."""
    counts = {}
    for answer in answers:
        counts[answer] = counts.get(answer, 0) + 1
    rows = sorted(counts.items(), key=lambda row: -row[1])
    return " ".join(f"{n} agent{'s' * (n > 1)} say{'s' * (n == 1)} {answer}." for answer, n in rows)


def first_turn(rng):
    problem = draw_problem(rng)
    number = rng.choices(range(1, 9), [8, 8, 8, 2, 2, 1, 1, 1])[0]
    return [*solve_messages(problem.text), learnt(agent(number), solution(problem.steps))]


def steps_given(rng, problem, count):
    """The steps in `count` answers to a problem, some or most of them wrong; answers may share a mistake."""
    error_rate = rng.choice([0.25, 0.5, 0.8])  # where most are wrong, agreeing with the others does not pay
    mistakes = [wrong_steps(rng, problem) for _ in range(rng.choice([3, count]))]
    return [rng.choice(mistakes) if rng.random() < error_rate else problem.steps for _ in range(count)]


def draw_answers(rng, problem):
    """Of two to four agents: (every agent's last steps, one agent's number, its one or two older steps)."""
    agents = rng.choices([2, 3, 4], [20, 65, 15])[0]
    number = rng.randint(1, agents)
    older = rng.choices([0, 1, 2], [55, 30, 15])[0]
    steps = steps_given(rng, problem, agents + older)
    return steps[:agents], number, steps[agents:]


def update_turn(rng):
    problem = draw_problem(rng)
    last, number, older = draw_answers(rng, problem)
    last = [said(agent(i), solution(steps)) for i, steps in enumerate(last, 1)]
    own = [said(agent(number), solution(steps)) for steps in older]
    return [*update_messages(problem.text, last, own), learnt(agent(number), solution(problem.steps))]


def summary_turn(rng):
    problem = draw_problem(rng)
    agents = rng.choices([2, 3, 4, 5], [15, 50, 20, 15])[0]
    steps = steps_given(rng, problem, agents)
    last = [said(agent(i), solution(s)) for i, s in enumerate(steps, 1)]
    return [*summarise_messages(problem.text, last), learnt("Summary:\n", summary(s[-1][3] for s in steps))]


def summary_update(rng):
    problem = draw_problem(rng)
    last, number, older = draw_answers(rng, problem)
    told = said("Summary:\n", summary(steps[-1][3] for steps in last))
    own = [said(agent(number), solution(steps)) for steps in (*older, last[number - 1])]
    return [*update_messages(problem.text, [told], own), learnt(agent(number), solution(problem.steps))]


# ---------------------------------------------------------------- maditer

AFFIRMATIVE, NEGATIVE = "Affirmative:\n", "Negative:\n"


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def maditer_messages(side, problem_text):
    """`side`: affirmative, negative or moderator."""
    return [message("system", prompt(f"maditer/prompts/{side}.txt", problem=problem_text))]


def final_message():
    return message("user", prompt("maditer/prompts/final.txt"))


def verdict(affirmative, negative, right):
    """The moderator's JSON on both sides' answers; where they differ it holds to the right one."""
    decided = affirmative == negative
    reason = f"Both say {affirmative}." if decided else f"They say {affirmative} and {negative}."
    return compact({"reason": reason, "decided": decided, "answer": str(affirmative if decided else right)})


AGREES, DISAGREES = " I agree.", " I disagree."


def differing(rng, problem):
    """Steps of both sides that end apart, one of them right."""
    both = [problem.steps, wrong_steps(rng, problem)]
    return rng.sample(both, 2)


def negative_text(affirmative_steps, steps):
    """The negative side agrees where it has come to the same."""
    return solution(steps) + (AGREES if affirmative_steps[-1][3] == steps[-1][3] else DISAGREES)


def undecided_rounds(rng, problem, count):
    """Messages of `count` rounds of two sides that differ, as both debaters see them, and the verdicts on them."""
    turns, verdicts = [], []
    for _ in range(count):
        affirmative, negative = differing(rng, problem)
        turns += [said(AFFIRMATIVE, solution(affirmative)), said(NEGATIVE, negative_text(affirmative, negative))]
        verdicts.append(verdict(affirmative[-1][3], negative[-1][3], problem.answer))
    return turns, verdicts


def affirmative_turn(rng):
    """Its first turn has nothing but the problem before it, as every side's solution; later ones are rarer."""
    problem = draw_problem(rng)
    turns, _ = undecided_rounds(rng, problem, rng.choices([0, 1, 2], [30, 45, 25])[0])
    return [*maditer_messages("affirmative", problem.text), *turns, learnt(AFFIRMATIVE, solution(problem.steps))]


def negative_turn(rng):
    problem = draw_problem(rng)
    turns, _ = undecided_rounds(rng, problem, rng.choices([0, 1, 2], [60, 25, 15])[0])
    affirmative = problem.steps if rng.random() < 0.5 else wrong_steps(rng, problem)
    turns.append(said(AFFIRMATIVE, solution(affirmative)))
    return [
        *maditer_messages("negative", problem.text),
        *turns,
        learnt(NEGATIVE, negative_text(affirmative, problem.steps)),
    ]


def moderator_turns(rng):
    """Every verdict of a debate, and the final answer where it stays undecided."""
    problem = draw_problem(rng)
    rounds = rng.choices([1, 2, 3], [50, 20, 30])[0]
    decided = rng.random() < 0.5
    turns, verdicts = undecided_rounds(rng, problem, rounds)
    if decided:
        steps = problem.steps if rng.random() < 0.75 else wrong_steps(rng, problem)
        turns[-2:] = [said(AFFIRMATIVE, solution(steps)), said(NEGATIVE, negative_text(steps, steps))]
        verdicts[-1] = verdict(steps[-1][3], steps[-1][3], problem.answer)
    messages = maditer_messages("moderator", problem.text)
    for i, text in enumerate(verdicts):
        messages += [*turns[2 * i : 2 * i + 2], learnt("", text)]
    if not decided:
        messages += [final_message(), learnt("", compact({"answer": str(problem.answer)}))]
    return messages
