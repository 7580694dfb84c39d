/** The bundled models beside each other, one click apart; "Open a model" is for all others. */
import { bundledModels, bundledReference } from '../../library/bundledModels';
import { Icon } from '../parts/Icon';
import { Popover } from '../parts/Popover';
import { openFolder } from '../store/open';
import { useStudio } from '../store/state';

export function ModelSwitch() {
  const folder = useStudio((state) => state.open?.folder);
  if (bundledModels.length < 2) return null;
  const current = bundledModels.find(
    ({ url }) => folder?.kind === 'url' && folder.url === new URL(url, document.baseURI).href,
  );
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
