"""Faults on purpose. Each is one command; the seed is printed first, and ``--seed`` repeats a run.

| test | command | what |
|---|---|---|
| T1 | ``python -m tests.simulation.torture --cycles 1000`` (``make torture``) | ``kill -9`` of everything, under load |
| T2 | ``python -m tests.simulation.commit_cuts`` | the connection cut around COMMIT |
| T3 | ``python -m tests.simulation.lease_fight`` | two writers fight for the lease |
| T4 | ``python -m tests.simulation.tamper`` | the database changed behind the ledger's back |
| T7 | ``python -m tests.simulation.crash_simulation`` | crashes in one process, 10,000 seeds |
| T8 | ``python -m tests.simulation.channel_chaos --payments 100000`` | channels that lie and lose replies |
| – | ``python -m tests.simulation.canary --values 10000`` | secrets through every door; none in clear anywhere |
| – | ``python -m tests.simulation.harness`` | every protection removed once: each suite must notice |

pytest runs each in small. Outcomes are kept in ``bench/results/<name>.json``.
"""
