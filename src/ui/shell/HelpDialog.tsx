/** What the studio does in three sentences, and the keys; `?` opens it. */
import { Dialog } from '../parts/Dialog';
import { usePage, writePage } from '../store/page';
import { studioVersion } from '../version';

const groups: readonly { readonly name: string; readonly keys: readonly (readonly [string, string])[] }[] = [
  {
    name: 'Clips',
    keys: [
      ['Space or K', 'play and pause'],
      [', and .', 'one frame back, one on'],
      ['1 2 3', 'side by side, wipe, difference'],
      ['X held down', 'swap the sides'],
      ['0', 'show the whole clip again'],
      ['wheel, drag', 'magnify and move, both sides in step'],
    ],
  },
  {
    name: 'Block map',
    keys: [
      ['Arrows', 'move between blocks'],
      ['Space', 'switch a block off or on'],
      ['Shift + click or space', 'the range from the last one'],
      ['Ctrl + Z', 'undo'],
      ['Ctrl + Shift + Z', 'redo'],
      ['/', 'find layers'],
    ],
  },
  {
    name: 'Page',
    keys: [
      ['Enter in a field', 'run with what it says, also during a run'],
      ['?', 'this list'],
      ['Esc', 'close'],
    ],
  },
];

export function HelpDialog() {
  const shown = usePage((state) => state.shortcutsShown);
  if (!shown) return null;
  return (
    <Dialog title="Help" onClose={() => writePage({ shortcutsShown: false })} testId="help-dialog">
      <ol className="walkthrough">
        <li>
          The left clip is the teacher, a whole model; the right one is the student, the same model without the blocks
          that you switch off in the map.
        </li>
        <li>
          Start from a ready-made cut or click single blocks: the student runs again, and the line under the clips says
          what it saves and what became of content and motion.
        </li>
        <li>
          Export the student as ONNX; it is checked against what you saw before you get it. Nothing leaves this tab.
        </li>
      </ol>
      <div className="shortcuts">
        {groups.map(({ name, keys }) => (
          <section key={name}>
            <h3>{name}</h3>
            <dl>
              {keys.map(([key, what]) => (
                <div key={key}>
                  <dt>
                    <kbd>{key}</kbd>
                  </dt>
                  <dd>{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p className="about">
        VDMini Studio {studioVersion} is free software (MIT).{' '}
        <a href="./third-party-licenses.txt" target="_blank" rel="noreferrer" data-testid="third-party-licenses">
          Licences of what it holds
        </a>
      </p>
    </Dialog>
  );
}
