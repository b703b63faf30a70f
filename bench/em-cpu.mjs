// Compares the CPU time of `elbo em` in this clone and in another one, such as that of an older commit, both built:
//
//   node bench/em-cpu.mjs OTHER [--rounds 5] [--models factor-analysis,ppca,gaussian-mixture] [--epochs 50]
//
// In each round every clone runs each model with --epochs 50 and with --epochs 1, in turn. Prints the median over rounds of the CPU time (user and
// system) of a pass, which is the difference over 49, and the ratio, taken round by round. With few passes the start, which compiles, is most of it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './processes.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '5' },
    models: { type: 'string', default: 'factor-analysis,ppca,gaussian-mixture' },
    epochs: { type: 'string', default: '50' },
  },
})
const [other] = positionals
if (other === undefined) throw new Error('the folder of another clone was expected: node bench/em-cpu.mjs OTHER')
const clones = [resolve(import.meta.dirname, '..'), resolve(other)]
const epochs = Number(values.epochs)

/** CPU seconds of a command and of what it starts. */
function cpuOf(clone, model, count, folder) {
  const elbo = [process.execPath, join(clone, 'dist/cli.js'), 'em', model, '--epochs', count, '--validation', 'none']
  const command = [...elbo, '--tolerance', 'off', '--checkpoints', folder].map(word => `'${word}'`).join(' ')
  const { stdout, status } = spawnSync('bash', ['-c', `${command} >/dev/null 2>&1; code=$?; times; exit $code`])
  if (status !== 0) throw new Error(`${command}: exit code ${status}`)
  const [, ofChildren = ''] = stdout.toString().trim().split('\n')
  return [...ofChildren.matchAll(/(\d+)m([\d.]+)s/g)].reduce((sum, [, min, s]) => sum + 60 * Number(min) + Number(s), 0)
}

/** CPU milliseconds of a pass. */
function passOf(clone, model) {
  const folder = mkdtempSync(join(tmpdir(), 'elbo-em-cpu-'))
  try {
    const [long, short] = [epochs, 1].map(count => cpuOf(clone, model, count, folder))
    return (1000 * (long - short)) / (epochs - 1)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const model of values.models.split(',')) {
  const rounds = Array.from({ length: Number(values.rounds) }, () => clones.map(clone => passOf(clone, model)))
  const [own, others] = [0, 1].map(i => median(rounds.map(round => round[i])).toFixed(0))
  const ratio = median(rounds.map(([a, b]) => a / b)).toFixed(2)
  console.log(
    `${model}: ${own} ms of CPU a pass here, ${others} there; the ratio is ${ratio} over ${rounds.length} rounds`,
  )
}
