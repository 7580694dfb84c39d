/** The latent's size where the graph leaves it free: an exporter's trace may run at its own sizes only. */

import { type FormEvent, useState } from 'react';
import { present } from '../../errors/present';
import type { LatentSize } from '../../pipeline/PipelineDescription';
import { NumberField } from '../parts/NumberField';
import { Popover } from '../parts/Popover';
import { setLatentSize } from '../store/open';
import { useStudio } from '../store/state';

const names: Readonly<Record<keyof LatentSize, string>> = { frames: 'Frames', height: 'Height', width: 'Width' };

export function LatentSizeButton() {
  const free = useStudio((state) => present(state.open).description.freeSizes.length > 0);
  if (!free) return null;
  return (
    <Popover
      button="Size…"
      buttonClass="button quiet small"
      label="Size of the latent"
      width={350}
      testId="latent-size"
    >
      {(close) => <LatentSizeForm close={close} />}
    </Popover>
  );
}

function LatentSizeForm({ close }: { readonly close: () => void }) {
  const { freeSizes, latent } = useStudio((state) => present(state.open).description);
  const [size, setSize] = useState<LatentSize>(Object.fromEntries(freeSizes.map((what) => [what, latent[what]])));
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    close();
    setLatentSize(size);
  };
  return (
    <form className="latent-size" onSubmit={onSubmit}>
      <p className="dim">
        The graph leaves these open. Some exporters' graphs run only at the sizes they were traced with.
      </p>
      <div className="latent-size-fields">
        {freeSizes.map((what) => (
          <NumberField
            key={what}
            label={names[what]}
            value={present(size[what])}
            min={1}
            max={4096}
            whole
            width={56}
            onCommit={(value) => setSize({ ...size, [what]: value })}
            testId={`latent-${what}`}
          />
        ))}
      </div>
      <button type="submit" className="button" data-testid="latent-size-apply">
        Open again at this size
      </button>
    </form>
  );
}
