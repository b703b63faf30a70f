// One hostile program: calls drawn by the seed in argv. Each call is printed before it is made, so that the last line tells which one crashed.
import { join } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { openBackend } from '../../dist/backends/candidates.js'
import { calls } from './calls.mjs'
import { randomValues } from './values.mjs'

const CALLS = 12

const random = randomValues(Number(process.argv[2]))
const count = { results: 0, exceptions: 0 }
const opened = await openBackend('tensorflow', { debug: false })
const library = { backend: opened.backend, binding: tf.backend().binding, folder: join(import.meta.dirname, 'nothing') }
for (let i = 0; i < CALLS; i++) {
  const [name, call] = random.pick(Object.entries(calls))
  try {
    const result = await call(random, library, describe(name))
    if (result instanceof tf.Tensor) await result.data()
    count.results++
  } catch (error) {
    if (!(error instanceof Error)) throw new Error(`${name} threw what is not an Error: ${String(error)}`)
    count.exceptions++
  }
}
console.log(`ended: ${CALLS} calls, ${count.results} results, ${count.exceptions} exceptions`)
process.exit(0)

/** Prints a call with its arguments. */
function describe(name) {
  return (...args) => {
    process.stdout.write(`${name}(${args.map(show).join(', ')})\n`)
    return args
  }
}

function show(value) {
  if (value instanceof tf.Tensor) return `tensor [${value.shape}] ${value.dtype}`
  if (typeof value === 'function') return 'a function'
  if (ArrayBuffer.isView(value)) return `${value.constructor.name}(${value.length})`
  const text = typeof value === 'object' ? (JSON.stringify(value) ?? 'an object') : String(value)
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
