/** The pairs of images between which `elbo interpolate` walks. */
import type { Dataset, Split } from '../data/dataset.js'
import { gatherImages, type Images, levelsOf } from '../data/images.js'
import { permutation, streamKey } from '../random.js'
import type { TrainedRun } from '../runs/trained-run.js'
import { UsageError } from '../settings/setting.js'
import { evaluatedSplit, runImages, splitOf } from './opened-run.js'

/** Two images for each walk, one after the other, as the model reads them. */
export interface Ends {
  images: Images
  /** The number of each image in the split, from 0, or its file. */
  names: readonly (number | string)[]
}

/** The options that choose them. */
interface Choice {
  count: number
  seed: number
  split: Split['name']
  data: string | null
  between: readonly string[] | null
}

/** Tells that images are resized. */
type Note = (message: string) => void

/** Throws a `UsageError` if `--between` does not name pairs, or if an option chooses pairs that it names. */
export function checkBetween({ between, ...others }: Partial<Choice>): void {
  if (between == null) return
  if (between.length % 2 !== 0)
    throw new UsageError(
      `--between ${between.join(',')}: pairs of images were expected, such as 3,8 or a.png,b.png; there are ${between.length} names`,
    )
  const other = (['count', 'seed'] as const).find(name => others[name] !== undefined)
  if (other) throw new UsageError(`--${other}: --between names the images; leave one of them out`)
}

/** The images that `--between` names, or random ones of the split. */
export async function chooseEnds(trained: TrainedRun, choice: Choice, note: Note): Promise<Ends> {
  const { between } = choice
  if (between === null) return randomEnds(trained, await runImages(trained, choice.data, note), choice)
  const data = between.some(isNumber) ? await runImages(trained, choice.data, note) : undefined
  const ends: Images[] = []
  for (const name of between)
    ends.push(data && isNumber(name) ? numbered(trained, data, choice, name) : await picture(trained, name, note))
  const [first] = ends as [Images]
  const pixels = Buffer.concat(ends.map(image => image.pixels))
  const names = between.map(name => (isNumber(name) ? Number(name) : name))
  return { images: { ...first, count: ends.length, pixels }, names }
}

const isNumber = (name: string): boolean => /^\d+$/.test(name)

function randomEnds(trained: TrainedRun, data: Dataset, { count, seed, split: name }: Choice): Ends {
  const split = splitOf(data, name)
  if (split.count < 2) throw new Error(`interpolate: needs two ${name} images; there are only ${split.count}`)
  const walks = Math.min(count, Math.floor(split.count / 2))
  const order = permutation(streamKey(seed, 'interpolate'), split.count).subarray(0, 2 * walks)
  return { images: gatherImages(evaluatedSplit(trained, split), order), names: [...order] }
}

/** Image `number` of the split, from 0. */
function numbered(trained: TrainedRun, data: Dataset, { split: name }: Choice, number: string): Images {
  const split = splitOf(data, name)
  if (Number(number) >= split.count)
    throw new UsageError(`--between ${number}: there are ${split.count} ${name} images, numbered from 0`)
  return gatherImages(evaluatedSplit(trained, split), [Number(number)])
}

/** The image of a file. */
async function picture(trained: TrainedRun, path: string, note: Note): Promise<Images> {
  const { test } = await runImages(trained, path, note, '--between')
  if (test.count > 1)
    throw new UsageError(`--between ${path}: this has ${test.count} images; the file of one picture was expected`)
  const image = evaluatedSplit(trained, test)
  return { ...image, pixels: levelsOf(image) }
}
