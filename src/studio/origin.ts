/**
 * What an exported graph says of where it came from, in `metadata_props` of the file itself: a name can be changed, and
 * the file alone still tells which model was cut, by which plan, and with what prompt and settings it was looked at.
 * Nothing that it computes depends on these entries, and whatever else the source's metadata holds stays.
 */
import type { Plan } from '../blocks/plan';
import type { Model } from '../onnx/model';
import type { GenerateSettings } from './GenerateSettings';
import { studioVersion } from './studioVersion';
import type { Edit } from './Variant';

export interface Origin {
  /** The pipeline's name, or the file's where it is a graph on its own. */
  readonly model: string;
  /** The cut of this graph, by its own block ids. */
  readonly plan: Plan;
  readonly weights: Edit['weights'];
  /** Of the clip that the student was seen in; those that the model comes with where there was none. */
  readonly settings: GenerateSettings;
}

const PREFIX = 'vdmini.';
/** The entries that the source itself had: a student of a student tells of both. */
const SOURCE = 'source';

/**
 * The model with `vdmini.version`, `.model`, `.plan` (`{"dropped": [...]}`, as a plan file), `.prompt`, `.settings` (JSON: seed,
 * steps, guidance, the picture's name and SHA-256), `.weights` (SHA-256 of the tensors, where they were healed) and `.source`.
 */
export function withOrigin(model: Model, { model: name, plan, weights, settings }: Origin): Model {
  const { prompt, seed, steps, guidance, image } = settings;
  const picture = image && { ...(image.name === undefined ? {} : { name: image.name }), sha256: image.key };
  const source = ownEntries(model.metadata);
  const entries: Readonly<Record<string, string>> = {
    version: studioVersion,
    model: name,
    plan: JSON.stringify({ dropped: plan.dropped }),
    prompt,
    settings: JSON.stringify({ seed, steps, guidance, ...(picture ? { picture } : {}) }),
    ...(weights === 'original' ? {} : { weights }),
    ...(source.size > 0 ? { [SOURCE]: JSON.stringify(Object.fromEntries(source)) } : {}),
  };
  const others = [...model.metadata].filter(([key]) => !key.startsWith(PREFIX));
  const own = Object.entries(entries).map(([key, value]) => [PREFIX + key, wellFormed(value)] as const);
  return { ...model, metadata: new Map([...others, ...own]) };
}

/** Without their prefix. */
function ownEntries(metadata: Model['metadata']): ReadonlyMap<string, string> {
  const own = [...metadata].filter(([key]) => key.startsWith(PREFIX));
  return new Map(own.map(([key, value]) => [key.slice(PREFIX.length), value]));
}

/** As a file holds it: half a surrogate pair, which UTF-8 has no bytes for, would read as something else. */
const wellFormed = (text: string): string => new TextDecoder().decode(new TextEncoder().encode(text));
