"""The loop of :func:`hfrl.loop.play` for one world, agent, blend and teacher, written out as a page of plain code.

This module looks at the parts, refuses what is not a table, and writes the page; :mod:`hfrl.compiled` compiles it. The
page calls the pure functions of the agent's and the blend's own files by their parameters' names, so it contains no
equation of its own but two: the draw from a table ``P``, and epsilon-greedy without building its list of probabilities.
Every line stands where ``play`` has it: a test holds the two to the same bits.
"""

import inspect
import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from gymnasium.wrappers import OrderEnforcing, PassiveEnvChecker, TimeLimit
from numpy.typing import NDArray

from hfrl import tamer_rl
from hfrl.blend import extend
from hfrl.judges import steered
from hfrl.kernel_blends import (
    bias_lines,
    choice_lines,
    delegated_lines,
    estimate_lines,
    estimate_scratch,
    heard_lines,
    mix_lines,
    potential_lines,
    reward_lines,
    start_lines,
)
from hfrl.listening import counts
from hfrl.mdp import once
from hfrl.models import running_mean
from hfrl.page import Page, RefusedError, exponential, linear, own
from hfrl.policy import explored_into, softmax_into, upper_bounds
from hfrl.ports import Blend
from hfrl.tabular import TabularAgent
from hfrl.teachers import Dials, drifted, oracle, tired

__all__ = ["Kept", "Plan", "RefusedError", "World", "exponential", "linear", "plan_of", "praised", "world_of"]

#: What the page keeps of a seed between two calls: whole numbers (``watched_since`` is the step from which drift and
#: fatigue count, -1 before it; ``human``: whether a person chose the action at hand; ``held``: steps that they still
#: drive) ...
CLOCK = (
    "steps", "episodes", "index", "episode", "t", "s", "a", "fresh", "left", "presses", "praise", "born", "o1", "a1",
    "watched_since", "human", "held",
)  # fmt: skip
#: ... and others: the probability of the action chosen, the return so far, sums since the start, the potential of the
#: present state as it was when it was entered, and the estimated consistency of the trainer (-1: none yet).
REAL = ("mu", "total", "errors", "signals", "updates", "entered", "believed")
#: The generators of a seed, in this order.
STREAMS = ("world", "policy", "replay", "network", "consistency", "likelihood", "positivity", "modesty", "hands")
FOREVER = 1 << 62
#: So many outcomes of a step are all compared with the draw.
FEW_OUTCOMES = 4
#: Loops over at most so many actions are written out.
WRITTEN_OUT = 8


class World(NamedTuple):
    """A finite world as the page needs it.

    Attributes:
        env: the world, wrapped.
        states: how many.
        actions: how many.
        limit: steps after which an episode is truncated.
        shared: arrays that all seeds read: of a world with ``P`` the cumulative probabilities, next states, rewards and
            ends, shape (S, A, K), and the cumulative distribution of the first state.
        own: arrays that each seed has a copy of, for worlds whose dynamics are pure functions.
        functions: those functions, by the name that the page calls them.
        observation_of: state -> row of the agent's table, where they differ.
    """

    env: Any
    states: int
    actions: int
    limit: int
    shared: dict[str, NDArray[Any]]
    own: dict[str, NDArray[Any]]
    functions: dict[str, Callable[..., Any]]
    observation_of: NDArray[np.int64] | None


class Plan(NamedTuple):
    """A page and what it needs: the source, the pure functions it calls by name, its numbers, and the names of the
    agent's tables in the order of its arguments."""

    source: str
    functions: dict[str, Callable[..., Any]]
    numbers: tuple[float | int, ...]
    tables: tuple[str, ...]


class Kept(NamedTuple):
    """What a page keeps beside tables and returns: each step's reward and action, each press, and sums of |TD error|
    and of the signal."""

    steps: bool = False
    presses: bool = False
    sums: bool = False


# --- the world --------------------------------------------------------------------------------------------------------


