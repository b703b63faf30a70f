// The command line itself: help, wrong usage in one line with exit code 2, errors as JSON, output that cannot be written.
import { beforeAll, describe, expect, test } from 'vitest'
import { commandLine, type Ended, expectRefusal } from '../support/command-line.js'
import { trainFirst } from './first-run.js'

const line = commandLine()
const { elbo, succeed, shell, together } = line

beforeAll(() => void trainFirst(line, '--compile', 'off'))

test('every command has help with examples', () => {
  for (const name of [
    'train',
    'sample',
    'reconstruct',
    'interpolate',
    'manifold',
    'posterior',
    'evaluate',
    'gradients',
    'compare',
    'runs',
    'backends',
    'export',
  ])
    expect(succeed(name, '--help')).toContain(`Examples:\n  elbo ${name}`)
})

const wrong: readonly (readonly [command: string, message: string])[] = [
  ['train --epoch 3', '--epochs'],
  ['trian', 'train'],
  ['train --epochs -1', '--epochs -1: a whole number from 1 to '],
  ['train --latent-dim 0', '--latent-dim 0'],
  ['train --run ../out', "run name '../out'"],
  ['train --run first', 'already has a run'],
  ['train --resume', 'name the run with --run'],
  ['train --run first --resume --hidden 17', '--hidden [17]: the run began with [16]'],
  ['train --config nothing.json', 'there is no such file'],
  ['train --objective wake-sleep --beta 2', '--beta 2: has no effect with --objective wake-sleep'],
  ['evaluate first --gap-steps 9', '--gap-steps: has no effect with --method importance; leave it out, or use --gaps'],
  ['evaluate first --chains 9', '--chains: has no effect with --method importance; leave it out, or use --method ais'],
  [
    'evaluate first --method importance --simulated 9',
    '--method importance: has no effect with --simulated; leave one of the two out',
  ],
  [
    'evaluate first --method ais --grid 9',
    '--grid: has no effect with --method ais; leave it out, or use --method quadrature',
  ],
  ['evaluate first --method quadrature --grid 10', '--grid 10: an odd number from 3 to 9999 was expected'],
  [
    'evaluate first --method quadrature --grid 9999',
    '--grid 9999: 9999^2 points would take too long; an odd number up to 3161 was expected',
  ],
  ['evaluate first --method quadrature --extent 1e30', '--extent 1e30: a number from 0.001 to 1000 was expected'],
  ['posterior first --grid 100', '--grid 100: an odd number from 3 to 9999 was expected'],
  [
    'evaluate first --method ais --defensive 0.5',
    '--defensive: has no effect with --method ais; leave it out, or use --method importance',
  ],
  [
    'evaluate first --samples 9 --defensive 0.1',
    '--defensive 0.1: 8 of 9 samples would come from q(z|x) and 1 from the prior; at least two of each are needed',
  ],
  ['evaluate first --save small', '--save small: this is a folder; a file was expected'],
  ['evaluate first --save none/v.safetensors', '--save none/v.safetensors: its folder does not exist'],
  ['evaluate first --images 121', '--images 121: there are only 120 test images'],
  ['posterior first --images 120', '--images 120: there are only 120 test images'],
  ['evaluate first --gaps --save v.safetensors', '--save: has no effect with --gaps'],
  ['gradients first --estimators vimco', '--estimators vimco: one or more of pathwise, '],
  [
    'gradients first --objectives elbo --estimators pathwise,dreg',
    '--estimators dreg: works for iwae only; for elbo use stl',
  ],
  ['sample second', "there is no run 'second' in checkpoints (runs: first)"],
  ['train --init-from second', "there is no run 'second' in checkpoints (runs: first)"],
  [
    'train --init-from first --output-bias zero',
    '--output-bias zero: has no effect with --init-from first, which sets all biases',
  ],
  ['sample', "missing required argument 'run'"],
  ['sample first --count many', '--count many: a whole number from 1 to '],
  ['export first', '--to FOLDER is missing'],
]

describe('wrong usage is one line and exit code 2:', () => {
  let ends: Ended[]

  beforeAll(() => {
    ends = together(wrong.map(([command]) => command.split(' ')))
  })

  test.each(wrong.map(([command, message], i) => [command, message, i] as const))('elbo %s', (_, message, i) => {
    expectRefusal(ends[i] as Ended, 2, message)
  })
})

test('under --json wrong usage is a JSON document with exit code 2', () => {
  const { stdout, status } = elbo('train', '--json', '--bogus')
  expect(JSON.parse(stdout).error).toContain("unknown option '--bogus'")
  expect(status).toBe(2)
})

test.each(['runs', '--help', 'train --help', '--version'])(
  'output of %s that cannot be written is one line',
  command => {
    const { status, stderr } = shell(`$ELBO ${command} > /dev/full`)
    expect(stderr).toMatch(/^elbo: cannot write the output: .*\n$/)
    expect(status).toBe(1)
  },
)

test.each(['--help', 'train --help', 'presets'])('a reader of %s that has gone is no error', command => {
  const { stdout, stderr } = shell(`{ sleep 1; $ELBO ${command}; echo "exit $?" >&2; } | exec sleep 0`)
  expect({ stdout, stderr }).toEqual({ stdout: '', stderr: 'exit 0\n' })
})
