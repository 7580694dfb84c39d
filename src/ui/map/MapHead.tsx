/** Head of the map: presets, undo and redo, what the letters and bars mean. */

import type { BlockKind } from '../../blocks/block';
import { Icon } from '../parts/Icon';
import { Popover } from '../parts/Popover';
import { leaves, sameCut } from '../plan/edits';
import { applyPreset, redo, tryPlan, undo } from '../store/edit';
import { useStudio } from '../store/state';
import { kindLetters, kindNames } from './shape';

export function MapHead() {
  const open = useStudio((state) => state.open);
  const plan = useStudio((state) => state.plan);
  const canUndo = useStudio((state) => state.past.length > 0);
  const canRedo = useStudio((state) => state.future.length > 0);
  return (
    <header className="map-head">
      <h2 className="title">Blocks</h2>
      <div className="presets" role="group" aria-label="Presets">
        {open?.presets.map((preset) => (
          <button
            key={preset.id}
            type="button"
            className="button small preset"
            aria-pressed={sameCut(open.tree, plan, preset.plan)}
            title={preset.description}
            onClick={() => applyPreset(preset)}
            onPointerEnter={() => tryPlan(preset.plan)}
            onPointerLeave={() => tryPlan(null)}
            onFocus={() => tryPlan(preset.plan)}
            onBlur={() => tryPlan(null)}
            data-testid={`preset-${preset.id}`}
          >
            {preset.label}
          </button>
        ))}
      </div>
      <span className="spacer" />
      <Popover button="Key" buttonClass="button quiet small" label="What the cells mean" align="right" width={268}>
        {() => <Legend />}
      </Popover>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Undo"
        title="Undo (Ctrl+Z)"
        disabled={!canUndo}
        onClick={undo}
        data-testid="undo"
      >
        <Icon name="undo" />
      </button>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Redo"
        title="Redo (Ctrl+Shift+Z)"
        disabled={!canRedo}
        onClick={redo}
        data-testid="redo"
      >
        <Icon name="redo" />
      </button>
    </header>
  );
}

function Legend() {
  const tree = useStudio((state) => state.open?.tree);
  const kinds = new Set<BlockKind>(tree?.blocks.flatMap(leaves).map((leaf) => leaf.kind) ?? []);
  return (
    <div className="legend">
      <ul>
        {[...kinds].map((kind) => (
          <li key={kind} className={`kind-${kind}`}>
            <span className="letter">{kindLetters[kind]}</span> {kindNames[kind]}
          </li>
        ))}
      </ul>
      <p>
        <i className="sample-bar p" /> parameters and <i className="sample-bar m" /> multiply-accumulates, next to the
        largest layer of the model; in a stage's head, next to the whole model.
      </p>
      <p>
        <Icon name="lock" size={11} /> cannot be dropped by itself; its tooltip says why.
      </p>
      <p>
        Click or <kbd>space</kbd> switches, <kbd>shift</kbd> takes a range, arrows move.
      </p>
    </div>
  );
}
