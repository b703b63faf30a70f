/**
 * Checks of what is given to `scan`. Compiled steps read arrays of fixed sizes: one that is too short would be computed with what the
 * previous call has left in memory.
 */
import { type HostKey, keyAt, streamKey } from '../random.js'
import { fail, isWhole, kindOf, show } from './complaint.js'
import { type Batches, type Call, modes, type Numbers, precisions, type RunOptions, type ScanOptions } from './step.js'

/** The keys and numbers of a call's steps; `first` is the number of its first step. Throws an Error of one line if one is missing or wrong. */
export function callOf<S>(batches: Batches, options: RunOptions<S>, first = 0): Call<S> {
  if (typeof options !== 'object' || options === null)
    fail(`the second argument of run is { key, keys, schedules }, got ${kindOf(options)}`)
  const schedules = schedulesOf(batches, options, first)
  for (const [i, numbers] of schedules.entries()) checkSchedule(numbers as Numbers, i, (schedules[0] ?? {}) as Numbers)
  return { batches, keys: keysOf(batches, options, first), schedules }
}

/** Throws an Error of one line unless `scan` can be made of these. */
export function checkScan(step: unknown, { mode = 'auto', precision = 'float32' }: ScanOptions): void {
  if (typeof step !== 'function') fail(`the step must be a function, got ${kindOf(step)}`)
  requireOneOf('mode', modes, mode)
  requireOneOf('precision', precisions, precision)
}

function requireOneOf(name: string, known: readonly unknown[], given: unknown): void {
  if (!known.includes(given)) fail(`${name} must be one of ${known.join(', ')}, got ${show(given)}`)
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

/** The key of a step in a call without keys; any use of it is an Error. */
export function noKey(): HostKey {
  const refuse = () => fail('the step uses its key, but the call has none: write run(data, { key: 1 })')
  return new Proxy([0, 0] as HostKey, { get: refuse, has: refuse, getPrototypeOf: refuse, ownKeys: refuse })
}

/** How many steps there are, for messages. */
const steps = ({ count, inputs, single }: Batches): string =>
  single ? `there are ${count} batches of shape [${inputs[0]?.shape}]` : `there are ${count} steps`

function keysOf<S>(batches: Batches, { key, keys }: RunOptions<S>, first: number): readonly HostKey[] | undefined {
  if (keys !== undefined) {
    if (key !== undefined) fail('a call takes key or keys, not both')
    requireOneForEach('keys', keys, batches)
    for (const [i, one] of keys.entries()) checkKey(one, `keys[${i}]`)
    return keys
  }
  if (key === undefined) return undefined
  if (typeof key === 'number' && !isWhole(key)) fail(`key must be a whole number or two of them, got ${key}`)
  const root = typeof key === 'number' ? streamKey(key, 'scan') : key
  checkKey(root, 'key')
  return Array.from({ length: batches.count }, (_, i) => keyAt(root, first + i))
}

function schedulesOf<S>(batches: Batches, { schedules }: RunOptions<S>, first: number): readonly S[] {
  const at = typeof schedules === 'function' ? schedules : () => ({}) as S
  if (typeof schedules !== 'object') {
    if (schedules !== undefined && typeof schedules !== 'function')
      fail(`schedules must be an array or a function of the step's index, got ${kindOf(schedules)}`)
    return Array.from({ length: batches.count }, (_, i) => at(first + i))
  }
  requireOneForEach('schedules', schedules, batches)
  return schedules
}

function requireOneForEach(name: string, list: unknown, batches: Batches): asserts list is readonly unknown[] {
  if (!Array.isArray(list)) fail(`${name} must be an array with one entry for each batch, got ${kindOf(list)}`)
  if (list.length !== batches.count) fail(`${name} has ${list.length} entries, but ${steps(batches)}`)
}

const LARGEST_WORD = 2 ** 31 - 1

function checkKey(key: HostKey, name: string): void {
  const isKey = Array.isArray(key) && key.length === 2 && key.every(word => isWhole(word) && word <= LARGEST_WORD)
  if (!isKey) fail(`${name} must be two whole numbers from 0 to 2^31 - 1, as keyAt makes them, got ${show(key)}`)
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
