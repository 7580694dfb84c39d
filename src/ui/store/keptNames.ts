/** The models that anything is kept of in this page's storage: undo, shelves, measured damages, results of batches. */
import type { KeptNames } from '../../worker/protocol';
import { namesOfResults } from './gridStorage';
import { namesOfHistory } from './history';
import { namesOfMeasured } from './measured';
import { knownOutlines } from './modelName';
import { namesOfShelves } from './shelf';
import type { OpenState } from './state';

/** With the model that is open, which may be opened again. */
export function keptNames(open: OpenState | null): KeptNames {
  const named = open?.fingerprint ?? null;
  const fingerprints = [
    ...namesOfHistory(),
    ...namesOfShelves(),
    ...namesOfMeasured(),
    ...namesOfResults(),
    ...(named === null ? [] : [named]),
  ];
  return { fingerprints: [...new Set(fingerprints)], outlines: knownOutlines() };
}
