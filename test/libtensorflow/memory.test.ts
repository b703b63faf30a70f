// Native memory: many rounds of everything that the binding does leave nothing behind.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { type Binding, createBinding } from '../../src/libtensorflow/binding.js'
import { type CApi, openLibrary } from '../../src/libtensorflow/c-api.js'
import { nativeDirectory, skipped } from '../support/native.js'
import { temporaryFolder } from '../support/temporary-folder.js'
import { writeSavedModel } from './saved-model-bytes.js'

/** Growth, in MB, beyond which something is kept: 20,000 kept tensors are twice that. */
const NOISE = 10
const ROUNDS = 20_000
/** Allocators grow in jumps now and then, a leak in every stretch of rounds: the least of so many stretches counts. */
const STRETCHES = 4

describe.skipIf(skipped !== '')(`native memory${skipped}`, () => {
  const { api, live } = skipped === '' ? counting(openLibrary(nativeDirectory())) : (undefined as never)
  const binding: Binding = api === undefined ? (undefined as never) : createBinding(api)
  const functions = api === undefined ? (undefined as never) : binding.openFunctions()
  const values = new Float32Array(256)
  const T = { name: 'T', type: 4, value: 1 }
  const long = 'x'.repeat(1000)

  function withTensor(work: (id: number) => void): void {
    const id = binding.createTensor([256], 'float32', values)
    work(id)
    binding.deleteTensor(id)
  }

  const kinds: readonly [string, (i: number) => void | Promise<void>][] = [
    [
      'operations',
      () =>
        withTensor(id => {
          for (const { id: result } of binding.executeOp('AddV2', [T], [id, id], 1)) binding.deleteTensor(result)
        }),
    ],
    ['reading', () => withTensor(id => binding.tensorDataSync(id))],
    [
      'strings',
      () => {
        const id = binding.createTensor([1], 'string', [long])
        binding.tensorDataSync(id)
        binding.deleteTensor(id)
      },
    ],
    ['refused operations', () => withTensor(id => expectRefusal(() => binding.executeOp('MatMul', [T], [id, id], 1)))],
    [
      'refused attributes, inputs and tensors',
      () => {
        withTensor(id => {
          expectRefusal(() => binding.executeOp('Neg', [{ ...T, value: 'float32' }], [id], 1))
          expectRefusal(() => binding.executeOp('Neg', [T], [-1], 1))
        })
        expectRefusal(() => binding.createTensor([257], 'float32', values))
        expectRefusal(() => binding.createTensor([1], 'string', [7]))
      },
    ],
    [
      'asynchronous operations and reading, refused ones among them',
      async i => {
        const id = binding.createTensor([256], 'float32', values)
        if (i % 2 === 0) {
          const [result] = await functions.run('Neg', [T], [id], 1)
          await binding.tensorData(id)
          binding.deleteTensor(result?.id ?? -1)
        } else await functions.run('MatMul', [T], [id, id], 1).catch(() => {})
        binding.deleteTensor(id)
      },
    ],
  ]

  test('SavedModels leave neither tensors nor memory behind, whether loaded, run, refused or deleted', async () => {
    const directory = temporaryFolder()
    writeSavedModel(directory)
    const before = { ...live }
    for (let i = 0; i < 20; i++) {
      binding.deleteSavedModel(binding.loadSavedModel(directory, 'serve'))
      expectRefusal(() => binding.loadSavedModel(directory, 'no such tag'))
    }
    expect(live).toEqual({ ...before, 'deleted session': 20 })

    const model = binding.loadSavedModel(directory, 'serve')
    const round = () =>
      withTensor(id => {
        for (const result of binding.runSavedModel(model, [id, id], 'x,b', 'y')) binding.deleteTensor(result.id)
        expectRefusal(() => binding.runSavedModel(model, [id], 'no such node', 'y'))
      })
    for (let i = 0; i < ROUNDS / 10; i++) round()
    expect(await leastGrowth(round)).toBeLessThan(NOISE)
    binding.deleteSavedModel(model)
    expect(live).toEqual({ ...before, 'deleted session': 21 })
  })

  for (const [name, work] of kinds) {
    test(`${ROUNDS} rounds of ${name} leave neither tensors nor memory behind`, async () => {
      for (let i = 0; i < ROUNDS / 10; i++) await work(i)
      const before = { tensors: binding.getNumOfTensors(), live: { ...live } }
      const growth = await leastGrowth(work)
      expect(binding.getNumOfTensors()).toBe(before.tensors)
      expect(live).toEqual(before.live)
      expect(growth).toBeLessThan(NOISE)
    })
  }
})

/** What each function of TensorFlow's makes (+1) or deletes (-1); a tensor handle also comes out of TFE_Execute, so those are not counted here. */
const EFFECTS: Partial<Record<keyof CApi, readonly [kind: string, change: number]>> = {
  TF_NewStatus: ['status', 1],
  TF_DeleteStatus: ['status', -1],
  TF_NewBufferFromString: ['buffer', 1],
  TF_DeleteBuffer: ['buffer', -1],
  TF_AllocateTensor: ['tensor', 1],
  TFE_TensorHandleResolve: ['tensor', 1],
  TF_DeleteTensor: ['tensor', -1],
  // The runs counted here succeed and have one result.
  TF_SessionRun: ['tensor', 1],
  TF_NewSessionOptions: ['session options', 1],
  TF_DeleteSessionOptions: ['session options', -1],
  TF_NewGraph: ['graph', 1],
  TF_DeleteGraph: ['graph', -1],
  TF_DeleteSession: ['deleted session', 1],
  TFE_NewOp: ['op', 1],
  TFE_DeleteOp: ['op', -1],
}

type Callable = ((...args: unknown[]) => unknown) & { async: (...args: unknown[]) => void }

/** The same functions, and how many of each kind of thing they have made and not deleted. */
function counting(api: CApi): { api: CApi; live: Record<string, number> } {
  const live: Record<string, number> = {}
  const counted = Object.entries(EFFECTS).map(([name, [kind, change]]) => {
    live[kind] = 0
    const count = () => {
      live[kind] = (live[kind] ?? 0) + change
    }
    const f = api[name as keyof CApi] as unknown as Callable
    const wrapper = (...args: unknown[]) => {
      count()
      return f(...args)
    }
    const async = (...args: unknown[]) => {
      count()
      f.async(...args)
    }
    return [name, Object.assign(wrapper, { async })]
  })
  return { api: { ...api, ...Object.fromEntries(counted) }, live }
}

function expectRefusal(f: () => unknown): void {
  let refused = false
  try {
    f()
  } catch {
    refused = true
  }
  if (!refused) throw new Error('nothing was refused')
}

/** Megabytes that `ROUNDS` rounds of work leave behind, in the best of some stretches; stops at the first without growth. */
async function leastGrowth(work: (i: number) => void | Promise<void>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let stretch = 0; stretch < STRETCHES && least >= NOISE; stretch++) {
    const before = residentMegabytes()
    for (let i = 0; i < ROUNDS; i++) await work(i)
    least = Math.min(least, residentMegabytes() - before)
  }
  return least
}

/** After a collection of JavaScript's garbage, so that only what is really kept counts. */
function residentMegabytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage.rss() / 1e6
}