def world_of(env: Any) -> World:
    """The arrays of a world. Raises RefusedError, with the reason."""
    limit, inner = FOREVER, env
    while isinstance(inner, gymnasium.Wrapper):
        if isinstance(inner, TimeLimit):
            limit = min(limit, int(inner._max_episode_steps))
        elif not isinstance(inner, OrderEnforcing | PassiveEnvChecker):
            raise RefusedError(f"the wrapper {type(inner).__name__} changes what a step does")
        inner = inner.env
    if not isinstance(env.action_space, gymnasium.spaces.Discrete) or env.action_space.start != 0:
        raise RefusedError("actions are not numbered from 0")
    rows = getattr(env.observation_space, "n", None)
    if rows is None or env.observation_space.start != 0:
        raise RefusedError("observations are not numbered from 0")
    for attribute in ("fickle_passenger", "is_rainy"):
        if attribute == "fickle_passenger" and getattr(inner, attribute, False):
            raise RefusedError("a fickle passenger changes the world outside its table P")
    actions = int(env.action_space.n)
    if hasattr(inner, "step_rule"):
        return _sampled_world(env, inner, actions, limit)
    if not hasattr(inner, "P"):
        raise RefusedError("the world has no table P")
    if len(inner.P) != rows:
        raise RefusedError("the observation is not the state's number")
    return World(env, len(inner.P), actions, limit, _table_of(inner, actions), {}, {}, None)


def _table_of(inner: Any, actions: int) -> dict[str, NDArray[Any]]:
    start = np.cumsum(np.asarray(inner.initial_state_distrib, dtype=np.float64))
    return once(inner.P, "outcomes", lambda: _table_arrays(inner, actions)) | {"p_start": start}


def _table_arrays(inner: Any, actions: int) -> dict[str, NDArray[Any]]:
    states = len(inner.P)
    outcomes = max(len(inner.P[s][a]) for s in range(states) for a in range(actions))
    shape = (states, actions, outcomes)
    # Where rounding leaves a sum below the draw (once in 10^16 steps) the last outcome is taken.
    arrays = {
        "p_until": np.full(shape, np.inf),
        "p_next": np.zeros(shape, np.int64),
        "p_reward": np.zeros(shape),
        "p_ends": np.zeros(shape, np.bool_),
    }
    for s in range(states):
        for a in range(actions):
            until = list(itertools.accumulate(row[0] for row in inner.P[s][a]))
            for k, (_, after, reward, ends) in enumerate(inner.P[s][a]):
                if k + 1 < len(inner.P[s][a]):
                    arrays["p_until"][s, a, k] = until[k]
                arrays["p_next"][s, a, k] = after
                arrays["p_reward"][s, a, k] = reward
                arrays["p_ends"][s, a, k] = ends
    return arrays


def _sampled_world(env: Any, inner: Any, actions: int, limit: int) -> World:
    own = {f"w_{name}": np.array(getattr(inner, name)) for name in inner.world_tables}
    functions = {"first": type(inner).first_rule, "outcome": type(inner).step_rule}
    if hasattr(inner, "born_rule"):
        functions["born"] = type(inner).born_rule
    seen = getattr(inner, "observation_of", None)
    states = len(seen) if seen is not None else int(env.observation_space.n)
    return World(
        env, states, actions, limit, {}, own, functions, None if seen is None else np.array(seen, dtype=np.int64)
    )


# --- the page ---------------------------------------------------------------------------------------------------------


def plan_of(world: World, agent: Any, blend: Blend, dials: Dials | None, kept: Kept) -> Plan:
    """Write the page. Raises RefusedError, with the reason."""
    rule = getattr(type(agent), "learn_rule", None)
    if rule is None:
        raise RefusedError(f"{type(agent).__name__} has no pure learn_rule")
    if blend.extends == "features":
        raise RefusedError("H among the features of an agent is no table")
    if dials is not None and dials.hold and blend.extends:
        raise RefusedError("a person who drives leaves an agent with one action more nothing to choose")
    extend(agent, blend, None)
    page = Page()
    tables = tuple(agent.learnt())
    lines = _lines(page, world, agent, tables, blend, dials, kept)
    return Plan("\n".join(lines) + "\n", page.functions, tuple(page.numbers), tables)


