/** The models that this browser keeps, with sizes and what room is left. */
import { useEffect } from 'react';
import type { KeptModel } from '../../library/modelCache';
import { formatBytes } from '../format';
import { Icon } from '../parts/Icon';
import { deleteKept, listKept, openUrl } from '../store/kept';
import { useStudio } from '../store/state';

export function KeptModels() {
  const kept = useStudio((state) => state.kept);
  useEffect(() => void listKept(), []);
  if (!kept) return null;
  const { models, space } = kept;
  return (
    <section className="kept" aria-label="Models kept in this browser">
      {models.length > 0 && (
        <ul>
          {models.map((model) => (
            <KeptLine key={model.id} model={model} />
          ))}
        </ul>
      )}
      {space && (
        <p className="faint" data-testid="storage-space">
          This browser stores {formatBytes(space.usedBytes)} for this page; there is room for {formatBytes(Math.max(0, space.quotaBytes - space.usedBytes))} more.
        </p>
      )}
    </section>
  );
}

function KeptLine({ model }: { readonly model: KeptModel }) {
  const whole = model.files.every((file) => file.sha256 !== undefined);
  return (
    <li data-testid="kept-model">
      <button type="button" className="kept-open" title={model.url} onClick={() => void openUrl(model.url, true)}>
        <Icon name="folder" size={14} />
        <span className="truncate">{model.name}</span>
        <span className="faint">
          {formatBytes(model.storedBytes)}
          {whole ? '' : ', not complete'}
        </span>
      </button>
      <button type="button" className="button quiet small" aria-label={`Delete ${model.name} from this browser`} onClick={() => void deleteKept(model)}>
        Delete
      </button>
    </li>
  );
}
