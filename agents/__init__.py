"""The agents: one file per algorithm, each a page of the textbook. A file is read when its agent is asked for."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hfrl.agents.actor_critic import ActorCritic
    from hfrl.agents.async_value_iteration import AsyncValueIteration
    from hfrl.agents.bandit_gradient import BanditGradient
    from hfrl.agents.bandit_thompson import BanditThompson
    from hfrl.agents.bandit_value import BanditValue
    from hfrl.agents.c51 import C51
    from hfrl.agents.coach import Coach
    from hfrl.agents.dagger import Dagger
    from hfrl.agents.deep_coach import DeepCoach
    from hfrl.agents.deep_dagger import DeepDagger
    from hfrl.agents.deep_sarsa import DeepSarsa
    from hfrl.agents.deep_tamer import DeepTamer
    from hfrl.agents.double_dqn import DoubleDQN
    from hfrl.agents.double_expected_sarsa import DoubleExpectedSarsa
    from hfrl.agents.double_q import DoubleQLearning
    from hfrl.agents.dqfd import DQfD
    from hfrl.agents.dqn import DQN
    from hfrl.agents.dueling_dqn import DuelingDQN
    from hfrl.agents.dyna_q import DynaQ
    from hfrl.agents.dyna_q_plus import DynaQPlus
    from hfrl.agents.e_coach import ECoach
    from hfrl.agents.expected_sarsa import ExpectedSarsa
    from hfrl.agents.i_sabl import ISabl
    from hfrl.agents.lambda_return import LambdaReturn
    from hfrl.agents.linear_q import LinearQ
    from hfrl.agents.linear_sarsa_lambda import LinearSarsaLambda
    from hfrl.agents.linear_tamer import LinearTamer
    from hfrl.agents.mc_control import MCControl
    from hfrl.agents.mc_off_policy import MCOffPolicy
    from hfrl.agents.mc_prediction import MCPrediction
    from hfrl.agents.n_step_expected_sarsa import NStepExpectedSarsa
    from hfrl.agents.n_step_sarsa import NStepSarsa
    from hfrl.agents.n_step_td import NStepTD
    from hfrl.agents.n_step_tree_backup import NStepTreeBackup
    from hfrl.agents.noisy_dqn import NoisyDQN
    from hfrl.agents.policy_iteration import PolicyIteration
    from hfrl.agents.prioritized_dqn import PrioritizedDQN
    from hfrl.agents.prioritized_sweeping import PrioritizedSweeping
    from hfrl.agents.q_learning import QLearning
    from hfrl.agents.q_on_feedback import QOnFeedback
    from hfrl.agents.q_sigma import QSigma
    from hfrl.agents.qr_dqn import QRDQN
    from hfrl.agents.r_learning import RLearning
    from hfrl.agents.rainbow import Rainbow
    from hfrl.agents.random_agent import RandomAgent
    from hfrl.agents.reinforce import Reinforce
    from hfrl.agents.sabl import Sabl
    from hfrl.agents.sarsa import Sarsa
    from hfrl.agents.sarsa_lambda import SarsaLambda
    from hfrl.agents.tamer import Tamer
    from hfrl.agents.td0 import TD0
    from hfrl.agents.td_lambda import TDLambda
    from hfrl.agents.true_online_td import TrueOnlineTD
    from hfrl.agents.value_iteration import ValueIteration
    from hfrl.agents.watkins_q import WatkinsQ

__all__ = [
    "C51",
    "DQN",
    "QRDQN",
    "TD0",
    "ActorCritic",
    "AsyncValueIteration",
    "BanditGradient",
    "BanditThompson",
    "BanditValue",
    "Coach",
    "DQfD",
    "Dagger",
    "DeepCoach",
    "DeepDagger",
    "DeepSarsa",
    "DeepTamer",
    "DoubleDQN",
    "DoubleExpectedSarsa",
    "DoubleQLearning",
    "DuelingDQN",
    "DynaQ",
    "DynaQPlus",
    "ECoach",
    "ExpectedSarsa",
    "ISabl",
    "LambdaReturn",
    "LinearQ",
    "LinearSarsaLambda",
    "LinearTamer",
    "MCControl",
    "MCOffPolicy",
    "MCPrediction",
    "NStepExpectedSarsa",
    "NStepSarsa",
    "NStepTD",
    "NStepTreeBackup",
    "NoisyDQN",
    "PolicyIteration",
    "PrioritizedDQN",
    "PrioritizedSweeping",
    "QLearning",
    "QOnFeedback",
    "QSigma",
    "RLearning",
    "Rainbow",
    "RandomAgent",
    "Reinforce",
    "Sabl",
    "Sarsa",
    "SarsaLambda",
    "TDLambda",
    "Tamer",
    "TrueOnlineTD",
    "ValueIteration",
    "WatkinsQ",
]
_HOMES = {
    "Tamer": "tamer",
    "QOnFeedback": "q_on_feedback",
    "LinearTamer": "linear_tamer",
    "ECoach": "e_coach",
    "Coach": "coach",
    "ISabl": "i_sabl",
    "Sabl": "sabl",
    "Dagger": "dagger",
    "DQfD": "dqfd",
    "DeepCoach": "deep_coach",
    "DeepDagger": "deep_dagger",
    "DeepSarsa": "deep_sarsa",
    "DeepTamer": "deep_tamer",
    "DuelingDQN": "dueling_dqn",
    "DoubleDQN": "double_dqn",
    "DQN": "dqn",
    "PrioritizedDQN": "prioritized_dqn",
    "NoisyDQN": "noisy_dqn",
    "C51": "c51",
    "QRDQN": "qr_dqn",
    "Rainbow": "rainbow",
    "PrioritizedSweeping": "prioritized_sweeping",
    "RLearning": "r_learning",
    "MCOffPolicy": "mc_off_policy",
    "MCControl": "mc_control",
    "ActorCritic": "actor_critic",
    "AsyncValueIteration": "async_value_iteration",
    "BanditGradient": "bandit_gradient",
    "BanditThompson": "bandit_thompson",
    "BanditValue": "bandit_value",
    "DoubleExpectedSarsa": "double_expected_sarsa",
    "DoubleQLearning": "double_q",
    "DynaQ": "dyna_q",
    "DynaQPlus": "dyna_q_plus",
    "ExpectedSarsa": "expected_sarsa",
    "LambdaReturn": "lambda_return",
    "LinearQ": "linear_q",
    "LinearSarsaLambda": "linear_sarsa_lambda",
    "MCPrediction": "mc_prediction",
    "NStepExpectedSarsa": "n_step_expected_sarsa",
    "NStepSarsa": "n_step_sarsa",
    "NStepTD": "n_step_td",
    "NStepTreeBackup": "n_step_tree_backup",
    "QLearning": "q_learning",
    "QSigma": "q_sigma",
    "RandomAgent": "random_agent",
    "Reinforce": "reinforce",
    "Sarsa": "sarsa",
    "SarsaLambda": "sarsa_lambda",
    "TD0": "td0",
    "TDLambda": "td_lambda",
    "TrueOnlineTD": "true_online_td",
    "PolicyIteration": "policy_iteration",
    "ValueIteration": "value_iteration",
    "WatkinsQ": "watkins_q",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
