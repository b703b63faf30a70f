/** The networks of a VAE as programs for other runtimes: TensorFlow SavedModel and ONNX. */
import type * as tf from '#tfjs'
import type { Program } from '../../compile/program/program.js'
import { programOfRows } from '../../compile/record/any-rows.js'
import { outputsAt } from '../../models/networks.js'
import { modelsOf, type Vae } from '../../models/vae.js'

/** The names of their inputs in signatures, by those in the networks; others keep theirs. */
const INPUTS: Readonly<Record<string, string>> = {
  decoder_input: 'z',
  decoder_label: 'label',
  encoder_input: 'x',
  encoder_label: 'label',
  upper_encoder_input: 'h1',
  upper_decoder_input: 'h2',
}

/**
 * A program for each network, the decoder first, whose outputs have the names of its distribution's parameters; that of the decoder has the
 * mean image besides. Encoder and decoder of a conditional model have a second input, `label` [rows, classes], one-hot. Throws an Error if the
 * backend is not native TensorFlow.
 */
export function networkPrograms(vae: Vae): Map<string, Program> {
  const { decoder, ...others } = Object.fromEntries(modelsOf(vae))
  const ordered = Object.entries({ decoder: decoder as tf.LayersModel, ...others })
  return new Map(ordered.map(([name, network]) => [name, programOf(vae, name, network)]))
}

function programOf(vae: Vae, name: string, network: tf.LayersModel): Program {
  const keys = network.inputNames.map(input => INPUTS[input] ?? input)
  const shapes = Object.fromEntries(keys.map((key, i) => [key, (network.inputs[i]?.shape ?? []).slice(1) as number[]]))
  return programOfRows(shapes, inputs => {
    const [values, label] = keys.map(key => inputs[key]) as [tf.Tensor, tf.Tensor | undefined]
    const outputs = outputsAt(network, values, label)
    const named = Object.fromEntries(outputNames(vae, name, network).map((key, i) => [key, outputs[i] as tf.Tensor]))
    return name === 'decoder' ? { mean: vae.likelihood.of(outputs).mean, ...named } : named
  })
}

/** Of what a network outputs, in its order. */
function outputNames({ likelihood, latents }: Vae, name: string, network: tf.LayersModel): readonly string[] {
  if (name === 'decoder') return likelihood.heads.map(head => head.name)
  return name === 'encoder' ? latents.heads : network.outputNames
}