def _lines(
    page: Page,
    world: World,
    agent: Any,
    tables: tuple[str, ...],
    blend: Blend,
    dials: Dials | None,
    kept: Kept,
) -> list[str]:
    """The whole page: ``choose``, and ``run`` with its loop over seeds and steps."""
    restricted = ["available"] if getattr(agent, "available", ()) else []
    person = ["h_mean", "h_count", "d_said", "times", "phi"]
    given = ["numbers", *map(own, tables), *person, *restricted, "believed"]
    choose = _choose_lines(page, agent, blend, given)
    arrays = [*world.shared, "observation_of", "good", "available"]
    each = [*world.own, *map(own, tables), *person, "draws", "clock", "real"]
    logs = ["returns", "lengths", "rewards", "deeds", "spoken"]
    head = f"def run(lo, hi, step_goal, episode_goal, limit, numbers, {', '.join(arrays)}, "
    head += ", ".join(f"all_{name}" for name in each) + ", " + ", ".join(f"all_{name}" for name in logs) + "):"
    body = _loop_lines(page, world, agent, tables, blend, dials, kept, given)
    unpack = [f"{name} = all_{name}[i]" for name in each]
    unpack += [f"{name}_draws = draws[{k}]" for k, name in enumerate(STREAMS)]
    unpack += [f"{name} = clock[{k}]" for k, name in enumerate(CLOCK)]
    unpack += [f"{name} = real[{k}]" for k, name in enumerate(REAL)]
    pack = [f"clock[{k}] = {name}" for k, name in enumerate(CLOCK)]
    pack += [f"real[{k}] = {name}" for k, name in enumerate(REAL)]
    names = sorted({*page.functions, "assume", "draw", "njit", "helper"})
    return [
        *(f"{name} = _parts[{name!r}]" for name in names),
        "",
        "",
        "@helper",
        *choose,
        "",
        "",
        "@njit",
        head,
        "    for i in range(lo, hi):",
        *("        " + line for line in unpack),
        *("        " + line for line in _known_widths(agent, tables, world.actions + _extra(blend))),
        f"        probabilities = np.empty({world.actions * (1 + _extra(blend))})",
        f"        evidence = np.empty({world.actions})",
        *("        " + line for line in estimate_scratch(blend, world.actions)),
        "        n_steps = 0",
        "        n_spoken = 0",
        "        n_episodes = 0",
        "        while n_steps < step_goal and n_episodes < episode_goal:",
        *("            " + line for line in body),
        *("        " + line for line in pack),
    ]


def _known_widths(agent: Any, tables: tuple[str, ...], actions: int) -> list[str]:
    """Tell the compiler how long the rows of the tables are, so that it can write out the loops over actions."""
    wide = []
    for name in tables:
        table = getattr(agent, name)
        if len(table) and isinstance(table[0], list | np.ndarray) and len(table[0]) == actions <= WRITTEN_OUT:
            wide.append(f"assume({own(name)}.shape[1] == {actions})")
    return wide


def _choose_lines(page: Page, agent: Any, blend: Blend, given: Sequence[str]) -> list[str]:
    """``choose``: exploration on the agent's values through bias and mix, as ``hfrl.loop._choose``."""
    scope = {name: own(name) for name in agent.learnt()} | {"s": "o"}
    rate = page.schedule(agent._exploration_rate, "steps", "episodes") if hasattr(agent, "_exploration_rate") else "0.0"
    rule = type(agent).values_rule
    acted_on = f"{own('q')}[o]" if rule is None else page.call("values_of", rule, scope, agent)
    if agent.exploration == "fixed":
        acted_on = f"{own('pi')}[o]"
    lines = [
        f"def choose({', '.join(given)}, o, u, steps, episodes, index, episode, probabilities, evidence):",
        f"    values = {acted_on}",
        *(["    values = values[: available[o]]"] if "available" in given else []),
        "    n = len(values)",
    ]
    lines += bias_lines(page, blend)
    lines += _exploration_lines(page, agent.exploration, rate, bool(blend.mix or _extra(blend)))
    if _extra(blend):
        return lines + delegated_lines() + _sample_lines("probabilities[k] if k < n - 1 else delegated")
    if not blend.mix:
        return lines
    return lines + mix_lines(page, blend) + _sample_lines()


