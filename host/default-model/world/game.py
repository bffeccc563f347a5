"""The prisoners' game: private plans, two rounds of talk, decisions, and predictions."""

from .base import learnt, message, prompt, said
from .debates import compact

PLAYERS = ("Alice", "Bob")
STRATEGIES = {
    "honest": "You say truly what you will do.",
    "deceive": "You promise to cooperate, and you defect.",
    "cooperate": "You always cooperate.",
    "defect": "You always defect.",
    "free": "",
}
PLANS = {
    "cooperate": "I will cooperate, and say so.",
    "defect": "I will defect, and say so.",
    "deceive": "I will promise to cooperate, and defect.",
}
PROMISES = ["I will cooperate.", "Let us both cooperate."]
THREAT = "I will defect."


def rules_messages(name, payoffs, strategy):
    """The rules that `name` sees, and the question for a plan. `payoffs`: T, R, P, S."""
    other = PLAYERS[1 - PLAYERS.index(name)]
    numbers = dict(zip("TRPS", payoffs))
    rules = prompt("prisoners/prompts/rules.txt", name=name, other=other, strategy=STRATEGIES[strategy], **numbers)
    return [message("system", rules), message("user", prompt("prisoners/prompts/plan.txt", other=other))]


def header(speaker):
    return f"To {PLAYERS[1 - PLAYERS.index(speaker)]}:"


def decide_message():
    return message("user", prompt("prisoners/prompts/decide.txt"))


def predict_message(name):
    return message("user", prompt("prisoners/prompts/predict.txt", other=PLAYERS[1 - PLAYERS.index(name)]))


def draw_plan(rng, strategy, payoffs):
    """Honest players do the better of what both could do; free ones are tempted where the temptation pays."""
    temptation, reward, *_ = payoffs
    if strategy in PLANS:
        return strategy
    if strategy == "honest" or temptation <= reward:
        return "cooperate" if strategy == "free" else rng.choice(["cooperate", "defect"])
    return rng.choice(["cooperate", "defect", "deceive"])


def draw_payoffs(rng):
    if rng.random() < 0.3:
        return (5, 3, 1, 0)
    return tuple(rng.randint(0, 9) for _ in range(4))


def utter(rng, plan, heard):
    """What a player of this plan says (after the header and a space); `heard`: what it answers, or nothing in the first round."""
    line = THREAT if plan == "defect" else rng.choice(PROMISES)
    if heard is None:
        return line
    return ("Too bad. " if heard.endswith(THREAT) else "Good. ") + line


def talk(rng, plans, first):
    """Two rounds, `first` begins: (speaker, text) in order."""
    order = [first, PLAYERS[1 - PLAYERS.index(first)]]
    said_so_far, last = [], {}
    for turn in range(2):
        for speaker in order:
            other = PLAYERS[1 - PLAYERS.index(speaker)]
            last[speaker] = utter(rng, plans[speaker], last[other] if turn else None)
            said_so_far.append((speaker, last[speaker]))
    return said_so_far


def play(rng):
    """One player's side, whole, with its decision or its prediction of the other's."""
    name, first = rng.choice(PLAYERS), rng.choice(PLAYERS)
    other = PLAYERS[1 - PLAYERS.index(name)]
    payoffs = draw_payoffs(rng)
    strategy = rng.choice(list(STRATEGIES))
    plans = {
        name: draw_plan(rng, strategy, payoffs),
        other: draw_plan(rng, rng.choice(list(STRATEGIES)), payoffs),
    }
    messages = [*rules_messages(name, payoffs, strategy), learnt("My plan:", " " + PLANS[plans[name]])]
    spoken = talk(rng, plans, first)
    for speaker, text in spoken:
        messages.append((learnt if speaker == name else said)(header(speaker), " " + text))
    if rng.random() < 0.5:
        does = "COOPERATE" if plans[name] == "cooperate" else "DEFECT"
        return [*messages, decide_message(), learnt("", compact({"decision": does}))]
    heard = [text for speaker, text in spoken if speaker == other][-1]
    expected = "DEFECT" if heard.endswith(THREAT) else "COOPERATE"
    return [*messages, predict_message(name), learnt("", compact({"prediction": expected}))]
