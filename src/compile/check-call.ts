/**
 * Checks of what is given to `scan`. Compiled steps read arrays of fixed sizes: one that is too short would be computed with what the
 * previous call has left in memory.
 */
import type { HostKey } from '../random.js'
import { type Batches, type Mode, modes, type Numbers } from './step.js'

/** Throws an Error of one line unless there is one batch, one key and one schedule for each step, and each is what it should be. */
export function checkCall(batches: Batches, keys: readonly HostKey[], schedules: readonly Numbers[]): void {
  checkBatches(batches)
  const { count, shape } = batches
  const expected = `there are ${count} batches of shape [${shape}]`
  for (const [name, list] of Object.entries({ keys, schedules })) {
    if (!Array.isArray(list)) fail(`${name} must be an array with one entry for each batch, got ${kindOf(list)}`)
    if (list.length !== count) fail(`${name} has ${list.length} entries, but ${expected}`)
  }
  keys.forEach(checkKey)
  for (const [i, numbers] of schedules.entries()) checkSchedule(numbers, i, schedules[0] ?? {})
}

/** Throws an Error of one line unless `scan` can be made of these. */
export function checkScan(step: unknown, mode: unknown): asserts mode is 'auto' | Mode {
  if (typeof step !== 'function') fail(`the step must be a function, got ${kindOf(step)}`)
  if (!(modes as readonly unknown[]).includes(mode)) fail(`mode must be one of ${modes.join(', ')}, got ${show(mode)}`)
}

/** Throws an Error of one line unless steps `from` to `to` are a range. */
export function checkRange(from: number, to: number): void {
  for (const [name, step] of Object.entries({ from, to }))
    if (!isWhole(step)) fail(`${name} must be the number of a step, got ${show(step)}`)
}

/** The numbers of one step; reading a name that they lack is an Error. */
export function readable<S extends object>(schedule: S): S {
  return new Proxy(schedule, {
    get(numbers, name) {
      if (typeof name === 'string' && !(name in numbers)) fail(`the step reads "${name}", which its schedule lacks`)
      return Reflect.get(numbers, name)
    },
  })
}

function checkBatches(batches: Batches): void {
  if (typeof batches !== 'object' || batches === null)
    fail(`run takes batches { data, count, shape }, got ${kindOf(batches)}`)
  const { data, count, shape } = batches
  if (!(data instanceof Uint8Array || data instanceof Float32Array))
    fail(`batches.data must be a Uint8Array or a Float32Array, got ${kindOf(data)}`)
  if (!isWhole(count) || count < 1) fail(`batches.count must be a whole number of at least 1, got ${show(count)}`)
  if (!Array.isArray(shape) || !shape.every(isWhole))
    fail(`batches.shape must be a list of whole numbers, the shape of one batch, got ${show(shape)}`)
  const values = shape.reduce((product, size) => product * size, count)
  if (data.length !== values)
    fail(`batches.data has ${data.length} values, but ${count} batches of shape [${shape}] have ${values}`)
}

const LARGEST_WORD = 2 ** 31 - 1

function checkKey(key: HostKey, i: number): void {
  const isKey = Array.isArray(key) && key.length === 2 && key.every(word => isWhole(word) && word <= LARGEST_WORD)
  if (!isKey) fail(`keys[${i}] must be two whole numbers from 0 to 2^31 - 1, as keyAt makes them, got ${show(key)}`)
}

function checkSchedule(numbers: Numbers, i: number, first: Numbers): void {
  if (typeof numbers !== 'object' || numbers === null)
    fail(`schedules[${i}] must be an object of named numbers, got ${kindOf(numbers)}`)
  for (const name of Object.keys(first))
    if (!(name in numbers)) fail(`schedules[${i}] lacks "${name}", which schedules[0] has`)
  for (const [name, value] of Object.entries(numbers)) {
    if (!(name in first)) fail(`schedules[${i}] has "${name}", which schedules[0] lacks`)
    if (!Number.isFinite(Math.fround(value)))
      fail(`schedules[${i}].${name} must be a finite number of float32, got ${show(value)}`)
  }
}

const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

/** What a value is, in a word: such as `undefined`, `Array`, `Float64Array`. */
function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return typeof value === 'object' ? value.constructor.name : typeof value
}

const show = (value: unknown): string =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value))

function fail(what: string): never {
  throw new Error(`scan: ${what}`)
}
