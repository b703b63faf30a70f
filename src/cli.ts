#!/usr/bin/env node
/** The entry point: shows help, or loads the program, whose modules are read all at once, and explains why if that fails. */
import { showHelp } from './commands/show-help.js'
import { mayLackFiles, tooManyFiles } from './files/too-many-files.js'

try {
  if (!showHelp(process.argv.slice(2))) {
    const { main } = await import('./commands/program.js')
    await main()
  }
} catch (error) {
  const message = String((error as Error).message).split('\n')[0]
  const files = tooManyFiles(error as Error) ?? mayLackFiles(error as Error)
  const reason = files ?? 'install the package again'
  process.stderr.write(`elbo: the program cannot be loaded: ${reason} (${message})\n`)
  process.exit(1)
}
