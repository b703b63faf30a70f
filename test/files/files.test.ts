// Writing and reading files: through links, into pipes and devices, on full disks; only regular files are read.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { appendFlushed, isLeftover, whyUnwritable, writeFileAtomic } from '../../src/files/files.js'
import { makeFolder, makeNewFolder } from '../../src/files/folders.js'
import { readWhole } from '../../src/files/reading.js'

const newFolder = () => mkdtempSync(join(tmpdir(), 'elbo-files-'))

const fifo = (path: string) => {
  expect(spawnSync('mkfifo', [path]).status).toBe(0)
  return path
}

describe('a file is replaced as a whole', () => {
  test('and keeps its mode', () => {
    const folder = newFolder()
    const path = join(folder, 'a')
    writeFileSync(path, 'old')
    chmodSync(path, 0o640)
    writeFileAtomic(path, 'new')
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual(['new', 0o640])
    expect(readdirSync(folder)).toEqual(['a'])
  })

  test.each([['real/a'], ['../FOLDER/real/a']])(
    'through a link to %s, which stays, whether its target is there or not',
    to => {
      const folder = newFolder()
      mkdirSync(join(folder, 'real'))
      const target = to.replace('FOLDER', folder.split('/').at(-1) as string)
      symlinkSync(target, join(folder, 'first'))
      symlinkSync('first', join(folder, 'second'))
      for (const text of ['made', 'replaced']) {
        expect(whyUnwritable(join(folder, 'second'))).toBeUndefined()
        writeFileAtomic(join(folder, 'second'), text)
        expect(readFileSync(join(folder, 'real', 'a'), 'utf8')).toBe(text)
      }
      expect([readlinkSync(join(folder, 'second')), readlinkSync(join(folder, 'first'))]).toEqual(['first', target])
      expect(readdirSync(join(folder, 'real'))).toEqual(['a'])
    },
  )

  test('but links in a circle are refused', () => {
    const path = join(newFolder(), 'a')
    symlinkSync('a', path)
    expect(() => writeFileAtomic(path, '')).toThrow(`cannot write ${path}: a symbolic link that leads in a circle`)
    expect(whyUnwritable(path)).toContain('in a circle')
  })

  test('though a killed process with the same process id left its temporary file', () => {
    const folder = newFolder()
    const left = join(folder, `a.${process.pid}.tmp`)
    symlinkSync('elsewhere', left)
    writeFileAtomic(join(folder, 'a'), 'new')
    expect(readdirSync(folder)).toEqual(['a', `a.${process.pid}.tmp`])
    expect(readlinkSync(left)).toBe('elsewhere')
  })
})

describe('what is no regular file is never replaced', () => {
  test('a named pipe is written to', () => {
    const path = fifo(join(newFolder(), 'pipe'))
    const script = `import { writeFileAtomic } from ${JSON.stringify(join(import.meta.dirname, '../../dist/files/files.js'))}
      writeFileAtomic(${JSON.stringify(path)}, "x".repeat(1e6))`
    // The shell opens the pipe for reading first: whether `cat` has opened it yet would depend on the machine.
    const reading = `exec 3<> ${path}; head -c 1000000 <&3 | wc -c &`
    const writing = `${reading} ${process.execPath} --input-type=module -e '${script}'; wait`
    const { stdout, stderr } = spawnSync('sh', ['-c', writing], { encoding: 'utf8', timeout: 20_000 })
    expect([stdout.trim(), stderr]).toEqual(['1000000', ''])
    expect(lstatSync(path).isFIFO()).toBe(true)
  })

  test('a named pipe that nobody reads is refused without waiting', () => {
    const folder = newFolder()
    const path = fifo(join(folder, 'pipe'))
    expect(() => writeFileAtomic(path, 'x')).toThrow(`cannot write ${path}: no process reads this pipe`)
    expect(readdirSync(folder)).toEqual(['pipe'])
  })

  test('nor is a device', () => {
    expect(whyUnwritable('/dev/null')).toBeUndefined()
    writeFileAtomic('/dev/null', 'x')
    expect(() => writeFileAtomic('/dev/full', 'x')).toThrow('cannot write /dev/full: no space left on the disk')
    for (const path of ['/dev/null', '/dev/full']) expect(lstatSync(path).isCharacterDevice()).toBe(true)
    expect(readdirSync('/dev').filter(name => name.endsWith('.tmp'))).toEqual([])
  })

  test('and a socket is refused', async () => {
    const path = join(newFolder(), 'socket')
    const server = createServer().listen(path)
    await new Promise(done => server.once('listening', done))
    expect(whyUnwritable(path)).toBe('this is a socket; a file was expected')
    expect(() => writeFileAtomic(path, 'x')).toThrow(`cannot write ${path}: this is a socket; a file was expected`)
    await new Promise(done => server.close(done))
  })
})

