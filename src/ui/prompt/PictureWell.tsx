/**
 * The picture that an image-to-video model begins with: the bundled ones, or the person's own by file, drop or paste.
 * Shown as the model gets it, cropped to its aspect. Not there for models that take none.
 */

import { type DragEvent, useCallback, useEffect, useRef, useState } from 'react';
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { PipelineDescription } from '../../pipeline/PipelineDescription';
import type { Picture } from '../../worker/protocol';
import { Icon } from '../parts/Icon';
import { showProblem } from '../store/engine';
import { exampleUrls, fetchPicture, readPicture } from '../store/pictures';
import { commitSettings } from '../store/settings';
import { useStudio } from '../store/state';

type ImageInput = NonNullable<PipelineDescription['image']>;

export function PictureWell() {
  const input = useStudio((state) => state.open?.description.image);
  const folder = useStudio((state) => state.open?.folder);
  if (!input || !folder) return null;
  return <Well input={input} examples={exampleUrls(input, folder)} />;
}

interface WellProps {
  readonly input: ImageInput;
  readonly examples: readonly string[];
}

function Well({ input, examples }: WellProps) {
  const picture = useStudio((state) => state.settings.image);
  const file = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const use = useCallback((source: Blob) => void takePicture(source, input), [input]);
  usePasted(use);
  useEffect(() => {
    if (!picture && examples[0] !== undefined) void takeExample(examples[0], input);
  }, [picture, examples, input]);
  const onDrop = (event: DragEvent) => {
    const dropped = [...event.dataTransfer.files].find(({ type }) => type.startsWith('image/'));
    setOver(false);
    if (!dropped) return; // models and plans are the page's business
    event.preventDefault();
    event.stopPropagation();
    use(dropped);
  };
  return (
    <section
      className="picture-well"
      aria-label="Picture to begin with"
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={onDrop}
      data-testid="picture-well"
    >
      {picture ? <PictureCanvas picture={picture} /> : <div className="picture-none">no picture</div>}
      <div className="picture-ways">
        {examples.map((url, i) => (
          <button
            key={url}
            type="button"
            className="picture-example"
            aria-label={`Begin with bundled picture ${i + 1}`}
            onClick={() => void takeExample(url, input)}
            data-testid={`picture-${i}`}
          >
            <img src={url} alt="" width={32} height={32} />
          </button>
        ))}
        <button type="button" className="button small" onClick={() => present(file.current).click()}>
          <Icon name="picture" size={14} /> Your own
        </button>
        <span className="faint">
          or drop or paste one; cropped to {input.width}×{input.height}
        </span>
      </div>
      <input
        ref={file}
        type="file"
        accept="image/*"
        hidden
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          if (chosen) use(chosen);
          event.target.value = '';
        }}
        data-testid="picture-input"
      />
    </section>
  );
}

function PictureCanvas({ picture }: { readonly picture: Picture }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const image = new ImageData(picture.width, picture.height);
    image.data.set(picture.pixels);
    present(present(canvas.current).getContext('2d')).putImageData(image, 0, 0);
  }, [picture]);
  return (
    <canvas
      ref={canvas}
      className="picture"
      width={picture.width}
      height={picture.height}
      role="img"
      aria-label="The picture as the model gets it"
      data-key={picture.key}
      data-testid="picture"
    />
  );
}

/** Pictures from the clipboard, wherever on the page they are pasted. */
function usePasted(use: (source: Blob) => void): void {
  useEffect(() => {
    const onPaste = (event: ClipboardEvent) => {
      const pasted = [...(event.clipboardData?.files ?? [])].find(({ type }) => type.startsWith('image/'));
      if (pasted) use(pasted);
    };
    window.addEventListener('paste', onPaste);
    return () => window.removeEventListener('paste', onPaste);
  }, [use]);
}

async function takeExample(url: string, input: ImageInput): Promise<void> {
  const image = await fetchPicture(url, input);
  if (image) commitSettings({ image });
}

async function takePicture(source: Blob, { width, height }: ImageInput): Promise<void> {
  try {
    const image = await readPicture(source, { width, height });
    commitSettings({ image });
  } catch (cause) {
    const name = source instanceof File ? source.name : 'This';
    showProblem(
      new StudioError('library/invalid-config', `${name} is no picture that this browser can read.`, {}, { cause }),
      'generate',
    );
  }
}
