/** `--export`: the page as files for any web server, with the documents that it asks for. */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeFileAtomic } from '../files/files.js'
import { makeFolder } from '../files/folders.js'
import { UsageError } from '../settings/setting.js'
import { type Answer, json } from './answer.js'
import { documents } from './documents.js'
import { BLOCK } from './images.js'
import { pageFile, pageFiles } from './page-files.js'
import type { About, ImagesOf, ModelOf, PicturesOf, RunSummary, TensorsOf } from './protocol.js'

export interface ExportOptions {
  /** Those that are exported, with the folder that they are in. */
  about: About & { exportedImages: number }
  folder: string
  /** Called with a line for each part of a run that cannot be exported, and why. */
  note(line: string): void
}

export interface Exported {
  files: number
  bytes: number
  /** Test images of each run. */
  images: Record<string, number>
}

/** Throws a `UsageError` unless the folder is missing or empty: nothing is overwritten. */
export function requireNewFolder(folder: string): void {
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined || (found.isDirectory() && readdirSync(folder).length === 0)) return
  throw new UsageError(
    `--export ${folder}: ${found.isDirectory() ? 'the folder is not empty' : 'this is a file'}; a new or empty folder was expected`,
  )
}

/** Writes the page and all documents of the runs. */
export async function exportSite({ about, folder, note }: ExportOptions): Promise<Exported> {
  const { answer, summaries } = documents(about)
  const done: Exported = { files: 0, bytes: 0, images: {} }
  const write = (parts: readonly string[], { body }: Answer) => {
    const path = join(folder, ...parts)
    if (!existsSync(dirname(path))) makeFolder(dirname(path))
    writeFileAtomic(path, body)
    done.files += 1
    done.bytes += Buffer.byteLength(body)
  }
  for (const name of pageFiles()) write([name], pageFile(name))
  const runs = summaries().filter(({ name }) => about.named.includes(name))
  write(['api', 'about.json'], json({ ...about, checkpoints: '' }))
  write(['api', 'runs.json'], json(runs.map(run => ('error' in run ? run : { ...run, isTraining: false }))))
  const copy = async (...parts: string[]) => {
    const found = await answer(parts)
    write(['api', ...parts], found)
    return found
  }
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work()
    } catch (error) {
      note(`${what}: ${(error as Error).message}`)
    }
  }
  for (const run of runs) {
    const { name } = run
    await attempt(`metrics of ${name}`, async () => void (await copy('runs', name, 'metrics.json')))
    await attempt(`pictures of ${name}`, () => copyPictures(copy, name))
    await attempt(`model of ${name}`, () => copyModel(copy, run))
    await attempt(`images of ${name}`, async () => {
      done.images[name] = await copyImages(copy, write, name, about.exportedImages)
    })
  }
  return done
}

type Copy = (...parts: string[]) => Promise<Answer>

const parsed = <T>({ body }: Answer): T => JSON.parse(String(body)) as T

async function copyPictures(copy: Copy, name: string): Promise<void> {
  const { samples, reconstructions } = parsed<PicturesOf>(await copy('runs', name, 'pictures.json'))
  for (const { file } of [...samples, ...reconstructions]) await copy('runs', name, 'pictures', file)
}

/** Encoder and decoder of a VAE; the state of any other model. */
async function copyModel(copy: Copy, run: RunSummary): Promise<void> {
  const { name } = run
  if ('error' in run) throw new Error(run.error)
  if (run.method === 'vae') {
    const { label, networks } = parsed<ModelOf>(await copy('runs', name, 'model.json'))
    for (const network of networks)
      for (const file of ['model.json', 'weights.bin']) await copy('runs', name, 'networks', label, network, file)
    return
  }
  await copy('runs', name, 'config.json')
  const { tensors } = parsed<TensorsOf>(await copy('runs', name, 'tensors', 'best.json'))
  for (const index of tensors.keys()) await copy('runs', name, 'tensors', 'best', `${index}.bin`)
}

/** Whole blocks of test images, as the source has them and as the model reads them; returns how many images. */
async function copyImages(
  copy: Copy,
  write: (parts: readonly string[], answer: Answer) => void,
  name: string,
  most: number,
): Promise<number> {
  const about = parsed<ImagesOf>(await copy('runs', name, 'images', 'test.json'))
  const count = Math.min(about.count, Math.ceil(most / BLOCK) * BLOCK)
  const { labels, classes, names } = about
  const kept: ImagesOf = {
    ...about,
    count,
    ...(labels && { labels: { ...labels, values: labels.values.slice(0, count) } }),
    ...(classes && { classes: classes.slice(0, count) }),
    ...(names && { names: names.slice(0, count) }),
  }
  write(['api', 'runs', name, 'images', 'test.json'], json(kept))
  for (let b = 0; b * BLOCK < count; b++)
    for (const kind of ['grey', 'read']) await copy('runs', name, 'images', 'test', kind, `${b}.bin`)
  return count
}
