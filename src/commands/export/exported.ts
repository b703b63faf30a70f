/** What `elbo export` writes beside the layers models. */
import type { TrainedVae } from '../../runs/trained-run.js'

/** An exported run. */
export interface Exported {
  run: string
  trained: TrainedVae
  savedModel: boolean
  onnx: boolean
}
