/** Ways to open a model: the bundled one, a folder, files, a URL. */

import { type ChangeEvent, type FormEvent, useRef } from 'react';
import { present } from '../../errors/present';
import { bundledModels, bundledReference } from '../../library/bundledModels';
import { Dialog } from '../parts/Dialog';
import { Icon } from '../parts/Icon';
import { ProblemPanel } from '../shell/ProblemPanel';
import { openUrl } from '../store/kept';
import { openFolder } from '../store/open';
import { usePage, writePage } from '../store/page';
import { showPanel } from '../store/settings';
import { read, useStudio } from '../store/state';
import { KeptModels } from './KeptModels';
import { readPicked } from './readDropped';

const close = () => showPanel('none');

export function OpenPanel() {
  const shown = useStudio((state) => state.panel === 'open');
  return shown ? <OpenDialog /> : null;
}

function OpenDialog() {
  const openName = useStudio((state) => state.open?.folder.name);
  const folderInput = useRef<HTMLInputElement>(null);
  const filesInput = useRef<HTMLInputElement>(null);
  const onPick = (event: ChangeEvent<HTMLInputElement>) => {
    const { files } = event.target;
    if (files && files.length > 0) void openFolder(readPicked(files));
  };
  return (
    <Dialog title="Open a model" onClose={close} testId="open-panel">
      <ProblemPanel inDialog />
      <p className="dim">
        A pipeline folder in Optimum’s layout (model_index.json, unet, vae_decoder, text_encoder, tokenizer, scheduler),
        or a denoiser’s .onnx file with its weights files. Files are read where they are; nothing leaves this tab.
      </p>
      <HowToExport />
      <div className="open-ways">
        <button type="button" className="open-way" onClick={() => present(folderInput.current).click()}>
          <Icon name="folder" size={20} />
          <b>Choose a folder</b>
          <span className="faint">or drop it anywhere</span>
        </button>
        <button type="button" className="open-way" onClick={() => present(filesInput.current).click()}>
          <Icon name="file" size={20} />
          <b>Choose files</b>
          <span className="faint">.onnx and its weights</span>
        </button>
        {bundledModels.map((model) => (
          <button
            key={model.id}
            type="button"
            className="open-way bundled"
            onClick={() => void openFolder(bundledReference(model, document.baseURI))}
            data-testid={`open-${model.id}`}
          >
            <Icon name="chip" size={20} />
            <b>{model.name}</b>
            <span className="faint">
              {openName === model.id ? 'Bundled, open now. ' : 'Bundled. '}
              {model.description}
            </span>
          </button>
        ))}
      </div>
      {/* React has no name for the attribute that makes a file input take folders. */}
      <input
        ref={folderInput}
        type="file"
        hidden
        multiple
        onChange={onPick}
        {...{ webkitdirectory: '' }}
        data-testid="folder-input"
      />
      <input ref={filesInput} type="file" hidden multiple onChange={onPick} data-testid="files-input" />
      <UrlForm />
      <KeptModels />
    </Dialog>
  );
}

/** A model in PyTorch is one call away from what the studio opens. */
function HowToExport() {
  return (
    <details className="open-how">
      <summary>My model is in PyTorch: how does it become an .onnx?</summary>
      <pre>
        <code>{`torch.onnx.export(unet, (), "model.onnx", dynamo=True,
    output_names=["out_sample"], kwargs={
        "sample": …, "timestep": …,
        "encoder_hidden_states": …, "return_dict": False})`}</code>
      </pre>
      <p className="dim">
        The denoiser alone is enough to begin with; its inputs keep their names, and the values are examples of the
        right shapes. training/exports/README.md in the studio’s source has a snippet for each family that was tried.
      </p>
    </details>
  );
}

/** What was typed stays until a model came from it. */
async function openTyped(url: string, keep: boolean): Promise<void> {
  await openUrl(url, keep);
  const { folder } = read().open ?? {};
  if (folder?.kind === 'url' && folder.url === url) writePage({ typedUrl: '' });
}

function UrlForm() {
  const { typedUrl: url, keepUrl: keep } = usePage();
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    void openTyped(url, keep);
  };
  return (
    <form className="open-url" onSubmit={onSubmit}>
      <label htmlFor="model-url">From a URL</label>
      <input
        id="model-url"
        className="field"
        type="url"
        required
        placeholder="https://…/my-model/ or …/model.onnx"
        value={url}
        onChange={(event) => writePage({ typedUrl: event.target.value })}
        data-testid="url-input"
      />
      <button type="submit" className="button" data-testid="url-open">
        Open
      </button>
      <span className="open-url-notes faint">
        <label>
          <input
            type="checkbox"
            checked={keep}
            onChange={(event) => writePage({ keepUrl: event.target.checked })}
            data-testid="url-keep"
          />{' '}
          Keep it in this browser
        </label>
        <span>The server must allow this page to read it (CORS).</span>
      </span>
    </form>
  );
}
