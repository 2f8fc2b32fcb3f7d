"""A blend's ports as lines of the compiled page. Each rule of ours has its lines here, and they call the very functions
that the rule calls; what is none of ours is refused."""

from collections.abc import Callable
from typing import Any

from hfrl import advice, tamer_rl
from hfrl.blend import due
from hfrl.labels import SOMEBODY, noted, recency_in
from hfrl.page import Page, RefusedError, named, own
from hfrl.policy import expected_value
from hfrl.policy_shaping import (
    FIRST_GUESS,
    PRIOR,
    ROUNDS_AN_EPISODE,
    SETTLED,
    Estimate,
    Shape,
    advise,
    agreeing,
    log_odds,
    maximised,
)
from hfrl.ports import Blend, Port, Rule

#: The tables that a bias rule adds to the values, and with which sign.
BIASES: dict[Rule, tuple[str, str]] = {
    tamer_rl.add_preference: ("h_mean", ""),
    advice.correct_policy: ("phi", ""),
    advice.follow_advice: ("phi", "-"),
}


def bias_lines(page: Page, blend: Blend) -> list[str]:
    """What is preferred beyond the values: a sum over the ports, as ``Switch.bias``."""
    if not blend.bias:
        return []
    lines = ["    biased = np.empty(n)", "    for k in range(n):", "        b = 0.0"]
    for port in blend.bias:
        rule, fresh = _freshness(page, port.rule)
        if rule not in BIASES:
            raise RefusedError(f"the bias rule {named(rule)} is none of ours")
        table, minus = BIASES[rule]
        said = f"({table}[o][k] * {fresh('o', 'k')})" if fresh else f"{table}[o][k]"
        lines.append(f"        b = b + ({minus}{page.schedule(port.weight, 'index', 'episode')}) * {said}")
    return [*lines, "        biased[k] = values[k] + b", "    values = biased"]


def _freshness(page: Page, rule: Rule) -> tuple[Rule, Callable[[str, str], str] | None]:
    """A rule without the eligibility module, and what the module says of a row and an action; None where it is off."""
    if not isinstance(rule, tamer_rl.Fading):
        return rule, None
    page.functions["recency_in"] = recency_in
    decay = page.number(rule.decay)
    return rule.rule, lambda row, action: f"recency_in(times[{row}, {action}], index, {decay})"


def heard_lines(page: Page, blend: Blend) -> list[str]:
    """A label came for ``o`` and ``a``: when it was, where the blend asks how fresh labels are."""
    if not blend.fades:
        return []
    page.functions["noted"] = noted
    return ["noted(times[o, a], index - 1)"]


def mix_lines(page: Page, blend: Blend) -> list[str]:
    """What is done: the distribution through the mix ports, from left to right."""
    lines = []
    for port in blend.mix:
        if isinstance(port.rule, Shape):
            lines += _shaping_lines(page, port, port.rule, blend.estimator is not None)
            continue
        rule, fresh = _freshness(page, port.rule)
        if rule is not tamer_rl.share_control:
            raise RefusedError(f"the mix rule {named(rule)} is none of ours")
        lines += _sharing_lines(page, port, fresh)
    return lines


def _shaping_lines(page: Page, port: Port, rule: Shape, estimated: bool) -> list[str]:
    """Policy shaping, by the labels of the one trainer there is. ``believed`` is their estimated consistency, -1 where
    there is none yet."""
    page.functions |= {"advise": advise, "log_odds": log_odds}
    known = rule.known.get(SOMEBODY, rule.others)
    odds = page.number(log_odds(known))
    if estimated:
        odds = f"log_odds(believed if believed >= 0 else {page.number(known)})"
    return [
        f"    beta = {page.schedule(port.weight, 'index', 'episode')}",
        "    said = False",
        "    for k in range(n):",
        "        difference = d_said[o, k, 0] - d_said[o, k, 1]",
        "        said |= difference != 0",
        f"        evidence[k] = 0.0 + difference * {odds}",
        "    if beta != 0 and said:",
        f"        advise(probabilities[:n], evidence[:n], beta, {rule.single})",
    ]


