/** The bundled models beside each other, one click apart; "Open a model" is for all others. */
import { type BundledModel, bundledModels, bundledReference } from '../../library/bundledModels';
import { Icon } from '../parts/Icon';
import { Popover } from '../parts/Popover';
import { openFolder } from '../store/open';
import { useStudio } from '../store/state';

/** The one that is open, or undefined. */
export function useBundled(): BundledModel | undefined {
  const folder = useStudio((state) => state.open?.folder);
  return bundledModels.find(({ url }) => folder?.kind === 'url' && folder.url === new URL(url, document.baseURI).href);
}

export function ModelSwitch() {
  const current = useBundled();
  if (bundledModels.length < 2) return null;
  return (
    <Popover
      button={
        <>
          <Icon name="chip" size={14} />
          <span className="truncate">{current?.name ?? 'Bundled models'}</span>
          <Icon name="down" size={12} />
        </>
      }
      buttonClass="button quiet model-switch"
      label="Bundled models"
      width={340}
      testId="model-switch"
    >
      {(close) => (
        <ul className="model-list">
          {bundledModels.map((model) => (
            <li key={model.id}>
              <button
                type="button"
                aria-pressed={model === current}
                onClick={() => {
                  close();
                  if (model !== current) void openFolder(bundledReference(model, document.baseURI));
                }}
                data-testid={`switch-${model.id}`}
              >
                <b>{model.name}</b>
                <span className="dim">{model.description}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Popover>
  );
}
