// package.json beside the command line.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { repository } from './sandbox.js'

test('every command of elbo is an npm script too, and no script names a command that is gone', () => {
  const { stdout } = spawnSync(process.execPath, [join(repository, 'dist/cli.js'), '--help'], { encoding: 'utf8' })
  const [, list = ''] = /^Commands:\n([\s\S]*)/m.exec(stdout) ?? []
  const commands = [...list.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name).filter(name => name !== 'help')
  const scripts: Record<string, string> = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')).scripts
  const ours = Object.entries(scripts).filter(([, text]) => text.includes('dist/cli.js'))
  for (const [name, text] of ours) expect(text).toMatch(new RegExp(`node dist/cli\\.js ${name}$`))
  expect(ours.map(([name]) => name).sort()).toEqual(commands.sort())
})
