// Compares one EM pass over MNIST in elbo, NumPy and scikit-learn, and its matrix products alone.
//
//   bench/peers/setup.sh                       once: the Python environment
//   node bench/em-pass.mjs [--rounds 7] [--models bernoulli-500,diagonal-100] [--count 50000] [--batch 1000]
//
// Every candidate is a process that stays alive. In each round the candidates make one pass each, in turn, so that drift of the machine's
// speed affects all alike. The first round warms up and is not counted. Prints the median ms per pass with the range over rounds, the ratio
// to elbo taken round by round, and the log-likelihood per image after the same number of passes from the same start.
import { parseArgs } from 'node:util'
import { images, machine, median, python, start } from './processes.mjs'

const elbo = [process.execPath, 'em-steps.mjs']
const peer = name => [python, 'peers/em_pass.py', name]
const candidates = {
  bernoulli: { elbo, 'NumPy float32': peer('numpy'), 'sgemm floor': peer('sgemm') },
  diagonal: {
    elbo,
    'scikit-learn float64': peer('sklearn64'),
    'scikit-learn float32': peer('sklearn32'),
    'sgemm floor': peer('sgemm'),
  },
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    models: { type: 'string', default: 'bernoulli-500,diagonal-100' },
    count: { type: 'string', default: '50000' },
    batch: { type: 'string', default: '1000' },
  },
})
const rounds = Number(values.rounds)

for (const model of values.models.split(',')) console.log(`${await compare(model)}\n`)
console.log(machine(rounds))

/** Runs all candidates of one model, round by round, and returns a Markdown table. */
async function compare(model) {
  const [kind, components] = model.split('-')
  const sizes = {
    kind,
    components: Number(components),
    count: Number(values.count),
    batch: Number(values.batch),
    images,
  }
  const running = []
  for (const [name, command] of Object.entries(candidates[kind])) running.push(await start(name, command, sizes))
  const results = running.map(() => ({ times: [], logProb: '' }))
  for (let round = 0; round <= rounds; round++) {
    for (const [i, candidate] of running.entries()) {
      const [ms, logProb] = (await candidate.ask(1)).split(' ')
      if (round > 0) results[i].times.push(Number(ms))
      results[i].logProb = logProb
      process.stderr.write(`\r${model} round ${round}/${rounds} ${candidate.name.padEnd(24)} ${ms} ms/pass   `)
    }
  }
  process.stderr.write('\n')
  for (const candidate of running) candidate.stop()
  const rows = running.map(({ name }, i) => row(name, results[i], results[0].times))
  const head = `## ${model}, ${values.count} images, batch ${values.batch}`
  return [
    head,
    '',
    '| candidate | ms per pass | range | time / elbo | log p(x) |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function row(name, { times, logProb }, reference) {
  const range = `${Math.min(...times).toFixed(0)} to ${Math.max(...times).toFixed(0)}`
  const ratio = median(times.map((ms, round) => ms / reference[round])).toFixed(2)
  return `| ${name} | ${median(times).toFixed(0)} | ${range} | ${ratio} | ${Number(logProb).toFixed(4)} |`
}
