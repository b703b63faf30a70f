// Many steps in calls of about half a second: which steps run, what an interruption leaves, and when memory is freed.
import * as tf from '@tensorflow/tfjs'
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type Chunk, chunks, type Feed, scan } from '../../src/compile/scan.js'
import type { Step } from '../../src/compile/step.js'
import { keyAt } from '../../src/random.js'
import { useBackend } from '../support/backend.js'
import { skipped } from '../support/native.js'
import { root } from '../support/steps.js'

interface Part {
  part: number
}

/** Step i gets the batch [i] and the schedule { part: i + 0.5 }. */
function feed(from: number, count: number): Feed<Part> {
  const numbers = Array.from({ length: count }, (_, i) => from + i)
  return {
    batches: { data: Float32Array.from(numbers), shape: [count, 1] },
    keys: numbers.map(number => keyAt(root, number)),
    schedules: numbers.map(number => ({ part: number + 0.5 })),
  }
}

/** For what happens soon, on a busy machine too. */
const patience = { timeout: 60_000 }

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

/** A step that adds its batch to `total` and returns what it was given; `onStep` is called whenever JavaScript runs it. */
function adding(onStep = () => {}) {
  const total = tf.variable(tf.scalar(0), false)
  const step: Step<Part> = (batch, _, { part }) => {
    onStep()
    total.assign(tf.add(total, tf.sum(batch)) as tf.Scalar)
    return { batch, part: tf.mul(tf.ones([1]), part) }
  }
  return { total, step }
}

async function collect(generator: AsyncGenerator<Chunk<Part>>): Promise<{ list: Chunk<Part>[]; numbers: number[] }> {
  const list: Chunk<Part>[] = []
  for await (const chunk of generator) list.push(chunk)
  return { list, numbers: list.flatMap(({ outputs }) => [...(outputs.batch ?? [])]) }
}

/** Something to be freed, which says whether it was. */
function freeable() {
  const dispose = vi.fn()
  return { dispose, freed: () => dispose.mock.calls.length }
}

describe.each(['off', 'graph'] as const)('%s', mode => {
  describe.skipIf(mode !== 'off' && skipped !== '')(`chunks${skipped}`, () => {
    beforeAll(() => useBackend(mode === 'off' ? 'auto' : 'tensorflow'))
    beforeEach(() => {
      let now = 0 // every step seems to take a second, so that each call is one step
      vi.spyOn(performance, 'now').mockImplementation(() => {
        now += 1000
        return now
      })
    })
    afterEach(() => {
      vi.restoreAllMocks()
      tf.disposeVariables()
    })

    test('run every step once and in order', async () => {
      vi.restoreAllMocks()
      const { total, step } = adding()
      const { list, numbers } = await collect(chunks(scan(step, { mode }), { from: 3, to: 250 }, feed))
      expect(list[0]).toMatchObject({ from: 3, count: 1, schedules: [{ part: 3.5 }] })
      expect(list.map(({ from, count }) => from + count)).toEqual([...list.slice(1).map(({ from }) => from), 250])
      expect(numbers).toEqual(range(3, 250))
      expect(list.flatMap(({ outputs }) => [...(outputs.part ?? [])])).toEqual(numbers.map(number => number + 0.5))
      expect(total.dataSync()[0]).toBe(numbers.reduce((sum, number) => sum + number, 0))
    })

    test('are none for a range without steps', async () => {
      const unused = vi.fn(feed)
      expect(await collect(chunks(scan(adding().step, { mode }), { from: 4, to: 4 }, unused))).toMatchObject({
        list: [],
      })
      expect(unused).not.toHaveBeenCalled()
    })

    test('are none if the signal is aborted already', async () => {
      const unused = vi.fn(feed)
      const stopped = chunks(scan(adding().step, { mode }), { to: 4, signal: AbortSignal.abort() }, unused)
      expect(await collect(stopped)).toMatchObject({ list: [] })
      expect(unused).not.toHaveBeenCalled()
    })

    test('do not wait for the first call of a scan when they are stopped; what it uses is freed after it has ended', async () => {
      const stop = new AbortController()
      const { total, step } = adding(() => stop.abort())
      const [steps, owned] = [scan(step, { mode }), freeable()]
      expect(await collect(chunks(steps, { to: 4, signal: stop.signal }, feed))).toMatchObject({ list: [] })
      expect(steps.hasRun).toBe(false)
      steps.dispose(owned, total)
      expect([owned.freed(), total.isDisposed]).toEqual([0, false])
      await vi.waitFor(() => expect([owned.freed(), total.isDisposed]).toEqual([1, true]), patience)
      expect(steps.hasRun).toBe(true)
    })

    test('stop after a later call in flight, and keep its outputs', async () => {
      const stop = new AbortController()
      const feedAndStop = (from: number, count: number) => {
        if (from === 2) queueMicrotask(() => stop.abort())
        return feed(from, count)
      }
      const { total, step } = adding()
      const steps = scan(step, { mode })
      expect((await collect(chunks(steps, { to: 9, signal: stop.signal }, feedAndStop))).numbers).toEqual([0, 1, 2])
      expect(total.dataSync()[0]).toBe(3)
      expect((await collect(chunks(steps, { from: 3, to: 5 }, feed))).numbers).toEqual([3, 4]) // it can go on
    })

    test('wait for their own first call if the scan has run before', async () => {
      const [stop, { step }] = [new AbortController(), adding()]
      const steps = scan(step, { mode })
      await collect(chunks(steps, { to: 1 }, feed))
      const feedAndStop = (from: number, count: number) => {
        queueMicrotask(() => stop.abort())
        return feed(from, count)
      }
      expect((await collect(chunks(steps, { to: 9, signal: stop.signal }, feedAndStop))).numbers).toEqual([0])
    })

    test('can be left by break', async () => {
      const steps = scan(adding().step, { mode })
      for await (const { from } of chunks(steps, { to: 9 }, feed)) if (from === 1) break
      expect((await collect(chunks(steps, { from: 2, to: 4 }, feed))).numbers).toEqual([2, 3])
    })

    test('throw the error of a step', async () => {
      const step: Step<Part> = () => {
        throw new Error('of the step')
      }
      await expect(collect(chunks(scan(step, { mode }), { to: 2 }, feed))).rejects.toThrow('of the step')
    })

    test('a scan that is disposed during a call lets it end, then frees what it owns', async () => {
      const { total, step } = adding()
      const [steps, owned] = [scan(step, { mode }), freeable()]
      const { batches, ...options } = feed(5, 2)
      const work = steps.run(batches, options)
      steps.dispose(owned, total)
      expect(owned.freed()).toBe(0)
      expect([...((await work).batch ?? [])]).toEqual([5, 6])
      await vi.waitFor(() => expect([owned.freed(), total.isDisposed]).toEqual([1, true]), patience)
    })

    test('a scan that is disposed during a call that fails frees what it owns', async () => {
      const step: Step<Part> = () => {
        throw new Error('of the step')
      }
      const [steps, owned] = [scan(step, { mode }), freeable()]
      const { batches, ...options } = feed(0, 1)
      const work = steps.run(batches, options)
      steps.dispose(owned)
      await expect(work).rejects.toThrow('of the step')
      await vi.waitFor(() => expect(owned.freed()).toBe(1), patience)
    })

    test('a scan that is disposed between calls frees what it owns at once', async () => {
      const [steps, owned] = [scan(adding().step, { mode }), freeable()]
      await collect(chunks(steps, { to: 1 }, feed))
      steps.dispose(owned)
      expect(owned.freed()).toBe(1)
    })
  })
})
