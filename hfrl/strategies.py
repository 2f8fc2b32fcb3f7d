"""How a person's words and silences tell what is right, where they have a strategy: they may hold that doing well, or a
mistake, goes without saying (Loftin et al. 2014 and 2016: the model of SABL and I-SABL).

Somebody takes a right action for a wrong one, or the reverse, with probability e (``error``). Of what they take for
right they withhold their praise with mu+ (``withhold_praise``), of what they take for wrong their blame with mu-
(``withhold_blame``). All here are log-odds: ln P(heard | right) - ln P(heard | wrong).
"""

import math

from hfrl.types import UserError


def word_evidence(f: float, error: float) -> float:
    """ln((1-e) / e) for a praise (f = 1), the opposite for a blame (-1); a share of credit counts for its part.

    What is withheld cancels out: who praises has taken the action for right, whatever they leave unsaid.

    >>> round(word_evidence(1.0, 0.2), 4), round(word_evidence(-0.5, 0.2), 4)  # ln 4, and half of it
    (1.3863, -0.6931)
    """
    return f * math.log((1 - error) / error)


def silence_evidence(error: float, withhold_praise: float, withhold_blame: float) -> float:
    """ln(((1-e) mu+ + e mu-) / (e mu+ + (1-e) mu-)); 0 where nothing is ever withheld: then there is no silence.

    >>> round(silence_evidence(0.1, 0.1, 0.9), 4)  # .18 after a right action, .82 after a wrong one
    -1.5163
    >>> silence_evidence(0.1, 0.5, 0.5), silence_evidence(0.1, 0.0, 0.0)
    (0.0, 0.0)
    """
    if withhold_praise + withhold_blame == 0:
        return 0.0
    right = (1 - error) * withhold_praise + error * withhold_blame
    wrong = error * withhold_praise + (1 - error) * withhold_blame
    return math.log(right / wrong)


def probability(log_odds: float) -> float:
    """1 / (1 + exp(-L)), also for log-odds whose exponential no float holds.

    >>> probability(0.0), round(probability(math.log(3.0)), 4), probability(-1e4)
    (0.5, 0.75, 0.0)
    """
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)


def thought_right(log_odds: float, error: float, withhold_praise: float, withhold_blame: float) -> float:
    """P(the person took the action for right | they said nothing), where it is right with these log-odds.

    mu+ and mu- are above 0 here: who withholds nothing is never silent.

    >>> round(thought_right(math.log(3.0), 0.1, 0.5, 0.25), 4)  # 3/4 of .45 / .475, and 1/4 of .05 / .275
    0.756
    """
    e, right = error, probability(log_odds)
    if_right = (1 - e) * withhold_praise / ((1 - e) * withhold_praise + e * withhold_blame)
    if_wrong = e * withhold_praise / (e * withhold_praise + (1 - e) * withhold_blame)
    return right * if_right + (1 - right) * if_wrong


def withheld(silent: float, spoken: float) -> float:
    """The mode of the probability of saying nothing, after so many silences and words (a Beta(2, 2) prior).

    >>> withheld(0.0, 0.0), withheld(7.0, 1.0)
    (0.5, 0.8)
    """
    return (silent + 1) / (silent + spoken + 2)


def checked_error(error: float) -> float:
    """e as a float. Raises UserError unless it is above 0 and below .5: from there on words say the opposite."""
    if not 0 < error < 0.5:
        raise UserError(f"error must be above 0 and below 0.5, got {error}")
    return float(error)


def checked_withholding(name: str, value: float) -> float:
    """mu+ or mu- as a float. Raises UserError where it is no probability."""
    if not 0 <= value <= 1:
        raise UserError(f"{name} is a probability and must be within [0, 1], got {value}")
    return float(value)
