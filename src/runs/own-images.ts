/** Whether images are still those that a run was trained on. */
import type { Dataset } from '../data/dataset.js'
import { describeSize, type ImageShape, imageShape } from '../data/images.js'
import type { Snapshot } from './snapshot.js'

/** Throws an Error, with a `remedy` at its end, if the size of these images, their levels or their labels have changed since. */
export function requireTrainedOn(data: Dataset, trained: Snapshot['data'], remedy = ''): void {
  requireSize(data, imageShape(trained))
  const changed = changedSince(data, trained)
  if (changed !== undefined)
    throw new Error(`${data.source}: the ${changed} have changed since the run was trained; restore them${remedy}`)
}

/** What has changed since the run was trained; undefined: nothing. */
export function changedSince({ sha256, classes }: Dataset, trained: Snapshot['data']): 'images' | 'labels' | undefined {
  if (sha256 !== trained.sha256) return 'images'
  return classes?.sha256 === trained.classes?.sha256 ? undefined : 'labels'
}

/** Throws an Error if images have another size than a run's. */
export function requireSize(data: Dataset, trained: ImageShape): void {
  const [here, there] = [describeSize(data), describeSize(trained)]
  if (here !== there) throw new Error(`--data ${data.source}: images of ${here}, but the run was trained on ${there}`)
}
