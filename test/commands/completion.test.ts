// The scripts of `elbo completion`, run by the shells that are installed.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { commandLine } from '../support/command-line.js'

const { home, checkpoints, succeed, refused } = commandLine()
const scripts: Record<string, string> = {}

beforeAll(() => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    scripts[shell] = join(home, `elbo.${shell}`)
    writeFileSync(scripts[shell], succeed('completion', shell))
  }
  for (const [folder, file] of [
    ['first', 'config.json'],
    ['second', 'config.json'],
    ['compare-1', 'settings.json'],
    ['nothing', 'notes.txt'],
  ] as const) {
    mkdirSync(join(checkpoints, folder), { recursive: true })
    writeFileSync(join(checkpoints, folder, file), '{}')
  }
  mkdirSync(join(home, 'elsewhere', 'third'), { recursive: true })
  writeFileSync(join(home, 'elsewhere', 'third', 'config.json'), '{}')
})

const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0

function run(shell: string, program: string): string[] {
  const { stdout, stderr } = spawnSync(shell, ['-c', program], { cwd: home, encoding: 'utf8' })
  expect(stderr).toBe('')
  return stdout.split('\n').filter(line => line !== '')
}

/** What bash offers after these words; the last one is incomplete. */
function bash(...words: string[]): string[] {
  const list = words.map(word => `'${word}'`).join(' ')
  return run(
    'bash',
    `source '${scripts.bash}'; COMP_WORDS=(elbo ${list}); COMP_CWORD=${words.length}; compopt() { :; }; _elbo; printf '%s\\n' "\${COMPREPLY[@]}"`,
  )
}

/** What fish offers, without descriptions. */
const fish = (...words: string[]): string[] =>
  run('fish', `source '${scripts.fish}'; complete -C 'elbo ${words.join(' ')}'`).map(
    line => line.split('\t')[0] as string,
  )

const cases: readonly [string[], readonly string[]][] = [
  [['tr'], ['train', 'traverse']],
  [['em', 'p'], ['ppca']],
  [['train', '--pres'], ['--preset']],
  [
    ['train', '--preset', 'iwae'],
    ['iwae-5-2l', 'iwae-5', 'iwae-50'],
  ],
  [
    ['em', 'gaussian-mixture', '--covariance', ''],
    ['spherical', 'diagonal', 'full'],
  ],
  [
    ['sample', ''],
    ['first', 'second', 'compare-1'],
  ],
  [['train', '--init-from', 'f'], ['first']],
  [['sample', '--checkpoints', 'elsewhere', ''], ['third']],
  [
    ['completion', ''],
    ['bash', 'zsh', 'fish'],
  ],
  [['train', '--config', 'else'], ['elsewhere']],
  [['train', '--epochs', ''], []],
  [['presets', 'burda2015-'], ['burda2015-2l']],
]

describe.skipIf(!has('bash'))('bash', () => {
  test.each(cases)('elbo %j', (words, expected) => {
    expect(bash(...words).sort()).toEqual([...expected].sort())
  })

  test('a value after an equals sign, which bash makes a word of its own', () => {
    expect(bash('train', '--preset', '=', 'sm')).toEqual(['small'])
    expect(bash('train', '--kl', '=')).toEqual(['analytic', 'monte-carlo'])
  })

  test('a command without an argument offers its flags', () => {
    expect(bash('runs', '')).toEqual(['--checkpoints', '--json', '--debug', '--help'])
  })
})

describe.skipIf(!has('fish'))('fish', () => {
  test.each(cases)('elbo %j', (words, expected) => {
    const offered = fish(...words).map(word => word.replace(/\/$/, ''))
    expect(offered.filter(word => !word.startsWith('-') || words.at(-1)?.startsWith('-')).sort()).toEqual(
      [...expected].sort(),
    )
  })
})

test.skipIf(!has('zsh'))('zsh', () => {
  expect(
    run(
      'zsh',
      `emulate -R zsh; source <(echo 'compdef() { :; }'; cat '${scripts.zsh}'); whence _elbo_em_ppca _elbo_names`,
    ),
  ).toEqual(['_elbo_em_ppca', '_elbo_names'])
})

test('an unknown shell is refused', () => {
  refused(2, 'completion tcsh: one of bash, zsh, fish was expected', 'completion', 'tcsh')
})
