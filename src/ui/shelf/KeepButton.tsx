/** Beside the plan's undo: puts the student of the page on the shelf, or says that it is there. */
import { Icon } from '../parts/Icon';
import { keepStudent, shelved, useShelf } from '../store/shelf';
import { useStudio } from '../store/state';

export function KeepButton() {
  const students = useShelf((state) => state.students);
  const plan = useStudio((state) => state.plan);
  const weights = useStudio((state) => state.weights);
  const isOpen = useStudio((state) => state.open !== null);
  const known = shelved(students, { plan, weights });
  return (
    <button
      type="button"
      className="button quiet icon small"
      aria-label={known ? `On the shelf as ${known.name}` : 'Keep on the shelf'}
      title={known ? `On the shelf as ${known.name}` : 'Keep on the shelf'}
      aria-pressed={known !== undefined}
      disabled={!isOpen}
      onClick={keepStudent}
      data-testid="keep"
    >
      <Icon name="shelf" />
    </button>
  );
}
