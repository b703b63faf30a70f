/** Why a step cannot be compiled, and which line of it to change. */

/** Thrown when a step cannot be compiled: says what is wrong, where in the user's code, and what to change. */
export class CompileRefusal extends Error {
  override readonly name = 'CompileRefusal'

  constructor(
    readonly reason: string,
    readonly fix: string,
    /** `file:line:column`; undefined if no single line of the step is the cause. */
    readonly where?: string | undefined,
  ) {
    super(`this step cannot be compiled: ${reason}${where === undefined ? '' : ` (at ${where})`}; ${fix}`)
  }
}

/** Stack frames of TF.js, of Node and of this folder are never the line to change. */
const FOREIGN = /node_modules\/@tensorflow\/|node:internal|\(node:|\(native\)|<anonymous>\)?$/
const THIS_FOLDER = import.meta.url.replace(/^file:\/\//, '').replace(/[^/]*$/, '')

/** Enough stack frames to reach from a kernel through TF.js to the user's code. */
export const STACK_DEPTH = 100

/** The innermost line of the caller's own code in a stack: `file:line:column`. */
export function callSite(stack: Error | undefined): string | undefined {
  const frames = stack?.stack?.split('\n').filter(line => /^\s+at /.test(line)) ?? []
  const frame = frames.find(line => !FOREIGN.test(line) && !line.includes(THIS_FOLDER))
  return frame?.match(/\(?(?:file:\/\/)?([^()\s]+:\d+:\d+)\)?$/)?.[1]
}
