"""The agents: one file per algorithm, each a page of the textbook."""

from hfrl.agents.q_learning import QLearning
from hfrl.agents.random_agent import RandomAgent
from hfrl.agents.sarsa import Sarsa

__all__ = ["QLearning", "RandomAgent", "Sarsa"]
