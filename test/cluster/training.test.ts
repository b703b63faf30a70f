// `train --workers`: a run of several processes is as whole and as exact as that of one, and fails in one line.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { workerOf } from '../../scripts/reliability/worker-of.mjs'
import { freeAddresses } from '../../src/commands/launch.js'
import { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'
import { skipped } from '../support/native.js'
import { program } from '../support/repository.js'

/** Sends a signal to the process that a launcher started as this worker. */
function signalWorker(launcher: number, index: number, signal: NodeJS.Signals): void {
  const worker = workerOf(launcher, index)
  if (worker !== undefined) process.kill(worker, signal)
}

describe.skipIf(skipped !== '')(`train --workers${skipped}`, () => {
  const { home, checkpoints, succeed, json, refused, interrupted } = commandLine()
  const images = smallMnist(240, 40, { stride: 4 })
  const small = ['--data', images, '--hidden', '8', '--latent-dim', '2', '--batch-size', '20', '--threads', '1']
  /** A graph is ready in half the time, where it does not matter how steps run. */
  const quick = [...small, '--compile', 'graph']
  const readRun = (run: string) => ({
    epoch: readFileSync(join(checkpoints, run, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n').length,
  })
  const state = (run: string) => readFileSync(join(checkpoints, run, 'latest/state.safetensors'))

  test('writes one run, which other commands read', () => {
    const result = json('train', '--run', 'two', '--workers', '2', '--epochs', '2', ...small)
    expect(result).toMatchObject({ run: 'two', ended: 'finished', epoch: 2 })
    succeed('check', 'two')
    const { compile: _, ...alone } = json('evaluate', 'two', '--samples', '2', '--threads', '1')
    const { compile: __, ...together } = json('evaluate', 'two', '--samples', '2', '--workers', '2')
    expect(together).toEqual(alone)
  })

  test('interrupted and resumed, it ends with the bytes of a run that was not', async () => {
    const endless = ['--workers', '2', '--epochs', '100000', ...small] // it cannot end before the signal arrives
    expect((await interrupted(/epoch +2\//, 'train', '--run', 'parts', ...endless)).status).toBe(130)
    const epochs = ['--epochs', String(readRun('parts').epoch + 1)]
    succeed('train', '--run', 'parts', '--resume', ...epochs)
    succeed('train', '--run', 'whole', '--workers', '2', ...epochs, ...small)
    expect(state('parts').equals(state('whole'))).toBe(true)
  })

  /** Starts a training, and calls `act` with the launcher's number when the second epoch has ended. */
  async function disturbed(run: string, epochs: number, act: (launcher: number) => void) {
    const args = ['train', '--run', run, '--workers', '2', '--epochs', String(epochs), ...quick]
    const child = spawn(process.execPath, [program, ...args], { cwd: home })
    const said = { stdout: '', errors: '' }
    let isDone = false
    child.stdout.on('data', part => {
      said.stdout += part
      if (isDone || !/epoch +2\//.test(said.stdout)) return
      isDone = true
      act(child.pid as number)
    })
    child.stderr.on('data', part => {
      said.errors += part
    })
    const [status] = await once(child, 'close')
    return { status, ...said }
  }

  test.each([
    [1, /worker 1 (at .* is gone|ended by SIGKILL)/],
    [0, /worker 0 ended by SIGKILL/],
  ])('worker %i is killed: the others end, one line says so, and the run goes on', async (index, line) => {
    const run = `killed-${index}`
    const { status, errors } = await disturbed(run, 400, launcher => signalWorker(launcher, index, 'SIGKILL'))
    expect(status).toBe(1)
    expect(errors).toMatch(line)
    succeed('check', run)
    const { epoch } = readRun(run)
    expect(json('train', '--run', run, '--resume', '--epochs', String(epoch + 1))).toMatchObject({ ended: 'finished' })
  })

  test('a slow worker is waited for', async () => {
    const epochs = 20
    succeed('train', '--run', 'undisturbed', '--workers', '2', '--epochs', String(epochs), ...quick)
    const slow = await disturbed('slow', epochs, launcher => {
      signalWorker(launcher, 1, 'SIGSTOP')
      setTimeout(() => signalWorker(launcher, 1, 'SIGCONT'), 3000)
    })
    expect(slow.status, slow.errors).toBe(0)
    expect(state('slow').equals(state('undisturbed'))).toBe(true)
  })

  test('workers with other settings are refused with both values', async () => {
    const addresses = await freeAddresses(2)
    const worker = (index: number, hidden: string) =>
      spawn(process.execPath, [program, 'train', '--run', 'mixed', ...small, '--hidden', hidden, '--epochs', '1'], {
        cwd: home,
        env: {
          ...process.env,
          TF_CONFIG: JSON.stringify({
            cluster: { worker: addresses },
            task: { type: 'worker', index },
          }),
        },
      })
    const ends = await Promise.all(
      [worker(0, '8'), worker(1, '9')].map(async child => {
        let errors = ''
        child.stderr.on('data', part => {
          errors += part
        })
        const [status] = await once(child, 'close')
        return { status, errors }
      }),
    )
    for (const { status, errors } of ends) {
      expect(status).toBe(1)
      expect(errors).toContain('worker 1 has --hidden [9], but worker 0 has [8]')
    }
    expect(existsSync(join(checkpoints, 'mixed'))).toBe(false)
  })

  test('a worker waits for others that have not been started, says so, and can be interrupted', async () => {
    const [own = '', missing = ''] = await freeAddresses(2)
    const args = ['--cluster', `${own},${missing}`, '--task', '0', '--run', 'waits', '--epochs', '1', ...small]
    const child = spawn(process.execPath, [program, 'train', ...args], { cwd: home })
    let errors = ''
    child.stderr.on('data', part => {
      errors += part
      if (errors.includes(`waiting for the other workers, at ${missing}`)) child.kill('SIGINT')
    })
    const [status] = await once(child, 'close')
    expect(status).toBe(130)
    expect(errors).toContain('interrupted while waiting for the other workers')
    expect(existsSync(join(checkpoints, 'waits'))).toBe(false)
  })

  test('settings that workers cannot have are refused before anything starts', () => {
    refused(2, 'use --batch-size 21', 'train', '--workers', '3', ...small)
    refused(2, 'would not notice that another one hangs', 'train', '--workers', '2', '--compile', 'off', ...small)
  })
})
