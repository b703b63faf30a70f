/** The pictures that a training wrote, by epoch. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readWhole } from '../files/reading.js'
import { type Answer, missing } from './answer.js'
import type { PicturesOf } from './protocol.js'

const isPicture = /^(samples|reconstructions)-epoch-(\d{4,9})\.png$/

/** Largest picture that is sent, in bytes. */
const MOST = 64 * 2 ** 20

export function listPictures(folder: string): PicturesOf {
  const images = join(folder, 'images')
  const names = existsSync(images) ? readdirSync(images).sort() : []
  const found = names.flatMap(file => {
    const [, kind, epoch] = isPicture.exec(file) ?? []
    return kind === undefined ? [] : [{ kind, epoch: Number(epoch), file }]
  })
  const of = (wanted: string) => found.filter(({ kind }) => kind === wanted).map(({ epoch, file }) => ({ epoch, file }))
  return { samples: of('samples'), reconstructions: of('reconstructions') }
}

export function picture(folder: string, file: string): Answer {
  const path = join(folder, 'images', file)
  if (!isPicture.test(file) || !existsSync(path)) throw missing('there is no such picture')
  return { type: 'image/png', body: readWhole(path, path, MOST) }
}
