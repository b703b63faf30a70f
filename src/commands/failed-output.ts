/** Output that cannot be written: the disk is full, or its reader has gone, as after `| head`. */

let failed = false

/** Whether output was lost, other than because its reader has gone. */
export const hasOutputFailed = (): boolean => failed

/**
 * From now on, output that cannot be written is said once on stderr and makes the exit code 1; of a reader that has gone nothing is said.
 * `then` is called either way.
 */
export function reportFailedOutput(then = () => {}): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      then()
      if (error.code === 'EPIPE' || failed) return
      failed = true
      process.exitCode = 1
      process.stderr.write(`elbo: cannot write the output: ${error.message}\n`)
    })
  }
}
