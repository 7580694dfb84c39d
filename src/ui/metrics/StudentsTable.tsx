/** Two students beside each other: both against the teacher, and against each other, in one table. */
import { Explain } from '../parts/Explain';
import { isCurrent } from '../store/derived';
import { type ShownComparison, useStudio } from '../store/state';
import { type Figure, keyFigures } from './figures';

export function StudentsTable() {
  const ofFirst = useStudio((state) => state.comparison);
  const ofSecond = useStudio((state) => state.secondComparison);
  const between = useStudio((state) => state.studentsComparison);
  const current = useStudio((state) => isCurrent(state, 'student') && isCurrent(state, 'second'));
  const name = useStudio((state) => state.second?.name ?? '');
  return (
    <div className="students-table" data-standing={current ? 'done' : 'stale'} data-testid="students-table">
      <table>
        <caption className="visually-hidden">Both students against the teacher and against each other</caption>
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Figure</span>
            </th>
            <th scope="col">
              <span className="student">A</span> to teacher
            </th>
            <th scope="col" aria-label={`B, ${name}, to teacher`}>
              <span className="second">B</span> to teacher
            </th>
            <th scope="col">
              <span className="student">A</span> to <span className="second">B</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keyFigures.map((figure) => (
            <tr key={figure.id}>
              <th scope="row">
                <Explain about={figure.about}>{figure.name}</Explain>
                {figure.unit !== '' && <small className="faint"> {figure.unit}</small>}
              </th>
              <Value figure={figure} of={ofFirst} id="first" />
              <Value figure={figure} of={ofSecond} id="second" />
              <Value figure={figure} of={between} id="between" />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface ValueProps {
  readonly figure: Figure;
  readonly of: ShownComparison | null;
  readonly id: string;
}

function Value({ figure, of, id }: ValueProps) {
  const raw = of ? figure.raw(of.value) : null;
  return (
    <td data-testid={`students-${figure.id}-${id}`} data-value={raw ?? undefined}>
      {of ? figure.value(of.value) : '–'}
    </td>
  );
}
