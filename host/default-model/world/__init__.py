"""The synthetic world that the default model is trained in.

A sample is a list of messages, {"role", "header", "content", "loss"}; only messages with
"loss" are learnt. All are ordinary causal text as the plans' baseline has it: the parents one
after another in list order. Held-out items are chosen by a hash, so no sampler here can
produce them unless it is asked for `held=True`.

    python -m world            writes tests/held_out/*.json, workflows/problems.txt
                               and workflows/documents/documents.txt
"""

from .debates import affirmative_turn, first_turn, moderator_turns, negative_turn, summary_turn, summary_update, update_turn
from .documents import reading
from .facts import conversation, multiqa
from .game import play
from .problems import sums
from .stories import branch, merge, repetition, solve_story
from .tree import finish, proposal, vote

SKILLS = {
    skill.__name__: skill
    for skill in (
        multiqa, conversation, sums, first_turn, update_turn, summary_turn, summary_update,
        affirmative_turn, negative_turn, moderator_turns, proposal, vote, finish,
        repetition, branch, solve_story, merge, play, reading,
    )
}  # fmt: skip
