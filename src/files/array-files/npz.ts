/**
 * NumPy archives: a zip of npy files, stored without compression, so that the place of every number is known before it is written. All sizes
 * and offsets are 64 bits wide (PKWARE's APPNOTE, 4.5.3); readers of zip archives know that as zip64.
 */
import type { ArrayFormat, ArraySpec } from './arrays.js'
import { rowBytes, writeSideBySide } from './arrays.js'
import { crc32 } from './crc32.js'
import { npyHeader, npyTexts } from './npy.js'

/** A file in the archive. */
interface Member {
  spec: ArraySpec
  name: string
  /** Where its local header begins. */
  at: number
  npy: Buffer
  /** Bytes of the npy file. */
  size: number
  crc: number
}

const [LOCAL, CENTRAL] = [0x04034b50, 0x02014b50]
/** The version of the format that has zip64, and the length of a local header before the name. */
const [VERSION, LOCAL_LENGTH, EXTRA_LENGTH] = [45, 30, 20]
const IN_EXTRA = 0xffffffff
/** 1 January 1980, so that the same arrays give the same bytes. */
const DATE = 33

export const npz: ArrayFormat = {
  ending: 'npz',
  holds: () => true,
  open(file, specs) {
    const members = placed(specs)
    const byName = new Map(members.map(member => [member.spec, member]))
    for (const member of members) file.write(member.npy, dataAt(member))
    const places = new Map(members.map(member => [member.spec, dataAt(member) + member.npy.length]))
    const write = writeSideBySide(file, places, npyTexts, (spec, bytes) => {
      const member = byName.get(spec) as Member
      member.crc = crc32(bytes, member.crc)
    })
    return {
      write,
      finish() {
        for (const member of members) file.write(localHeader(member), member.at)
        const last = members.at(-1) as Member
        file.write(directory(members, dataAt(last) + last.size), dataAt(last) + last.size)
      },
    }
  },
}

const dataAt = ({ at, name }: Member): number => at + LOCAL_LENGTH + name.length + EXTRA_LENGTH

function placed(specs: readonly ArraySpec[]): Member[] {
  let next = 0
  return specs.map(spec => {
    const npy = npyHeader(spec)
    const size = npy.length + (spec.shape[0] as number) * rowBytes(spec, npyTexts)
    const member = { spec, name: `${spec.name}.npy`, at: next, npy, size, crc: crc32(npy) }
    next = dataAt(member) + size
    return member
  })
}

/** The fields that both headers of a member share: versions, flags, method 0, time, date, checksum and sizes. */
function shared({ crc, name }: Member): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(VERSION, 0)
  fields.writeUInt16LE(DATE, 8)
  fields.writeUInt32LE(crc, 10)
  fields.writeUInt32LE(IN_EXTRA, 14)
  fields.writeUInt32LE(IN_EXTRA, 18)
  fields.writeUInt16LE(name.length, 22)
  return fields
}

function localHeader(member: Member): Buffer {
  const header = Buffer.alloc(LOCAL_LENGTH)
  header.writeUInt32LE(LOCAL)
  shared(member).copy(header, 4)
  header.writeUInt16LE(EXTRA_LENGTH, 28)
  return Buffer.concat([header, Buffer.from(member.name), zip64([member.size, member.size])])
}

function centralHeader(member: Member): Buffer {
  const header = Buffer.alloc(46)
  header.writeUInt32LE(CENTRAL)
  header.writeUInt16LE(VERSION, 4)
  shared(member).copy(header, 6)
  const extra = zip64([member.size, member.size, member.at])
  header.writeUInt16LE(extra.length, 30)
  header.writeUInt32LE(IN_EXTRA, 42)
  return Buffer.concat([header, Buffer.from(member.name), extra])
}

/** The extra field with id 1: numbers of 64 bits. */
function zip64(numbers: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * numbers.length)
  extra.writeUInt16LE(1)
  extra.writeUInt16LE(8 * numbers.length, 2)
  numbers.forEach((number, i) => void extra.writeBigUInt64LE(BigInt(number), 4 + 8 * i))
  return extra
}

/** The central directory at byte `at`, and the three records that end an archive. */
function directory(members: readonly Member[], at: number): Buffer {
  const headers = Buffer.concat(members.map(centralHeader))
  const end64 = Buffer.alloc(56)
  end64.writeUInt32LE(0x06064b50)
  end64.writeBigUInt64LE(44n, 4)
  end64.writeUInt16LE(VERSION, 12)
  end64.writeUInt16LE(VERSION, 14)
  end64.writeBigUInt64LE(BigInt(members.length), 24)
  end64.writeBigUInt64LE(BigInt(members.length), 32)
  end64.writeBigUInt64LE(BigInt(headers.length), 40)
  end64.writeBigUInt64LE(BigInt(at), 48)
  const locator = Buffer.alloc(20)
  locator.writeUInt32LE(0x07064b50)
  locator.writeBigUInt64LE(BigInt(at + headers.length), 8)
  locator.writeUInt32LE(1, 16)
  const end = Buffer.alloc(22, 0xff)
  end.writeUInt32LE(0x06054b50)
  end.writeUInt32LE(0, 4) // both numbers of disks
  end.writeUInt16LE(0, 20) // no comment
  return Buffer.concat([headers, end64, locator, end])
}
