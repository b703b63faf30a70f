// A TF.js backend on libtensorflow: tfjs-node's backend class and kernels, without the package's index, which needs a C++ addon.
import { createRequire } from 'node:module'
import util from 'node:util'
import * as tf from '@tensorflow/tfjs'
import type { node } from '@tensorflow/tfjs-node/dist/node.js'
import type { Attribute } from './attributes.js'
import type { Binding } from './binding.js'
import type { TensorMetadata } from './tensor-table.js'

/** The backend's record of a dataId: values that were not sent to TensorFlow yet, or else the id of a tensor there. */
interface TensorRecord {
  readonly id: number
  readonly shape: number[]
  readonly dtype: number
  readonly values: tf.backend_util.BackendValues | null
}

/** The part of tfjs-node's backend that this project uses. */
export interface NodeBackend extends tf.KernelBackend {
  readonly binding: Binding
  readonly tensorMap: tf.DataStorage<TensorRecord>
  /** The ids of these tensors in the binding. Values that were not sent to TensorFlow yet are sent now. */
  getInputTensorIds(tensors: readonly tf.TensorInfo[]): number[]
  /** Takes ownership of a tensor of the binding. */
  createOutputTensor(metadata: TensorMetadata): tf.Tensor
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.TensorInfo[]): tf.Tensor
  executeMultipleOutputs(
    name: string,
    attributes: Attribute[],
    inputs: tf.TensorInfo[],
    numOutputs: number,
  ): tf.Tensor[]
}

/** Whether a TF.js backend is a NodeBackend. */
export function isNodeBackend(backend: tf.KernelBackend): backend is NodeBackend {
  return 'binding' in backend && 'executeMultipleOutputs' in backend
}

type NodeBackendClass = new (binding: Binding, packageName: string) => NodeBackend

type FileRouter = Parameters<typeof tf.io.registerLoadRouter>[0]

const require = createRequire(import.meta.url)

/**
 * A backend on this binding. The caller registers it with TF.js as 'tensorflow', because tfjs-node looks it up under that name. Registers
 * tfjs-node's kernels and the file:// handlers of `tf.io`.
 */
export function createNodeBackend(binding: Binding): NodeBackend {
  loadPart('register_all_kernels')
  registerFileHandlers()
  const { NodeJSKernelBackend } = loadPart('nodejs_kernel_backend') as { NodeJSKernelBackend: NodeBackendClass }
  const gpu = binding.isUsingGpuDevice() ? '-gpu' : ''
  return new (readingOnWorkers(NodeJSKernelBackend))(binding, `@tensorflow/tfjs-node${gpu}`)
}

/** tfjs-node's `tf.node`: images, SavedModels, TensorBoard. Its functions work once the backend is registered and set. */
export function nodeNamespace(): typeof node {
  return (loadPart('node') as { node: typeof node }).node
}

let fileHandlersRegistered = false

/** Lets `tf.io` and `tf.loadLayersModel` use `file://` paths on every backend. Registers once: TF.js refuses a path with two handlers. */
export function registerFileHandlers(): void {
  if (fileHandlersRegistered) return
  fileHandlersRegistered = true
  const { nodeFileSystemRouter } = loadPart('io/file_system') as { nodeFileSystemRouter: FileRouter }
  tf.io.registerLoadRouter(nodeFileSystemRouter)
  tf.io.registerSaveRouter(nodeFileSystemRouter)
}

/** tfjs-node's `read` blocks; this one waits for TensorFlow on a worker thread. */
function readingOnWorkers(Base: NodeBackendClass): NodeBackendClass {
  return class extends Base {
    override async read(dataId: tf.DataId): Promise<tf.backend_util.BackendValues> {
      const record = this.tensorMap.get(dataId)
      return record.values ?? ((await this.binding.tensorData(record.id)) as tf.backend_util.BackendValues)
    }
  }
}

function loadPart(name: string): unknown {
  restoreRemovedFunctions()
  return require(`@tensorflow/tfjs-node/dist/${name}`)
}

/** tfjs-node calls two functions of `node:util` that Node 22 warns about and Node 23 no longer has. */
function restoreRemovedFunctions(): void {
  Object.assign(util, { isNullOrUndefined: (value: unknown) => value == null, isArray: Array.isArray })
}
