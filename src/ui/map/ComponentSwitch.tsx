/** Whose blocks the map shows: the denoiser's or the decoder's, where the model has blocks of both. */
import { type ComponentId, planOfComponent } from '../../blocks/plan';
import { Segmented } from '../parts/Segmented';
import { showComponent } from '../store/edit';
import { mappedOf, useComponent } from '../store/mapped';
import { useStudio } from '../store/state';

const names: Readonly<Record<ComponentId, string>> = { denoiser: 'Denoiser', decoder: 'Decoder' };

export function ComponentSwitch() {
  const hasDecoder = useStudio((state) => mappedOf(state)?.decoder !== undefined);
  const plan = useStudio((state) => state.plan);
  const component = useComponent();
  if (!hasDecoder) return null;
  const label = (id: ComponentId): string => {
    const count = planOfComponent(plan, id).dropped.length;
    return count === 0 ? names[id] : `${names[id]} −${count}`;
  };
  return (
    <Segmented<ComponentId>
      label="Whose blocks the map shows"
      choices={(['denoiser', 'decoder'] as const).map((value) => ({ value, label: label(value) }))}
      value={component}
      onChange={showComponent}
      testId="component"
    />
  );
}
