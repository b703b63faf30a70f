/**
 * Splits a program at its all-reduces, because XLA cannot wait for other processes. What lies between two of them becomes a function, a
 * stage, which XLA compiles; the program that remains calls the stages and the all-reduces in turn.
 */

import { ALL_REDUCE } from '../../collectives/all-reduce.js'
import { ATTRIBUTE_TYPES, type Attribute } from '../../libtensorflow/attributes.js'
import { type Builder, newBuilder } from '../program/builder.js'
import { FUNCTION_ATTRIBUTE } from '../program/graphdef.js'
import { concatenation, int, ints, slice } from '../program/operations.js'
import {
  type Operation,
  type Program,
  type ProgramNode,
  type ProgramWithFunctions,
  sizeOf,
  typeOf,
  type Value,
} from '../program/program.js'
import { withoutDeadCode } from './simplify.js'

const isReduce = (node: ProgramNode | undefined): boolean => node?.kind === 'operation' && node.op === ALL_REDUCE

/** Whether a program has an all-reduce. */
export const reducesOverWorkers = ({ nodes }: Program): boolean => nodes.some(isReduce)

/**
 * The same program, in which all-reduces that do not need each other are one, of their vectors end to end: each costs a round trip. A sum of
 * two workers keeps its bits; of more workers the ring adds some elements, at the ends of its parts, in another order.
 */
export function withJoinedReduces(program: Program): Program {
  const builder = newBuilder()
  const made = valuesIn(builder, program)
  for (const { nodes, reduces } of stagesOf(program)) {
    for (const i of ascending(nodes)) made.set(resultsOf(program, i), copied(builder, program, i, made.get))
    for (const alike of groupsOf(program, reduces))
      made.set(
        alike.map(node => ({ node, index: 0 })),
        joined(builder, program, alike, made.get),
      )
  }
  const results = [...program.results].map(([name, value]) => [name, made.get(value)] as const)
  return withoutDeadCode(builder.build(new Map(results)))
}

/** All-reduces of the same kind, sums or means, together. */
function groupsOf(program: Program, reduces: readonly number[]): number[][] {
  const kindOf = (i: number) => JSON.stringify(operation(program, i).attributes)
  return [...new Set(reduces.map(kindOf))].map(kind => reduces.filter(i => kindOf(i) === kind))
}

/** The results of some all-reduces of vectors, computed by one. */
function joined(builder: Builder, program: Program, reduces: readonly number[], get: Get): Value[] {
  const [first, ...others] = reduces.map(i => operation(program, i))
  if (first === undefined || others.length === 0) return reduces.flatMap(i => copied(builder, program, i, get))
  const vectors = reduces.map(i => get(operation(program, i).inputs[0] as Value))
  const whole = concatenation(
    builder,
    vectors.flatMap(vector => partsOf(builder, vector)),
  )
  const type = builder.typeOf(whole)
  const [size, group] = first.inputs.slice(1).map(get) as [Value, Value]
  const sum = builder.single(ALL_REDUCE, first.attributes, [whole, size, group, int(builder, sizeOf(type))], type)
  let end = 0
  return vectors.map(vector => {
    const { shape } = builder.typeOf(vector)
    const begin = end
    end += sizeOf({ ...type, shape })
    return slice(builder, sum, ints(builder, [begin]), shape)
  })
}

/** The vectors that are end to end in this one. */
function partsOf(builder: Builder, vector: Value): readonly Value[] {
  const node = builder.nodeOf(vector)
  return node.kind === 'operation' && node.op === 'ConcatV2' ? node.inputs.slice(0, -1) : [vector]
}

/** The same program with its stages as functions, whose names begin with `prefix`. */
export function inStages(program: Program, prefix: string): ProgramWithFunctions {
  const stages = stagesOf(program)
  const builder = newBuilder()
  const functions = new Map<string, Program>()
  const made = valuesIn(builder, program)
  let instances = 0
  for (const [i, members] of stages.entries()) {
    const { reduces, nodes } = members
    const stage = cutOut(program, nodes)
    if (stage.results.length > 0) {
      const name = `${prefix}_stage_${i}`
      functions.set(name, stage.program)
      made.set(stage.results, callOf(builder, name, stage.inputs.map(made.get), stage.types))
    }
    for (const reduce of reduces)
      made.set([{ node: reduce, index: 0 }], copied(builder, program, reduce, numbered(builder, made.get, ++instances)))
  }
  const results = [...program.results].map(([name, value]) => [name, made.get(value)] as const)
  return { program: builder.build(new Map(results)), functions }
}

/** Operations that run before some all-reduces, or after the last ones. */
interface Members {
  readonly nodes: ReadonlySet<number>
  /** The all-reduces that follow, none of which needs another. */
  readonly reduces: readonly number[]
}

/** Each operation is in the first stage whose all-reduces need it, or else in the last stage. */
function stagesOf(program: Program): Members[] {
  const levels = reducesByLevel(program)
  const taken = new Set(levels.flat())
  const take = (wanted: Iterable<number>) => {
    const nodes = new Set([...wanted].filter(i => program.nodes[i]?.kind === 'operation' && !taken.has(i)))
    for (const i of nodes) taken.add(i)
    return nodes
  }
  const before = levels.map(reduces => ({
    nodes: take(reduces.flatMap(reduce => [...ancestors(program, reduce)])),
    reduces,
  }))
  return [...before, { nodes: take(program.nodes.keys()), reduces: [] }]
}

