"""What a pizza is, what it earns and how it tastes: the rules that the counter and the kitchen share.

A pizza is a number from 0 to 160. 0 means there is no dough yet. Any other pizza is::

    1 + ((8 * (2 * sauce + cheese) + toppings) * 5 + bake)

with ``sauce`` and ``cheese`` 0 or 1, ``toppings`` a sum of MUSHROOM = 1, OLIVE = 2, PINEAPPLE = 4 and ``bake`` one of
raw 0, pale 1, golden 2, crisp 3, burnt 4.
"""

import functools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

PIZZAS = 161
NO_DOUGH = 0
BAKES = ("raw", "pale", "golden", "crisp", "burnt")
RAW, PALE, GOLDEN, CRISP, BURNT = range(5)
TOPPINGS = ("mushroom", "olive", "pineapple")

#: What a cook can do with a pizza, in the order of the counter's actions.
ROLL, SAUCE, CHEESE, MUSHROOM, OLIVE, PINEAPPLE, BAKE, SERVE = range(8)
DEEDS = ("roll dough", "sauce", "cheese", "mushroom", "olive", "pineapple", "bake a minute", "serve")

STEP_REWARD = -0.1
TOPPING_REWARD = -0.1
PROPER_REWARD = 10.0
IMPROPER_REWARD = -2.0
SPOILT_REWARD = -5.0
#: The oven is uneven: with this probability a minute counts double.
DOUBLE_MINUTE = 0.1

Outcome = tuple[float, int, float, bool]
"""(probability, next pizza, reward, served)."""


class PizzaState(NamedTuple):
    """A pizza taken apart. ``dough`` is False only for "nothing on the counter"."""

    dough: bool
    sauce: bool
    cheese: bool
    mushroom: bool
    olive: bool
    pineapple: bool
    bake: int

    @property
    def toppings(self) -> int:
        """How many toppings lie on it, 0 to 3."""
        return self.mushroom + self.olive + self.pineapple


@functools.cache
def decode(pizza: int) -> PizzaState:
    """The pizza behind a number from 0 to 160."""
    if pizza == NO_DOUGH:
        return PizzaState(False, False, False, False, False, False, RAW)
    rest, bake = divmod(pizza - 1, 5)
    rest, toppings = divmod(rest, 8)
    sauce, cheese = divmod(rest, 2)
    return PizzaState(True, bool(sauce), bool(cheese), bool(toppings & 1), bool(toppings & 2), bool(toppings & 4), bake)


def encode(state: PizzaState) -> int:
    """The number of a pizza: the inverse of :func:`decode`."""
    if not state.dough:
        return NO_DOUGH
    toppings = state.mushroom + 2 * state.olive + 4 * state.pineapple
    return 1 + ((8 * (2 * state.sauce + state.cheese) + toppings) * 5 + state.bake)


def describe(pizza: int) -> str:
    """The pizza in words, such as ``"golden pizza with sauce, cheese and mushroom"``."""
    state = decode(pizza)
    if not state.dough:
        return "no dough"
    names = ("sauce", "cheese", *TOPPINGS)
    parts = [name for name, there in zip(names, state[1:6], strict=True) if there]
    if not parts:
        return f"{BAKES[state.bake]} dough"
    listed = parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]
    return f"{BAKES[state.bake]} pizza with {listed}"


def is_proper(pizza: int) -> bool:
    """Sauce, cheese, and golden or crisp: what the restaurant's formula asks for."""
    state = decode(pizza)
    return state.sauce and state.cheese and state.bake in (GOLDEN, CRISP)


def serving_reward(pizza: int) -> float:
    """What the automated reward pays when this pizza is served, without the cost of the step."""
    state = decode(pizza)
    if not state.dough or state.bake == BURNT:
        return SPOILT_REWARD
    return PROPER_REWARD if is_proper(pizza) else IMPROPER_REWARD


def is_possible(pizza: int, deed: int) -> bool:
    """Whether the deed changes anything: one roll of dough, one portion of everything, and nothing burns twice."""
    state = decode(pizza)
    if deed == SERVE:
        return True
    if deed == ROLL:
        return not state.dough
    if deed == BAKE:
        return state.dough and state.bake != BURNT
    return state.dough and not state[deed]  # SAUCE .. PINEAPPLE are 1 .. 5, as in PizzaState


