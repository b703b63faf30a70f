// A TF.js backend on libtensorflow: tfjs-node's backend class and kernels, without the package's index, which needs a C++ addon.
import { createRequire } from 'node:module'
import * as tf from '#tfjs'
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
  registerFileHandlers()
  const { NodeJSKernelBackend } = tfjsNode()
  const gpu = binding.isUsingGpuDevice() ? '-gpu' : ''
  return new (readingOnWorkers(NodeJSKernelBackend))(binding, `@tensorflow/tfjs-node${gpu}`)
}

/** The part of tfjs-node's `tf.node` that is bundled: PNG, SavedModels, TensorBoard. They work once the backend is registered and set. */
export interface NodeNamespace {
  decodeImage(contents: Uint8Array): tf.Tensor3D
  encodePng(image: tf.Tensor3D): Promise<Uint8Array>
  getNumOfSavedModels(): number
  loadSavedModel(path: string): Promise<SavedModel>
  summaryFileWriter(folder: string): SummaryWriter
}

interface SavedModel {
  predict(inputs: tf.NamedTensorMap): tf.NamedTensorMap
  dispose(): void
}

/** Appends to a TensorBoard event file. */
export interface SummaryWriter {
  scalar(name: string, value: number, step: number): void
  flush(): void
}

export const nodeNamespace = (): NodeNamespace => tfjsNode().node

let fileHandlersRegistered = false

/** Lets `tf.io` and `tf.loadLayersModel` use `file://` paths on every backend. Registers once: TF.js refuses a path with two handlers. */
export function registerFileHandlers(): void {
  if (fileHandlersRegistered) return
  fileHandlersRegistered = true
  const { nodeFileSystemRouter } = tfjsNode()
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

/** What vendor/tfjs-node.js exports. Loading it registers the kernels. */
interface TfjsNode {
  NodeJSKernelBackend: NodeBackendClass
  nodeFileSystemRouter: FileRouter
  node: NodeNamespace
}

const tfjsNode = (): TfjsNode => require('#tfjs-node') as TfjsNode
