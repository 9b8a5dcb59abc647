"""Measures cashews: given a plan as its last argument, it prints one object with what it measured.

Set up as its documentation has it for several nodes: Redis with a client-side cache, which Redis tells of changes.
A function is cached by its decorator, which shares calls within a process. `lock=True`, which shares them over all
processes, is not used: it takes a lock on Redis before it looks in memory, so that no hit would be one in memory.
Its decorator has no reads of many keys, so that these are single ones at once.
"""

import asyncio
import json
import platform
import sys
import time
from importlib.metadata import version
from urllib.parse import urlsplit

from cashews import Cache

PLAN = json.loads(sys.argv[-1])


class Provider:
    """The source of all values: counts its calls, and takes `delay` seconds."""

    calls = 0
    delay = 0.0
    sequence = 1

    async def quote(self, key):
        self.calls += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        return {**PLAN["quote"], "symbol": key, "sequence": self.sequence}


PROVIDER = Provider()


class Node:
    """One node: `read` reads through, `remove` removes on all nodes."""

    def __init__(self):
        self.cache = Cache()
        namespace = PLAN["namespace"]
        self.cache.setup(
            f"redis://{urlsplit(PLAN['redis']).netloc}",
            client_side=True,
            client_side_prefix=f"{namespace}:",
            max_connections=PLAN["at_once"],
            socket_timeout=10,
            suppress=False,
        )

        @self.cache(ttl="1h", key="{key}")
        async def read(key):
            return await PROVIDER.quote(key)

        self.read = read

    async def remove(self, key):
        await self.cache.delete(key)

    async def read_all(self, keys):
        await asyncio.gather(*(self.read(key) for key in keys))

    async def read_by_many(self, keys, count):
        """Keeps `count` readers busy until all keys are read."""

        async def reader(own):
            for key in own:
                await self.read(key)

        await asyncio.gather(*(reader(keys[at::count]) for at in range(count)))


def numbered(name, first, count):
    return [f"{name}:{at}" for at in range(first, first + count)]


async def near_hit(node):
    keys = numbered("q", 0, PLAN["near_keys"])
    reads, passed, began = 0, 0.0, time.perf_counter()
    while passed < PLAN["near_ms"] / 1e3:
        for key in keys:
            await node.read(key)
        reads += len(keys)
        passed = time.perf_counter() - began
    return passed * 1e9 / reads


async def redis_hits(node):
    calls = PROVIDER.calls
    began = time.perf_counter()
    for key in numbered("q", 0, PLAN["singles"]):
        await node.read(key)
    singly = time.perf_counter() - began

    shared = numbered("q", PLAN["singles"], PLAN["concurrent"])
    began = time.perf_counter()
    await node.read_by_many(shared, PLAN["at_once"])
    by_many = time.perf_counter() - began

    first, batch = PLAN["singles"] + PLAN["concurrent"], PLAN["batch"]
    began = time.perf_counter()
    for at in range(PLAN["batches"]):
        await node.read_all(numbered("q", first + at * batch, batch))
    batches = time.perf_counter() - began
    if PROVIDER.calls != calls:
        raise RuntimeError("values were loaded: these were no hits in Redis")
    return {
        "redis_hit": singly * 1e6 / PLAN["singles"],
        "redis_hit_64": by_many * 1e6 / PLAN["concurrent"],
        "redis_batch_100": batches * 1e6 / PLAN["batches"],
    }


async def stampede(nodes, key):
    calls, each = PROVIDER.calls, PLAN["stampede"] // len(nodes)
    PROVIDER.delay = PLAN["provider_ms"] / 1e3
    began = time.perf_counter()
    await asyncio.gather(*(node.read(key) for node in nodes for _ in range(each)))
    beyond = (time.perf_counter() - began) * 1e3 - PLAN["provider_ms"]
    PROVIDER.delay = 0.0
    return PROVIDER.calls - calls, max(0.0, beyond)


async def removal(a, b):
    """How long the other node goes on serving what one has removed: None if longer than is waited."""
    measured = []
    for key in numbered("r", 0, PLAN["removals"]):
        PROVIDER.sequence = 1
        await a.read(key)
        await b.read(key)
        await asyncio.sleep(0.02)
        PROVIDER.sequence = 2
        began = time.perf_counter()
        await a.remove(key)
        while (await b.read(key))["sequence"] == 1:
            if (time.perf_counter() - began) * 1e3 > PLAN["never_ms"]:
                return None
            await asyncio.sleep(0)
        measured.append((time.perf_counter() - began) * 1e3)
    return sorted(measured)[len(measured) // 2]


async def main():
    a, b = Node(), Node()
    for node in (a, b):
        await node.cache.init()
    filled = PLAN["singles"] + PLAN["concurrent"] + PLAN["batches"] * PLAN["batch"]
    await a.read_by_many(numbered("q", 0, max(filled, PLAN["near_keys"])), PLAN["at_once"])
    await asyncio.sleep(0.3)

    rows = {"near_hit": await near_hit(a), **await redis_hits(b)}
    rows["stampede_loads"], rows["stampede_ms"] = await stampede([a], "cold:1")
    rows["stampede_two_nodes_loads"], _ = await stampede([a, b], "cold:2")
    calls = PROVIDER.calls
    await b.read_all(numbered("p", 0, PLAN["provider_keys"]))
    rows["provider_calls_300"] = PROVIDER.calls - calls
    if PLAN["removals"]:
        rows["removal_seen"] = await removal(a, b)
    versions = {"cashews": version("cashews"), "python": platform.python_version()}
    print(json.dumps({"versions": versions, "rows": rows}))


asyncio.run(main())
