/**
 * Scheduled numbers change from step to step, but a recorded step holds them as constants. A step is recorded twice, with two values of
 * every scheduled number. A constant that differs, and is proportional to one of the numbers, becomes an argument.
 */
import { DTYPES } from '../../libtensorflow/dtypes.js'
import { rewrite } from '../program/builder.js'
import {
  type Constant,
  type Operation,
  type Program,
  type ProgramNode,
  printType,
  type Value,
} from '../program/program.js'
import { CompileRefusal, callSite, noiseOf } from '../refusal.js'
import type { Numbers } from '../step.js'
import type { Recording } from './record.js'

/** A constant equal to `ratio` times the scheduled number `name`. Entry i of a list of these is the argument `schedule:i`. */
export interface Scheduled {
  readonly name: string
  readonly ratio: number
}

/** The golden ratio's fraction spreads the factors, so that no two factors or products of factors are equal. */
const GOLDEN = 0.6180339887

/** Values for the two recordings. In the second, each number has its own factor. Zeros become ones in both: multiples of 0 are equal. */
export function recordedNumbers(numbers: Numbers): [first: Numbers, second: Numbers] {
  const first = mapNumbers(numbers, value => (value === 0 ? 1 : value))
  return [first, mapNumbers(first, (value, i) => value * (1.1 + 0.5 * (((i + 1) * GOLDEN) % 1)))]
}

function mapNumbers(numbers: Numbers, f: (value: number, i: number) => number): Numbers {
  return Object.fromEntries(Object.entries(numbers).map(([name, value], i) => [name, f(value, i)]))
}

/** Merges two recordings that differ only in scheduled constants. Throws a CompileRefusal that names the first other difference. */
export function generalize(
  [first, second]: readonly [Recording, Recording],
  numbers: readonly [Numbers, Numbers],
): { program: Program; scheduled: Scheduled[] } {
  requireSameNames(first.program, second.program)
  requireSameLength(first, second)
  const scheduled: Scheduled[] = []
  const values = new Map<string, Value>()
  let i = 0
  const program = rewrite(first.program, (node, _, builder) => {
    const at = i++
    const other = second.program.nodes[at]
    if (other === undefined || sameNode(node, other)) return undefined
    const found = isScalar(node) && isScalar(other) ? findRatio([node, other], numbers) : undefined
    if (found === undefined) throw describeDifference(first, at, node, other)
    const key = JSON.stringify(found)
    const name = `schedule:${values.size}`
    const value = values.get(key) ?? builder.argument(name, { dtype: DTYPES.TF_FLOAT, shape: [] })
    if (!values.has(key)) scheduled.push(found)
    values.set(key, value)
    return [value]
  })
  return { program, scheduled }
}

function isScalar(node: ProgramNode): node is Constant {
  return node.kind === 'constant' && node.types[0].dtype === DTYPES.TF_FLOAT && node.elements.length === 1
}

const TOLERANCE = 1e-6

function findRatio(nodes: readonly [Constant, Constant], [first, second]: readonly [Numbers, Numbers]) {
  const [a, b] = nodes.map(({ elements: [element] }) => element ?? 0) as [number, number]
  const candidates = Object.keys(first).flatMap(name => {
    const [s, t] = [first[name] as number, second[name] as number]
    return Math.abs((b / a) * (s / t) - 1) < TOLERANCE ? [{ name, ratio: simplest(a, b, s, t) }] : []
  })
  return candidates.length === 1 ? candidates[0] : undefined
}

/** The ratio with the fewest digits that reproduces both constants in float32, or else their mean ratio. */
function simplest(a: number, b: number, s: number, t: number): number {
  const ratio = (a / s + b / t) / 2
  for (let digits = 1; digits <= 9; digits++) {
    const rounded = Number(ratio.toPrecision(digits))
    if (Math.fround(rounded * s) === a && Math.fround(rounded * t) === b) return rounded
  }
  return ratio
}

/** The value of the constant in a step with these numbers. */
export function scheduledValue({ name, ratio }: Scheduled, numbers: Numbers): number {
  const value = numbers[name]
  if (value === undefined) throw new Error(`the schedule of a step lacks ${name}, which the first step had`)
  return ratio * value
}

function sameNode(a: ProgramNode, b: ProgramNode): boolean {
  if (String(a.types.map(printType)) !== String(b.types.map(printType))) return false
  if (a.kind === 'constant' && b.kind === 'constant')
    return a.elements.every((value, i) => Object.is(value, b.elements[i]))
  if (a.kind === 'argument' && b.kind === 'argument') return a.name === b.name
  return a.kind === 'operation' && b.kind === 'operation' && shapeOfOperation(a) === shapeOfOperation(b)
}

const shapeOfOperation = ({ op, attributes, inputs }: Operation): string => JSON.stringify([op, attributes, inputs])

function requireSameNames(a: Program, b: Program): void {
  const [names, others] = [a, b].map(({ results }) => [...results.keys()].join(', '))
  if (names === others) return
  throw new CompileRefusal(
    `its outputs and assigned variables differ between two recordings of it: ${names} and ${others}`,
    'return the same outputs from every step, and assign the same variables',
  )
}

function requireSameLength(first: Recording, second: Recording): void {
  const at = first.program.nodes.findIndex((node, i) => node.kind !== second.program.nodes[i]?.kind)
  const [n, m] = [first.program.nodes.length, second.program.nodes.length]
  if (n === m && at < 0 && sameResults(first.program, second.program)) return
  throw new CompileRefusal(
    `two recordings of it differ: ${n} and ${m} operations and constants`,
    'do not branch in JavaScript on anything that changes from step to step; use tf.where',
    callSite((at < 0 ? undefined : first.sites[at]) ?? second.sites[n]),
  )
}

const sameResults = (a: Program, b: Program): boolean =>
  JSON.stringify([...a.results]) === JSON.stringify([...b.results])

function describeDifference({ program, sites }: Recording, at: number, a: ProgramNode, b: ProgramNode): CompileRefusal {
  const where = callSite(sites[at])
  if (a.kind === 'constant' && b.kind === 'constant') {
    const user = program.nodes.find(node => node.kind === 'operation' && node.inputs.some(input => input.node === at))
    const usedBy = user?.kind === 'operation' ? ` and used by ${user.op}` : ''
    const noise = noiseOf(sites[at])
    const made = noise ? `made by TF.js's own ${noise.name} in JavaScript` : 'created in JavaScript'
    return new CompileRefusal(
      `a ${printType(a.types[0])} ${made}${usedBy} differs between two recordings of it`,
      "make noise from the step's key, and use a scheduled number only as it is or multiplied by a constant",
      where,
      noise?.instead,
    )
  }
  const name = a.kind === 'operation' ? a.op : a.kind
  return new CompileRefusal(
    `${name} has different attributes, inputs or shapes in two recordings of it`,
    'do not branch in JavaScript on anything that changes from step to step; use tf.where',
    where,
  )
}
