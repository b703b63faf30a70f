// Calls of `scan` with something missing or wrong: an error of one line in every mode, before anything runs.
import * as tf from '@tensorflow/tfjs'
import { beforeAll, describe, expect, test } from 'vitest'
import { chunks, scan } from '../../src/compile/scan.js'
import type { ArrayValues, Numbers, ScanOptions, Step } from '../../src/compile/step.js'
import type { HostKey } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { floatBatches, keys } from '../support/steps.js'

const rates = (count: number): Numbers[] => Array.from({ length: count }, (_, i) => ({ rate: i + 1 }))

const step: Step<Numbers> = (x, _, { rate }) => ({ y: tf.mul(tf.sum(x), rate as number) })

const three = floatBatches(3, [2, 2])
const batches = (change: object) => ({ batches: { ...three, ...change } })
const scheduled = (...schedules: unknown[]) => ({ schedules })

/** What is wrong in a call with three batches, three keys and three schedules. */
const wrong: readonly [
  what: string,
  change: { batches?: unknown; keys?: unknown; schedules?: unknown },
  message: string,
][] = [
  [
    'too few values',
    batches({ data: new Float32Array(11) }),
    'batches.data has 11 values, but the shape [3,2,2] has 12',
  ],
  [
    'too many values',
    batches({ data: new Float32Array(13) }),
    'batches.data has 13 values, but the shape [3,2,2] has 12',
  ],
  ['too few keys', { keys: keys(2) }, 'keys has 2 entries, but there are 3 batches of shape [2,2]'],
  ['too many keys', { keys: keys(4) }, 'keys has 4 entries, but there are 3 batches of shape [2,2]'],
  ['too few schedules', { schedules: rates(1) }, 'schedules has 1 entries, but there are 3 batches of shape [2,2]'],
  ['too many schedules', { schedules: rates(5) }, 'schedules has 5 entries, but there are 3 batches of shape [2,2]'],
  [
    'no batches',
    { batches: undefined },
    'the inputs of steps must be { data, shape }, a tensor, or an object of those by name, got undefined',
  ],
  [
    'no data',
    batches({ data: undefined }),
    'batches.data must be a Uint8Array, an Int32Array or a Float32Array, got undefined',
  ],
  [
    'a plain array',
    batches({ data: Array(12).fill(0) }),
    'batches.data must be a Uint8Array, an Int32Array or a Float32Array, got Array: use Float32Array.from(…)',
  ],
  ['doubles', batches({ data: new Float64Array(12) }), 'a Float32Array, got Float64Array'],
  ['no step', batches({ data: new Float32Array(0), shape: [0, 2, 2] }), 'the number of steps first, got [0,2,2]'],
  ['half a batch', batches({ shape: [1.5, 2, 2] }), 'the number of steps first, got [1.5,2,2]'],
  ['a size that is NaN', batches({ shape: [Number.NaN, 2] }), 'the number of steps first, got [null,2]'],
  ['an unknown type', batches({ dtype: 'int8' }), 'batches.dtype must be one of float32, int32, bool, got "int8"'],
  [
    'an array without a shape',
    { batches: new Float32Array(12) },
    'a Float32Array has no shape: write { data, shape: [steps, …] }',
  ],
  [
    'a table without a shape',
    { batches: { table: new Float32Array(6), rows: Int32Array.of(0), shape: [1, 1] } },
    'batches.table must be { data, shape }, got Float32Array',
  ],
  [
    'rows of a table without a shape',
    { batches: { table: three, rows: Int32Array.of(0) } },
    'batches.shape must be [steps, batch], the shape of its rows, got undefined',
  ],
  [
    'a table of half a row',
    { batches: { table: { ...three, shape: [1.5, 2, 2] }, rows: Int32Array.of(0), shape: [1, 1] } },
    'batches.table.shape must be a list of whole numbers, the number of rows first, got [1.5,2,2]',
  ],
  [
    'rows that are not whole numbers of 32 bits',
    { batches: { table: three, rows: [0, 1, 2], shape: [3, 1] } },
    'batches.rows must be an Int32Array, got Array',
  ],
  [
    'rows without a batch',
    { batches: { table: three, rows: Int32Array.of(0, 1, 2), shape: [3] } },
    'batches.shape must be [steps, batch], the shape of its rows, got [3]',
  ],
  [
    'too few rows',
    { batches: { table: three, rows: Int32Array.of(0, 1, 2), shape: [3, 2] } },
    'batches.rows has 3 numbers, but the shape [3,2] has 6',
  ],
  [
    'a row beyond the table',
    { batches: { table: three, rows: Int32Array.of(0, 1, 3), shape: [3, 1] } },
    'batches.rows[2] is 3; the table has rows 0 to 2',
  ],
  [
    'a row below the table',
    { batches: { table: three, rows: Int32Array.of(0, -1, 2), shape: [3, 1] } },
    'batches.rows[1] is -1; the table has rows 0 to 2',
  ],
  [
    'rows of a table in a list',
    { batches: [{ table: three, rows: Int32Array.of(0), shape: [1] }] },
    'rows of a table are given for all steps at once, as { table, rows, shape: [steps, batch] }',
  ],
  ['no steps', { batches: 0 }, 'the number of steps must be a whole number of at least 1, got 0'],
  ['no inputs', { batches: {} }, 'an object without inputs: give the number of steps instead'],
  ['a wrong input', { batches: { x: three, y: 3 } }, 'the input "y" must be { data, shape } or a tensor, got number'],
  [
    'inputs of several lengths',
    { batches: { x: three, y: floatBatches(2, [2]) } },
    'the first axis is the step: "x" has 3 steps and "y" has 2',
  ],
  ['strings', { batches: { x: tf.tensor(['a']) } }, 'x is a tensor of string: use one of float32, int32, bool'],
  [
    'no shape',
    batches({ shape: undefined }),
    'batches.shape must be a list of whole numbers, the number of steps first, got undefined',
  ],
  ['negative sizes', batches({ shape: [-2, -2] }), 'the number of steps first, got [-2,-2]'],
  ['keys that are none', { keys: 7 }, 'keys must be an array with one entry for each batch, got number'],
  [
    'a negative word',
    {
      keys: [
        [1, 2],
        [1, -1],
        [1, 2],
      ],
    },
    'keys[1] must be two whole numbers from 0 to 2^31 - 1, as keyAt makes them, got [1,-1]',
  ],
  ['a key of one word', { keys: [[1, 2], [1, 2], [1]] }, 'keys[2] must be two whole numbers'],
  ['no schedules', { schedules: undefined }, 'the step reads "rate", which its schedule lacks'],
  [
    'schedules that are none',
    { schedules: 7 },
    "schedules must be an array or a function of the step's index, got number",
  ],
  [
    'a missing schedule',
    scheduled({ rate: 1 }, undefined, { rate: 1 }),
    'schedules[1] must be an object of named numbers, got undefined',
  ],
  ['a missing name', scheduled({ rate: 1 }, { rate: 2 }, {}), 'schedules[2] lacks "rate", which schedules[0] has'],
  [
    'a name too many',
    scheduled({ rate: 1 }, { rate: 2, beta: 1 }, { rate: 3 }),
    'schedules[1] has "beta", which schedules[0] lacks',
  ],
  [
    'NaN',
    scheduled({ rate: 1 }, { rate: Number.NaN }, { rate: 1 }),
    'schedules[1].rate must be a finite number of float32, got NaN',
  ],
  ['infinity', scheduled({ rate: 1 }, { rate: Number.POSITIVE_INFINITY }, { rate: 1 }), 'of float32, got Infinity'],
  ['a number beyond float32', scheduled({ rate: 1 }, { rate: 1e300 }, { rate: 1 }), 'of float32, got 1e+300'],
  [
    'a word',
    scheduled({ rate: 'fast' }, { rate: 1 }, { rate: 1 }),
    'schedules[0].rate must be a finite number of float32, got "fast"',
  ],
  ['a name that no schedule has', scheduled({}, {}, {}), 'the step reads "rate", which its schedule lacks'],
]

