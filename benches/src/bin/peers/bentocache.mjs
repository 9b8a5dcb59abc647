// Measures bentocache: given a plan as its last argument, it prints one object with what it measured.
//
// Set up as its documentation has it for several nodes: memory, then Redis, and a bus on Redis. Memory holds values
// serialized, its default: with `serialize: false`, version 1.6.1 fails when one of many readers of a key finds it
// loaded meanwhile. It has no reads of many keys, so that these are single ones at once.

import { readFile } from 'node:fs/promises'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisBusDriver, redisDriver } from 'bentocache/drivers/redis'

const plan = JSON.parse(process.argv.at(-1))

// The source of all values: counts its calls, and takes `delay` milliseconds.
const provider = { calls: 0, delay: 0, sequence: 1 }

async function quote(id) {
  provider.calls += 1
  if (provider.delay > 0) await sleep(provider.delay)
  return { ...plan.quote, symbol: id, sequence: provider.sequence }
}

function node() {
  const { hostname: host, port } = new URL(plan.redis)
  const connection = { host, port: Number(port) }
  const store = bentostore()
    .useL1Layer(memoryDriver({ maxItems: plan.room }))
    .useL2Layer(redisDriver({ connection }))
    .useBus(redisBusDriver({ connection }))
  return new BentoCache({ default: 'tiers', prefix: plan.namespace, ttl: '1h', stores: { tiers: store } })
}

const read = (cache, key) => cache.getOrSet({ key, factory: () => quote(key) })
const readAll = (cache, keys) => Promise.all(keys.map((key) => read(cache, key)))
const keys = (name, from, count) => Array.from({ length: count }, (_, at) => `${name}:${from + at}`)

async function timed(work) {
  const began = performance.now()
  await work()
  return performance.now() - began
}

// Keeps `count` readers busy until all keys are read.
async function readByMany(cache, wanted, count) {
  const each = Math.ceil(wanted.length / count)
  const readers = Array.from({ length: count }, async (_, at) => {
    for (const key of wanted.slice(at * each, (at + 1) * each)) await read(cache, key)
  })
  await Promise.all(readers)
}

async function nearHit(cache) {
  const wanted = keys('q', 0, plan.near_keys)
  const began = performance.now()
  let reads = 0
  let passed = 0
  while (passed < plan.near_ms) {
    for (const key of wanted) await read(cache, key)
    reads += wanted.length
    passed = performance.now() - began
  }
  return (passed * 1e6) / reads
}

async function redisHits(cache) {
  const calls = provider.calls
  const single = keys('q', 0, plan.singles)
  const singly = await timed(async () => {
    for (const key of single) await read(cache, key)
  })
  const shared = keys('q', plan.singles, plan.concurrent)
  const byMany = await timed(() => readByMany(cache, shared, plan.at_once))
  const first = plan.singles + plan.concurrent
  const batches = await timed(async () => {
    for (let at = 0; at < plan.batches; at += 1) {
      await readAll(cache, keys('q', first + at * plan.batch, plan.batch))
    }
  })
  if (provider.calls !== calls) throw new Error('values were loaded: these were no hits in Redis')
  return {
    redis_hit: (singly * 1e3) / plan.singles,
    redis_hit_64: (byMany * 1e3) / plan.concurrent,
    redis_batch_100: (batches * 1e3) / plan.batches,
  }
}

async function stampede(nodes, key) {
  const calls = provider.calls
  provider.delay = plan.provider_ms
  const each = plan.stampede / nodes.length
  const ms = await timed(() => Promise.all(nodes.flatMap((cache) => Array.from({ length: each }, () => read(cache, key)))))
  provider.delay = 0
  return { loads: provider.calls - calls, ms: Math.max(0, ms - plan.provider_ms) }
}

// How long the other node goes on serving what one has removed: null if longer than is waited.
async function removal(a, b) {
  const measured = []
  for (let at = 0; at < plan.removals; at += 1) {
    const key = `r:${at}`
    provider.sequence = 1
    for (const cache of [a, b]) await read(cache, key)
    await sleep(20)
    provider.sequence = 2
    const began = performance.now()
    await a.delete({ key })
    while ((await read(b, key)).sequence === 1) {
      if (performance.now() - began > plan.never_ms) return null
      await nextTurn()
    }
    measured.push(performance.now() - began)
  }
  measured.sort((one, other) => one - other)
  return measured[Math.floor(measured.length / 2)]
}

async function main() {
  const [a, b] = [node(), node()]
  const filled = plan.singles + plan.concurrent + plan.batches * plan.batch
  await readByMany(a, keys('q', 0, Math.max(filled, plan.near_keys)), plan.at_once)
  await read(b, 'bus')
  await sleep(300)

  const rows = { near_hit: await nearHit(a), ...(await redisHits(b)) }
  const one = await stampede([a], 'cold:1')
  rows.stampede_loads = one.loads
  rows.stampede_ms = one.ms
  rows.stampede_two_nodes_loads = (await stampede([a, b], 'cold:2')).loads
  const calls = provider.calls
  await readAll(b, keys('p', 0, plan.provider_keys))
  rows.provider_calls_300 = provider.calls - calls
  if (plan.removals > 0) rows.removal_seen = await removal(a, b)

  const manifest = new URL('node_modules/bentocache/package.json', import.meta.url)
  const { version } = JSON.parse(await readFile(manifest, 'utf8'))
  process.stdout.write(JSON.stringify({ versions: { bentocache: version, node: process.versions.node }, rows }))
  process.exit(0)
}

await main()