def _exploration_lines(page: Page, exploration: str, rate: str, mixed: bool) -> list[str]:
    """The agent's own distribution, and the action at ``u`` unless a mix port still works on it."""
    if exploration == "fixed":
        if mixed:
            return ["    for k in range(n):", f"        probabilities[k] = {own('pi')}[o][k]"]
        return [f"    probabilities = {own('pi')}[o]", *_sample_lines()]
    if exploration == "softmax":
        page.functions["softmax_into"] = softmax_into
        lines = [f"    softmax_into(values, {rate}, probabilities)"]
        return lines + ([] if mixed else _sample_lines())
    lines = []
    if exploration == "ucb":
        page.functions["upper_bounds"] = upper_bounds
        lines.append(f"    values = upper_bounds(values, {own('visits')}[o], {rate})")
    elif exploration not in ("epsilon_greedy", "greedy"):
        raise RefusedError(f"the exploration {exploration!r} is none of ours")
    epsilon = rate if exploration == "epsilon_greedy" else "0.0"
    lines += [f"    epsilon = {epsilon}", "    best = values[0]", "    for k in range(1, n):"]
    lines += ["        best = values[k] if values[k] > best else best"]
    lines += ["    ties = 0", "    for k in range(n):", "        ties += values[k] == best"]
    # A division by one tie changes no bit, and is what a step would wait for longest.
    lines += ["    other = epsilon / n", "    tied = other + ((1 - epsilon) if ties == 1 else (1 - epsilon) / ties)"]
    if mixed:
        lines += ["    for k in range(n):", "        probabilities[k] = tied if values[k] == best else other"]
        return lines
    lines += ["    cumulative = 0.0", "    a, last = 0, 0", "    for k in range(n):"]
    lines += ["        is_best = values[k] == best", "        cumulative += tied if is_best else other"]
    lines += ["        last = k if is_best else last", "        a += u >= cumulative"]
    lines += ["    if a == n:", "        a = n - 1 if other > 0 else last"]
    return [*lines, "    return a, tied if values[a] == best else other"]


def _extra(blend: Blend) -> int:
    """How many actions the agent has beyond its world's."""
    return int(blend.extends == "action")


def _sample_lines(probability: str = "probabilities[k]") -> list[str]:
    """``Categorical.sample``, and the ``probability`` that goes with action ``k``."""
    return [
        "    cumulative = 0.0",
        "    last = 0",
        "    for k in range(len(probabilities)):",
        "        cumulative += probabilities[k]",
        "        if u < cumulative:",
        f"            return k, {probability}",
        "        if probabilities[k] > 0:",
        "            last = k",
        "    k = last",
        f"    return k, {probability}",
    ]


def _loop_lines(
    page: Page,
    world: World,
    agent: Any,
    tables: tuple[str, ...],
    blend: Blend,
    dials: Dials | None,
    kept: Kept,
    given: Sequence[str],
) -> list[str]:
    """One turn of the loop."""
    seen = "observation_of[{}]" if world.observation_of is not None else "{}"

    def chosen(state: str) -> str:
        now = "draw(policy_draws), steps, episodes, index, episode, probabilities, evidence"
        return f"choose({', '.join(given)}, {seen.format(state)}, {now})"

    on_policy = bool(agent.on_policy)
    lines = ["if fresh:", *("    " + line for line in _first_lines(page, world))]
    if blend.estimator is not None:
        estimating = estimate_lines(page, blend, _prior(page, agent), world.actions)
        lines += ["    " + line for line in estimating]
    lines += ["    t, total, fresh = 0, 0.0, 0", "    entered, o1 = np.nan, -1", f"    a, mu = {chosen('s')}"]
    lines += ["    " + line for line in _driver_lines(page, dials, seen.format("s"), "a, mu", "human", "episode")]
    if _extra(blend):
        lines += choice_lines(world.actions, "a", "c")
    lines += [f"o = {seen.format('s')}", *_outcome_lines(page, world), f"o2 = {seen.format('s2')}"]
    lines += ["t += 1", "truncated = t >= limit", "ended = terminated or truncated", "total += r"]
    lines += _teacher_lines(page, dials)
    if kept.presses and dials is not None:
        lines += ["if spoke:", "    all_spoken[i, n_spoken, 0] = index", "    all_spoken[i, n_spoken, 1] = episode"]
        lines += ["    all_spoken[i, n_spoken, 2] = label", "    n_spoken += 1"]
    lines += ["index += 1", "a2, mu2, human2 = 0, 1.0, 0"]
    driver = ["    " + line for line in _driver_lines(page, dials, "o2", "a2, mu2", "human2", "episode + ended")]
    if on_policy:
        lines += ["if not terminated:", f"    a2, mu2 = {chosen('s2')}", *driver]
        lines += ["cell = a2", *choice_lines(world.actions, "a2", "c2")] if _extra(blend) else []
    lines += _hearing_lines(page, blend) if dials is not None else []
    lines += ["signal = r", *potential_lines(page, blend, agent, dials is not None)]
    lines += reward_lines(page, blend, agent, dials is not None)
    own_choice = ("c", "c2" if on_policy else "a2") if _extra(blend) else ("a", "a2")
    lines += _learn_lines(page, agent, tables, kept.sums, dials, own_choice)
    if kept.steps:
        lines += ["all_rewards[i, n_steps] = r", "all_deeds[i, n_steps] = a"]
    lines += ["n_steps += 1", "if ended:", "    if n_episodes < all_returns.shape[1]:"]
    lines += ["        all_returns[i, n_episodes] = total", "        all_lengths[i, n_episodes] = t"]
    lines += ["    n_episodes += 1", "    episode += 1", "    fresh = 1"]
    if not on_policy:
        lines += ["else:", f"    a2, mu2 = {chosen('s2')}", *driver]
    if any(port.rule is tamer_rl.look_back for port in blend.reward):
        lines += ["o1, a1 = o, a"]
    return [*lines, f"s, a, mu, human = s2, {'cell' if on_policy and _extra(blend) else 'a2'}, mu2, human2"]


