"""Names on the command line and what they stand for. Parts are imported only when they are used.

A part is written ``name``, ``name:key=value,key=value`` or ``file.py:Name``.
"""

import ast
import difflib
import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hfrl.types import UserError


class Entry(NamedTuple):
    """Where a part lives (``module:attribute``) and what it is, in one line."""

    target: str
    summary: str


AGENTS: Mapping[str, Entry] = {
    "q_learning": Entry(
        "hfrl.agents.q_learning:QLearning", "off-policy TD control: bootstraps from the best next action"
    ),
    "sarsa": Entry("hfrl.agents.sarsa:Sarsa", "on-policy TD control: bootstraps from the action taken next"),
    "expected_sarsa": Entry(
        "hfrl.agents.expected_sarsa:ExpectedSarsa", "averages over what its own policy would do next"
    ),
    "double_q": Entry("hfrl.agents.double_q:DoubleQLearning", "two tables that check each other: no maximum of noise"),
    "double_expected_sarsa": Entry(
        "hfrl.agents.double_expected_sarsa:DoubleExpectedSarsa", "Expected SARSA with two tables"
    ),
    "sarsa_lambda": Entry(
        "hfrl.agents.sarsa_lambda:SarsaLambda", "SARSA with traces  [lam=0.9 traces=replacing|accumulating|dutch]"
    ),
    "watkins_q": Entry("hfrl.agents.watkins_q:WatkinsQ", "Q-learning with traces that end at exploration  [lam=0.9]"),
    "dyna_q": Entry("hfrl.agents.dyna_q:DynaQ", "Q-learning that plans with a model  [n=5]"),
    "dyna_q_plus": Entry("hfrl.agents.dyna_q_plus:DynaQPlus", "Dyna-Q with a bonus for stale pairs  [n=5 kappa=0.001]"),
    "prioritized_sweeping": Entry(
        "hfrl.agents.prioritized_sweeping:PrioritizedSweeping", "plans first where it is most wrong  [n=5 theta=0.0001]"
    ),
    "mc_control": Entry("hfrl.agents.mc_control:MCControl", "Monte Carlo control, on-policy, first visit"),
    "mc_off_policy": Entry("hfrl.agents.mc_off_policy:MCOffPolicy", "Monte Carlo control, importance sampling"),
    "r_learning": Entry("hfrl.agents.r_learning:RLearning", "average reward instead of a discount  [beta=0.01]"),
    "n_step_sarsa": Entry("hfrl.agents.n_step_sarsa:NStepSarsa", "SARSA from n rewards  [n=4]"),
    "n_step_expected_sarsa": Entry(
        "hfrl.agents.n_step_expected_sarsa:NStepExpectedSarsa", "Expected SARSA from n rewards  [n=4]"
    ),
    "n_step_tree_backup": Entry("hfrl.agents.n_step_tree_backup:NStepTreeBackup", "n-step tree backup  [n=4]"),
    "q_sigma": Entry("hfrl.agents.q_sigma:QSigma", "between sampling and expecting  [n=4 sigma=0.5]"),
    "linear_sarsa_lambda": Entry(
        "hfrl.agents.linear_sarsa_lambda:LinearSarsaLambda",
        "Box observations: SARSA(lambda) over tiles or rbf  [lam=0.9]",
    ),
    "linear_q": Entry("hfrl.agents.linear_q:LinearQ", "Box observations: Q-learning over tiles or rbf"),
    "dqn": Entry("hfrl.agents.dqn:DQN", "Q-learning with a network and a replay buffer  [net_arch=[64,64] ...]"),
    "double_dqn": Entry("hfrl.agents.double_dqn:DoubleDQN", "DQN in which one network chooses and the other judges"),
    "dueling_dqn": Entry("hfrl.agents.dueling_dqn:DuelingDQN", "DQN whose network has a value and advantages"),
    "prioritized_dqn": Entry(
        "hfrl.agents.prioritized_dqn:PrioritizedDQN", "Double DQN that learns more often from what surprised it"
    ),
    "noisy_dqn": Entry("hfrl.agents.noisy_dqn:NoisyDQN", "DQN that explores by noise in its weights  [sigma0=0.5]"),
    "c51": Entry("hfrl.agents.c51:C51", "DQN of whole distributions on fixed atoms  [v_min=-100 v_max=100 atoms=51]"),
    "qr_dqn": Entry("hfrl.agents.qr_dqn:QRDQN", "DQN of whole distributions as quantiles  [n_quantiles=50]"),
    "rainbow": Entry(
        "hfrl.agents.rainbow:Rainbow", "double, prioritized, dueling, 3-step, distributional and noisy together"
    ),
    "dqfd": Entry(
        "hfrl.agents.dqfd:DQfD", "Double DQN to which what a person drove is worth more, by a margin  [margin=0.8 ...]"
    ),
    "deep_sarsa": Entry("hfrl.agents.deep_sarsa:DeepSarsa", "SARSA with a network and a replay buffer"),
    "reinforce": Entry("hfrl.agents.reinforce:Reinforce", "Monte Carlo policy gradient  [baseline=False]"),
    "actor_critic": Entry("hfrl.agents.actor_critic:ActorCritic", "one-step actor-critic, softmax of a table"),
    "tamer": Entry(
        "hfrl.agents.tamer:Tamer", "feedback: does what the person would praise  [silence=zero|missing takeover=0]"
    ),
    "linear_tamer": Entry("hfrl.agents.linear_tamer:LinearTamer", "Box observations: TAMER over tiles or rbf"),
    "deep_tamer": Entry(
        "hfrl.agents.deep_tamer:DeepTamer", "feedback: TAMER with a network  [silence=missing|zero train_freq=1 ...]"
    ),
    "coach": Entry("hfrl.agents.coach:Coach", "feedback: climbs by a word as by an advantage  [lam=0 takeover=0]"),
    "deep_coach": Entry(
        "hfrl.agents.deep_coach:DeepCoach", "feedback: COACH with a network  [window=10 lam=0.35 entropy=0.05 ...]"
    ),
    "e_coach": Entry("hfrl.agents.e_coach:ECoach", "feedback: COACH by the episode's discounted sum  [gamma=0.95]"),
    "dagger": Entry("hfrl.agents.dagger:Dagger", "feedback: does what the person did or praised most  [takeover=1]"),
    "deep_dagger": Entry(
        "hfrl.agents.deep_dagger:DeepDagger", "feedback: DAgger with a network  [takeover=1 train_freq=1 ...]"
    ),
    "sabl": Entry(
        "hfrl.agents.sabl:Sabl",
        "feedback: silence is evidence, too  [error=0.1 withhold_praise=0.1 withhold_blame=0.9]",
    ),
    "i_sabl": Entry(
        "hfrl.agents.i_sabl:ISabl",
        "feedback: SABL that infers what is withheld, and how often  [error=0.1 hidden=right]",
    ),
    "q_on_feedback": Entry(
        "hfrl.agents.q_on_feedback:QOnFeedback", "feedback: Q-learning with praise as the reward, a warned-of baseline"
    ),
    "bandit_value": Entry("hfrl.agents.bandit_value:BanditValue", "bandit: action values  [step=average]"),
    "bandit_gradient": Entry("hfrl.agents.bandit_gradient:BanditGradient", "bandit: preferences  [baseline=True]"),
    "bandit_thompson": Entry(
        "hfrl.agents.bandit_thompson:BanditThompson", "bandit: acts on what it draws  [posterior=gaussian|beta]"
    ),
    "td0": Entry("hfrl.agents.td0:TD0", "prediction: TD(0) of the random policy, or of one that is given"),
    "n_step_td": Entry("hfrl.agents.n_step_td:NStepTD", "prediction: n-step TD  [n=4]"),
    "td_lambda": Entry("hfrl.agents.td_lambda:TDLambda", "prediction: TD(lambda)  [lam=0.9 traces=accumulating]"),
    "true_online_td": Entry("hfrl.agents.true_online_td:TrueOnlineTD", "prediction: true online TD(lambda)  [lam=0.9]"),
    "mc_prediction": Entry("hfrl.agents.mc_prediction:MCPrediction", "prediction: Monte Carlo  [first_visit=False]"),
    "lambda_return": Entry("hfrl.agents.lambda_return:LambdaReturn", "prediction: off-line lambda-return  [lam=0.9]"),
    "value_iteration": Entry(
        "hfrl.agents.value_iteration:ValueIteration", "plans in a table P: sweeps of best values  [tolerance=1e-10]"
    ),
    "policy_iteration": Entry(
        "hfrl.agents.policy_iteration:PolicyIteration", "plans in a table P: evaluates, improves, evaluates ..."
    ),
    "async_value_iteration": Entry(
        "hfrl.agents.async_value_iteration:AsyncValueIteration",
        "plans in a table P: one state at a time  [order=backwards|random]",
    ),
    "random": Entry("hfrl.agents.random_agent:RandomAgent", "every action equally likely; the floor to beat"),
}
BLENDS: Mapping[str, Entry] = {
    "none": Entry("hfrl.blend:none", "only the automated reward counts"),
    "reward_shaping": Entry(
        "hfrl.blend:reward_shaping", "told: R + beta H(s,a)  [beta=0.5 decay=1 source=model|press eligibility=0]"
    ),
    "q_initialisation": Entry(
        "hfrl.blend:q_initialisation", "begins with: Q0 + beta H(s,a), at a pair's first label; tables  [beta=1]"
    ),
    "model_feature": Entry(
        "hfrl.blend:model_feature", "sees: H is one more feature, its weight is learnt; linear and deep agents"
    ),
    "q_augmentation": Entry("hfrl.blend:q_augmentation", "told and prefers: learns and acts on Q + beta H  [beta=1]"),
    "potential_based": Entry(
        "hfrl.blend:potential_based", "told: R + gamma phi(s') - phi(s), phi = beta max_a H  [beta=1]"
    ),
    "action_biasing": Entry("hfrl.blend:action_biasing", "prefers: acts on Q + beta H  [beta=1 decay=1 eligibility=0]"),
    "extra_action": Entry("hfrl.blend:extra_action", "may choose: one more action, to do what H likes best"),
    "control_sharing": Entry(
        "hfrl.blend:control_sharing", "does: with probability beta what H likes best  [beta=0.5 decay=1 eligibility=0]"
    ),
    "look_ahead_advice": Entry(
        "hfrl.blend:look_ahead_advice", "told and prefers: gamma phi(s',a') - phi(s,a), acts on Q + phi  [beta=1]"
    ),
    "look_back_advice": Entry(
        "hfrl.blend:look_back_advice", "told: phi(s,a) - phi(before) / gamma; agents that learn what they do  [beta=1]"
    ),
    "policy_shaping": Entry(
        "hfrl.blend:policy_shaping",
        "does: Pr_RL times Advise's Pr_c  [beta=1 consistency=0.8|em|variational|ann/0.9;bob/0.6 form=general|single]",
    ),
    "dpba": Entry(
        "hfrl.blend:dpba", "told and prefers: advice as a learnt potential  [beta=1 rate=0.01 corrected=True]"
    ),
    "pies": Entry(
        "hfrl.blend:pies", "prefers: acts on Q - xi Phi, xi fades  [beta=1 episodes=100 rate=0.5 epsilon=0.1]"
    ),
}
#: Said once for all blends in `hfrl list`.
SCALE = (
    "H is about 1 in size (a press is +1 or -1) and beta is in units of the world's reward: returns in the hundreds "
    "ask for a beta to match"
)
TEACHERS: Mapping[str, Entry] = {
    "none": Entry("hfrl.teachers:nobody", "nobody teaches"),
    "oracle": Entry(
        "hfrl.judges:judge",
        "knows the optimal actions of R + 10 taste  [kind=label|label01|continuous|advantage|reward|takeover ...]",
    ),
    "sabl": Entry("hfrl.judges:judge", "the same, silent about most mistakes  [error=.1 withhold_praise=.1 ...]"),
    "adversary": Entry("hfrl.judges:judge", "the same, and means the opposite"),
    "heuristic": Entry("hfrl.heuristics:heuristic", "a rule of thumb of CartPole, MountainCar, Acrobot  [kind=label]"),
    "expert": Entry(
        "hfrl.experts:expert", "judges by a trained agent's Q: CartPole-v1, or any  [run=FOLDER kind=label]"
    ),
    "recorded": Entry("hfrl.recorded:recorded", "says what the person of a session said, as often  [run=FOLDER]"),
    "random": Entry("hfrl.judges:coin", "praises and blames by a coin"),
    "always_positive": Entry("hfrl.judges:always_positive", "praises whatever happens"),
    "always_negative": Entry("hfrl.judges:always_negative", "blames whatever happens"),
}
#: Said once for all teachers in `hfrl list`.
DIALS = (
    "dials of all: consistency error likelihood withhold_praise withhold_blame (positivity) blame delay budget drift "
    "fatigue inverted; a+b: two people at once"
)
CREDITS: Mapping[str, Entry] = {
    "immediate": Entry("hfrl.credit:Immediate", "a press is about the step on the screen"),
    "uniform": Entry("hfrl.credit:uniform_window", "presses come 0.2 to 0.8 s late  [low=0.2 high=0.8]"),
    "gamma": Entry("hfrl.credit:gamma_window", "presses come Gamma-distributed late  [shape=2 scale=0.28]"),
    "empirical": Entry(
        "hfrl.credit:empirical_window", "presses come as late as in a file of delays, one a line  [file=]"
    ),
}


