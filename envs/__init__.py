"""The worlds: rules and maps. They import no pygame; the painters stand beside them in ``hfrl.envs.painters``."""

import gymnasium

__all__ = ["register"]

#: Name, class, and steps after which an episode is cut off; the textbook's worlds have no such limit.
WORLDS = (
    ("Pizza", "hfrl.envs.pizza:Pizza", 50),
    ("PizzaKitchen", "hfrl.envs.pizza_kitchen:PizzaKitchen", 200),
    ("KArmedBandit", "hfrl.envs.k_armed_bandit:KArmedBandit", None),
    ("GridExample", "hfrl.envs.grid_example:GridExample", None),
    ("SmallGridworld", "hfrl.envs.small_gridworld:SmallGridworld", None),
    ("RandomWalk", "hfrl.envs.random_walk:RandomWalk", None),
    ("WindyGridworld", "hfrl.envs.windy_gridworld:WindyGridworld", None),
    ("MaximizationBias", "hfrl.envs.maximization_bias:MaximizationBias", None),
    ("DynaMaze", "hfrl.envs.dyna_maze:DynaMaze", None),
    ("ShortCorridor", "hfrl.envs.short_corridor:ShortCorridor", None),
    ("Puddle", "hfrl.envs.puddle:Puddle", 100),
    ("Corridor", "hfrl.envs.corridor:Corridor", 100),
    ("AdviceGrid", "hfrl.envs.advice_grid:AdviceGrid", 10_000),
    ("PacMan", "hfrl.envs.pac_man:PacMan", None),
)


def register() -> None:
    """Make ``gymnasium.make`` know our worlds. Safe to call twice."""
    # Our rules need neither Gymnasium's order check nor its passive checker at every step: both are paid for once, in
    # the tests, where ``check_env`` passes.
    for name, entry_point, steps in WORLDS:
        identifier = f"hfrl/{name}-v0"
        if identifier not in gymnasium.registry:
            gymnasium.register(
                id=identifier,
                entry_point=entry_point,
                max_episode_steps=steps,
                order_enforce=False,
                disable_env_checker=True,
            )
