// The wheels in a folder to carry to a machine without a network, whole or cut into parts, with a list of what belongs to what.
import { createReadStream, createWriteStream, existsSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import { digestOf } from '../libtensorflow/integrity.js'
import { cacheDirectory } from '../libtensorflow/location.js'
import { type Wheel, wheelFile } from '../libtensorflow/wheels.js'
import { type Archive, fetchInto } from './library.js'
import { errorText, Refusal } from './refusal.mjs'

const listName = 'elbo-pack.json'

const part = z.object({ file: z.string().regex(/^[\w.-]+$/), bytes: z.int().nonnegative(), sha256: z.string() })
const list = z.object({ wheels: z.array(z.object({ sha256: z.string(), parts: z.array(part).min(1) })) })

type Part = z.infer<typeof part>
type List = z.infer<typeof list>

/**
 * Fetches wheels into a folder and writes the list of its files.
 * @param partSize the largest size of a file in bytes; undefined: each wheel is one file
 * @returns the names of the files, the list last
 */
export async function packWheels(
  wheels: readonly Wheel[],
  folder: string,
  partSize: number | undefined,
  signal?: AbortSignal,
): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const packed: List['wheels'] = []
  for (const wheel of wheels) {
    const path = join(folder, wheelFile(wheel))
    await fetchInto(wheel, path, signal)
    const parts = await cut(path, wheelFile(wheel), wheel.bytes, partSize)
    packed.push({ sha256: wheel.sha256, parts })
  }
  await writeFile(join(folder, listName), `${JSON.stringify({ wheels: packed }, null, 2)}\n`)
  return [...packed.flatMap(({ parts }) => parts.map(({ file }) => file)), listName]
}

/** Cuts a file into parts named FILE.001 and so on, and removes it; a file that is small enough stays as it is. */
async function cut(path: string, name: string, bytes: number, partSize = bytes): Promise<Part[]> {
  if (bytes <= partSize) return [{ file: name, bytes, sha256: digestOf(path) }]
  const parts: Part[] = []
  for (let from = 0; from < bytes; from += partSize) {
    const suffix = `.${String(parts.length + 1).padStart(3, '0')}`
    const end = Math.min(from + partSize, bytes)
    await pipeline(createReadStream(path, { start: from, end: end - 1 }), createWriteStream(`${path}${suffix}`))
    parts.push({ file: `${name}${suffix}`, bytes: end - from, sha256: digestOf(`${path}${suffix}`) })
  }
  await rm(path)
  return parts
}

/**
 * Takes wheels from a folder that `packWheels` has filled.
 * @throws {Refusal} if the folder has no such wheel, or a file of it is missing or damaged
 */
export async function packedWheel(folder: string, wheel: Wheel): Promise<Archive> {
  const packed = readList(folder).wheels.find(({ sha256 }) => sha256 === wheel.sha256)
  const [first, ...rest] = packed?.parts ?? []
  if (!first)
    throw new Refusal(
      `${folder} has no ${wheelFile(wheel)}`,
      'pack it on a machine of the same platform and with the same version of elbo: `npx elbo setup --pack DIR` (`--cuda` too for a GPU)',
    )
  for (const one of [first, ...rest]) checkPart(folder, one)
  if (rest.length === 0) return { path: join(folder, first.file) }
  const path = join(cacheDirectory(), 'downloads', wheelFile(wheel))
  await mkdir(join(cacheDirectory(), 'downloads'), { recursive: true })
  await rm(path, { force: true })
  for (const { file } of [first, ...rest])
    await pipeline(createReadStream(join(folder, file)), createWriteStream(path, { flags: 'a' }))
  return { path, isTemporary: true }
}

function checkPart(folder: string, { file, sha256 }: Part): void {
  const path = join(folder, file)
  const again = 'copy it again from the folder that `elbo setup --pack` has filled'
  if (!existsSync(path)) throw new Refusal(`${path} is missing`, again)
  if (digestOf(path) !== sha256) throw new Refusal(`${path} is damaged (its SHA-256 differs)`, again)
}

function readList(folder: string): List {
  const path = join(folder, listName)
  try {
    return list.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch (error) {
    const [first = ''] = errorText(error).split('\n')
    const why = error instanceof z.ZodError ? 'it has another form' : first
    throw new Refusal(`${path} cannot be read (${why})`, 'name a folder that `elbo setup --pack DIR` has filled')
  }
}
