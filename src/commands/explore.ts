/** `elbo explore`: a local page of runs, latent spaces, the bound and its gap. */
import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { exportSite, requireNewFolder } from '../explore/export-site.js'
import { BLOCK } from '../explore/images.js'
import type { About } from '../explore/protocol.js'
import { startServer } from '../explore/server.js'
import { inGroup, text, UsageError, wholeNumber } from '../settings/setting.js'
import { type Context, command, type Result } from './command.js'
import { existingRun } from './opened-run.js'

export const explore = command({
  name: 'explore',
  summary: 'opens a local page of runs, latent spaces and bounds',
  argument: 'run',
  isRepeatable: true,
  isOptional: true,
  options: {
    ...inGroup('machine', {
      port: wholeNumber([0, 65535], 0, ['port to listen on', 'Port to listen on; 0: one that is free.']),
      host: text(
        [
          'address of this machine to listen on',
          'Loopback address to listen on, such as ::1. Others are refused: the page is for this machine alone.',
        ],
        { placeholder: 'name', unset: '127.0.0.1' },
      ),
    }),
    ...inGroup('output', {
      export: text([
        'folder for the page as files',
        'Write the page of these runs as files into this new folder, for any web server, instead of serving it: networks, metrics, pictures and the first test images.',
      ]),
      exportImages: wholeNumber([1, 1e6], 500, [
        'test images to export',
        'With --export: test images of each run, rounded up to hundreds.',
      ]),
    }),
  },
  switches: { open: { description: 'open the page in the browser', group: 'output' } },
  finishesOnInterrupt: true,
  examples: ['explore', 'explore first plane --open', 'explore plane --export page'],
  async run({ arguments: named, values, switches }, context) {
    for (const name of named) existingRun(name, context.checkpoints)
    const about: About = { version: packageVersion(), mode: 'live', checkpoints: context.checkpoints, named }
    const host = values.host ?? '127.0.0.1'
    requireLoopback(host)
    if (values.export !== null) return exportRuns(about, values.export, wholeBlocks(values.exportImages), context)
    const server = await startServer({ ...about, host, port: values.port })
    context.print(server.address)
    context.note('the page is for this machine and whoever has the address; Ctrl-C ends it')
    if (switches.open) openBrowser(server.address, context)
    await interrupted(context.signal)
    await server.close()
    return { json: { address: server.address } }
  },
})

async function exportRuns(about: About, folder: string, exportedImages: number, context: Context): Promise<Result> {
  if (about.named.length === 0)
    throw new UsageError('explore --export: the runs to export are missing, such as `elbo explore plane --export page`')
  requireNewFolder(folder)
  const { note, print } = context
  const options = { ...about, mode: 'exported', exportedImages } as const
  const { files, bytes, images } = await exportSite({ about: options, folder, note })
  print(
    `${folder}: ${files} files, ${(bytes / 1e6).toFixed(1)} MB, for any web server; the page computes in the browser`,
  )
  for (const [name, count] of Object.entries(images))
    print(`run ${name}: its networks, metrics and the first ${count} test images`)
  return { json: { path: folder, files, bytes, images } }
}

/** Throws a `UsageError` unless only this machine can reach the address. */
function requireLoopback(host: string): void {
  if (/^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host)) return
  throw new UsageError(
    `--host ${host}: a loopback address such as 127.0.0.1 was expected; to show the page elsewhere, use --export DIR and any web server`,
  )
}

const interrupted = (signal: AbortSignal): Promise<void> =>
  new Promise(done => {
    if (signal.aborted) done()
    signal.addEventListener('abort', () => done(), { once: true })
  })

function packageVersion(): string {
  return (createRequire(import.meta.url)('../../package.json') as { version: string }).version
}

const openers: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['explorer.exe'],
}

function openBrowser(address: string, { note }: Context): void {
  const [program, ...before] = openers[process.platform] ?? ['xdg-open']
  const child = spawn(program, [...before, address], { stdio: 'ignore', detached: true })
  child.on('error', error => note(`--open: ${program} does not run (${error.message}); open the address yourself`))
  child.unref()
}

/** Images are exported in whole blocks. */
const wholeBlocks = (images: number): number => BLOCK * Math.ceil(images / BLOCK)
