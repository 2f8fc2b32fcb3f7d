"""hfrl/Pizza-v0, the counter: a robot cook is paid for a proper, quick, cheap pizza.

Whether it *tastes* good is something no formula in the reward sees; only the person watching can say.

State (161): no dough, or (sauce, cheese, three toppings, bake level); see ``recipe.py``.
Actions (8): roll dough, sauce, cheese, mushroom, olive, pineapple, bake a minute, serve.
Reward: -0.1 a step, -0.1 a topping; serving pays +10 for sauce + cheese + golden or crisp, -2 for an underbaked or
incomplete pizza, -5 for a burnt one or none. Serving terminates; 50 steps truncate.

Exact optimum of the automated reward (undiscounted): 9.41, which tastes .31 to the default customer. Greatest
expected taste of any policy for the default customer: .909.
"""

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.envs import recipe
from hfrl.envs.table_world import RETURN, TableWorld, with_taste_paid


class Pizza(TableWorld):
    """The counter.

    Args:
        customer: who eats: a name of ``recipe.CUSTOMERS``, or ``"random"``.
        customer_seed: which random customer.
        reveal_taste: put ``info["taste"]`` on the serving step (off: no trace of the taste leaves the world).
        taste_paid: what full taste adds to the reward of serving. 0 but for the reference arm of a comparison: what an
            agent would do if somebody could have written the taste down.
        render_mode: ``"human"``, ``"rgb_array"``, ``"ansi"`` or None.

    Raises:
        ValueError: an unknown customer.
    """

    action_meanings = recipe.DEEDS

    def __init__(
        self,
        customer: str = "crispy_mushroom",
        customer_seed: int = 0,
        reveal_taste: bool = False,
        taste_paid: float = 0.0,
        render_mode: str | None = None,
    ) -> None:
        self.customer = recipe.customer_named(customer, customer_seed)
        self.reveal_taste = reveal_taste
        self.render_mode = render_mode
        deeds = range(len(recipe.DEEDS))
        pizzas = range(recipe.PIZZAS)
        start = [1.0] + [0.0] * (recipe.PIZZAS - 1)
        masks = [np.array([recipe.is_possible(pizza, deed) for deed in deeds], dtype=np.int8) for pizza in pizzas]
        table = [[recipe.outcomes(pizza, deed) for deed in deeds] for pizza in pizzas]
        super().__init__(with_taste_paid(table, self.taste, taste_paid), start, masks)
        self.observation_space = gymnasium.spaces.Discrete(recipe.PIZZAS)

    def taste(self, state: int) -> float:
        """How good the pizza of this state tastes to the customer, in [0, 1]. For oracles and evaluation alone."""
        return self.customer.taste(state)

    def outcome(self, state: int) -> dict[str, Any]:
        """Whether a proper pizza was served, and its taste where it may be revealed."""
        served = {"is_success": recipe.is_proper(state)}
        return served | {"taste": self.taste(state)} if self.reveal_taste else served

    def get_keys_to_action(self) -> dict[str | tuple[int], int]:
        """One key per action, for a person who drives: d s c m o p b, and Return serves."""
        letters: dict[str | tuple[int], int] = {key: action for action, key in enumerate("dscmopb")}
        return letters | {(RETURN,): recipe.SERVE}

    def describe(self, state: int) -> str:
        """The state in words."""
        return recipe.describe(state)

    def render(self) -> str | NDArray[np.uint8] | None:
        if self.render_mode == "ansi":
            return recipe.describe(self.state) + "\n"
        if self.render_mode is None:
            gymnasium.logger.warn("render() was called without a render_mode: gym.make(id, render_mode='rgb_array')")
            return None
        from hfrl.envs.painters import canvas, pizza  # the one upward import: pictures are made only when asked for

        return canvas.show(self, pizza.SIZE, pizza.draw, self.state)

    def close(self) -> None:
        if self.render_mode == "human":
            from hfrl.envs.painters import canvas

            canvas.close(self)
