"""Three brokers, of which one is away at a time: leaders and coordinators move under load."""
import time

from cluster import Cluster
from sink_group import judge_both, start_both, wait_until_going_on
from stage import alone


@alone
def brokers_restarted_in_turn_and_leaders_elected_anew_cost_nothing(stage):
    """Each shut down and started, leaders moved back, one killed and started; both sinks at once."""
    cluster = stage.use(Cluster(stage.directory / "kafka"))
    groups = start_both(stage)
    for node in cluster.nodes:
        node.stop()
        _see_going_on(stage, groups, f"without broker {node.node_id}")
        node.start()
        cluster.wait_until_in_sync()
    cluster.elect_preferred_leaders()
    _see_going_on(stage, groups, "with leaders moved back")
    victim = cluster.leader_of(groups[0].stage.source)
    victim.kill()
    _see_going_on(stage, groups, f"without broker {victim.node_id}, killed")
    victim.start()
    cluster.wait_until_in_sync()
    judge_both(groups)


def _see_going_on(stage, groups, how):
    begun = time.monotonic()
    wait_until_going_on(groups, how)
    stage.say(f"{how}: all routers go on within {time.monotonic() - begun:.1f} s")


TESTS = [brokers_restarted_in_turn_and_leaders_elected_anew_cost_nothing]