def estimate_lines(page: Page, blend: Blend, prior: str, actions: int) -> list[str]:
    """What is believed of the trainer, estimated anew as an episode begins: :class:`hfrl.policy_shaping.Estimate`.

    ``prior`` writes the agent's own policy in ``row`` into ``priors[judged]``.
    """
    if blend.estimator is None:
        return []
    if not isinstance(blend.estimator, Estimate):
        raise RefusedError(f"the estimator {named(blend.estimator)} is none of ours")
    page.functions |= {
        "due": due, "advise": advise, "log_odds": log_odds, "agreeing": agreeing, "maximised": maximised
    }  # fmt: skip
    a, b = (page.number(one) for one in (PRIOR if blend.estimator.kind == "variational" else (0.0, 0.0)))
    return [
        "if due(episode):",
        f"    before = believed if believed >= 0 else {FIRST_GUESS}",
        "    odds = log_odds(before)",
        # The rows of which anything was said, and what the agent would do there: alike in every round.
        "    judged = 0",
        "    for row in range(d_said.shape[0]):",
        "        said = False",
        f"        for k in range({actions}):",
        "            said |= d_said[row, k, 0] != 0 or d_said[row, k, 1] != 0",
        "        if said:",
        f"            {prior}",
        "            judged_rows[judged] = row",
        "            judged += 1",
        f"    for estimating in range({ROUNDS_AN_EPISODE} if judged else 0):",
        "        agree, disagree = 0.0, 0.0",
        "        for at in range(judged):",
        "            row = judged_rows[at]",
        f"            for k in range({actions}):",
        "                probabilities[k] = priors[at, k]",
        "                evidence[k] = 0.0 + (d_said[row, k, 0] - d_said[row, k, 1]) * odds",
        f"            advise(probabilities[:{actions}], evidence[:{actions}], 1.0, True)",
        f"            for k in range({actions}):",
        "                agree += agreeing(d_said[row, k, 0], d_said[row, k, 1], probabilities[k])",
        "                disagree += agreeing(d_said[row, k, 1], d_said[row, k, 0], probabilities[k])",
        f"        believed, odds = maximised(agree, disagree, {a}, {b})",
        f"        if abs(believed - before) < {SETTLED}:",
        "            break",
        "        before = believed",
    ]


def estimate_scratch(blend: Blend, actions: int) -> list[str]:
    """Where :func:`estimate_lines` keep what they look up once for all rounds."""
    if blend.estimator is None:
        return []
    return [f"priors = np.empty((d_said.shape[0], {actions}))", "judged_rows = np.empty(d_said.shape[0], np.int64)"]


def _sharing_lines(page: Page, port: Port, fresh: Callable[[str, str], str] | None) -> list[str]:
    """Control sharing: with probability min(beta, 1) what H likes best, where it was taught anything."""
    lines = [f"    beta = {page.schedule(port.weight, 'index', 'episode')}"]
    if fresh:
        lines += ["    freshest = 0.0", "    for k in range(times.shape[1]):"]
        lines += [f"        freshest = max(freshest, {fresh('o', 'k')})", "    beta = beta * freshest"]
    return [
        *lines,
        "    taught = False",
        "    for k in range(n):",
        "        taught |= h_count[o][k] > 0",
        "    if beta != 0 and taught:",
        "        share = min(beta, 1.0)",
        *_liked_lines("n", "        "),
        "        for k in range(n):",
        "            wanted = 1.0 / ties if h_mean[o][k] == liked else 0.0",
        "            probabilities[k] = (1 - share) * probabilities[k] + share * wanted",
    ]


def delegated_lines() -> list[str]:
    """The last action is what H likes best: the cells of :class:`hfrl.policy.Delegated`."""
    return [
        "    delegated = probabilities[n - 1]",
        *_liked_lines("n - 1", "    "),
        "    for k in range(n - 1):",
        "        probabilities[n - 1 + k] = delegated * (1.0 / ties if h_mean[o][k] == liked else 0.0)",
    ]


