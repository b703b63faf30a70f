// TensorFlow SavedModels (https://www.tensorflow.org/guide/saved_model), each loaded into its own session and run there.
import { type CApi, type Graph, required, type Session, type Status, type Tensor, type TensorHandle } from './c-api.js'
import { ports } from './ports.js'
import { check, checked } from './status.js'

/** A loaded model: its session, and the graph in which its inputs and outputs are found by name. */
export interface SavedModel {
  readonly session: Session
  readonly graph: Graph
}

/** Loads the graph that `directory` holds under `tags` (separated by commas); throws a TensorFlowError if that fails. */
export function loadSavedModel(api: CApi, status: Status, directory: string, tags: string): SavedModel {
  if (typeof directory !== 'string') throw new Error(`SavedModel: its folder must be a string, got ${typeof directory}`)
  const list = splitList(tags)
  const options = required(api.TF_NewSessionOptions(), 'TF_NewSessionOptions')
  const graph = required(api.TF_NewGraph(), 'TF_NewGraph')
  try {
    const session = api.TF_LoadSessionFromSavedModel(options, null, directory, list, list.length, graph, null, status)
    return { session: checked(api, status, `SavedModel ${directory}`, session), graph }
  } catch (error) {
    api.TF_DeleteGraph(graph)
    throw error
  } finally {
    api.TF_DeleteSessionOptions(options)
  }
}

/** Frees the model's session and graph. */
export function deleteSavedModel(api: CApi, status: Status, model: SavedModel): void {
  api.TF_DeleteSession(model.session, status)
  api.TF_DeleteGraph(model.graph)
  check(api, status, 'SavedModel')
}

/**
 * Runs the model once. Names are those of its graph, `node` or `node:index`, separated by commas, one for each input. The caller owns the
 * returned handles. Throws an Error if the graph lacks a name, a TensorFlowError if the run fails.
 */
export function runSavedModel(
  api: CApi,
  status: Status,
  model: SavedModel,
  inputs: readonly TensorHandle[],
  inputNames: string,
  outputNames: string,
): TensorHandle[] {
  const feeds = ports(api, model.graph, splitList(inputNames), 'SavedModel')
  const fetches = ports(api, model.graph, splitList(outputNames), 'SavedModel')
  if (feeds.length !== 2 * inputs.length) {
    throw new Error(`SavedModel: ${inputs.length} inputs for the ${feeds.length / 2} names in "${inputNames}"`)
  }
  const fed: Tensor[] = []
  const fetched = new BigUint64Array(fetches.length / 2)
  try {
    for (const handle of inputs) fed.push(resolve(api, status, handle))
    const values = BigUint64Array.from(fed)
    const { session } = model
    api.TF_SessionRun(session, null, feeds, values, fed.length, fetches, fetched, fetched.length, null, 0, null, status)
    check(api, status, 'SavedModel')
    return toHandles(api, status, Array.from(fetched) as Tensor[])
  } finally {
    for (const tensor of [...fed, ...(Array.from(fetched) as Tensor[])]) if (tensor !== 0n) api.TF_DeleteTensor(tensor)
  }
}

function splitList(names: string): string[] {
  return names === '' ? [] : names.split(',')
}

function resolve(api: CApi, status: Status, handle: TensorHandle): Tensor {
  return checked(api, status, 'SavedModel input', api.TFE_TensorHandleResolve(handle, status))
}

function toHandles(api: CApi, status: Status, tensors: readonly Tensor[]): TensorHandle[] {
  const handles: TensorHandle[] = []
  try {
    for (const tensor of tensors) {
      handles.push(checked(api, status, 'SavedModel output', api.TFE_NewTensorHandle(tensor, status)))
    }
    return handles
  } catch (error) {
    for (const handle of handles) api.TFE_DeleteTensorHandle(handle)
    throw error
  }
}
