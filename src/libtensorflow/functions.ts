// TensorFlow functions: graphs that are defined once and then run by name, like operations, through the binding's executeOp….
import type { Binding } from './binding.js'
import type { CApi, FunctionPointer, Graph, Status } from './c-api.js'
import { ports } from './ports.js'
import { check } from './status.js'

/** The body of a function: the bytes of a GraphDef, and the names of its argument and result nodes, in order. */
export interface FunctionGraph {
  readonly bytes: Uint8Array
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** A function that the binding's context knows under `name`. */
export interface DefinedFunction {
  readonly name: string
  readonly pointer: FunctionPointer
  /** Removes it from the context. */
  dispose(): void
}

/**
 * Defines a function; `callees` are the functions that its graph names in attributes. Throws a TensorFlowError if types or shapes in the
 * graph do not match.
 */
export function defineFunction(
  { api, context }: Binding,
  name: string,
  graph: FunctionGraph,
  callees: readonly DefinedFunction[] = [],
): DefinedFunction {
  const status = api.TF_NewStatus()
  try {
    const pointer = makeFunction(api, status, name, graph, callees)
    api.TFE_ContextAddFunction(context, pointer, status)
    check(api, status, `function ${name}`)
    return { name, pointer, dispose: () => removeFunction({ api, context }, name, pointer) }
  } finally {
    api.TF_DeleteStatus(status)
  }
}

function removeFunction(
  { api, context }: Pick<Binding, 'api' | 'context'>,
  name: string,
  pointer: FunctionPointer,
): void {
  const status = api.TF_NewStatus()
  api.TFE_ContextRemoveFunction(context, name, status)
  api.TF_DeleteFunction(pointer)
  api.TF_DeleteStatus(status)
}

function makeFunction(
  api: CApi,
  status: Status,
  name: string,
  { bytes, inputs, outputs }: FunctionGraph,
  callees: readonly DefinedFunction[],
): FunctionPointer {
  const where = `function ${name}`
  const graph = api.TF_NewGraph()
  try {
    for (const { pointer } of callees) {
      api.TF_GraphCopyFunction(graph, pointer, null, status)
      check(api, status, where)
    }
    importGraph(api, status, graph, bytes, where)
    const [from, to] = [ports(api, graph, inputs, where), ports(api, graph, outputs, where)]
    const [n, m] = [inputs.length, outputs.length]
    const pointer = api.TF_GraphToFunction(graph, name, 0, -1, null, n, from, m, to, null, null, null, status)
    check(api, status, where)
    return pointer
  } finally {
    api.TF_DeleteGraph(graph)
  }
}

function importGraph(api: CApi, status: Status, graph: Graph, bytes: Uint8Array, where: string): void {
  const options = api.TF_NewImportGraphDefOptions()
  const buffer = api.TF_NewBufferFromString(bytes, bytes.length)
  try {
    api.TF_GraphImportGraphDef(graph, buffer, options, status)
    check(api, status, where)
  } finally {
    api.TF_DeleteBuffer(buffer)
    api.TF_DeleteImportGraphDefOptions(options)
  }
}
