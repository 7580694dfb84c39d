/** Teacher, student before, and student now, of one seed and prompt, at the frame of the page's clock. */

import { useEffect, useRef } from 'react';
import { present } from '../../errors/present';
import type { Clip } from '../../metrics/Clip';
import type { HealingClip } from '../../worker/protocol';
import { clipHash, drawFrame } from '../clips/pixels';
import { useStudio } from '../store/state';

interface HealClipsProps {
  readonly clips: { readonly teacher: Clip; readonly before: Clip };
  readonly now: HealingClip | null;
}

export function HealClips({ clips, now }: HealClipsProps) {
  return (
    <div className="heal-clips" data-testid="heal-clips">
      <Small name="Teacher" clip={clips.teacher} className="teacher" />
      <Small name="Before" clip={clips.before} className="student" />
      <Small name={now ? `Step ${now.step}` : 'Now'} clip={now?.clip ?? null} className="student" />
    </div>
  );
}

interface SmallProps {
  readonly name: string;
  readonly clip: Clip | null;
  readonly className: string;
}

function Small({ name, clip, className }: SmallProps) {
  const frame = useStudio((state) => state.player.frame);
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (clip) drawFrame(present(canvas.current), clip, frame % clip.frameCount);
  }, [clip, frame]);
  return (
    <figure className={className}>
      {clip ? (
        <canvas
          ref={canvas}
          role="img"
          aria-label={`Clip while healing: ${name}`}
          data-testid={`heal-clip-${present(name.split(' ')[0]).toLowerCase()}`}
          data-clip-hash={clipHash(clip)}
        />
      ) : (
        <span className="heal-clip-empty faint">after the first measurement</span>
      )}
      <figcaption>{name}</figcaption>
    </figure>
  );
}
