// A second copy of tfjs-core in the process is an error that names both.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { repository } from '../support/repository.js'
import { temporaryFolder } from '../support/temporary-folder.js'

test('openBackend refuses a process with two copies of tfjs-core, and says how to have one', () => {
  const folder = temporaryFolder()
  const copy = join(folder, 'node_modules/@tensorflow/tfjs-core')
  mkdirSync(join(copy, 'dist'), { recursive: true })
  for (const path of ['package.json', 'dist/tf-core.node.js'])
    cpSync(join(repository, 'node_modules/@tensorflow/tfjs-core', path), join(copy, path))
  const program = (cores: string) => `${cores}
    import { openBackend } from '${pathToFileURL(join(repository, 'dist/entries/compile.js')).href}'
    console.log((await openBackend('cpu', { debug: false })).backend.name)
    process.exit()`
  const run = (text: string) => {
    const env = { ...process.env, NODE_PATH: join(repository, 'node_modules') }
    return spawnSync(process.execPath, ['--input-type=module', '-e', text], { cwd: folder, env, encoding: 'utf8' })
  }
  expect(run(program('')).stdout).toBe('cpu\n')
  const { status, stderr } = run(program("import '@tensorflow/tfjs-core'"))
  expect(status).toBe(1)
  expect(stderr).toMatch(
    /2 copies of @tensorflow\/tfjs-core are loaded \(.*, .*\), .* install version 4\.22\.0, that of elbo,/,
  )
  expect(stderr).toContain(copy)
})
