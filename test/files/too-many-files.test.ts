// Too many open files are one clear line with the limit, while the program is loaded and later.
import { expect, test } from 'vitest'
import { tooManyFiles } from '../../src/files/too-many-files.js'
import { commandLine } from '../support/command-line.js'

const { shell } = commandLine()

test.skipIf(process.platform === 'win32').each([24, 64])(
  'the program explains that %s open files are too few',
  limit => {
    const { status, stdout, stderr } = shell(`ulimit -n ${limit}; $ELBO runs`)
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(
      /^elbo: the program cannot be loaded: too many open files: ulimit -n is \d+; run `ulimit -n 1024` first \([^\n]*\)\n$/,
    )
    expect(stderr).toContain(`ulimit -n is ${limit};`)
  },
)

test.each([
  Object.assign(new Error('open failed'), { code: 'EMFILE' }),
  new Error("EMFILE: too many open files, open 'x'"),
  new Error('libtensorflow.so: cannot open shared object file: Too many open files'),
])('%s is recognized', error => {
  expect(tooManyFiles(error)).toMatch(/^too many open files: .*run `ulimit -n 1024` first$/)
})

test('other errors are not taken for it', () => {
  expect(tooManyFiles(new Error('there is no file a'))).toBeUndefined()
})
