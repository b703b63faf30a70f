// The candidates for each kind of work, in the order of the tables.
import { UsageError } from './workload.mjs'

/**
 * A program that follows the protocol of src/commands/bench/interleave.ts.
 * @typedef {object} Candidate
 * @property {string} name unique in its kind of work
 * @property {string} group heading in the chart
 * @property {string} label name below that heading
 * @property {'node' | 'python'} program
 * @property {string[]} args
 * @property {number} chunk it is asked for multiples of this number of steps
 * @property {boolean} [reference] whether others can be compared with it; the fastest such candidate is the reference
 * @property {boolean} [products] whether it computes only matrix products; left out for convolutional models
 * @property {boolean} [onlyCpu] whether it computes on the CPU whatever the backend; left out on a GPU
 */

const ELBO = 'elbo'
const PYTHON = 'Python'
const PRODUCTS = 'Matrix products alone'

/** @type {Candidate[]} */
const products = [
  { name: 'sgemm by PyTorch (MKL)', label: 'PyTorch (MKL)', args: ['peers/sgemm.py', 'torch'] },
  { name: 'sgemm by NumPy (OpenBLAS)', label: 'NumPy (OpenBLAS)', args: ['peers/sgemm.py', 'numpy'] },
  { name: 'sgemm by JAX (XLA)', label: 'JAX (XLA)', args: ['peers/sgemm.py', 'xla'] },
].map(library => ({ ...library, group: PRODUCTS, program: 'python', chunk: 1, products: true, onlyCpu: true }))

/** @type {(label: string, args: string[], chunk: number, more?: Partial<Candidate>) => Candidate} */
const python = (label, args, chunk, more) => ({
  ...{ name: label, label, group: PYTHON, program: 'python', args, chunk },
  ...more,
})

/** @type {(mode: string, more?: Partial<Candidate>) => Candidate} */
const elbo = (mode, more) => ({
  name: `elbo ${mode}`,
  label: mode,
  group: ELBO,
  program: 'node',
  args: ['elbo-steps.mjs', mode],
  chunk: 20,
  reference: true,
  ...more,
})

/** @type {Readonly<Record<string, Candidate[]>>} */
const candidates = {
  steps: [
    elbo('xla'),
    elbo('graph'),
    elbo('xla bfloat16', { args: ['elbo-steps.mjs', 'xla', 'bfloat16'], reference: false }),
    elbo('off', { name: 'elbo off (eager TF.js)', label: 'off (eager TF.js)', chunk: 10, reference: false }),
    python('JAX lax.scan', ['peers/jax_vae.py', 'scan'], 100),
    python('JAX lax.scan bfloat16', ['peers/jax_vae.py', 'scan', 'bfloat16'], 100),
    python('JAX jit', ['peers/jax_vae.py', 'jit'], 10),
    python('PyTorch eager', ['peers/torch_vae.py', 'eager'], 10),
    python('PyTorch eager autocast', ['peers/torch_vae.py', 'eager', 'autocast'], 10),
    python("PyTorch eager 'medium'", ['peers/torch_vae.py', 'eager', 'medium'], 10),
    python('PyTorch compile', ['peers/torch_vae.py', 'compile'], 10),
    python('PyTorch compile autocast', ['peers/torch_vae.py', 'compile', 'autocast'], 10),
    python('TensorFlow function', ['peers/tensorflow_vae.py', 'function'], 10, { onlyCpu: true }),
    python('TensorFlow XLA loop', ['peers/tensorflow_vae.py', 'xla'], 100, { onlyCpu: true }),
    ...products,
  ],
  workers: [
    elbo('2 workers', { args: ['elbo-workers.mjs', '2'] }),
    elbo('1 process, all threads', { args: ['elbo-steps.mjs', 'xla'], reference: false }),
    python('PyTorch DDP, 2 processes', ['peers/torch_ddp.py'], 10),
  ],
  importance: [
    elbo('xla', { args: ['elbo-importance.mjs', 'xla'], chunk: 1 }),
    elbo('graph', { args: ['elbo-importance.mjs', 'graph'], chunk: 1 }),
    python('JAX lax.scan', ['peers/jax_importance.py'], 1),
    ...products,
  ],
}

/**
 * For each kind of work, the candidates whose name contains one of the texts in `only`, separated by commas.
 * @param {string[]} works
 * @param {string} only '' for all
 * @returns {Record<string, Candidate[]>}
 */
export function chooseCandidates(works, only) {
  const parts = only.toLowerCase().split(',')
  const matches = (/** @type {Candidate} */ { name }, /** @type {string} */ part) => name.toLowerCase().includes(part)
  const all = works.flatMap(work => candidates[work] ?? [])
  const unknown = parts.find(part => !all.some(candidate => matches(candidate, part)))
  if (unknown !== undefined) {
    const names = [...new Set(all.map(({ name }) => name))].join(', ')
    throw new UsageError(`--only: no candidate's name contains '${unknown}'; there are ${names}`)
  }
  const chosen = (/** @type {string} */ work) =>
    (candidates[work] ?? []).filter(candidate => parts.some(part => matches(candidate, part)))
  return Object.fromEntries(works.map(work => [work, chosen(work)]))
}

/** The largest chunk of the peers for a convolutional model: in their loops, XLA takes a second per step. */
const CONVOLUTIONAL_CHUNK = 5

/**
 * The candidates that can run a model, with chunks that suit its size.
 * @param {import('./workload.mjs').Model} model
 * @param {Candidate[]} all
 * @param {string} backend `cuda` leaves out those that compute on the CPU only
 * @returns {Candidate[]}
 */
export function candidatesFor({ filters }, all, backend) {
  const candidates = backend === 'cuda' ? all.filter(({ onlyCpu }) => !onlyCpu) : all
  if (!filters) return candidates
  return candidates
    .filter(({ products }) => !products)
    .map(candidate => {
      const { program, chunk } = candidate
      return program === 'python' ? { ...candidate, chunk: Math.min(chunk, CONVOLUTIONAL_CHUNK) } : candidate
    })
}
