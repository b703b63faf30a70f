/** `elbo` as users run it: subprocesses of the built program, in a folder of their own. */
import { type SpawnSyncReturns, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { program, repository } from './repository.js'
import { temporaryFolder } from './temporary-folder.js'

const oneProcess = join(repository, 'test/support/in-one-process.mjs')

/** A command line whose current folder is `home`, a new one; `environment` is added to that of the tests. */
export function commandLine(environment: Record<string, string> = {}) {
  if (!existsSync(program)) throw new Error(`there is no ${program}: \`npm run setup\` builds it`)
  const home = temporaryFolder()
  const options = { cwd: home, env: { ...process.env, NO_COLOR: '1', ...environment } }

  /** Runs a command to its end. */
  const elbo = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { ...options, encoding: 'utf8' })

  /** Runs a command that must succeed; what it wrote on standard output. */
  function succeed(...args: string[]): string {
    const { stdout, stderr, status } = elbo(...args)
    expect(status, stderr).toBe(0)
    return stdout
  }

  /** The JSON document of a command that must succeed. */
  const json = (...args: string[]) => JSON.parse(succeed(...args, '--json'))

  /** The command must exit with this code, 1 or 2, with one line of error that contains `message` and nothing on standard output. */
  function refused(status: number, message: string, ...args: string[]): void {
    expectRefusal(elbo(...args), status, message)
  }

  /** Runs command lines one after the other in one process, which costs a tenth of a process for each. */
  function together(commands: readonly (readonly string[])[]): Ended[] {
    const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', 'pipe']
    const { output, status } = spawnSync(process.execPath, [oneProcess, JSON.stringify(commands)], {
      ...options,
      stdio,
      encoding: 'utf8',
    })
    expect(status, output[2] ?? '').toBe(0)
    return JSON.parse(output[3] ?? '')
  }

  /** Starts a command, and sends it SIGINT as Ctrl-C does when its output first matches `pattern`. */
  async function interrupted(pattern: RegExp, ...args: string[]) {
    const child = spawn(process.execPath, [program, ...args], options)
    const said = { stdout: '', stderr: '' }
    let isSent = false
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', chunk => {
        said[name] += chunk
        if (isSent || !pattern.test(said[name])) return
        isSent = true
        child.kill('SIGINT')
      })
    const [status] = await once(child, 'close')
    return { status: status as number | null, ...said }
  }

  /** Runs a line of the shell, in which $ELBO stands for the program. */
  const shell = (line: string) =>
    spawnSync('sh', ['-c', line.replaceAll('$ELBO', `"${process.execPath}" "${program}"`)], {
      ...options,
      encoding: 'utf8',
    })

  return { home, checkpoints: join(home, 'checkpoints'), elbo, succeed, json, refused, together, interrupted, shell }
}

/** What became of a command line. */
export type Ended = Pick<SpawnSyncReturns<string>, 'status' | 'stdout' | 'stderr'>

/** The command must have ended with this code, one line of error that contains `message`, and nothing on standard output. */
export function expectRefusal(result: Ended, status: number, message: string): void {
  const lines = result.stderr.split('\n').filter(line => line.startsWith('elbo: '))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(message)
  expect(result.stderr).not.toContain('    at ') // no stack
  expect(result.stdout).toBe('')
  expect(result.status).toBe(status)
}
