// @ts-nocheck: it runs the built program.
// A worker of the tests of EM in clusters: fits models to images, each three times, the last time stopped within the first pass and resumed, and
// prints what became of them. A single worker fits each once.
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBackend } from '../../dist/backends/candidates.js'
import { methodOf } from '../../dist/methods/list.js'
import { resolveRun } from '../../dist/methods/method.js'
import { together } from '../../dist/runs/team.js'
import { train } from '../../dist/runs/train.js'

const [index, addresses, folder, settings] = process.argv.slice(2)
const workers = addresses.split(',')
const { backend } = await openBackend('tensorflow', {
  debug: false,
  threads: 1,
  ...(workers.length > 1 && { cluster: { workers, index: Number(index) } }),
})
async function fitAll() {
  const each = []
  for (const [i, given] of JSON.parse(settings).entries()) each.push(await fitted(given, join(folder, String(i))))
  return each
}

const meeting = { signal: new AbortController().signal, note: () => {} }
const results = await together(fitAll, '', meeting)
writeFileSync(1, JSON.stringify(results))
process.exit(0)

async function fitted(given, place) {
  const config = resolveRun(methodOf(given), { workers: workers.length, compile: 'graph', ...given })
  const whole = await train({ folder: join(place, 'whole'), config, backend })
  if (workers.length === 1) return { history: whole.history }
  const again = await train({ folder: join(place, 'again'), config, backend })
  const interruption = new AbortController()
  const observer = { progress: () => interruption.abort() }
  const parts = join(place, 'parts')
  const stopped = await train({ folder: parts, config, backend, signal: interruption.signal, observer })
  const resumed = await train({ folder: parts, config, backend, resume: true })
  return {
    history: whole.history,
    resumed: resumed.history,
    same: JSON.stringify(numbersOf(whole)) === JSON.stringify(numbersOf(again)),
    stoppedAt: stopped.position.stepInEpoch,
    ...(index === '0' && { digests: ['whole', 'again'].map(name => digest(join(place, name))) }),
  }
}

function numbersOf({ history }) {
  return history.map(({ seconds: _, imagesPerSecond: __, ...numbers }) => numbers)
}

function digest(run) {
  return createHash('sha256')
    .update(readFileSync(join(run, 'latest/state.safetensors')))
    .digest('hex')
}
