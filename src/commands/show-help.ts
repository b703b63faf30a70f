/** `--help` and `--version` without loading a command, from the file that the build writes. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CommanderError } from 'commander'
import type { Declared, DeclaredGroup } from './declared.js'
import { reportFailedOutput } from './failed-output.js'
import { declareCommand, declareGroup, declareProgram } from './help.js'

const file = fileURLToPath(new URL('declared.json', import.meta.url))

/** The compiler's record of its last run. A package has none. */
const compilerRecord = fileURLToPath(new URL('../.tsbuildinfo', import.meta.url))

/** Prints the help or the version if the command line asks for nothing else. Returns whether it did. */
export function showHelp(args: readonly string[]): boolean {
  if (!asksForHelp(args) || !isUpToDate()) return false
  reportFailedOutput()
  const program = declareProgram()
  for (const entry of JSON.parse(readFileSync(file, 'utf8')) as (Declared | DeclaredGroup)[]) {
    if ('commands' in entry) {
      const group = declareGroup(program, entry)
      for (const command of entry.commands) quiet(declareCommand(quiet(group), command, (_, text) => text))
    } else quiet(declareCommand(program, entry, (_, text) => text))
  }
  try {
    quiet(program).parse(args, { from: 'user' })
  } catch (error) {
    return error instanceof CommanderError && error.exitCode === 0
  }
  return false
}

const asksForHelp = (args: readonly string[]): boolean =>
  args[0] === 'help' || args.some(arg => ['-h', '--help', '-V', '--version'].includes(arg))

/** Whether the file describes this build: a compiler that ran alone may have changed the commands since. */
const isUpToDate = (): boolean =>
  existsSync(file) && !(existsSync(compilerRecord) && statSync(compilerRecord).mtimeMs > statSync(file).mtimeMs)

/** Ends by an error, and prints none: the whole program says what is wrong. */
const quiet = (program: ReturnType<typeof declareProgram>): ReturnType<typeof declareProgram> =>
  program.exitOverride().configureOutput({ outputError: () => {} })
