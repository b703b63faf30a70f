// Sources that were made to do harm: bombs, a pipe, folders that lead in a circle, folders of very many files.
import { execFileSync } from 'node:child_process'
import { closeSync, cpSync, linkSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'

const fixtures = join(import.meta.dirname, '../../test/data/sources/fixtures-pictures')

/** The header of a NumPy array of bytes of this shape. */
function npyHeader(shape) {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`.padEnd(117)
  const length = Buffer.alloc(2)
  length.writeUInt16LE(text.length + 1)
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00', 'latin1'), length, Buffer.from(`${text}\n`)])
}

/** An npz whose one member says that it has `size` bytes, and whose packed bytes are these. */
function npz(name, packed, size, checksum) {
  const member = Buffer.from(name)
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(8, 4)
  common.writeUInt32LE(checksum, 10)
  common.writeUInt32LE(packed.length, 14)
  common.writeUInt32LE(size, 18)
  common.writeUInt16LE(member.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, member, packed])
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, Buffer.alloc(14), member])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, central, end])
}

function zipBomb(path, said) {
  const header = npyHeader([said, 28, 28])
  const plain = Buffer.concat([header, Buffer.alloc(2 ** 28)])
  writeFileSync(path, npz('x.npy', deflateRawSync(plain, { level: 9 }), plain.length, crc32(plain)))
}

/** Several members of gzip, one after the other: 8 GiB of zeros after the header of an IDX file. */
async function gzipBomb(path, said) {
  const header = Buffer.alloc(16)
  for (const [i, word] of [0x803, said, 28, 28].entries()) header.writeUInt32BE(word, 4 * i)
  const zeros = gzipSync(Buffer.alloc(2 ** 28))
  const file = openSync(path, 'w')
  for (const bytes of [gzipSync(header), ...Array.from({ length: 32 }, () => zeros)]) writeSync(file, bytes)
  closeSync(file)
}

function manyFiles(folder, count, name, original) {
  mkdirSync(folder)
  const most = 50_000 // links to one file
  for (let i = 0; i < count; i++) {
    const first = join(folder, name(i - (i % most)))
    if (i % most === 0) cpSync(original, first)
    else linkSync(first, join(folder, name(i)))
  }
}

function circle(folder) {
  mkdirSync(join(folder, 'a', 'b'), { recursive: true })
  symlinkSync(folder, join(folder, 'a', 'b', 'again'))
  symlinkSync('self', join(folder, 'a', 'self'))
}

/** `{ name, source, isRefused, options }` of each; `isRefused` is undefined where either is right. */
export async function hostileSources(folder) {
  const at = name => join(folder, name)
  const png = join(fixtures, 'grey.png')
  zipBomb(at('bomb.npz'), 3)
  zipBomb(at('long.npz'), 342_392)
  await gzipBomb(at('train-images-idx3-ubyte.gz'), 3)
  execFileSync('mkfifo', [at('pipe.png'), at('pipe.npy')])
  circle(at('circle'))
  mkdirSync(at('circle-with-picture'))
  circle(at('circle-with-picture/class'))
  cpSync(png, at('circle-with-picture/class/a.png'))
  mkdirSync(at('pipes'))
  cpSync(png, at('pipes/a.png'))
  execFileSync('mkfifo', [at('pipes/b.png')])
  manyFiles(at('pictures'), 200_000, i => `${i}.png`, png)
  manyFiles(at('others'), 200_000, i => `${i}.txt`, join(fixtures, 'expected.json'))
  return [
    { name: 'zip bomb: 256 MiB in a member of 3 images', source: at('bomb.npz'), isRefused: true },
    { name: 'packed npz of 256 MiB of zeros', source: at('long.npz') },
    { name: 'gzip bomb: 8 GiB after 3 images', source: at('train-images-idx3-ubyte.gz'), isRefused: true },
    { name: 'PNG bomb: 8200 x 8200 in 8 KB', source: join(fixtures, 'bomb.png'), isRefused: true },
    { name: 'pipe called .png', source: at('pipe.png'), isRefused: true },
    { name: 'pipe called .npy', source: at('pipe.npy'), isRefused: true },
    { name: 'pipe as raw bytes', source: at('pipe.npy'), isRefused: true, options: { rawShape: '1x2x2' } },
    { name: 'device without an end', source: '/dev/zero', isRefused: true, options: { rawShape: '1x2x2' } },
    { name: 'folder with a pipe among pictures', source: at('pipes') },
    { name: 'folders in a circle', source: at('circle'), isRefused: true },
    { name: 'folders in a circle with a picture', source: at('circle-with-picture'), isRefused: false },
    { name: 'pattern over folders in a circle', source: `${at('circle')}/**/*.png`, isRefused: true },
    { name: 'folder of 200,000 pictures', source: at('pictures'), isRefused: false },
    { name: 'folder of 200,000 other files', source: at('others'), isRefused: true },
  ]
}
