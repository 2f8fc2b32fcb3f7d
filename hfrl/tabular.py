"""The shell that tabular agents share: the tables, how observations number their rows, exploration, saving.

An agent file holds its equation and little more: a pure function ``learn`` on lists, and a class that hands it the
numbers of a step. Because the function is pure, the compiled engine can run the very same source. It binds parameters
by their names:

=================================  ===================================================================================
``q`` and other names of `tables`  what is learnt, nested lists here and arrays there
``s a r s2 a2 terminated``         the step; ``a2`` is the action drawn next, for agents that are ``on_policy``
``f judged``                       instead of ``r``, for agents that learn from a person's word (:mod:`hfrl.listening`)
``truncated mu steps``             cut short here; the probability with which ``a`` was chosen; steps learnt before
``alpha gamma rate``               learning rate, discount, and epsilon or temperature, all as they are now
``exploring``                      for ``explored(values, rate, exploring)``: the probabilities of its own exploration
``rng``                            for ``draw(rng)`` (:mod:`hfrl.seeding`), where a rule needs luck of its own
any other                          a number that is an attribute of the agent, such as ``n`` or ``lam``
=================================  ===================================================================================

``learn`` returns the numbers of the update: (old value, target, new value, bootstrap), or ``NOTHING``.
"""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import gymnasium
import numpy as np
from numpy.typing import NDArray

from hfrl.policy import EXPLORATIONS, Discrete, expected_value, explored, greedy, upper_bounds
from hfrl.schedules import Schedule, checked
from hfrl.seeding import restored, state_of
from hfrl.types import Judgement, RewardPort, Step, Update, UserError, record

TABLE_LIMIT = 50_000_000

Numbers = tuple[float, float, float, float]
"""What a rule returns: old value, target, new value, bootstrap."""
Table = list[list[float]]
#: What a rule returns when it has learnt nothing yet (an n-step rule in the first steps of an episode).
NOTHING: Numbers = (float("nan"), float("nan"), float("nan"), float("nan"))


def improve(q: Table, s: int, a: int, target: float, alpha: float, bootstrap: float) -> Numbers:
    """Q(s,a) <- Q(s,a) + alpha [target - Q(s,a)]: the step that most rules end with.

    >>> improve([[1.0]], 0, 0, 3.0, 0.5, 2.0)
    (1.0, 3.0, 2.0, 2.0)
    """
    old = q[s][a]
    new = old + alpha * (target - old)
    q[s][a] = new
    return old, target, new, bootstrap


class Rows(NamedTuple):
    """How many rows a table needs for an observation space, and the row of each observation."""

    size: int
    row: Callable[[Any], int]


def rows_of(space: gymnasium.Space[Any]) -> Rows:
    """Number the observations of ``Discrete``, ``MultiDiscrete`` or a ``Tuple`` of them.

    Raises:
        UserError: any other space, with an agent that takes it.
    """
    if isinstance(space, gymnasium.spaces.Discrete):
        start = int(space.start)
        return Rows(int(space.n), (lambda o: int(o) - start) if start else int)
    sizes = discrete_parts(space)
    if sizes is None:
        raise UserError(
            f"a tabular agent needs Discrete, MultiDiscrete or Tuple-of-Discrete observations, "
            f"got {' '.join(str(space).split())}; "
            "--agent linear_sarsa_lambda and linear_q take a Box of one axis, --agent random takes any"
        )

    def row(observation: Sequence[int]) -> int:
        number = 0
        for part, (size, start) in zip(observation, sizes, strict=True):
            number = number * size + int(part) - start
        return number

    count = 1
    for size, _ in sizes:
        count *= size
    return Rows(count, row)


def discrete_parts(space: gymnasium.Space[Any]) -> list[tuple[int, int]] | None:
    """(size, start) of every part of an observation, or None if one is not discrete."""
    if isinstance(space, gymnasium.spaces.Discrete):
        return [(int(space.n), int(space.start))]
    if isinstance(space, gymnasium.spaces.MultiDiscrete):
        if space.nvec.ndim != 1:
            return None
        return [(int(n), int(start)) for n, start in zip(space.nvec, space.start, strict=True)]
    if isinstance(space, gymnasium.spaces.Tuple) and all(
        isinstance(part, gymnasium.spaces.Discrete) for part in space.spaces
    ):
        return [(int(part.n), int(part.start)) for part in space.spaces]  # type: ignore[attr-defined]
    return None