def choice_lines(actions: int, cell: str, choice: str) -> list[str]:
    """Which of those cells means what: the agent's choice, and what is done."""
    return [f"{choice} = min({cell}, {actions})", f"{cell} = {cell} - {actions} if {cell} >= {actions} else {cell}"]


def _liked_lines(count: str, indent: str) -> list[str]:
    """What H likes best, and how many actions tie there."""
    lines = [
        "liked, ties = h_mean[o][0], 1",
        f"for k in range(1, {count}):",
        "    if h_mean[o][k] > liked:",
        "        liked, ties = h_mean[o][k], 1",
        "    elif h_mean[o][k] == liked:",
        "        ties += 1",
    ]
    return [indent + line for line in lines]


def start_lines(page: Page, blend: Blend) -> list[str]:
    """What a pair's value begins with, at its first label."""
    lines = []
    for port in blend.start:
        if port.rule is not tamer_rl.begin_with_model:
            raise RefusedError(f"the start rule {named(port.rule)} is none of ours")
        page.functions["initialised"] = tamer_rl.initialised
        lines += ["if h_count[o, a] == 1:", f"    beta = {page.schedule(port.weight, 'index', 'episode')}"]
        lines += ["    moved = initialised(0.0, beta, h_mean[o, a])", f"    {own('q')}[o][a] += moved"]
    if len(blend.start) > 1:
        raise RefusedError("two blends begin with the person's values")
    return lines


def potential_lines(page: Page, blend: Blend, agent: Any, taught: bool) -> list[str]:
    """The blend's own potential learns the step, as ``Switch.learn``."""
    plan = blend.potential
    if plan is None:
        return []
    page.functions |= {"learn_potential": advice.learn_potential, "own_action": advice.own_action}
    weights = [page.schedule(port.weight, "index", "episode") for port in (*blend.reward, *blend.bias)]
    pressed = "(label if spoke else 0.0)" if taught else "0.0"
    word = pressed if plan.source == "press" else "h_mean[o, a]"
    lines = ["phi_before = 0.0", f"if {' or '.join(f'({weight}) != 0' for weight in weights)}:"]
    lines.append("    a3 = 0" if plan.own_policy else "    a3 = a2")
    if plan.own_policy:
        lines += [
            "    if not terminated:",
            f"        a3 = own_action(phi[o2], {page.number(plan.epsilon)}, network_draws)",
        ]
    numbers = f"{page.number(plan.rate)}, {page.number(agent.gamma)}"
    return [*lines, f"    phi_before = learn_potential(phi, o, a, {word}, o2, a3, terminated, {numbers})"]


def reward_lines(page: Page, blend: Blend, agent: Any, taught: bool) -> list[str]:
    """What the agent is told: the reward ports, from left to right."""
    lines = []
    if sum(port.phi is not None for port in blend.reward) > 1:
        raise RefusedError("two potentials of the person's model in a row")
    for port in blend.reward:
        rule, fresh = _freshness(page, port.rule)
        told = _told_lines(page, rule, agent, taught, f"h_mean[o, a] * {fresh('o', 'a')}" if fresh else "h_mean[o, a]")
        lines.append(f"beta = {page.schedule(port.weight, 'index', 'episode')}")
        lines += ["phi2 = 0.0"] if port.phi is not None else []
        lines += ["if beta != 0:", *("    " + line for line in told)]
        lines += ["entered = phi2"] if port.phi is not None else []
    return lines


