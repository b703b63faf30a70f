/** Fetches the tensors of runs. */
import type { TensorsOf } from '../../explore/protocol.js'
import { type Api, path } from '../api.js'
import type { RunTensors } from './run-tensors.js'

/** The tensors of the best snapshot of a run. */
export async function runTensors(api: Api, run: string): Promise<RunTensors> {
  const { epoch, tensors } = await api.get<TensorsOf>(path('runs', run, 'tensors', 'best.json'))
  const indexOf = (name: string) => {
    const index = tensors.findIndex(tensor => tensor.name === name)
    if (index < 0) throw new Error(`run ${run}: its snapshot has no '${name}'; it was written by an older version`)
    return index
  }
  return {
    epoch,
    names: tensors.map(({ name }) => name),
    has: name => tensors.some(tensor => tensor.name === name),
    shape: name => tensors[indexOf(name)]?.shape ?? [],
    async values(name) {
      const bytes = await api.bytes(path('runs', run, 'tensors', 'best', `${indexOf(name)}.bin`))
      return Float64Array.from(new Float32Array(bytes))
    },
  }
}
