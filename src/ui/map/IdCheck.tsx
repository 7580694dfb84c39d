/**
 * The line under the map that checks whether ids are true: what each names is made neutral in the whole model, which has to
 * give what its cut gives. While it runs and after, every cell has its verdict.
 */
import { allBlocks, componentOf } from '../../blocks/plan';
import type { CheckedId, IdVerdict } from '../../worker/protocol';
import { Explain } from '../parts/Explain';
import { cancelIdCheck, checkIds, clearIdCheck, useIdCheck } from '../store/idCheck';
import { useComponent, useShownTree } from '../store/mapped';
import { useStudio } from '../store/state';
import './idCheck.css';

const ABOUT =
  'A preview and an export cannot show that a block has the wrong name: both would drop the same. This sets the weights that each id names to nothing in the whole model and compares that with the cut. Two runs a block, on noise, in the background.';

/** In words, for the details and screen readers. */
export const verdictWords: Readonly<Record<IdVerdict, string>> = {
  right: 'Its id was checked: it names what the cut removes.',
  wrong: 'Its id is wrong: the cut removes something else than the module of that name.',
  open: 'Its id cannot be told right or wrong: it is more than residual branches.',
  'no-effect': 'Its id cannot be told right or wrong: dropping it changes nothing here.',
};

export function IdCheck() {
  const component = useComponent();
  const tree = useShownTree();
  const isOpen = useStudio((state) => state.open !== null && state.opening === null);
  const { verdicts, running, checked } = useIdCheck();
  if (!tree || !isOpen) return null;
  const own = Object.entries(verdicts).filter(([id]) => componentOf(id) === component);
  const isRunning = running?.component === component;
  const total = allBlocks(tree).filter(({ droppable, members }) => droppable && !members).length;
  return (
    <div className="id-check" role="group" aria-label="Check of ids" data-testid="id-check">
      <Explain about={ABOUT}>Block ids</Explain>
      {isRunning ? (
        <>
          <progress max={running.of || total} value={running.done} aria-label="Blocks checked" />
          <span data-testid="id-check-progress">
            {running.done} of {running.of || total}
          </span>
          <button type="button" className="button small" onClick={cancelIdCheck} data-testid="id-check-cancel">
            Cancel
          </button>
        </>
      ) : (
        <button
          type="button"
          className="button small"
          disabled={running !== null || total === 0}
          onClick={() => void checkIds(component)}
          aria-label={`Check ${own.length > 0 ? 'again ' : ''}that ids name what goes`}
          data-testid="id-check-run"
        >
          {own.length > 0 ? 'Check again' : 'Check'}
        </button>
      )}
      {own.length > 0 && (
        <>
          <Outcome verdicts={own} isWhole={checked.includes(component)} />
          {!isRunning && (
            <button type="button" className="button quiet small" onClick={clearIdCheck} data-testid="id-check-clear">
              Clear
            </button>
          )}
        </>
      )}
    </div>
  );
}

function Outcome({
  verdicts,
  isWhole,
}: {
  readonly verdicts: readonly (readonly [string, CheckedId])[];
  readonly isWhole: boolean;
}) {
  const of = (...wanted: readonly IdVerdict[]) => verdicts.filter(([, { verdict }]) => wanted.includes(verdict));
  const [right, wrong, untold] = [of('right'), of('wrong'), of('open', 'no-effect')];
  return (
    <span role="status" data-testid="id-check-outcome" data-whole={isWhole}>
      <b>{right.length}</b> right,{' '}
      <b className={wrong.length > 0 ? 'id-wrong' : undefined} data-testid="id-check-wrong">
        {wrong.length}
      </b>{' '}
      wrong{wrong.length > 0 && ` (${wrong.map(([id]) => id).join(', ')})`}, <b>{untold.length}</b> cannot be told
      {isWhole ? '' : ' so far'}
    </span>
  );
}