def outcomes(pizza: int, deed: int) -> list[Outcome]:
    """What the deed leads to. An impossible deed changes nothing and costs the time."""
    if deed == SERVE:
        return [(1.0, pizza, STEP_REWARD + serving_reward(pizza), True)]
    if not is_possible(pizza, deed):
        return [(1.0, pizza, STEP_REWARD, False)]
    state = decode(pizza)
    if deed == ROLL:
        return [(1.0, encode(state._replace(dough=True)), STEP_REWARD, False)]
    if deed == BAKE:
        minute = encode(state._replace(bake=state.bake + 1))
        double = encode(state._replace(bake=min(state.bake + 2, BURNT)))
        if minute == double:
            return [(1.0, minute, STEP_REWARD, False)]
        return [(1 - DOUBLE_MINUTE, minute, STEP_REWARD, False), (DOUBLE_MINUTE, double, STEP_REWARD, False)]
    added = encode(PizzaState._make(value or index == deed for index, value in enumerate(state)))
    cost = STEP_REWARD + (TOPPING_REWARD if deed in (MUSHROOM, OLIVE, PINEAPPLE) else 0.0)
    return [(1.0, added, cost, False)]


class Customer(NamedTuple):
    """What one customer likes, hidden from every agent: weights that add up to a taste between 0 and 1.

    ``greed`` is paid for every topping beyond the first: too much topping spoils it.
    """

    base: float = 0.3
    mushroom: float = 0.0
    olive: float = 0.0
    pineapple: float = 0.0
    crisp: float = 0.0
    greed: float = -0.3

    def taste(self, pizza: int) -> float:
        """How good this pizza tastes, in [0, 1]; 0 unless it is a proper pizza."""
        if not is_proper(pizza):
            return 0.0
        state = decode(pizza)
        value = (
            self.base
            + self.mushroom * state.mushroom
            + self.olive * state.olive
            + self.pineapple * state.pineapple
            + self.crisp * (state.bake == CRISP)
            + self.greed * max(0, state.toppings - 1)
        )
        return min(1.0, max(0.0, value))


CUSTOMERS: Mapping[str, Customer] = {
    "crispy_mushroom": Customer(mushroom=0.6, crisp=0.1, olive=-0.2, pineapple=-0.2),
    "olive_purist": Customer(mushroom=-0.3, olive=0.6, pineapple=-0.3, crisp=0.05),
    "hawaiian": Customer(mushroom=-0.1, olive=-0.3, pineapple=0.65, crisp=-0.2),
    "soft_and_plain": Customer(base=0.9, mushroom=-0.4, olive=-0.4, pineapple=-0.4, crisp=-0.3),
    "everything": Customer(base=0.1, mushroom=0.3, olive=0.3, pineapple=0.3, greed=0.0),
    "vegetable_lover": Customer(base=0.2, mushroom=0.35, olive=0.35, pineapple=-0.4, greed=0.0, crisp=0.05),
}


def customer_named(name: str, seed: int = 0) -> Customer:
    """The customer of that name; ``"random"`` draws one from ``seed``. Raises ValueError with the names there are."""
    if name == "random":
        return _random_customer(np.random.default_rng(seed))
    if name not in CUSTOMERS:
        raise ValueError(f"unknown customer {name!r}; expected one of {', '.join([*CUSTOMERS, 'random'])}")
    return CUSTOMERS[name]


def _random_customer(rng: np.random.Generator) -> Customer:
    """One topping is craved and the others are not, so that every random customer has something to teach."""
    likes = rng.uniform(-0.4, 0.0, size=3)
    likes[rng.integers(3)] = rng.uniform(0.4, 0.7)
    mushroom, olive, pineapple = (round(float(like), 2) for like in likes)
    crisp = round(float(rng.uniform(-0.2, 0.1)), 2)
    return Customer(0.3, mushroom, olive, pineapple, crisp, round(float(rng.uniform(-0.4, -0.1)), 2))
