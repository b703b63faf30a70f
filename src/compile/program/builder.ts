/** Builds programs, node by node. */
import type { Attribute } from '../../libtensorflow/attributes.js'
import {
  type Argument,
  checkProgram,
  type Elements,
  nodeOf,
  type Operation,
  type Program,
  type ProgramNode,
  type TensorType,
  typeOf,
  type Value,
} from './program.js'

export interface Builder {
  argument(name: string, type: TensorType): Value
  constant(elements: Elements, type: TensorType): Value
  /** Adds an operation; returns all of its results. */
  operation(
    op: string,
    attributes: readonly Attribute[],
    inputs: readonly Value[],
    types: readonly TensorType[],
  ): Value[]
  /** Adds an operation that has one result, and returns it. */
  single(op: string, attributes: readonly Attribute[], inputs: readonly Value[], type: TensorType): Value
  /** Adds the nodes of `program`, with `replacements` for its arguments, by name; returns its results. */
  inline(program: Program, replacements: ReadonlyMap<string, Value>): Map<string, Value>
  typeOf(value: Value): TensorType
  /** The node that computes the value. */
  nodeOf(value: Value): ProgramNode
  /** The number of nodes so far. */
  readonly size: number
  /** The program so far, checked. */
  build(results: ReadonlyMap<string, Value>): Program
}

export function newBuilder(): Builder {
  const nodes: ProgramNode[] = []

  function add(node: ProgramNode): Value {
    nodes.push(node)
    return { node: nodes.length - 1, index: 0 }
  }

  function operation(...[op, attributes, inputs, types]: Parameters<Builder['operation']>): Value[] {
    const { node } = add({ kind: 'operation', op, attributes, inputs: [...inputs], types })
    return types.map((_, index) => ({ node, index }))
  }

  const builder: Builder = {
    argument: (name, type) => add({ kind: 'argument', name, types: [type] }),
    constant: (elements, type) => add({ kind: 'constant', elements, types: [type] }),
    operation,
    single: (op, attributes, inputs, type) =>
      add({ kind: 'operation', op, attributes, inputs: [...inputs], types: [type] }),
    inline: (program, replacements) =>
      copyInto(builder, program, node => {
        const replacement = node.kind === 'argument' ? replacements.get(node.name) : undefined
        return replacement && [replacement]
      }),
    typeOf: value => typeOf({ nodes }, value),
    nodeOf: value => nodeOf({ nodes }, value),
    get size() {
      return nodes.length
    },
    build: results => checkProgram({ nodes: [...nodes], results }),
  }
  return builder
}

/** The values with which a pass replaces the results of `node`, or undefined to copy it. `inputs` are its inputs in the new program. */
export type Replace = (node: ProgramNode, inputs: readonly Value[], builder: Builder) => readonly Value[] | undefined

/** Copies a program node by node: `replace` may replace a node, and nodes that `keep` rejects are left out. */
export function rewrite(program: Program, replace: Replace, keep: (index: number) => boolean = () => true): Program {
  const builder = newBuilder()
  return builder.build(copyInto(builder, program, replace, keep))
}

function copyInto(
  builder: Builder,
  program: Program,
  replace: Replace,
  keep: (index: number) => boolean = () => true,
): Map<string, Value> {
  const copies: (readonly Value[])[] = []
  const copyOf = ({ node, index }: Value): Value => {
    const copy = copies[node]?.[index]
    if (copy === undefined) throw new Error(`program: %${node} has no result ${index}`)
    return copy
  }
  for (const [index, node] of program.nodes.entries()) {
    if (!keep(index)) {
      copies.push([])
      continue
    }
    const inputs = node.kind === 'operation' ? node.inputs.map(copyOf) : []
    copies.push(replace(node, inputs, builder) ?? copyNode(builder, node, inputs))
  }
  return new Map([...program.results].map(([name, value]) => [name, copyOf(value)]))
}

function copyNode(builder: Builder, node: ProgramNode, inputs: readonly Value[]): readonly Value[] {
  if (node.kind === 'argument') return [builder.argument(node.name, (node satisfies Argument).types[0])]
  if (node.kind === 'constant') return [builder.constant(node.elements, node.types[0])]
  const { op, attributes, types } = node satisfies Operation
  return builder.operation(op, attributes, inputs, types)
}
