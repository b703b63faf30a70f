// What the program does where native TensorFlow is missing: commands that compute fetch it, unless that is forbidden; others never do.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { unsupportedReason } from '../../src/libtensorflow/machine.js'
import { commandLine } from '../support/command-line.js'
import { smallMnist } from '../support/idx-file.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const skipped = unsupportedReason() ? ` (skipped: ${unsupportedReason()?.reason})` : ''

/** A command line of a user who has no library yet, and no network. */
function newUser(environment: Record<string, string> = {}) {
  const cache = join(temporaryFolder(), 'cache')
  return { cache, ...commandLine({ ELBO_CACHE: cache, ELBO_MIRROR: 'http://127.0.0.1:65531/simple/', ...environment }) }
}

const training = ['train', '--preset', 'small', '--epochs', '1', '--batch-size', '50', '--validation', 'none']

describe.skipIf(skipped !== '')(`without the library${skipped}`, () => {
  test('train names what it would fetch and where to, why it cannot, and trains on WebAssembly', () => {
    const { elbo, cache } = newUser({ ELBO_OFFLINE: '0' })
    const { status, stderr, stdout } = elbo(...training, '--data', smallMnist(100, 100, { stride: 4 }), '--json')
    expect(status, stderr).toBe(0)
    expect(stderr).toMatch(
      /^elbo: native TensorFlow 2\.21\.0 is fetched once for all projects of this user: \d+ MB, unpacked into /,
    )
    expect(stderr).toContain(`unpacked into ${cache} (ELBO_OFFLINE=1 does without it)`)
    expect(stderr).toMatch(
      /backend tensorflow does not run: 127\.0\.0\.1:65531 cannot be reached \(.*\)\. Fix: check the network/,
    )
    expect(stderr).toMatch(/^backend wasm: /m)
    expect(JSON.parse(stdout).backend).toBe('wasm')
  })

  test('train --backend tensorflow ends with the reason, and leaves no run behind', () => {
    const { refused, home } = newUser()
    refused(1, 'backend tensorflow cannot run: ELBO_OFFLINE forbids to fetch', ...training, '--backend', 'tensorflow')
    expect(existsSync(join(home, 'checkpoints')) ? readdirSync(join(home, 'checkpoints')) : []).toEqual([])
  })

  test('backends, runs and help fetch nothing', () => {
    const { succeed, cache } = newUser({ ELBO_OFFLINE: '0' })
    expect(succeed('backends')).toMatch(
      /tensorflow {2}no .*native TensorFlow is not in .*\n.*fix: run `npx elbo setup`/,
    )
    for (const command of ['runs', '--help']) succeed(command)
    expect(existsSync(cache)).toBe(false)
  })

  test('setup fails with the reason, and refuses what it cannot do', () => {
    const { refused } = newUser()
    refused(1, 'native TensorFlow cannot be installed: ELBO_OFFLINE forbids', 'setup')
    refused(1, 'elbo-pack.json cannot be read', 'setup', '--unpack', 'nowhere')
    refused(2, '--pack and --unpack exclude each other', 'setup', '--pack', 'a', '--unpack', 'b')
    refused(2, '--part-size belongs to --pack', 'setup', '--part-size', '60M')
    refused(
      2,
      '--part-size 60X: a size such as 60M or 2G, at least 1M, was expected',
      'setup',
      '--pack',
      'a',
      '--part-size',
      '60X',
    )
    refused(2, '--part-size 1000: a size such as', 'setup', '--pack', 'a', '--part-size', '1000')
  })

  test('an empty HOME is refused with the variable to set, and nothing is written to the current folder', () => {
    const { refused, succeed, home } = newUser({ ELBO_CACHE: '', XDG_CACHE_HOME: '', HOME: '' })
    refused(1, 'HOME is empty, so the user has no cache folder. Fix: set HOME', ...training, '--backend', 'tensorflow')
    refused(1, 'HOME is empty', 'setup')
    expect(succeed('backends')).toMatch(/HOME is empty/)
    expect(existsSync(join(home, '.cache'))).toBe(false)
  })
})
