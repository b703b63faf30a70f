/** What the tests of the set-up share: a folder and a cache for each test, processes to kill, and small archives in place of the real ones. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { afterEach, beforeEach } from 'vitest'
import { nvidiaWheels } from '../../src/libtensorflow/cuda-build.js'
import { platforms, type Wheel } from '../../src/libtensorflow/wheels.js'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary-folder.js'

/** The address of a file of the built src/setup, for a module text that imports it. */
export const setupModule = (name: string) => pathToFileURL(join(repository, 'dist/setup', name)).href

/**
 * Gives each test of the file an empty folder, with the cache of elbo below it; kills at its end what `startModule` has started.
 * `inFolder` joins path segments to the folder of the running test.
 */
export function useSandbox() {
  let folder = ''
  const children: ChildProcess[] = []

  beforeEach(() => {
    folder = temporaryFolder()
    process.env.ELBO_CACHE = join(folder, 'cache')
  })

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    delete process.env.ELBO_CACHE
  })

  /** A program that runs the given module text, and has written its first word. */
  async function startModule(text: string): Promise<ChildProcess> {
    const child = spawn(process.execPath, ['--input-type=module', '-e', text], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout, 'data')
    return child
  }

  return { inFolder: (...path: string[]) => join(folder, ...path), startModule }
}

export async function kill(child: ChildProcess) {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Keeps a module text running until it is killed. */
export const forever = 'await new Promise(() => setInterval(() => {}, 1000))'

/** A ZIP archive of deflated files, in memory. */
export function zip(files: Record<string, string>): Buffer {
  const locals: Buffer[] = []
  const centrals: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const packed = deflateRawSync(text)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(8, 4) // deflated
    gzipSync(text).copy(common, 10, gzipSync(text).length - 8) // gzip ends with the CRC-32 and the length
    common.copy(common, 18, 14, 18)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed])
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\0\0'), common, place, Buffer.from(name)]))
    locals.push(local)
    offset += local.length
  }
  const directory = Buffer.concat(centrals)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(centrals.length, 8)
  end.writeUInt16LE(centrals.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...locals, directory, end])
}

/** The contents of the larger library in small wheels. */
export const libraryText = 'everything else '.repeat(5000)

/** A library of each of NVIDIA's wheels, a header and a program, all in one. */
const nvidiaFiles = Object.fromEntries(
  nvidiaWheels.flatMap(({ root, libraries }) => ['include/x.h', ...libraries].map(path => [`${root}${path}`, path])),
)

/**
 * Writes a wheel with the files of TensorFlow's and NVIDIA's that the set-up unpacks, and a few that it does not.
 * @returns the given row of the table of wheels, with checksum and sizes of this one
 */
export function writeSmallWheel(archive: string, row = platforms[0] as Wheel): Wheel {
  const [framework, main] = row.libraries
  const bytes = zip({
    [`tensorflow/${framework}`]: 'framework',
    [`tensorflow/${main}`]: libraryText,
    'tensorflow/include/LICENSE': 'a',
    'tensorflow/THIRD_PARTY_NOTICES.txt': 'b',
    'tensorflow/x.py': '',
    'nvidia/cuda_nvcc/bin/ptxas': 'a program',
    'nvidia.dist-info/licenses/License.txt': 'c',
    ...nvidiaFiles,
  })
  writeFileSync(archive, bytes)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const { digests: _, ...rest } = row
  return { ...rest, sha256, bytes: bytes.length, unpackedBytes: 2 * libraryText.length }
}
