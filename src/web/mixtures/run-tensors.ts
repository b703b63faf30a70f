/** What a model is built from. */

/** The tensors of a run's snapshot, by name. */
export interface RunTensors {
  readonly epoch: number
  readonly names: readonly string[]
  has(name: string): boolean
  shape(name: string): readonly number[]
  /** The values of a tensor, as they are stored. Throws an Error if there is none of that name. */
  values(name: string): Promise<Float64Array>
}