/** The all-reduces that need no other one, then those that need only these, and so on. */
function reducesByLevel(program: Program): number[][] {
  const levels: number[][] = []
  const levelOf = new Map<number, number>()
  program.nodes.forEach((node, i) => {
    if (!isReduce(node)) return
    const below = [...ancestors(program, i)].map(j => levelOf.get(j) ?? -1)
    const level = Math.max(...below) + 1
    levelOf.set(i, level)
    levels[level] = [...(levels[level] ?? []), i]
  })
  return levels
}

function ancestors({ nodes }: Program, of: number): Set<number> {
  const found = new Set([of])
  for (let i = of; i >= 0; i--) {
    const node = nodes[i]
    if (found.has(i) && node?.kind === 'operation') for (const input of node.inputs) found.add(input.node)
  }
  return found
}

interface Stage {
  readonly program: Program
  /** Values of the whole program that it needs, in the order of its arguments. */
  readonly inputs: readonly Value[]
  /** Values of the whole program that it computes for others, in the order of its results, and their types. */
  readonly results: readonly Value[]
  readonly types: readonly ReturnType<typeof typeOf>[]
}

function cutOut(program: Program, members: ReadonlySet<number>): Stage {
  const builder = newBuilder()
  const inside = new Map<string, Value>()
  const inputs: Value[] = []
  const get = (value: Value): Value => {
    const known = inside.get(key(value))
    if (known) return known
    const node = program.nodes[value.node] as ProgramNode
    const added =
      node.kind === 'constant'
        ? builder.constant(node.elements, node.types[0])
        : builder.argument(key(inputs[inputs.push(value) - 1] as Value), typeOf(program, value))
    inside.set(key(value), added)
    return added
  }
  for (const i of ascending(members))
    copied(builder, program, i, get).forEach((copy, index) => void inside.set(key({ node: i, index }), copy))
  const results = usedOutside(program, members)
  return {
    program: builder.build(new Map(results.map(value => [key(value), get(value)]))),
    inputs,
    results,
    types: results.map(value => typeOf(program, value)),
  }
}

/** The values of members that other operations, or the results of the program, need. */
function usedOutside({ nodes, results }: Program, members: ReadonlySet<number>): Value[] {
  const uses = nodes.flatMap((node, i) => (node.kind === 'operation' && !members.has(i) ? node.inputs : []))
  const needed = [...uses, ...results.values()].filter(({ node }) => members.has(node))
  return [...new Map(needed.map(value => [key(value), value])).values()]
}

const key = ({ node, index }: Value): string => `${node}:${index}`

type Get = (value: Value) => Value

/** The results of operation number `i` of a program, added to another one. */
function copied(builder: Builder, program: Program, i: number, get: Get): Value[] {
  const { op, attributes, inputs, types } = operation(program, i)
  return builder.operation(op, attributes, inputs.map(get), types)
}

function operation({ nodes }: Program, i: number): Operation {
  const node = nodes[i]
  if (node?.kind !== 'operation') throw new Error(`stages: %${i} is not an operation`)
  return node
}

const resultsOf = (program: Program, node: number): Value[] =>
  operation(program, node).types.map((_, index) => ({ node, index }))

const ascending = (nodes: Iterable<number>): number[] => [...nodes].sort((a, b) => a - b)

/** Gives the values of all inputs but the last, the number of the instance: two of one size may run at the same time. */
function numbered(builder: Builder, get: Get, instance: number): Get {
  let position = 0
  return value => {
    if (++position < REDUCE_INPUTS) return get(value)
    const { elements } = builder.nodeOf(get(value)) as { elements: Int32Array }
    return int(builder, (elements[0] as number) + instance * SIZES)
  }
}

/** vector, group size, group, instance. */
const REDUCE_INPUTS = 4

/** Above the size of every vector; instances are numbered by size first. */
const SIZES = 2 ** 26

/** Where the values of `program` are in the program that replaces it. */
function valuesIn(builder: Builder, program: Program) {
  const values = new Map<string, Value>()
  const set = (these: readonly Value[], made: readonly Value[]) =>
    these.forEach((value, i) => void values.set(key(value), made[i] as Value))
  program.nodes.forEach((node, i) => {
    if (node.kind === 'argument') set([{ node: i, index: 0 }], [builder.argument(node.name, node.types[0])])
    if (node.kind === 'constant') set([{ node: i, index: 0 }], [builder.constant(node.elements, node.types[0])])
  })
  const get: Get = value => {
    const found = values.get(key(value))
    if (found === undefined) throw new Error(`stages: %${value.node} is needed before its stage has run`)
    return found
  }
  return { get, set }
}

const { TF_ATTR_TYPE, TF_ATTR_BOOL } = ATTRIBUTE_TYPES

function callOf(builder: Builder, name: string, inputs: readonly Value[], types: Stage['types']): Value[] {
  const typesOf = (name: string, values: readonly { dtype: number }[]): Attribute => ({
    name,
    type: TF_ATTR_TYPE,
    value: values.map(({ dtype }) => dtype),
  })
  const attributes = [
    typesOf('Tin', inputs.map(builder.typeOf)),
    typesOf('Tout', types),
    { name: 'f', type: FUNCTION_ATTRIBUTE, value: name },
    { name: '_XlaMustCompile', type: TF_ATTR_BOOL, value: true },
  ]
  return builder.operation('StatefulPartitionedCall', attributes, inputs, types)
}
