/** What lies over a clip's frame while there is nothing to show, while it is sampled, and when it is stale. */
import type { CSSProperties } from 'react';
import { Icon } from '../parts/Icon';
import { isOfOtherSettings, standing } from '../store/derived';
import { generateNow } from '../store/settings';
import type { Side } from '../store/state';
import { useStudio } from '../store/state';

export function WaitingClip({ side }: { readonly side: Side }) {
  const stands = useStudio((state) => standing(state, side));
  const hasClip = useStudio((state) => state.shown[side] !== undefined);
  const share = useStudio((state) => (state.run ? state.run.step / state.run.steps : 0));
  const cannotRun = useStudio((state) => (state.opening === null ? state.open?.cannotRun : undefined));
  const canRun = useStudio(
    (state) => state.open !== null && state.opening === null && state.open.cannotRun === undefined,
  );
  const opening = useStudio((state) => state.opening !== null);
  const other = useStudio((state) => isOfOtherSettings(state, side));
  const noDecoder = useStudio((state) => state.open !== null && state.open.description.decoder === undefined);
  const lacks = useStudio((state) => state.open?.description.decoderLacks);
  return (
    <>
      {!hasClip && (
        <div className="clip-empty">
          {stands === 'running' || stands === 'queued' ? (
            <span className="faint">first step …</span>
          ) : cannotRun !== undefined ? (
            <p className="clip-reason" data-testid="cannot-run">
              {side === 'teacher' ? cannotRun : ''}
            </p>
          ) : canRun && side !== 'teacher' ? (
            <button type="button" className="button" onClick={generateNow}>
              <Icon name="play" size={12} /> Generate
            </button>
          ) : (
            <span className="faint">{canRun ? 'no clip yet' : opening ? 'opening the model …' : ''}</span>
          )}
        </div>
      )}
      {stands === 'running' && (
        <div
          className={`progress clip-progress ${side}`}
          role="progressbar"
          aria-label={side === 'second' ? 'Sampling student B' : `Sampling the ${side}`}
          aria-valuenow={Math.round(share * 100)}
        >
          <span style={{ transform: `scaleX(${share})` } as CSSProperties} />
        </div>
      )}
      {hasClip && (other || stands === 'stale' || stands === 'queued') && (
        <div className="clip-stale" data-testid={`${side}-stale`} />
      )}
      {hasClip && noDecoder && (
        <p className="clip-note" data-testid={`${side}-no-decoder`}>
          Latent, false colours: {lacks ?? 'this model came without a VAE decoder'}
        </p>
      )}
    </>
  );
}
