/** `elbo setup`: fetches native TensorFlow ahead of its first use, verifies it, and carries it to machines without a network. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { cudaDirectory, cudaWheels } from '../libtensorflow/cuda-build.js'
import { damageOf } from '../libtensorflow/integrity.js'
import { cachedLibrary, cacheProblem, libraryDirectory } from '../libtensorflow/location.js'
import { unsupportedReason } from '../libtensorflow/machine.js'
import { tensorflowVersion, type Wheel, wheelFor } from '../libtensorflow/wheels.js'
import { inGroup, setting, text, UsageError } from '../settings/setting.js'
import { ensureCuda } from '../setup/cuda.js'
import { ensureLibrary } from '../setup/ensure.js'
import { type FetchWheel, fetchWheel } from '../setup/library.js'
import { packedWheel, packWheels } from '../setup/pack.js'
import { type Context, command, type Result } from './command.js'

const units: Readonly<Record<string, number>> = { '': 1, k: 1e3, M: 1e6, G: 1e9 }
const leastPart = 1e6

/** Bytes; null: files are not cut. */
const partSize = setting<number | null>(
  z.number().min(leastPart).nullable(),
  null,
  'a size such as 60M or 2G, at least 1M,',
  [
    'largest size of a file of --pack',
    'Largest size of a file that --pack writes. Unless it is given, files are not cut.',
  ],
  given => {
    const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)([kMG]?)$/.exec(given) ?? []
    return number === '' ? given : Math.floor(Number(number) * (units[unit] ?? 1))
  },
)

export const setup = command({
  name: 'setup',
  summary: 'fetches and verifies native TensorFlow',
  options: inGroup('run', {
    pack: text([
      'folder to fetch the wheels into, not installed',
      'Folder to fetch the wheels into, for a machine without a network. Nothing is installed here.',
    ]),
    partSize,
    unpack: text('folder of --pack to install from'),
  }),
  finishesOnInterrupt: true,
  switches: { cuda: { description: 'the CUDA build too, with libraries of NVIDIA (3.4 GB)', group: 'run' } },
  examples: ['setup', 'setup --cuda', 'setup --pack wheels --part-size 60M', 'setup --unpack wheels --json'],
  async run({ values: { pack, partSize: size, unpack }, switches: { cuda = false } }, context) {
    if (pack !== null && unpack !== null) throw new UsageError('--pack and --unpack exclude each other')
    if (size !== null && pack === null) throw new UsageError('--part-size belongs to --pack: name its folder')
    if (pack !== null) return packInto(pack, size ?? undefined, cuda, context)
    return install(unpack === null ? fetchWheel : wheel => packedWheel(unpack, wheel), cuda, context)
  },
})

async function packInto(folder: string, size: number | undefined, cuda: boolean, context: Context): Promise<Result> {
  const wheels = [requireWheel(), ...(cuda ? cudaWheels : [])]
  const files = await packWheels(wheels, folder, size, context.signal)
  context.print(
    `${folder}: ${files.length} files; on the other machine: elbo setup --unpack DIR${cuda ? ' --cuda' : ''}`,
  )
  return { json: { folder, files } }
}

function requireWheel(): Wheel {
  const wheel = wheelFor()
  const unsupported = unsupportedReason()
  if (!wheel || unsupported) throw new Error(`${unsupported?.reason}; ${unsupported?.fix}`)
  return wheel
}

async function install(fetch: FetchWheel, cuda: boolean, { print, note, signal }: Context): Promise<Result> {
  const own = process.env.LIBTENSORFLOW_DIR ? [] : [requireWheel()]
  const wheels = [...own, ...(cuda ? cudaWheels : [])]
  for (const wheel of wheels) await discardDamaged(wheel, note)
  const failure = await ensureLibrary(fetch, signal)
  if (failure) throw new Error(`native TensorFlow cannot be installed: ${failure.reason}; ${failure.fix}`)
  if (cuda) await ensureCuda(fetch, signal)
  if (own.length === 0) print(`LIBTENSORFLOW_DIR names ${libraryDirectory()}, which is used as it is`)
  for (const wheel of own) print(`TensorFlow ${wheel.version}: ${cachedLibrary(wheel)}, every file verified`)
  if (cuda) print(`TensorFlow ${tensorflowVersion} for CUDA: ${cudaDirectory()}, every file verified`)
  return { json: { libraries: wheels.map(describe) } }
}

/** Reads every file of an installed wheel; if one is damaged, the wheel counts as not installed. */
async function discardDamaged(wheel: Wheel, note: Context['note']): Promise<void> {
  if (cacheProblem(wheel)) return // which the installation refuses
  const list = join(cachedLibrary(wheel), 'complete.json')
  if (!existsSync(list)) return
  const damage = damageOf(wheel, cachedLibrary(wheel))
  if (damage === undefined) return
  note(`elbo: ${cachedLibrary(wheel)} is damaged (${damage}); it is installed again`)
  await rm(list)
}

const describe = (wheel: Wheel) => ({
  package: wheel.package,
  version: wheel.version,
  folder: cachedLibrary(wheel),
  sha256: wheel.sha256,
})