def _hearing_lines(page: Page, blend: Blend) -> list[str]:
    """H hears a label, as ``Switch.observe``."""
    page.functions["running_mean"] = running_mean
    lines = ["h_count[o, a] += 1", "h_mean[o, a] = running_mean(h_mean[o, a], h_count[o, a], label)"]
    lines += ["d_said[o, a, int(label < 0)] += 1.0", *heard_lines(page, blend), *start_lines(page, blend)]
    return ["if spoke:", *("    " + line for line in lines)]


def _driver_lines(page: Page, dials: Dials | None, row: str, chosen: str, human: str, episodes: str) -> list[str]:
    """What is done where a person may drive, as ``Driver.take_over``: ``chosen`` are action and probability,
    ``episodes`` how many they have seen end."""
    if dials is None or not dials.hold:
        return []
    page.functions["steered"] = steered
    lines = [f"{human} = 1 if held > 0 or index < {page.number(dials.first)} else 0"]
    if dials.mix:
        lines += [f"if not {human} and draw(hands_draws) < {page.number(dials.mix)} ** float({episodes}):"]
        lines += [f"    {human} = 1"]
    return [*lines, f"if {human}:", f"    {chosen} = steered(good[{row}], {page.number(dials.slip)}, hands_draws), 1.0"]


def _driving_lines(page: Page, dials: Dials) -> list[str]:
    """What a driver makes of a step and of what they would have said of it, as ``Driver``."""
    if not dials.hold:
        return []
    lines = ["if human:", "    held = max(0, held - 1)"]
    if not dials.mix:
        lines += ["elif spoke and label < 0:", f"    held = int({page.number(dials.hold)})"]
        lines += ["spoke, label = False, 0.0"]
    return [*lines, "if ended:", "    held = 0", "attends = False"]


def _prior(page: Page, agent: Any) -> str:
    """Writes the agent's own policy in ``row`` of its table into ``priors[judged]``: ``TabularAgent.prior``."""
    if type(agent).prior is not TabularAgent.prior or getattr(agent, "available", False):
        raise RefusedError(f"what {type(agent).__name__} would do by itself is no exploration of a whole row")
    page.functions["explored_into"] = explored_into
    scope = {name: own(name) for name in agent.learnt()} | {"s": "row"}
    rule = type(agent).values_rule
    values = f"{own('q')}[row]" if rule is None else page.call("values_of", rule, scope, agent)
    rate = page.schedule(agent._exploration_rate, "steps", "episodes")
    return f"explored_into({values}, {rate}, {agent.exploring}, priors[judged])"


def _first_lines(page: Page, world: World) -> list[str]:
    if world.functions:
        scope = _world_scope(world)
        lines = []
        if "born" in world.functions:
            lines += [
                "if born == 0:",
                "    " + page.call("born_rule", world.functions["born"], scope, world.env.unwrapped),
            ]
        lines += ["born = 1", f"s = {page.call('first', world.functions['first'], scope, world.env.unwrapped)}"]
        return lines
    return ["s = min(np.searchsorted(p_start, draw(world_draws), side='right'), len(p_start) - 1)"]


def _outcome_lines(page: Page, world: World) -> list[str]:
    if world.functions:
        call = page.call("outcome", world.functions["outcome"], _world_scope(world), world.env.unwrapped)
        return [f"s2, r, terminated = {call}"]
    outcomes = world.shared["p_until"].shape[2]
    lines = ["u = draw(world_draws)", "k = 0"]
    if 1 < outcomes <= FEW_OUTCOMES:  # counted, because a processor cannot foresee where a search ends
        lines += [f"k += u >= p_until[s, a, {j}]" for j in range(outcomes - 1)]
    elif outcomes > 1:
        lines += ["while u >= p_until[s, a, k]:", "    k += 1"]
    return [*lines, "s2, r, terminated = p_next[s, a, k], p_reward[s, a, k], p_ends[s, a, k]"]


