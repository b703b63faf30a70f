/** The pictures that a training wrote, by epoch. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Answer, missing } from './answer.js'
import { readOwn } from './own-file.js'
import type { PicturesOf } from './protocol.js'

const isPicture = /^(samples|reconstructions)-epoch-(\d{4,9})\.png$/

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
  if (!isPicture.test(file)) throw missing('there is no such picture')
  return { type: 'image/png', body: readOwn(folder, join(folder, 'images', file), 'there is no such picture') }
}
