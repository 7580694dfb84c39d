/** Files dropped anywhere on the page open as a model; a plan's JSON is applied to the open one. */

import { useEffect, useState } from 'react';
import { present } from '../../errors/present';
import { Icon } from '../parts/Icon';
import { importPlan } from '../store/edit';
import { showProblem } from '../store/engine';
import { openFolder } from '../store/open';
import { read } from '../store/state';
import { readDropped } from './readDropped';
import './open.css';

export function DropTarget() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true;
    const onEnter = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      depth -= 1;
      if (depth <= 0) setOver(false);
    };
    const onOver = (event: DragEvent) => hasFiles(event) && event.preventDefault();
    const onDrop = (event: DragEvent) => {
      if (!event.dataTransfer || !hasFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      void openDropped(event.dataTransfer);
    };
    const listeners = { dragenter: onEnter, dragleave: onLeave, dragover: onOver, drop: onDrop } as const;
    for (const [type, listener] of Object.entries(listeners)) window.addEventListener(type, listener as EventListener);
    return () => {
      for (const [type, listener] of Object.entries(listeners))
        window.removeEventListener(type, listener as EventListener);
    };
  }, []);
  if (!over) return null;
  return (
    <div className="drop-target" aria-hidden="true">
      <div>
        <Icon name="folder" size={36} />
        <p>Drop a model folder, or an .onnx file with its weights</p>
        <p className="faint">A plan’s .json is applied to the open model. Nothing leaves this tab.</p>
      </div>
    </div>
  );
}

async function openDropped(transfer: DataTransfer): Promise<void> {
  try {
    const only = transfer.files.length === 1 ? present(transfer.files[0]) : null;
    const isPlan = only !== null && only.name.endsWith('.json') && read().open !== null;
    if (isPlan) await importPlan(only);
    else await openFolder(await readDropped(transfer));
  } catch (thrown) {
    showProblem(thrown, 'open');
  }
}
