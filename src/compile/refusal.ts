/** Why a step cannot be compiled, and which line of it to change. */
import { readFileSync } from 'node:fs'

/**
 * Thrown when a step cannot be compiled. The first line of the message says what is wrong, where in the user's code, and what to change;
 * what follows shows the line, what to write instead, and what else can be done.
 */
export class CompileRefusal extends Error {
  override readonly name = 'CompileRefusal'
  /** The first line of the message. */
  readonly summary: string

  constructor(
    readonly reason: string,
    readonly fix: string,
    /** `file:line:column`; undefined if no single line of the step is the cause. */
    readonly where?: string | undefined,
    /** Code to write instead, if there is a usual way. */
    readonly instead?: string | undefined,
  ) {
    const summary = `this step cannot be compiled: ${reason}${where === undefined ? '' : ` (at ${where})`}; ${fix}`
    super([summary, ...explanation({ fix, where, instead })].join('\n'))
    this.summary = summary
  }
}

function explanation({ fix, where, instead }: Pick<CompileRefusal, 'fix' | 'where' | 'instead'>): string[] {
  const written = where === undefined ? undefined : sourceLine(where)
  const steps = [
    `${fix.charAt(0).toUpperCase()}${fix.slice(1)}.`,
    "Or run the step uncompiled, one operation after the other: scan(step, { mode: 'off' }).",
    'docs/compile.md has each refusal with an example.',
  ]
  return [
    ...(written === undefined ? [] : ['  You wrote:', `      ${written}`]),
    ...(instead === undefined ? [] : ['  Write:', `      ${instead}`]),
    '  Next steps:',
    ...steps.map((step, i) => `    ${i + 1}. ${step}`),
  ]
}

/** The line of source at `file:line:column`; undefined if it cannot be read. */
function sourceLine(where: string): string | undefined {
  const [, file = '', line = ''] = /^(.*):(\d+):\d+$/.exec(where) ?? []
  try {
    return readFileSync(file, 'utf8').split('\n')[Number(line) - 1]?.trim()
  } catch {
    return undefined
  }
}

/** Stack frames of TF.js, bundled or not, of Node and of this folder are never the line to change. */
const FOREIGN = /node_modules\/@tensorflow\/|\/vendor\/tfjs-node\.cjs|node:internal|\(node:|\(native\)|<anonymous>\)?$/
const THIS_FOLDER = import.meta.url.replace(/^file:\/\//, '').replace(/[^/]*$/, '')

/** Enough stack frames to reach from a kernel through TF.js to the user's code. */
export const STACK_DEPTH = 100

/** The innermost line of the caller's own code in a stack: `file:line:column`. */
export function callSite(stack: Error | undefined): string | undefined {
  const frames = framesOf(stack)
  const frame = frames.find(line => !FOREIGN.test(line) && !line.includes(THIS_FOLDER))
  return frame?.match(/\(?(?:file:\/\/)?([^()\s]+:\d+:\d+)\)?$/)?.[1]
}

/** TF.js's functions that make noise in JavaScript, and the keyed function of each. */
const NOISE: readonly (readonly [pattern: RegExp, name: string, instead: string])[] = [
  [/\b[dD]ropout/, 'dropout', 'dropout(x, 0.5, key)'],
  [
    /\b(randomNormal|randomStandardNormal|truncatedNormal|RandomNormal|TruncatedNormal)/,
    'randomNormal',
    'normal(key, [128, 20])',
  ],
  [/\b(randomUniform|randomUniformInt|RandomUniform)/, 'randomUniform', 'uniform(key, [128, 20])'],
]

/** The noise of TF.js that made a tensor, by its stack, and what to write instead. */
export function noiseOf(stack: Error | undefined): { name: string; instead: string } | undefined {
  const foreign = framesOf(stack).filter(line => FOREIGN.test(line))
  const found = NOISE.find(([pattern]) => foreign.some(line => pattern.test(line)))
  return found && { name: found[1], instead: found[2] }
}

const framesOf = (stack: Error | undefined): string[] =>
  stack?.stack?.split('\n').filter(line => /^\s+at /.test(line)) ?? []
