// `train --workers`: a run of several processes is as whole and as exact as that of one, and fails in one line.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { freeAddresses } from '../../src/commands/launch.js'
import { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'
import { skipped } from '../support/native.js'
import { program } from '../support/repository.js'

/** Kills the process that a launcher started as worker 1. */
function killFollower(launcher: number): void {
  const children = readFileSync(`/proc/${launcher}/task/${launcher}/children`, 'utf8').trim().split(' ').map(Number)
  const follower = children.find(pid => readFileSync(`/proc/${pid}/environ`, 'utf8').includes('"index":1'))
  if (follower !== undefined) process.kill(follower, 'SIGKILL')
}

describe.skipIf(skipped !== '')(`train --workers${skipped}`, () => {
  const { home, checkpoints, succeed, json, refused, interrupted } = commandLine()
  const images = smallMnist(240, 40, { stride: 4 })
  const small = ['--data', images, '--hidden', '8', '--latent-dim', '2', '--batch-size', '20', '--threads', '1']
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

  test('a worker that is killed ends the others, with one line; the run goes on, by itself if asked', async () => {
    const args = ['train', '--run', 'killed', '--workers', '2', '--epochs', '100000', ...small]
    const child = spawn(process.execPath, [program, ...args], { cwd: home })
    let said = ''
    child.stdout.on('data', part => {
      said += part
      if (/epoch +2\//.test(said)) killFollower(child.pid as number)
    })
    let errors = ''
    child.stderr.on('data', part => {
      errors += part
    })
    const [status] = await once(child, 'close')
    expect(status).toBe(1)
    expect(errors).toMatch(/worker 1 (at .* is gone|ended by SIGKILL)/)
    succeed('check', 'killed')
    const { epoch } = readRun('killed')
    expect(json('train', '--run', 'killed', '--resume', '--epochs', String(epoch + 1))).toMatchObject({
      ended: 'finished',
    })
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

  test('what several workers cannot do is refused before anything starts', () => {
    refused(2, 'use --batch-size 21', 'train', '--workers', '3', ...small)
    refused(2, 'free-bits', 'train', '--workers', '2', '--free-bits', '0.1', ...small)
    refused(2, 'wake-sleep', 'train', '--workers', '2', '--objective', 'wake-sleep', ...small)
  })
})