class Spec(NamedTuple):
    """A part as it was written: its name and its settings."""

    name: str
    settings: dict[str, Any]


def nearest(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` or nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def literal(text: str) -> Any:
    """A value as Python writes it (number, True, None, list ...), or the text itself. Nothing is ever executed."""
    words = {"true": True, "false": False, "none": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return text


def settings(pairs: Sequence[str], what: str) -> dict[str, Any]:
    """``["a=1", "b=x"]`` as a dict. Raises UserError where there is no ``=``."""
    result = {}
    for pair in pairs:
        key, separator, value = pair.partition("=")
        if not separator or not key.strip():
            raise UserError(f"{what} takes key=value, got {pair!r}")
        result[key.strip().replace("-", "_")] = literal(value.strip())
    return result


def parse(text: str, what: str) -> Spec:
    """Split ``name:key=value,...``; ``file.py:Name`` stays whole."""
    if _is_file(text):
        path, _, rest = text.partition(".py:")
        name, _, pairs = rest.partition(":")
        return Spec(f"{path}.py:{name}", settings([p for p in pairs.split(",") if p], f"{what} {name}"))
    name, _, pairs = text.partition(":")
    return Spec(name.replace("-", "_"), settings([p for p in pairs.split(",") if p], f"{what} {name}"))


def resolve(name: str, entries: Mapping[str, Entry], what: str) -> Callable[..., Any]:
    """The class or function behind a name. Raises UserError with the nearest name there is."""
    if _is_file(name):
        return _from_file(name, what)
    name = name.replace("-", "_") if name.replace("-", "_") in entries else name
    if name not in entries:
        known = ", ".join(entries)
        raise UserError(f"unknown {what} {name!r}{nearest(name, entries)} (known: {known}; or your own file.py:Name)")
    module, _, attribute = entries[name].target.partition(":")
    part: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    return part


def hears_reward(agent: str) -> bool:
    """Whether an agent learns from a reward at all; True for a name that is not ours."""
    name = agent.replace("-", "_")
    return name not in AGENTS or getattr(resolve(name, AGENTS, "agent"), "learns_from_reward", True)


def check_settings(
    part: Callable[..., Any], given: Iterable[str], reserved: Sequence[str], what: str, also: Sequence[str] = ()
) -> None:
    """Refuse a setting that the part does not take, with the nearest one it does; ``also`` names those it takes beside
    its parameters."""
    parameters = inspect.signature(part).parameters
    known = [*(name for name in parameters if name not in reserved), *also]
    for name in given:
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise UserError(f"{what} has no setting {name!r}{nearest(name, known)} ({takes})")


def build(part: Callable[..., Any], positional: Sequence[Any], given: dict[str, Any], what: str) -> Any:
    """Call a part with its settings; a value of a wrong type is the user's mistake, said in one line."""
    try:
        return part(*positional, **given)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        shown = ", ".join(f"{key}={value!r}" for key, value in given.items())
        raise UserError(f"{what} cannot be made with {shown or 'its defaults'}: {error}") from error


def _is_file(text: str) -> bool:
    return ".py:" in text


def _from_file(name: str, what: str) -> Callable[..., Any]:
    path, _, attribute = name.partition(".py:")
    file = Path(path + ".py")
    if not file.is_file():
        raise UserError(f"{what} {name!r}: there is no file {str(file)!r}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"{what} {name!r}: {file} cannot be imported: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        public = [key for key in vars(module) if not key.startswith("_")]
        raise UserError(f"{what} {name!r}: {file} has no {attribute!r}{nearest(attribute, public)}")
    part: Callable[..., Any] = getattr(module, attribute)
    if not callable(part):
        raise UserError(f"{what} {name!r} is {part!r}: expected a class or a function")
    return part
