/**
 * The picture that an image-to-video model begins with: the bundled ones, or the person's own by file, drop or paste.
 * Shown as the model gets it, cropped to its aspect. Not there for models that take none.
 */

import { type DragEvent, useCallback, useEffect, useRef, useState } from 'react';
import { present } from '../../errors/present';
import type { PipelineDescription } from '../../pipeline/PipelineDescription';
import type { Picture } from '../../worker/protocol';
import { Icon } from '../parts/Icon';
import { readAddress } from '../plan/address';
import { takeExample, takePicture } from '../store/beginning';
import { exampleUrls } from '../store/pictures';
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
  const use = useCallback((source: Blob) => void takePicture(source), []);
  usePasted(use);
  useEffect(() => {
    if (picture || examples.length === 0) return;
    const named = readAddress(window.location.hash).picture;
    void takeExample(named !== undefined && input.examples.includes(named) ? named : present(input.examples[0]));
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
            aria-label={`Begin with the ${wordsOf(present(input.examples[i]))}`}
            aria-pressed={picture?.name === input.examples[i]}
            onClick={() => void takeExample(present(input.examples[i]))}
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

/** 'pictures/red-apple.png': 'red apple'. */
const wordsOf = (path: string): string =>
  present(path.split('/').at(-1))
    .replace(/\.\w+$/, '')
    .replaceAll('-', ' ');

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
