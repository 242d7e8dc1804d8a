"""The node: blocks around an application, and everything that clients talk to."""

from chain.node.clock import Clock, ManualClock, ShiftedClock, SystemClock
from chain.node.errors import MempoolError, NodeError, QueryError, RpcError
from chain.node.execution import Application
from chain.node.genesis import Genesis, GenesisValidator, equal_validators
from chain.node.home import Home
from chain.node.limits import MempoolLimits, ServerLimits
from chain.node.maker import Pace
from chain.node.node import Node, NodeConfig
from chain.node.params import ConsensusParams
from chain.node.privval import ValidatorKey
from chain.node.transport import NodeTransport

__all__ = [
    "Application",
    "Clock",
    "ConsensusParams",
    "Genesis",
    "GenesisValidator",
    "Home",
    "ManualClock",
    "MempoolError",
    "MempoolLimits",
    "Node",
    "NodeConfig",
    "NodeError",
    "NodeTransport",
    "Pace",
    "QueryError",
    "RpcError",
    "ServerLimits",
    "ShiftedClock",
    "SystemClock",
    "ValidatorKey",
    "equal_validators",
]
