/** Head of the map: ready-made cuts from the gentlest, undo and redo. */

import { componentTree } from '../../blocks/componentTree';
import { sameCut } from '../../blocks/plan';
import { Icon } from '../parts/Icon';
import { presetsOfComponent } from '../plan/presets';
import { KeepButton } from '../shelf/KeepButton';
import { applyCut, redo, tryPlan, undo } from '../store/edit';
import { mappedOf, useComponent } from '../store/mapped';
import { useStudio } from '../store/state';
import { ComponentSwitch } from './ComponentSwitch';
import { LayerSearch } from './LayerSearch';

export function MapHead() {
  const mapped = useStudio(mappedOf);
  const component = useComponent();
  const plan = useStudio((state) => state.plan);
  const canUndo = useStudio((state) => state.past.length > 0);
  const canRedo = useStudio((state) => state.future.length > 0);
  return (
    <header className="map-head">
      <h2 className="visually-hidden">Blocks</h2>
      <ComponentSwitch />
      <div className="presets" role="group" aria-label="Ready-made cuts">
        {mapped &&
          presetsOfComponent(mapped, component).map((preset) => (
            <button
              key={preset.id}
              type="button"
              className="button small preset"
              aria-pressed={sameCut(componentTree(mapped.tree, mapped.decoder?.tree, component), plan, preset.plan)}
              aria-description={preset.description}
              onClick={() => applyCut(component, preset.plan)}
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
      <LayerSearch />
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Undo (Ctrl+Z)"
        disabled={!canUndo}
        onClick={undo}
        data-testid="undo"
      >
        <Icon name="undo" />
      </button>
      <button
        type="button"
        className="button quiet icon small"
        aria-label="Redo (Ctrl+Shift+Z)"
        disabled={!canRedo}
        onClick={redo}
        data-testid="redo"
      >
        <Icon name="redo" />
      </button>
      <KeepButton />
    </header>
  );
}
