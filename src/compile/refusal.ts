/** Why a step cannot be compiled, and which line of it to change. */

/** A step, or a backend, that cannot be compiled: what is wrong, where in the user's code, and what would be right. */
export class CompileRefusal extends Error {
  override readonly name = 'CompileRefusal'

  constructor(
    readonly reason: string,
    readonly fix: string,
    /** `file:line:column`; undefined if no line of the step is behind it. */
    readonly where?: string | undefined,
  ) {
    super(`this step cannot be compiled: ${reason}${where === undefined ? '' : ` (at ${where})`}; ${fix}`)
  }
}

/** Frames of TF.js, of Node and of this folder are never the line to change. */
const FOREIGN = /node_modules\/@tensorflow\/|node:internal|\(node:|\(native\)|<anonymous>\)?$/
const OWN = import.meta.url.replace(/^file:\/\//, '').replace(/[^/]*$/, '')

/** How deep TF.js nests calls between the user's code and a kernel. */
export const STACK_DEPTH = 100

/** The innermost line of the caller's own code in a stack: `file:line:column`. */
export function callSite(stack: Error | undefined): string | undefined {
  const frames = stack?.stack?.split('\n').filter(line => /^\s+at /.test(line)) ?? []
  const frame = frames.find(line => !FOREIGN.test(line) && !line.includes(OWN))
  return frame?.match(/\(?(?:file:\/\/)?([^()\s]+:\d+:\d+)\)?$/)?.[1]
}