def _told_lines(page: Page, rule: Rule, agent: Any, taught: bool, said: str) -> list[str]:
    """One reward rule at a weight ``beta`` that is not 0; ``said`` is what H says of the step."""
    gamma = page.number(agent.gamma)
    if rule is tamer_rl.add_model:
        page.functions["shaped_reward"] = tamer_rl.shaped_reward
        return [f"signal = shaped_reward(signal, beta, {said})"]
    if rule is tamer_rl.add_press:
        page.functions["shaped_reward"] = tamer_rl.shaped_reward
        return [f"signal = shaped_reward(signal, beta, {'label if spoke else 0.0' if taught else '0.0'})"]
    if rule is tamer_rl.augment:
        return _augmented_lines(page, agent, gamma)
    page.functions["potential_difference"] = tamer_rl.potential_difference
    if rule is tamer_rl.add_potential:
        page.functions["potential"] = tamer_rl.potential
        return [
            "phi1 = entered if entered == entered else potential(beta, h_mean[o])",
            "phi2 = 0.0 if terminated else potential(beta, h_mean[o2])",
            f"signal = signal + potential_difference({gamma}, phi1, phi2, terminated)",
        ]
    if rule is tamer_rl.look_ahead:
        return _ahead_lines(agent, gamma)
    if rule is tamer_rl.look_back:
        page.functions["look_back_difference"] = tamer_rl.look_back_difference
        return [
            "phi0 = 0.0 if o1 < 0 else beta * h_mean[o1, a1]",
            f"signal = signal + look_back_difference({gamma}, beta * h_mean[o, a], phi0)",
        ]
    if rule is advice.add_learnt_potential:
        return [
            "phi2 = 0.0 if terminated else phi[o2, a2]",
            f"signal = signal + beta * potential_difference({gamma}, phi_before, phi2, terminated)",
        ]
    raise RefusedError(f"the reward rule {named(rule)} is none of ours")


def _augmented_lines(page: Page, agent: Any, gamma: str) -> list[str]:
    """Q augmentation: the reward by which the agent learns the augmented error."""
    page.functions["augmented_reward"] = tamer_rl.augmented_reward
    lines = ["beta_h, ahead, now = beta * h_mean[o, a], 0.0, 0.0"]
    q = own("q")
    if agent.bootstraps == "next":
        lines += ["if not terminated:", "    ahead = beta * h_mean[o2, a2]"]
    elif agent.bootstraps == "best":
        lines += ["if not terminated:", f"    ahead, now = {q}[o2][0] + beta * h_mean[o2, 0], {q}[o2][0]"]
        lines += [f"    for k in range(1, {q}.shape[1]):", f"        raised = {q}[o2][k] + beta * h_mean[o2, k]"]
        lines += ["        ahead = raised if raised > ahead else ahead"]
        lines += [f"        now = {q}[o2][k] if {q}[o2][k] > now else now"]
    else:
        page.functions["expected_value"] = expected_value
        rate = page.schedule(agent._exploration_rate, "steps", "episodes")
        lines += ["if not terminated:", f"    for k in range({q}.shape[1]):"]
        lines += [f"        evidence[k] = {q}[o2][k] + beta * h_mean[o2, k]"]
        lines += [f"    ahead = expected_value(evidence, {rate}, {agent.exploring})"]
        lines += [f"    now = expected_value({q}[o2], {rate}, {agent.exploring})"]
    return [*lines, f"signal = augmented_reward(signal, {gamma}, terminated, beta_h, ahead, now)"]


def _ahead_lines(agent: Any, gamma: str) -> list[str]:
    """Look-ahead advice, with what the agent's own target misses."""
    lines = ["phi1, phi2, missed = beta * h_mean[o, a], 0.0, 0.0"]
    q = own("q")
    if agent.bootstraps == "next":
        lines += ["if not terminated:", "    phi2 = beta * h_mean[o2, a2]"]
    else:
        lines += ["if not terminated:", "    k2, most, top = 0, -np.inf, -np.inf", f"    for k in range({q}.shape[1]):"]
        lines += [f"        raised = {q}[o2][k] + beta * h_mean[o2, k]"]
        lines += ["        if raised > most:", "            k2, most = k, raised"]
        lines += [f"        top = {q}[o2][k] if {q}[o2][k] > top else top"]
        lines += ["    phi2 = beta * h_mean[o2, k2]", f"    missed = {q}[o2][k2] - top"]
    told = f"signal + potential_difference({gamma}, phi1, phi2, terminated)"
    return [*lines, f"signal = {told} if terminated else {told} + {gamma} * missed"]