test('lines are added', () => {
  const path = join(newFolder(), 'lines')
  for (const line of ['a\n', 'b\n']) appendFlushed(path, line)
  expect(readFileSync(path, 'utf8')).toBe('a\nb\n')
  expect(() => appendFlushed('/dev/full', 'c\n')).toThrow('cannot write /dev/full: no space left on the disk')
})

test('only names that the program gives are leftovers', () => {
  for (const name of ['a.12.tmp', 'a.12-2.tmp']) expect(isLeftover(name, 'a')).toBe(true)
  for (const name of ['a.tmp', 'a.x.tmp', 'ab.12.tmp', 'a.12.tmp.old']) expect(isLeftover(name, 'a')).toBe(false)
})

describe('folders', () => {
  test('are made with those above them', () => {
    const folder = newFolder()
    makeFolder(join(folder, 'a', 'b', 'c'))
    makeFolder(join(folder, 'a', 'b'))
    expect(statSync(join(folder, 'a', 'b', 'c')).isDirectory()).toBe(true)
    expect([makeNewFolder(join(folder, 'd', 'e')), makeNewFolder(join(folder, 'd', 'e'))]).toEqual([true, false])
  })

  test('a refusal is one line, and comes at once below /proc', () => {
    expect(() => makeFolder('/proc/x/y')).toThrow('cannot write /proc/x/y: ')
    const folder = newFolder()
    writeFileSync(join(folder, 'a'), '')
    expect(() => makeFolder(join(folder, 'a'))).toThrow(
      `cannot write ${join(folder, 'a')}: something that is no folder`,
    )
    expect(() => makeFolder(join(folder, 'a', 'b'))).toThrow(`cannot write ${join(folder, 'a', 'b')}: `)
  })
})

describe('only regular files are read', () => {
  test('not pipes, devices, folders and files of /proc', () => {
    const folder = newFolder()
    const pipe = fifo(join(folder, 'pipe'))
    expect(() => readWhole(pipe)).toThrow(`${pipe}: a FIFO (named pipe); a regular file was expected`)
    expect(() => readWhole('/dev/zero')).toThrow('/dev/zero: a character device; a regular file was expected')
    expect(() => readWhole(folder)).toThrow(`${folder}: this is a folder; a file was expected`)
    expect(() => readWhole('/proc/self/status', 'shown')).toThrow('shown: a file without a size, as in /proc')
    expect(() => readWhole(join(folder, 'none'))).toThrow('none: the file is missing')
  })

  test('up to a limit', () => {
    const path = join(newFolder(), 'sparse')
    writeFileSync(path, '')
    expect(readWhole(path)).toHaveLength(0)
    truncateSync(path, 2 ** 33)
    expect(() => readWhole(path)).toThrow(`${path}: 8,589,934,592 bytes are too many; at most `)
    truncateSync(path, 11)
    expect(() => readWhole(path, path, 10)).toThrow('11 bytes are too many; at most 10 can be read')
    expect(readWhole(path, path, 11)).toHaveLength(11)
    expect(existsSync(path)).toBe(true)
  })
})