const modes = skipped === '' ? (['off', 'graph'] as const) : (['off'] as const)

describe.each(modes)(`%s: an error is${skipped}`, mode => {
  beforeAll(() => useBackend(mode === 'off' ? 'cpu' : 'tensorflow'))

  test.each(wrong)('%s', async (_, change, message) => {
    const call = { batches: three, keys: keys(3), schedules: rates(3), ...change }
    const run = scan(step, { mode }).run(call.batches as ArrayValues, {
      keys: call.keys as HostKey[],
      schedules: call.schedules as Numbers[],
    })
    const error = await run.catch((reason: unknown) => reason)
    expect(error).toHaveProperty('message', expect.stringContaining(message))
    expect(error).toHaveProperty('message', expect.stringMatching(/^scan: [^\n]*$/))
  })

  test('what follows a right call: nothing of that is computed on', async () => {
    const steps = scan(step, { mode })
    const first = await steps.run(three, { keys: keys(3), schedules: rates(3) })
    await expect(
      steps.run({ ...three, data: new Float32Array(4) }, { keys: keys(3), schedules: rates(3) }),
    ).rejects.toThrow('has 4 values')
    await expect(steps.run(three, { keys: keys(3), schedules: [{}, {}, {}] })).rejects.toThrow('rate')
    expect(await steps.run(three, { keys: keys(3), schedules: rates(3) })).toEqual(first)
  })
})

test('a scan of no function, or in an unknown mode, is an error', () => {
  expect(() => scan(undefined as unknown as Step<object>)).toThrow('scan: the step must be a function, got undefined')
  const fast = { mode: 'fast' } as unknown as ScanOptions
  expect(() => scan(step, fast)).toThrow('scan: mode must be one of auto, xla, graph, off, got "fast"')
})

test('chunks of a wrong range, or with another number of batches than was asked for, are errors', async () => {
  await useBackend('cpu')
  const steps = scan(step, { mode: 'off' })
  const feed = () => ({ batches: three, keys: keys(3), schedules: rates(3) })
  await expect(chunks(steps, { to: Number.NaN }, feed).next()).rejects.toThrow(
    'scan: to must be the number of a step, got NaN',
  )
  await expect(chunks(steps, { from: -1, to: 3 }, feed).next()).rejects.toThrow(
    'scan: from must be the number of a step',
  )
  await expect(chunks(steps, { to: 5 }, feed).next()).rejects.toThrow('chunks: 1 batches were asked for, got 3')
})
