// Programs that are split at all-reduces: which all-reduces travel together, and what the stages between them are.
import { expect, test } from 'vitest'
import { inStages, withJoinedReduces } from '../../src/compile/passes/stages.js'
import { type Builder, newBuilder } from '../../src/compile/program/builder.js'
import { concatenation, int, slice, typeAttribute } from '../../src/compile/program/operations.js'
import { type Operation, type Program, printType, type Value } from '../../src/compile/program/program.js'
import { DTYPES } from '../../src/libtensorflow/dtypes.js'

const vectorOf = (size: number) => ({ dtype: DTYPES.TF_FLOAT, shape: [size] })

function reduced(builder: Builder, vector: Value, final: 'Id' | 'Div' = 'Div'): Value {
  const type = builder.typeOf(vector)
  const [size, group, instance] = [2, 1, type.shape[0] as number].map(value => int(builder, value))
  const attributes = [{ name: 'final_op', type: 0, value: final }]
  return builder.single('CollectiveReduceV2', attributes, [vector, size, group, instance] as Value[], type)
}

const squared = (builder: Builder, value: Value): Value =>
  builder.single('Square', [typeAttribute('T', DTYPES.TF_FLOAT)], [value], builder.typeOf(value))

/** Gradients [2] and [3] are averaged together and used; so is a bound [1]; its square is averaged afterwards. */
function training(final: 'Id' | 'Div' = 'Div'): Program {
  const builder = newBuilder()
  const arguments_ = [2, 3, 1].map((size, i) => builder.argument(`x${i}`, vectorOf(size)))
  const [a, b, bound] = arguments_.map(argument => squared(builder, argument)) as [Value, Value, Value]
  const gradient = reduced(builder, concatenation(builder, [a, b]))
  const weights = squared(builder, slice(builder, gradient, int(builder, 0), [5]))
  const mean = reduced(builder, bound, final)
  const later = reduced(builder, squared(builder, mean))
  return builder.build(new Map(Object.entries({ weights, mean, later })))
}

const operations = (program: Program, op: string): Operation[] =>
  program.nodes.flatMap(node => (node.kind === 'operation' && node.op === op ? [node] : []))

/** Sizes of the all-reduces of a program, in order. */
const sizes = (program: Program): string[] =>
  operations(program, 'CollectiveReduceV2').map(({ types: [type] }) => (type ? printType(type) : ''))

test('all-reduces that do not need each other become one, of all their parts; one that needs another stays', () => {
  const joined = withJoinedReduces(training())
  expect(sizes(joined)).toEqual(['float32[6]', 'float32[1]'])
  expect(operations(joined, 'ConcatV2').map(({ inputs }) => inputs.length)).toEqual([4]) // three parts and the axis
})

test('the instance of the joined one is its size, which all workers compute alike', () => {
  const { nodes } = withJoinedReduces(training())
  const joined = nodes.find(node => node.kind === 'operation' && node.op === 'CollectiveReduceV2') as Operation
  expect(nodes[(joined.inputs[3] as Value).node]).toMatchObject({ kind: 'constant', elements: Int32Array.of(6) })
})

test('sums and means do not travel together', () => {
  expect(sizes(withJoinedReduces(training('Id')))).toEqual(['float32[5]', 'float32[1]', 'float32[1]'])
})

test('the results are still computed from the parts: the program splits into three stages', () => {
  const { program, functions } = inStages(withJoinedReduces(training()), 'scan')
  expect([...functions.keys()]).toEqual(['scan_stage_0', 'scan_stage_1', 'scan_stage_2'])
  expect([...program.results.keys()]).toEqual(['weights', 'mean', 'later'])
})
