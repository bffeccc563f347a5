"""What several plans share, as `workflows/shared/src` has it in Rust: their
arguments, the held-out problems, the texts of prompts, what is read out of a model's
answer, and the transcript that a plan returns."""

from .answer import answer, number
from .arguments import Arguments
from .problem import Problem, fill
from .sampling import sampling
from .transcript import Transcript, majority

__all__ = ["Arguments", "Problem", "Transcript", "answer", "fill", "majority", "number", "sampling"]