def action_count(space: gymnasium.Space[Any]) -> int:
    """How many actions there are. Raises UserError for a space that is not ``Discrete`` from 0."""
    if not isinstance(space, gymnasium.spaces.Discrete) or space.start != 0:
        continuous = isinstance(space, gymnasium.spaces.Box)
        way = "; none takes continuous ones: gymnasium.wrappers.DiscretizeAction makes a Discrete of it"
        raise UserError(
            f"the agents of this version need a Discrete action space that starts at 0, got {space}"
            f"{way if continuous else ''}"
        )
    return int(space.n)


class TabularAgent:
    """A table Q of states x actions, an exploration, a learning rate, and a count of what was learnt so far.

    A subclass gives ``learn_rule`` (see the head of this module); one whose action values are not simply ``q[s]`` gives
    a pure ``values_rule`` too and overrides :meth:`values`.

    Args:
        env: only its ``observation_space`` and ``action_space`` are read.
        learning_rate: alpha in [0, 1]; a number or a schedule.
        gamma: discount in [0, 1].
        epsilon: exploration in [0, 1] for ``exploration="epsilon_greedy"``; a number or a schedule.
        exploration: ``"epsilon_greedy"``, ``"softmax"`` or ``"ucb"``.
        temperature: of the softmax, at least 0; a number or a schedule.
        confidence: c of the upper confidence bounds, at least 0; a number or a schedule.
        initial_value: Q0.
        seed: of ``predict(deterministic=False)`` alone; learning draws from the loop's generators.

    Raises:
        UserError: a space no table fits, or a number out of its range.
    """

    on_policy = False
    learns_from_feedback = False
    #: The attributes that hold what was learnt, as lists or lists of lists of numbers.
    tables: ClassVar[tuple[str, ...]] = ("q",)
    learn_rule: ClassVar[Callable[..., Numbers]]
    values_rule: ClassVar[Callable[..., Sequence[float]] | None] = None
    #: The greatest learning rate that makes sense: beyond 1 a value would overshoot its target.
    greatest_rate = 1.0
    #: Whether the rule draws numbers of its own, so that a checkpoint must hold its generator.
    draws = False
    #: What its target takes the next state to be worth, for blends that change it: Q of the ``"next"`` action, the
    #: ``"best"`` one, or the one ``"expected"`` of its policy; empty where it is none of these.
    bootstraps: ClassVar[str] = ""
    #: What a blend gave it beyond what it was made with (``Blend.extends``).
    extended = ""
    _wanted: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "learn_rule" in vars(cls):
            cls._wanted = tuple(inspect.signature(cls.learn_rule).parameters)

    def __init__(
        self,
        env: Any,
        *,
        learning_rate: float | str | Schedule = 0.5,
        gamma: float = 0.99,
        epsilon: float | str | Schedule = 0.1,
        exploration: str = "epsilon_greedy",
        temperature: float | str | Schedule = 1.0,
        confidence: float | str | Schedule = 1.0,
        initial_value: float = 0.0,
        seed: int | None = None,
    ) -> None:
        if exploration not in EXPLORATIONS:
            raise UserError(f"exploration must be one of {', '.join(EXPLORATIONS)}, got {exploration!r}")
        if not 0 <= gamma <= 1:
            raise UserError(f"gamma must be within [0, 1], got {gamma}")
        self.alpha: Schedule = checked("learning_rate", learning_rate, 0, self.greatest_rate)
        self.gamma = float(gamma)
        self.exploration = exploration
        self._explore = EXPLORATIONS[exploration]
        self.exploring = list(EXPLORATIONS).index(exploration)
        rates = {"epsilon_greedy": ("epsilon", epsilon), "softmax": ("temperature", temperature)}
        self._exploration_name, rate = rates.get(exploration, ("confidence", confidence))
        self._exploration_rate: Schedule = checked(
            self._exploration_name, rate, 0, 1 if exploration == "epsilon_greedy" else float("inf")
        )
        states, self.row = self.rows(env.observation_space)
        actions = action_count(env.action_space)
        if states * actions > TABLE_LIMIT:
            raise UserError(
                f"a table of {states} x {actions} entries does not fit (limit {TABLE_LIMIT}): number fewer states, or "
                "give them as a Box of features to --agent linear_sarsa_lambda"
            )
        self.initial_value = float(initial_value)
        self.steps = 0
        self.episodes = 0
        self._predicting, self.rng = np.random.default_rng(seed).spawn(2)
        self._observation_ndim = len(env.observation_space.shape or ())
        #: How many of the actions each state has, where a world says so: the first ones; empty where all have all.
        self.available: list[int] = list(getattr(getattr(env, "unwrapped", env), "actions_in", ()))
        self.lay_out(states, actions)

    def lay_out(self, states: int, actions: int) -> None:
        """All tables, of so many rows and columns, as they are before anything is learnt."""
        self.q = [[self.initial_value] * actions for _ in range(states)]
        #: N(s,a), how often each action was learnt from; kept for the upper confidence bounds alone.
        self.visits = [[0] * actions for _ in range(states)] if self.exploration == "ucb" else []
        self.make_tables(states, actions)

    @property
    def takes_action(self) -> bool:
        """Whether it can be given one more action (:meth:`add_action`): not where states have different ones."""
        return not self.available

    def add_action(self) -> None:
        """One more action than the world has, the last one: only to be called before anything is learnt."""
        self.extended = "action"
        self.lay_out(len(self.q), len(self.q[0]) + 1)

    def rows(self, space: gymnasium.Space[Any]) -> Rows:
        """How observations number the rows of the table."""
        return rows_of(space)

    def make_tables(self, states: int, actions: int) -> None:
        """Where a subclass makes the tables it keeps beside Q."""

    def begin(self, rng: np.random.Generator) -> None:
        """The loop hands the agent its generator, so that the seed of a run decides the rule's own luck too."""
        self.rng = rng

    def values(self, s: int) -> Sequence[float]:
        """The action values of a row that the agent acts on: ``q[s]`` unless a subclass keeps more than one table."""
        return self.q[s]

    def alone(self, values: Sequence[float]) -> Sequence[float]:
        """The values of the world's own actions."""
        return values[:-1] if self.extended == "action" else values

    def q_values(self, observation: Any) -> list[float]:
        """Q(s, .), one number per action of the world."""
        return list(self.alone(self.values(self.row(observation))))

    def policy(self, observation: Any, bias: Sequence[float] | None = None) -> Discrete:
        """The behaviour: exploration on Q(s, .), or on Q(s, .) + bias."""
        s = self.row(observation)
        values = self.values(s) if bias is None and not self.available else self._preferred(s, bias)
        rate = self._exploration_rate(self.steps, self.episodes)
        if self.visits:
            return greedy(upper_bounds(values, self.visits[s], rate))
        return self._explore(values, rate)

    def worth(self, observation: Any, bias: Sequence[float] | None = None) -> float:
        """What the target takes an observation to be worth, were the agent's values Q(s, .) + bias."""
        values = self.values(self.row(observation))
        if bias is not None:
            values = [q + b for q, b in zip(values, bias, strict=True)]
        return expected_value(values, self.rate_now(), self.exploring) if self.bootstraps == "expected" else max(values)

    def prior(self, s: int) -> Sequence[float]:
        """The probabilities of the agent's own policy in a row of its table."""
        return explored(self.values(s), self.rate_now(), self.exploring)

    def greedy_policy(self, observation: Any, bias: Sequence[float] | None = None) -> Discrete:
        """The policy without exploration, ties at random; what evaluation runs. Alone: without an action that is
        somebody else's to fill."""
        return greedy(self.alone(self._preferred(self.row(observation), bias)))

    def _preferred(self, s: int, bias: Sequence[float] | None) -> Sequence[float]:
        """Q(s, .) + bias, of the actions there are."""
        values = self.values(s)
        if bias is not None:
            values = [q + b for q, b in zip(values, bias, strict=True)]
        return values[: self.available[s]] if self.available else values

    def predict(
        self,
        observation: Any,
        state: Any = None,  # noqa: ARG002 - Stable-Baselines3's signature
        episode_start: Any = None,  # noqa: ARG002
        deterministic: bool = True,
    ) -> tuple[Any, None]:
        """Stable-Baselines3's verb: (action, None), or an array of actions for a batch of observations.

        ``deterministic`` takes the first of the best actions; otherwise the action is drawn from the behaviour policy.
        """
        if isinstance(observation, np.ndarray) and observation.ndim > self._observation_ndim:
            return np.array([self.predict(one, deterministic=deterministic)[0] for one in observation]), None
        values = self.q_values(observation)
        if deterministic:
            return values.index(max(values)), None
        if self.extended == "action":
            return self._explore(values, self.rate_now()).sample(self._predicting.random()), None
        return self.policy(observation).sample(self._predicting.random()), None

    def update(self, judgement: Judgement, reward: RewardPort) -> Update | None:
        """Learn one step from its blended reward: the rule's parameters are bound by their names."""
        r = reward(judgement)
        return self.applied(judgement.step, r, {"r": r})

    def applied(self, step: Step, signal: float, said: dict[str, Any]) -> Update | None:
        """Apply the rule to a step; ``said`` is what it is told of it, by the names of its parameters."""
        known = said | {
            "s": self.row(step.observation), "a": step.action, "s2": self.row(step.next_observation),
            "a2": step.next_action, "terminated": step.terminated, "truncated": step.truncated,
            "mu": step.probability, "alpha": self.alpha_now(), "rate": self.rate_now(),
        }  # fmt: skip
        wanted = self._wanted
        arguments = [known[name] if name in known else getattr(self, name) for name in wanted]
        return self.finish(step, signal, type(self).learn_rule(*arguments))

    @property
    def one_table(self) -> bool:
        """Whether the agent's action values are one table, in which a value can be moved (:meth:`raise_value`)."""
        return type(self).values_rule is None and self.tables[:1] == ("q",)

    def raise_value(self, observation: Any, action: int, amount: float) -> None:
        """Q(s, a) + amount, as if that had been part of Q0."""
        self.q[self.row(observation)][action] += amount

    def rates(self) -> dict[str, float]:
        """The numbers a person may change while the agent learns, as they are now."""
        now = self.steps, self.episodes
        return {"alpha": self.alpha(*now), self._exploration_name: self._exploration_rate(*now)}

    def dials(self) -> tuple[Any, ...]:
        """Everything a person may change, as it stands: to learn something again by the numbers of then."""
        return self.alpha, self.gamma, self._exploration_rate

    def set_dials(self, dials: tuple[Any, ...]) -> None:
        """The inverse of :meth:`dials`."""
        self.alpha, self.gamma, self._exploration_rate = dials

    def set_rate(self, name: str, value: float) -> None:
        """Set one of :meth:`rates` to a constant. Raises UserError out of its range."""
        if name not in ("alpha", self._exploration_name):
            raise UserError(f"there is no {name!r} to set; expected alpha or {self._exploration_name}")
        top = {"alpha": self.greatest_rate, "epsilon": 1.0}.get(name, float("inf"))
        plan = checked(name, value, 0, top)
        if name == "alpha":
            self.alpha = plan
        else:
            self._exploration_rate = plan

    def alpha_now(self) -> float:
        """The learning rate at this step."""
        return self.alpha(self.steps, self.episodes)

    def rate_now(self) -> float:
        """The exploration's rate (epsilon, temperature or confidence) at this step."""
        return self._exploration_rate(self.steps, self.episodes)

    def finish(self, step: Step, signal: float, numbers: Numbers) -> Update | None:
        """Move the clock that schedules read, and make the record of an update; None where nothing was learnt.

        ``signal`` is the blended reward that the rule was given.
        """
        if self.visits:
            self.visits[self.row(step.observation)][step.action] += 1
        self.steps += 1
        if step.terminated or step.truncated:
            self.episodes += 1
        old, target, new, bootstrap = numbers
        if target != target:  # nan, the sign of NOTHING
            return None
        return record(Update, (old, target, target - old, new, signal, bootstrap))

    def learnt(self) -> tuple[str, ...]:
        """The names of all tables, the visits among them where they are kept."""
        return (*self.tables, "visits") if self.visits else self.tables

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learnt, as plain arrays for a checkpoint."""
        result = {name: np.array(getattr(self, name)) for name in self.learnt()}
        if self.draws:
            result["rng"] = state_of(self.rng)
        return result | {"clock": np.array([self.steps, self.episodes])}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """The inverse of :meth:`arrays`. Raises ValueError on another shape."""
        for name in self.learnt():
            shape, kind = _layout_of(getattr(self, name))
            if arrays[name].shape != shape or arrays[name].dtype.kind != kind:
                raise ValueError(
                    f"{'the table' if name == 'q' else name} has shape {arrays[name].shape} of {arrays[name].dtype}, "
                    f"expected {shape} of numbers"
                )
        for name in self.learnt():
            setattr(self, name, arrays[name].tolist())
        if self.draws:
            self.rng = restored(arrays["rng"])
        self.steps, self.episodes = (int(number) for number in arrays["clock"])


def _layout_of(table: Any) -> tuple[tuple[int, ...], str]:
    """Shape and numpy's kind of a table, without making an array of thousands of lists."""
    shape: list[int] = []
    while isinstance(table, list) and table:
        shape.append(len(table))
        table = table[0]
    rest = np.asarray(table)
    return (*shape, *rest.shape), rest.dtype.kind
