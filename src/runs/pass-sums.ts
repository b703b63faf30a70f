/** Sums over the steps of a pass, and the means at its end. */
import type { Outputs } from '../compile/step.js'

/** Adds the outputs of steps, and the squared ELBO for the error of its mean. `weights` [steps]: the filled part of each batch, up to 1. */
export function addSums(sums: Record<string, number>, outputs: Outputs, weights: readonly number[]): void {
  const add = (name: string, values: readonly number[]) =>
    values.forEach((value, i) => {
      sums[name] = (sums[name] ?? 0) + value * (weights[i] as number)
    })
  for (const [name, values] of Object.entries(outputs)) add(name, [...values])
  if (outputs.elbo)
    add(
      'elboSquared',
      [...outputs.elbo].map(value => value * value),
    )
  add('batches', new Array<number>(weights.length).fill(1))
}

/** The mean of each output over the pass, named `train…`, and the standard error of the mean ELBO. */
export function trainingMeans({
  batches = 0,
  elboSquared = 0,
  ...sums
}: Record<string, number>): Record<string, number> {
  const means = Object.entries(sums).map(([name, sum]) => [
    `train${name[0]?.toUpperCase()}${name.slice(1)}`,
    sum / batches,
  ])
  if (sums.elbo === undefined || batches < 2) return Object.fromEntries(means) // one step has no standard error
  const variance = Math.max(0, elboSquared / batches - (sums.elbo / batches) ** 2)
  return { ...Object.fromEntries(means), trainElboError: Math.sqrt(variance / (batches - 1)) }
}
