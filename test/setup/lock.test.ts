// The lock of the set-up: one at a time, and free once its owner and what that started have ended.
import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { withLock } from '../../src/setup/lock.mjs'
import { forever, kill, setupModule, useSandbox } from './sandbox.js'

const { inFolder, startModule } = useSandbox()

describe('the lock', () => {
  test('lets one in at a time, and everyone in the end', async () => {
    let inside = 0
    const seen: number[] = []
    const visit = () =>
      withLock(inFolder('lock'), async () => {
        seen.push(++inside)
        await sleep(5)
        inside--
      })
    await Promise.all([visit(), visit(), visit(), visit()])
    expect(seen).toEqual([1, 1, 1, 1])
    expect(fs.readdirSync(inFolder())).toEqual([])
  })

  const holdForever = (path: string, work: string) =>
    startModule(
      `import { withLock } from '${setupModule('lock.mjs')}'; await withLock('${path}', async guard => { ${work}; console.log('in'); ${forever} })`,
    )

  test('is taken over from a process that was killed', async () => {
    await kill(await holdForever(inFolder('lock'), ''))
    expect(await withLock(inFolder('lock'), async () => 'in')).toBe('in')
  })

  test('is not taken over while a program that the killed process started goes on', async () => {
    const program = await startModule('console.log(1); setInterval(() => {}, 1000)')
    await kill(await holdForever(inFolder('lock'), `guard(${program.pid})`))
    let isIn = false
    const waiting = withLock(inFolder('lock'), async () => {
      isIn = true
    })
    await sleep(500)
    expect(isIn).toBe(false)
    await kill(program)
    await waiting
    expect(isIn).toBe(true)
  })

  test('is taken over when a power failure has emptied it', async () => {
    fs.mkdirSync(inFolder('lock'))
    fs.writeFileSync(inFolder('lock', 'owner'), '')
    expect(await withLock(inFolder('lock'), async () => 'in')).toBe('in')
  })

  test('is taken over from another machine only when that has long been silent', async () => {
    const file = inFolder('lock', 'owner')
    fs.mkdirSync(inFolder('lock'))
    fs.writeFileSync(file, JSON.stringify({ pids: [1], host: 'another.machine' }))
    let isIn = false
    const waiting = withLock(inFolder('lock'), async () => {
      isIn = true
    })
    await sleep(500)
    expect(isIn).toBe(false)
    fs.utimesSync(file, 0, 0)
    await waiting
  })
})
