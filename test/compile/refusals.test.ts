// What cannot be compiled is refused, with the reason and the line to change, and leaves every variable as it was.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'

import { registeredVariables } from '../../src/compile/record/state.js'
import { CompileRefusal } from '../../src/compile/refusal.js'
import { scan } from '../../src/compile/scan.js'
import type { Step } from '../../src/compile/step.js'
import type { NodeBackend } from '../../src/libtensorflow/node-backend.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { floatBatches, keys, weights } from '../support/steps.js'

const HERE = /at [^ ]*refusals\.test\.ts:\d+:\d+\)/

async function refusalOf(step: Step<object>): Promise<CompileRefusal> {
  const before = tf.memory().numTensors - registeredVariables().length
  const runner = scan(step, { mode: 'graph' })
  const error = await runner
    .run(floatBatches(2, [3, 2]), { keys: keys(2), schedules: [{}, {}] })
    .catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(CompileRefusal)
  expect(tf.memory().numTensors - registeredVariables().length).toBe(before)
  return error as CompileRefusal
}

describe.skipIf(skipped !== '')(`a step is refused${skipped}`, () => {
  beforeAll(() => useBackend('tensorflow'))
  afterEach(() => tf.disposeVariables())

  test.each<[what: string, step: Step<object>]>([
    ['dataSync', x => ({ y: tf.mul(x, tf.mean(x).dataSync()[0] as number) })],
    ['arraySync', x => ({ y: tf.mul(x, tf.mean(x).arraySync() as number) })],
  ])('that reads values: %s', async (name, step) => {
    const { message } = await refusalOf(step)
    expect(message).toContain('it reads the values of a tensor')
    expect(message).toMatch(HERE)
    expect(message).toContain('keep values in tensors')
    expect(message).toContain(`  You wrote:\n      ['${name}', x =>`)
    expect(message).toContain('  Write:\n      return { loss }')
    expect(message).toContain(
      "    2. Or run the step uncompiled, one operation after the other: scan(step, { mode: 'off' }).",
    )
  })

  test('that reads values after it has returned', async () => {
    const read: Promise<unknown>[] = []
    const { message } = await refusalOf(x => {
      read.push(tf.mean(x).data())
      return { x }
    })
    expect(message).toContain('it reads the values of a tensor')
  })

  const layer = tf.layers.dropout({ rate: 0.5 })

  test.each<[what: string, made: string, instead: string | undefined, step: Step<object>]>([
    [
      'tf.randomNormal',
      "made by TF.js's own randomNormal",
      'normal(key',
      x => ({ y: tf.add(x, tf.randomNormal([3, 2])) }),
    ],
    [
      'tf.randomUniform',
      "made by TF.js's own randomUniform",
      'uniform(key',
      x => ({ y: tf.add(x, tf.randomUniform([3, 2])) }),
    ],
    ['tf.dropout', "made by TF.js's own dropout", 'dropout(x, 0.5, key)', x => ({ y: tf.dropout(x, 0.5) })],
    [
      'a layer',
      "made by TF.js's own dropout",
      'dropout(x, 0.5, key)',
      x => ({ y: layer.apply(x, { training: true }) as tf.Tensor }),
    ],
    ['Math.random', 'created in JavaScript', undefined, x => ({ y: tf.mul(x, Math.random()) })],
    ['a clock', 'created in JavaScript', undefined, x => ({ y: tf.mul(x, performance.now()) })],
  ])('that uses a number which JavaScript makes, other each time: %s', async (_, made, instead, step) => {
    const { message, ...refusal } = await refusalOf(step)
    expect(message).toContain(made)
    expect(refusal.instead ?? '').toContain(instead ?? '')
    expect(message).toContain('differs between two recordings')
    expect(message).toMatch(HERE)
    expect(message).toContain("make noise from the step's key")
  })

  test.each<[what: string, step: Step<object>]>([
    ['Math.random', x => ({ y: Math.random() < 2 ? tf.sin(x) : tf.cos(x) })],
    ['Date.now', x => ({ y: tf.add(x, Math.floor(Date.now() / 1e15)) })],
    ['new Date', x => ({ y: tf.add(x, new Date().getFullYear()) })],
    ['performance.now', x => ({ y: tf.add(x, Number(performance.now() < 0)) })],
    ['process.hrtime', x => ({ y: tf.add(x, Number(tf.util.now() < 0)) })],
    ['process.hrtime.bigint', x => ({ y: tf.add(x, Number(process.hrtime.bigint() < 0)) })],
  ])('that asks JavaScript for time or chance, though both recordings agree: %s', async (name, step) => {
    const globals = [Date, Math.random, performance.now, process.hrtime]
    const { message } = await refusalOf(step)
    expect(message).toContain(`it calls ${name}, which`)
    expect(message).toMatch(HERE)
    expect([Date, Math.random, performance.now, process.hrtime]).toEqual(globals)
  })

  test('that changes an array in place', async () => {
    const weights = new Float32Array(2)
    const { message } = await refusalOf(x => {
      weights[0] = (weights[0] as number) + 1
      return { y: tf.mul(x, tf.tensor1d(weights)) }
    })
    expect(message).toContain('a float32[2] created in JavaScript')
  })

  test('that returns different outputs from run to run', async () => {
    let runs = 0
    const { message } = await refusalOf(x => (runs++ % 2 === 0 ? { a: x } : { a: x, b: x }))
    expect(message).toContain('differ between two recordings of it: output:a and output:a, output:b')
  })

  test('that returns complex numbers', async () => {
    const { message } = await refusalOf(x => ({ z: tf.complex(x, x) }))
    expect(message).toContain('its output "z" is complex64; return tf.real and tf.imag of it')
  })

  test('that draws noise inside of TensorFlow', async () => {
    const { message } = await refusalOf(x => ({ y: tf.multinomial(x as tf.Tensor2D, 2, 5) }))
    expect(message).toMatch(/Multinomial draws noise without a key \(at .*refusals\.test\.ts/)
  })

  test('that counts in JavaScript', async () => {
    let count = 0
    const { message } = await refusalOf(x => ({ y: tf.pow(x, ++count) }))
    expect(message).toContain('differs between two recordings')
  })

  test('whose operations differ from run to run', async () => {
    let odd = false
    const { message } = await refusalOf(x => {
      odd = !odd
      return { y: odd ? tf.sin(x) : tf.cos(x) }
    })
    expect(message).toMatch(/Sin has different attributes, inputs or shapes in two recordings .*refusals\.test\.ts/)
    expect(message).toContain('use tf.where')
  })

  test('that has more operations from run to run', async () => {
    let runs = 0
    const { message } = await refusalOf(x => {
      runs++
      let y = x
      for (let i = 0; i < runs; i++) y = tf.sin(y)
      return { y }
    })
    expect(message).toContain('two recordings of it differ')
  })

  test('whose shapes depend on values', async () => {
    const { message } = await refusalOf(x => {
      const backend = tf.backend() as NodeBackend
      const type = { name: 'T', type: backend.binding.TF_ATTR_TYPE, value: backend.binding.TF_FLOAT }
      return { y: backend.executeSingleOutput('Where', [type], [x]) }
    })
    expect(message).toContain('the output shape of Where depends on values')
  })

  test('that has strings', async () => {
    const { message } = await refusalOf(x => ({ x, y: tf.equal(tf.tensor(['a']), tf.tensor(['b'])) }))
    expect(message).toContain('a constant is a tensor of string')
    expect(message).toMatch(HERE)
  })

  test('that creates a variable each time', async () => {
    const { message } = await refusalOf(x => ({ y: tf.add(x, tf.variable(tf.scalar(1))) }))
    expect(message).toContain('it creates a tf.Variable each time')
    expect(message).toContain('outside of the step')
  })

  test('that uses a scheduled number otherwise than multiplied', async () => {
    const runner = scan<{ rate: number }>((x, _, { rate }) => ({ y: tf.mul(x, 1 - rate) }), { mode: 'graph' })
    const run = runner.run(floatBatches(2, [3, 2]), { schedules: [{ rate: 0.1 }, { rate: 0.2 }] })
    await expect(run).rejects.toThrow('use a scheduled number only as it is or multiplied')
  })

  test('without any change to its variables', async () => {
    const w = weights([2])
    const before = w.dataSync()
    await refusalOf(x => {
      w.assign(tf.mean(x, 0))
      return { y: tf.add(w, Math.random()) }
    })
    expect(w.dataSync()).toEqual(before)
  })
})

describe.skipIf(skipped !== '').each(['off', 'graph'] as const)(`%s: a step fails${skipped}`, mode => {
  beforeAll(() => useBackend('tensorflow'))

  const run = (step: unknown) =>
    scan(step as Step<object>, { mode }).run(floatBatches(2, [3, 2]), { keys: keys(2), schedules: [{}, {}] })

  test('that is async', async () => {
    await expect(run(async (x: tf.Tensor) => ({ y: x }))).rejects.toThrow('a step must not be async')
    const reads = async (x: tf.Tensor) => ({ y: tf.mul(x, (await tf.mean(x).data())[0] as number) })
    await expect(run(reads)).rejects.toThrow('a step must not be async')
  })

  test('that returns anything but tensors by name', async () => {
    await expect(run((x: tf.Tensor) => x)).rejects.toThrow('must return an object of named tensors')
    await expect(run(() => ({ loss: 1 }))).rejects.toThrow('the step\'s output "loss" must be a tensor')
  })
})

test('on a backend that cannot compile mode xla is refused; mode auto runs uncompiled and says why', async () => {
  await useBackend('cpu')
  const step: Step<object> = x => ({ y: tf.sum(x) })
  expect(() => scan(step, { mode: 'xla' })).toThrow(
    'the backend cpu cannot run TensorFlow functions; use the backend tensorflow',
  )
  const runner = scan(step, { mode: 'auto' })
  expect(await runner.run(floatBatches(2, [3]), { keys: keys(2), schedules: [{}, {}] })).toMatchObject({
    y: expect.any(Float32Array),
  })
  expect(runner.choice).toEqual({ mode: 'off', reason: 'the backend cpu cannot run TensorFlow functions' })
})
