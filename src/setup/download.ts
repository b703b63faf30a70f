// Downloads a file of a known checksum; continues where an earlier download, of this process or a killed one, stopped.
import { createWriteStream } from 'node:fs'
import { mkdir, rm, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ReadableStream } from 'node:stream/web'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Response } from 'undici'
import { digestOf } from '../libtensorflow/integrity.js'
import { get, unreachable, withoutCredentials } from './http.js'
import { during } from './progress.mjs'
import { errorCode, Refusal } from './refusal.mjs'

interface Download {
  readonly address: string
  /** The file to write; it may hold the beginning of the content. */
  readonly path: string
  readonly bytes: number
  /** In hexadecimal. */
  readonly sha256: string
  readonly label: string
  readonly signal?: AbortSignal | undefined
}

/** Attempts without a further byte before the download is given up, and the pause before each but the first. */
const attempts = 4
const pauseMs = 1000

/**
 * Downloads a file completely, or keeps what was received for the next time.
 * @throws {Refusal} if the server cannot be reached, fails repeatedly, or sends another content
 */
export async function download(wanted: Download): Promise<void> {
  await mkdir(dirname(wanted.path), { recursive: true })
  const megabytes = (bytes: number) => Math.round(bytes / 1e6)
  const progress = async () => ({
    done: megabytes(await sizeOf(wanted.path)),
    total: megabytes(wanted.bytes),
    unit: 'MB',
  })
  const isResumed = (await sizeOf(wanted.path)) > 0
  await during(wanted.label, progress, () => receiveAll(wanted))
  if (digestOf(wanted.path) === wanted.sha256) return
  await rm(wanted.path)
  // What an earlier download has left may be the damaged part.
  if (isResumed) return download(wanted)
  throw new Refusal(
    `${basename(new URL(wanted.address).pathname)} is not the file that elbo was tested with (its SHA-256 differs)`,
    'run `npx elbo setup` again; if that does not help, ask the operator of the package index in use',
  )
}

async function receiveAll(wanted: Download): Promise<void> {
  for (let failed = 0; (await sizeOf(wanted.path)) < wanted.bytes; ) {
    const before = await sizeOf(wanted.path)
    try {
      await receive(wanted, before)
    } catch (error) {
      wanted.signal?.throwIfAborted()
      if (isOfDisk(error) || (error instanceof Refusal && error.isFinal)) throw error
      failed = (await sizeOf(wanted.path)) > before ? 1 : failed + 1
      if (failed >= attempts) throw error instanceof Refusal ? error : unreachable(wanted.address, error)
      await sleep(pauseMs * failed, undefined, wanted.signal && { signal: wanted.signal })
    }
  }
}

/** Appends what follows the first `from` bytes. */
async function receive({ address, path, bytes, signal }: Download, from: number): Promise<void> {
  const range = from > 0 ? { range: `bytes=${from}-` } : {}
  const response = await get(address, { headers: { 'accept-encoding': 'identity', ...range }, signal })
  requireContent(response, address)
  // A server without ranges sends everything.
  const start = response.status === 206 && startsAt(response) === from ? from : 0
  if (response.status === 206 && start !== from) throw new Error('the server sent another part than was asked for')
  const body = Readable.fromWeb(response.body as ReadableStream)
  await pipeline(body, createWriteStream(path, { flags: start > 0 ? 'a' : 'w' }), signal ? { signal } : {})
  const size = await sizeOf(path)
  if (size > bytes) await rm(path)
  if (size !== bytes) throw new Error(`the connection ended after ${size} of ${bytes} bytes`)
}

function requireContent({ ok, status, statusText }: Response, address: string): void {
  if (ok) return
  const reason = `${withoutCredentials(address)} answers ${status} ${statusText}`.trim()
  const fix = 'ask the operator of the package index, or set ELBO_MIRROR to another one'
  throw new Refusal(reason, fix, status < 500 && status !== 429)
}

const startsAt = ({ headers }: Response): number =>
  Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1])

/** A full disk or a folder without permission does not get better by trying again. */
const isOfDisk = (error: unknown): boolean =>
  /^(ENOSPC|EDQUOT|EACCES|EPERM|EROFS|EIO|EISDIR|ENOTDIR)$/.test(errorCode(error))

async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0
}
