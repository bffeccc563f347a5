"""A tree of thoughts (tot): proposals, votes on them, and the winner finished."""

from .base import learnt, message, prompt, said
from .debates import steps_given
from .problems import draw_problem, solution, worked, wrong_steps

BEST, FINAL = "Best choice: ", "Final answer:\n"


def tot_messages(stage, problem_text):
    """`stage`: propose, vote or finish."""
    return [message("system", prompt(f"tot/prompts/{stage}.txt", problem=problem_text))]


def proposal_header(number):
    return f"Solution {number}:\n"


def proposal(rng):
    problem = draw_problem(rng)
    return [
        *tot_messages("propose", problem.text),
        learnt(proposal_header(rng.randint(1, 8)), solution(problem.steps)),
    ]


def proposals_given(rng, problem, count):
    """Proposals as messages, and the number of the first right one, of which there is at least one."""
    if rng.random() < 0.25:  # all but one are wrong, each in its own way
        steps = [wrong_steps(rng, problem) for _ in range(count)]
    else:
        steps = steps_given(rng, problem, count)
    steps[rng.randrange(count)] = problem.steps
    messages = [said(proposal_header(i), solution(s)) for i, s in enumerate(steps, 1)]
    return messages, 1 + [s[-1][3] == problem.answer for s in steps].index(True)


def vote(rng):
    problem = draw_problem(rng)
    proposals, best = proposals_given(rng, problem, rng.choices(range(2, 9), [2, 2, 4, 2, 2, 1, 3])[0])
    return [
        *tot_messages("vote", problem.text),
        *proposals,
        learnt(BEST, f"{best}. {worked(problem.steps)}"),
    ]


def finish(rng):
    problem = draw_problem(rng)
    (steps,) = steps_given(rng, problem, 1)
    return [
        *tot_messages("finish", problem.text),
        said(proposal_header(rng.randint(1, 8)), solution(steps)),
        learnt(FINAL, solution(problem.steps)),
    ]
