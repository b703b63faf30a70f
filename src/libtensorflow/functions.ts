// TensorFlow functions: graphs that are defined once and then run by name, like operations.
import type { Attribute } from './attributes.js'
import {
  type CApi,
  type EagerContext,
  type FunctionPointer,
  type Graph,
  required,
  type Status,
  type TensorHandle,
} from './c-api.js'
import { newContext } from './context.js'
import { executeOnWorker, newOp } from './eager-operations.js'
import { ports } from './ports.js'
import type { Runtime } from './runtime.js'
import { check, checked, newStatus } from './status.js'
import type { TensorMetadata } from './tensor-table.js'

/** The body of a function: the bytes of a GraphDef, and the names of its argument and result nodes, in order. */
export interface FunctionGraph {
  readonly bytes: Uint8Array
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** Some functions, which are freed together. */
export interface Functions {
  /**
   * Defines a function; attributes of its graph may name functions that were defined before. Throws a TensorFlowError if types or shapes
   * in the graph do not match.
   */
  define(name: string, graph: FunctionGraph): void
  /** Runs a function on a worker thread; meanwhile its inputs may be deleted. Inputs and results are ids of the binding's tensors. */
  run(
    name: string,
    attributes: readonly Attribute[],
    inputs: readonly number[],
    numOutputs: number,
  ): Promise<TensorMetadata[]>
  /** Frees the functions, and what TensorFlow compiled for them. No call may be in flight. */
  dispose(): void
}

/**
 * An empty set of functions, in a TensorFlow context of its own: a context keeps kernels and machine code until it is deleted, whether or
 * not their functions were removed. Tensors cross between contexts without copies on the CPU; on a GPU they would be copied to the host,
 * so there the functions share the binding's context; and so they do in a cluster, of which one context is a worker.
 */
export function openFunctions(runtime: Runtime): Functions {
  const { api, status, tensors, gpu, cluster } = runtime
  const isShared = gpu !== undefined || cluster !== undefined
  const context = isShared ? runtime.context : newContext(api, status, runtime.config)
  const defined = new Map<string, FunctionPointer>()

  async function run(...[name, attributes, inputs, numOutputs]: Parameters<Functions['run']>) {
    const handles = inputs.map(id => tensors.get(id))
    if (isShared) return executeOnWorker(api, newOp(runtime, name, attributes, handles), name, numOutputs)
    const moved = aliases(api, status, handles)
    const op = deletingAfter(api, moved, () => newOp({ api, status, context }, name, attributes, moved))
    const results = await executeOnWorker(api, op, name, numOutputs)
    return deletingAfter(api, results, () => aliases(api, status, results))
  }

  return {
    define(name, graph) {
      if (typeof name !== 'string') throw new Error(`the name of a function must be a string, got ${typeof name}`)
      const pointer = makeFunction(api, name, graph, [...defined.values()])
      defined.set(name, pointer)
      api.TFE_ContextAddFunction(context, pointer, status)
      check(api, status, `function ${name}`)
    },
    run: async (...call) => tensors.addDescribed(await run(...call)),
    dispose() {
      if (isShared) removeAll(api, context, [...defined.keys()])
      else api.TFE_DeleteContext(context)
      for (const pointer of defined.values()) api.TF_DeleteFunction(pointer)
      defined.clear()
    },
  }
}

function removeAll(api: CApi, context: EagerContext, names: readonly string[]): void {
  const status = newStatus(api)
  for (const name of names) api.TFE_ContextRemoveFunction(context, name, status)
  api.TF_DeleteStatus(status)
}

/** Handles of the same values that belong to no context. */
function aliases(api: CApi, status: Status, handles: readonly TensorHandle[]): TensorHandle[] {
  const made: TensorHandle[] = []
  try {
    for (const handle of handles) made.push(alias(api, status, handle))
    return made
  } catch (error) {
    for (const handle of made) api.TFE_DeleteTensorHandle(handle)
    throw error
  }
}

function alias(api: CApi, status: Status, handle: TensorHandle): TensorHandle {
  const where = 'tensor of a function'
  const tensor = checked(api, status, where, api.TFE_TensorHandleResolve(handle, status))
  try {
    return checked(api, status, where, api.TFE_NewTensorHandle(tensor, status))
  } finally {
    api.TF_DeleteTensor(tensor)
  }
}

function deletingAfter<T>(api: CApi, handles: readonly TensorHandle[], work: () => T): T {
  try {
    return work()
  } finally {
    for (const handle of handles) api.TFE_DeleteTensorHandle(handle)
  }
}

function makeFunction(
  api: CApi,
  name: string,
  { bytes, inputs, outputs }: FunctionGraph,
  callees: readonly FunctionPointer[],
): FunctionPointer {
  const where = `function ${name}`
  const status = newStatus(api)
  const graph = required(api.TF_NewGraph(), 'TF_NewGraph')
  try {
    for (const pointer of callees) {
      api.TF_GraphCopyFunction(graph, pointer, null, status)
      check(api, status, where)
    }
    importGraph(api, status, graph, bytes, where)
    const [from, to] = [ports(api, graph, inputs, where), ports(api, graph, outputs, where)]
    const [n, m] = [inputs.length, outputs.length]
    const pointer = api.TF_GraphToFunction(graph, name, 0, -1, null, n, from, m, to, null, null, null, status)
    return checked(api, status, where, pointer)
  } finally {
    api.TF_DeleteGraph(graph)
    api.TF_DeleteStatus(status)
  }
}

function importGraph(api: CApi, status: Status, graph: Graph, bytes: Uint8Array, where: string): void {
  const options = required(api.TF_NewImportGraphDefOptions(), 'TF_NewImportGraphDefOptions')
  const buffer = required(api.TF_NewBufferFromString(bytes, bytes.length), 'TF_NewBufferFromString')
  try {
    api.TF_GraphImportGraphDef(graph, buffer, options, status)
    check(api, status, where)
  } finally {
    api.TF_DeleteBuffer(buffer)
    api.TF_DeleteImportGraphDefOptions(options)
  }
}
