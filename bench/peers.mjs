// One training step of the same VAE in elbo, PyTorch, JAX and TensorFlow, and its matrix products alone, side by side.
//
//   bench/peers/setup.sh                       once: the Python environment
//   node bench/peers.mjs [--rounds 7] [--models 784-400-20@128,…] [--only elbo,jax] [--write]
//
// Every candidate is a process that stays alive; in each round each of them runs for about two seconds, in turn, so that the
// machine's drift falls on all alike. The first round warms up and is not counted. Printed: median ms per step with the
// range over rounds, and the ratio to elbo's compiled step, taken round by round. --write makes docs/benchmarks.md of it.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { images, machine, median, python, start } from './candidates.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const candidates = {
  'elbo xla': [process.execPath, 'elbo-steps.mjs', 'xla'],
  'elbo graph': [process.execPath, 'elbo-steps.mjs', 'graph'],
  'elbo off (eager TF.js)': [process.execPath, 'elbo-steps.mjs', 'off'],
  'JAX lax.scan': [python, 'peers/jax_vae.py', 'scan'],
  'JAX jit': [python, 'peers/jax_vae.py', 'jit'],
  'PyTorch eager': [python, 'peers/torch_vae.py', 'eager'],
  'PyTorch compile': [python, 'peers/torch_vae.py', 'compile'],
  'TensorFlow function': [python, 'peers/tensorflow_vae.py', 'function'],
  'TensorFlow XLA loop': [python, 'peers/tensorflow_vae.py', 'xla'],
  'sgemm floor': [python, 'peers/sgemm.py'],
}
const REFERENCE = 'elbo xla'
const ROUND_MS = 2000

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    models: { type: 'string', default: '784-400-20@128,784-200-200-50@100,784-1000-1000-100@256' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const chosen = Object.keys(candidates).filter(name =>
  values.only.split(',').some(part => name.toLowerCase().includes(part.toLowerCase())),
)
if (!existsSync(python) && chosen.some(name => candidates[name][0] === python)) {
  console.error('bench: no Python environment for the peers: run bench/peers/setup.sh, or --only elbo')
  process.exit(1)
}

const tables = []
for (const model of values.models.split(',')) tables.push(await compare(model))
const command = [
  'node bench/peers.mjs',
  ...process.argv.slice(2).map(argument => (/\s/.test(argument) ? `"${argument}"` : argument)),
].join(' ')
const report = `# Benchmarks\n\nOne training step of the same VAE: ReLU layers, dynamic binarization, Adam.\n\n\`${command}\`\n\n${machine(rounds)}\n\n${tables.join('\n\n')}\n`
console.log(report)
if (values.write) {
  mkdirSync(join(here, '..', 'docs'), { recursive: true })
  writeFileSync(join(here, '..', 'docs', 'benchmarks.md'), report)
}

/** Runs all candidates on one model, round by round, and returns a Markdown table. */
async function compare(model) {
  const [sizes, batch] = model.split('@')
  const [, ...widths] = sizes.split('-').map(Number)
  const shape = { hidden: widths.slice(0, -1), latent: widths.at(-1), batch: Number(batch), images }
  const running = []
  for (const name of chosen) running.push({ ...(await start(name, candidates[name], shape)), times: [], perRound: 100 })
  for (let round = 0; round <= rounds; round++) {
    for (const candidate of running) {
      const ms = Number(await candidate.ask(candidate.perRound))
      candidate.perRound = Math.max(100, Math.round(ROUND_MS / ms / 100) * 100)
      if (round > 0) candidate.times.push(ms)
      process.stderr.write(
        `\r${model} round ${round}/${rounds} ${candidate.name.padEnd(24)} ${ms.toFixed(2)} ms/step   `,
      )
    }
  }
  process.stderr.write('\n')
  for (const candidate of running) candidate.stop()
  const reference = running.find(({ name }) => name === REFERENCE)
  const rows = running.map(({ name, times, readyMs }) => {
    const ratio = reference ? median(times.map((ms, round) => ms / reference.times[round])).toFixed(2) : ''
    const range = `${Math.min(...times).toFixed(2)} to ${Math.max(...times).toFixed(2)}`
    return `| ${name} | ${median(times).toFixed(2)} | ${range} | ${ratio} | ${(readyMs / 1000).toFixed(1)} |`
  })
  const head = `## ${model.replace('@', ', batch ')}\n\n| candidate | ms per step | range | time / ${REFERENCE} | first call, s |`
  return [head, '|---|---|---|---|---|', ...rows].join('\n')
}