def _world_scope(world: World) -> dict[str, str]:
    return {name.removeprefix("w_"): name for name in world.own} | {"s": "s", "a": "a", "rng": "world_draws"}


def _teacher_lines(page: Page, dials: Dials | None) -> list[str]:
    """``spoken`` with its dials, from the outside inwards: warm-up, budget, what is withheld, likelihood and fatigue,
    consistency and drift, and whether the opposite is meant."""
    if dials is None:
        return []
    likelihood, consistency = page.number(dials.likelihood), page.number(dials.consistency)
    watched = "index - watched_since"
    since = ["if watched_since < 0:", "    watched_since = index"]
    lines = [f"attends = index >= {page.number(dials.warmup)} and left != 0{' and not human' if dials.hold else ''}"]
    lines += ["label, spoke = 0.0, False", "if attends:"]
    if dials.fatigue:
        page.functions["tired"] = tired
        lines += ["    " + line for line in since]
        likelihood = f"tired({likelihood}, {page.number(dials.fatigue)}, {watched})"
    lines += [f"    if draw(likelihood_draws) < {likelihood}:", "        spoke = True"]
    if dials.drift:
        page.functions["drifted"] = drifted
        lines += ["        " + line for line in since]
        consistency = f"drifted({consistency}, {page.number(dials.drift)}, {watched})"
    lines += [f"        label = 1.0 if {'not ' if dials.inverted else ''}good[o, a] else -1.0"]
    lines += [f"        if draw(consistency_draws) >= {consistency}:", "            label = -label"]
    for withheld, sign, draws in ((dials.positivity, "<", "positivity"), (dials.withhold_praise, ">", "modesty")):
        if withheld:
            lines += [f"        if label {sign} 0:"]
            lines += [f"            spoke = draw({draws}_draws) >= {page.number(withheld)}"]
    lines += ["    if spoke:", "        left -= 1"]
    if not dials.hold or dials.mix:  # who takes the wheel for what they see says nothing
        lines += ["        presses += 1", "        praise += label > 0"]
    return [*lines, *_driving_lines(page, dials)]


def _learn_lines(
    page: Page, agent: Any, tables: tuple[str, ...], sums: bool, dials: Dials | None, choice: tuple[str, str]
) -> list[str]:
    """The agent's rule; ``choice`` is what it chose, and what it chooses next."""
    scope = {name: own(name) for name in tables} | {
        "s": "o", "a": choice[0], "r": "signal", "s2": "o2", "a2": choice[1], "terminated": "terminated",
        "truncated": "truncated", "mu": "mu", "steps": "steps", "rng": "replay_draws",
        "gamma": page.number(agent.gamma),
    }  # fmt: skip
    wanted = inspect.signature(type(agent).learn_rule).parameters
    lines = []
    if agent.learns_from_feedback:
        page.functions["counts"] = counts
        spoke, attends = ("spoke", "attends") if dials else ("False", "False")
        lines = [f"signal = {'label if spoke else 0.0' if dials else '0.0'}"]
        lines.append(f"judged = counts({spoke}, {attends}, {page.number(agent.silence)})")
        if dials and dials.hold:
            takeover = page.number(agent.takeover)
            lines += ["if human:", f"    signal, judged = {takeover}, {takeover} != 0.0"]
        scope |= {"f": "signal", "judged": "judged"}
    if "alpha" in wanted:
        scope["alpha"] = page.schedule(agent.alpha, "steps", "episodes")
    if "rate" in wanted:
        scope["rate"] = page.schedule(agent._exploration_rate, "steps", "episodes")
    call = page.call("learn", type(agent).learn_rule, scope, agent)
    lines.append(f"old, target, new, bootstrap = {call}")
    if sums:
        lines += [
            "if target == target:",
            "    errors += abs(target - old)",
            "    signals += signal",
            "    updates += 1",
        ]
    if "visits" in tables:
        lines.append(f"{own('visits')}[o, {choice[0]}] += 1")
    return [*lines, "steps += 1", "episodes += ended"]


def praised(env: Any, dials: Dials | None, states: int, actions: int) -> NDArray[np.bool_]:
    """``good[s, a]``: what the simulated teacher praises. Raises UserError where it needs a ``P`` that is not there."""
    if dials is None:
        return np.zeros((states, actions), np.bool_)
    return np.array(oracle(env, dials.gamma, dials.taste_weight).good)
