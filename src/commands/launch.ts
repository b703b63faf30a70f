/** `--workers N`: starts N processes of this command on this machine, which train together, and ends when all have ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { exitAtOnce } from '../interruption.js'
import type { Context, Result } from './command.js'
import { SILENCE, watchStart } from './start-watch.js'

/** How long the others may take to end after one has failed, in milliseconds. */
const GRACE = 15_000

/** Starts the processes of this command line again as workers; the first one prints. `extra`: further arguments. */
export async function launchWorkers(count: number, restarts: number, { note, signal }: Context): Promise<Result> {
  let extra: readonly string[] = []
  for (let attempt = 0; ; attempt++) {
    const ends = await runOnce(await freeAddresses(count), extra, signal)
    const [chief] = ends as [End, ...End[]]
    const failed = firstFailure(ends)
    if (failed === undefined) return { json: null, isPrinted: true }
    if (chief.code === INTERRUPTED || signal.aborted) return { json: null, isPrinted: true, interrupted: true }
    const line = `worker ${failed.index} ended ${describeEnd(failed)}`
    if (attempt >= restarts || chief.code === USAGE) {
      // What the chief says when it ends by itself has been printed.
      if (failed.index !== 0 || failed.signal !== null) note(line)
      return { json: null, isPrinted: true, failed: true }
    }
    note(`${line}; restart ${attempt + 1} of ${restarts}`)
    extra = process.argv.includes('--resume') ? [] : ['--resume']
  }
}

/** The chief if it ended by itself, for it has said why; else the worker that failed first: the others were stopped because of it. */
function firstFailure(ends: readonly End[]): End | undefined {
  const [first] = ends.filter(({ code }) => code !== 0).sort((a, b) => a.at - b.at)
  const [chief] = ends
  return chief?.code ? chief : first
}

const [USAGE, INTERRUPTED] = [2, 130]

/** How a worker ended. `code` is null if a signal ended it. */
interface End {
  index: number
  code: number | null
  signal: NodeJS.Signals | null
  /** It fell silent while it started, and was killed. */
  isSilent: boolean
  /** The last line of its standard error. */
  last: string
  /** When, in milliseconds. */
  at: number
}

const describeEnd = (end: End): string => `${howItEnded(end)}${end.last === '' ? '' : `: ${end.last}`}`

function howItEnded({ code, signal, isSilent }: End): string {
  if (isSilent) return `by SIGKILL, because it hung for ${SILENCE / 1000} s while it started`
  return signal === null ? `with exit code ${code}` : `by ${signal}`
}

/** The ends of all workers, in the order of their numbers. */
async function runOnce(workers: readonly string[], extra: readonly string[], signal: AbortSignal): Promise<End[]> {
  const children = workers.map((_, index) => startWorker(workers, index, extra))
  const forward = () => children.forEach(child => void child.kill('SIGTERM'))
  const end = () => children.forEach(child => void child.kill('SIGKILL'))
  signal.addEventListener('abort', forward)
  process.once('exit', end)
  let timer: NodeJS.Timeout | undefined
  const stopOthers = () => {
    timer ??= setTimeout(end, GRACE)
  }
  try {
    return await Promise.all(children.map((child, index) => endOf(child, index, stopOthers)))
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', forward)
    process.off('exit', end)
  }
}

function startWorker(workers: readonly string[], index: number, extra: readonly string[]): ChildProcess {
  const config = { cluster: { worker: workers }, task: { type: 'worker', index } }
  const [script = '', ...args] = process.argv.slice(1)
  return spawn(process.execPath, [...process.execArgv, script, ...args, ...extra], {
    env: { ...process.env, TF_CONFIG: JSON.stringify(config) },
    // Ctrl-C reaches all processes of a terminal's group, and a second signal, which this one passes on, would end a worker at once.
    detached: true,
    stdio: index === 0 ? ['inherit', 'inherit', 'inherit', 'ipc'] : ['ignore', 'ignore', 'pipe', 'ipc'],
  })
}

function endOf(child: ChildProcess, index: number, onFailure: () => void): Promise<End> {
  let text = ''
  let isSilent = false
  watchStart(child, () => {
    isSilent = true
    child.kill('SIGKILL')
  })
  child.stderr?.setEncoding('utf8').on('data', part => {
    text = `${text}${part}`.slice(-4000)
  })
  return new Promise(resolve => {
    child.on('close', (code, signal) => {
      if (code !== 0) onFailure()
      const last =
        text
          .trim()
          .split('\n')
          .at(-1)
          ?.replace(/^elbo: /, '') ?? ''
      resolve({ index, code, signal, isSilent, last, at: performance.now() })
    })
  })
}

/** Addresses of this machine that were free at once. A port may be taken before a worker has it: then the start fails, and says so. */
export async function freeAddresses(count: number): Promise<string[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen))
  const ports = servers.map(server => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(server => new Promise(done => server.close(done))))
  return ports.map(port => `127.0.0.1:${port}`)
}

function listen(): Promise<Server> {
  const server = createServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', () => resolve(server))
  })
}

/** Ends this process when the one that started it is gone. */
export function endWithParent(): void {
  if (process.channel === undefined) return
  // `process.exit` would wait for a thread that waits for other workers.
  process.once('disconnect', () => exitAtOnce(1))
  process.channel.unref()
}
