/**
 * compare.json: the rows of a comparison, which a resumed comparison takes over instead of measuring again. Its last entry, `digest`, is the
 * SHA-256 of the document without it.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { MOST_JSON, readWhole } from '../../files/reading.js'
import type { Estimate } from '../../numeric/means.js'
import { parseJson } from '../../settings/json.js'
import type { RunResult } from './compare-results.js'
import type { LogPx } from './measure.js'

const count = z.int().min(1)
const nats = z.number()
/** JSON has no NaN: an error that one value alone cannot have is written as null. */
const error = z
  .number()
  .min(0)
  .nullable()
  .transform(value => value ?? Number.NaN)
const estimate = { mean: nats, standardError: error, count }

const estimateSchema = z.strictObject(estimate) satisfies z.ZodType<Estimate>

const logPxSchema = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('exact'), ...estimate }),
  z.strictObject({ by: z.literal('posterior predictive'), ...estimate }),
  z.strictObject({ by: z.literal('importance sampling'), samples: count, monteCarloError: error, ...estimate }),
  z.strictObject({
    by: z.literal('annealed importance sampling'),
    chains: count,
    temperatures: count,
    monteCarloError: error,
    ...estimate,
  }),
]) satisfies z.ZodType<LogPx>

const rowSchema = z.strictObject({
  run: z.string().min(1),
  label: z.string().min(1),
  method: z.string().min(1),
  size: count,
  trainImages: count.nullable(),
  learningRate: z.number().positive().nullable(),
  seed: z.int().min(0),
  tried: z.array(z.strictObject({ learningRate: z.number().positive(), bound: nats })),
  parameters: count,
  passes: count,
  imagesSeen: count,
  seconds: z.number().min(0),
  bestPass: count,
  validationBound: estimateSchema,
  testBound: estimateSchema,
  testLogPx: logPxSchema,
  curve: z.array(z.strictObject({ imagesSeen: count, seconds: z.number().min(0), bound: nats })).min(1),
}) satisfies z.ZodType<RunResult>

const fileSchema = z.looseObject({
  /** Of the pixels that the rows were measured on. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  rows: z.array(rowSchema),
})

/** What a resumed comparison takes from the file. */
export type SavedRows = z.infer<typeof fileSchema>

/** The text of compare.json with this content. */
export const compareFile = (content: object): string =>
  `${JSON.stringify({ ...content, digest: digestOf(content) }, null, 1)}\n`

/** Reads and verifies compare.json; undefined if an older version wrote it, without a digest. Throws an Error that names the file. */
export function readCompareFile(path: string): SavedRows | undefined {
  const fail = (reason: string): never => {
    throw new Error(`${path}: ${reason}; move the file away, and --resume measures its runs again`)
  }
  const { digest, ...content } = parseObject(readWhole(path, path, MOST_JSON).toString(), fail)
  if (digest === undefined) return undefined
  if (digest !== digestOf(content)) fail('its digest does not match: changed or damaged after it was written')
  const parsed = fileSchema.safeParse(content)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  return fail(`${issue?.path.join('.')}: ${issue?.message}`)
}

function parseObject(text: string, fail: (reason: string) => never): Record<string, unknown> {
  let given: unknown
  try {
    given = parseJson(text)
  } catch (error) {
    return fail((error as Error).message)
  }
  return typeof given === 'object' && given !== null && !Array.isArray(given)
    ? (given as Record<string, unknown>)
    : fail('a JSON object was expected')
}

const digestOf = (content: object): string => createHash('sha256').update(JSON.stringify(content)).digest('hex')
