/**
 * Whether ids name what their cuts remove, checked on a click for the open model: a background job of the worker. Verdicts
 * count for the model that they were found on, and go with it.
 */
import { create } from 'zustand';
import { type ComponentId, withComponent } from '../../blocks/plan';
import type { CheckedId } from '../../worker/protocol';
import { engine, isAbort, showProblem } from './engine';
import { isSameModel } from './sameModel';
import { useStudio } from './state';

interface IdCheckState {
  /** By the ids of the pipeline's plans. */
  readonly verdicts: Readonly<Record<string, CheckedId>>;
  /** Components whose blocks were all checked. */
  readonly checked: readonly ComponentId[];
  readonly running: { readonly component: ComponentId; readonly done: number; readonly of: number } | null;
}

const nothing: IdCheckState = { verdicts: {}, checked: [], running: null };

export const useIdCheck = create<IdCheckState>()(() => nothing);

let controller: AbortController | null = null;

/** Checks every block of a component; verdicts are shown as they come. */
export async function checkIds(component: ComponentId): Promise<void> {
  controller?.abort();
  const own = new AbortController();
  controller = own;
  const kept = Object.entries(useIdCheck.getState().verdicts).filter(([id]) => !isOf(component, id));
  const others = useIdCheck.getState().checked.filter((one) => one !== component);
  useIdCheck.setState({
    verdicts: Object.fromEntries(kept),
    checked: others,
    running: { component, done: 0, of: 0 },
  });
  try {
    await engine.checkIds(
      { component },
      {
        signal: own.signal,
        onProgress: ({ done, of, checked }) => {
          if (controller !== own) return;
          useIdCheck.setState(({ verdicts }) => ({
            verdicts: { ...verdicts, [withComponent(component, checked.id)]: checked },
            running: { component, done, of },
          }));
        },
      },
    );
    if (controller === own) useIdCheck.setState({ checked: [...others, component] });
  } catch (thrown) {
    if (controller === own && !isAbort(thrown)) showProblem(thrown, 'check');
  } finally {
    if (controller === own) {
      controller = null;
      useIdCheck.setState({ running: null });
    }
  }
}

const isOf = (component: ComponentId, id: string): boolean => id.startsWith('decoder/') === (component === 'decoder');

/** What was found until then stays. */
export function cancelIdCheck(): void {
  controller?.abort();
  controller = null;
  useIdCheck.setState({ running: null });
}

/** Takes all verdicts off the map. */
export function clearIdCheck(): void {
  cancelIdCheck();
  useIdCheck.setState(nothing);
}

/** From now on: verdicts go with their model. */
export function followModelForIds(): void {
  useStudio.subscribe((state, before) => {
    if (!isSameModel(state.open, before.open)) clearIdCheck();
  });
}
