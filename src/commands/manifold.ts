/** `elbo manifold RUN`: decoded images over the plane of a two-dimensional z. */
import { manifold as decodePlane } from '../methods/pictures.js'
import { grouped, positive, wholeNumber } from '../settings/setting.js'
import { command } from './command.js'
import { labelOption, requireLabel } from './label.js'
import { inDeviations, openVae, orThrow, pictureOptions, refuseLayers, writeGrid } from './opened-run.js'

export const manifold = command({
  name: 'manifold',
  summary: 'draws the decoded images over a two-dimensional z',
  argument: 'run',
  options: {
    side: grouped('output', wholeNumber([1, 200], 20, 'images along each axis')),
    extent: grouped('output', positive(3, 'both axes run from -n to n standard deviations of p(z)')),
    label: labelOption,
    ...pictureOptions,
  },
  examples: ['manifold plane', 'manifold plane --side 30 --extent 2.5 --out plane.png'],
  async run({ argument, values }, context) {
    const run = await openVae(argument, values, context)
    orThrow(refuseLayers(run.trained.vae, 'manifold'))
    const { latentDim } = run.trained.vae
    if (latentDim !== 2) {
      throw new Error(
        `run ${argument} has ${latentDim} latent dimensions; manifold needs 2: train with --preset latent-2d`,
      )
    }
    const label = requireLabel(run.trained, values.label, 'manifold')
    const picture = await decodePlane(run.trained.vae, values.side, values.extent, label)
    const path = writeGrid(run, picture, 'manifold', values.out, { columns: values.side, gap: 0 })
    context.print(
      `z_1 increases to the right and z_2 upwards, each from -${values.extent} to ${values.extent}${inDeviations(run.trained.vae)}: ${path}`,
    )
    return { json: { run: argument, path, side: values.side, extent: values.extent, z: picture.z } }
  },
})
