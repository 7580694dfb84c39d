/** Students with weights of their own that this browser keeps for the open model: put on, or deleted. */

import { useState } from 'react';
import { present } from '../../errors/present';
import { formatBytes, formatPercent } from '../format';
import { describeCut } from '../plan/cut';
import { type HealedStudent, useStudents } from '../store/healedStudents';
import { useStudio } from '../store/state';
import { deleteStudent, wearStudent } from '../store/students';

export function HealedStudents() {
  const fingerprint = useStudio((state) => state.open?.fingerprint);
  const students = useStudents((state) => state.students);
  const room = useStudents((state) => state.room);
  const own = students.filter((student) => student.fingerprint === fingerprint);
  if (own.length === 0) return null;
  return (
    <div className="heal-students">
      <h3>
        Healed students{' '}
        {room && (
          <span className="faint">
            {formatBytes(room.usedBytes)} of {formatBytes(room.budgetBytes)} in this browser
          </span>
        )}
      </h3>
      <ul data-testid="healed-students">
        {own.map((student) => (
          <Row key={student.weights} student={student} />
        ))}
      </ul>
    </div>
  );
}

function Row({ student }: { readonly student: HealedStudent }) {
  const tree = useStudio((state) => present(state.open).tree);
  const worn = useStudio((state) => state.weights === student.weights);
  const [sure, setSure] = useState(false);
  const { edit, summary, stored, weights } = student;
  return (
    <li data-weights={weights} data-worn={worn}>
      <p>
        <b>{describeCut(tree, edit.plan)} dropped</b>, error to{' '}
        {formatPercent(summary.best.total / summary.before.total)} in {summary.steps} steps
        {edit.weights === 'original' ? '' : ', on top of an earlier healing'}.{' '}
        <span className="faint">
          {stored
            ? `${formatBytes(stored.sizeBytes)}, ${new Date(stored.storedAtMs).toLocaleString()}`
            : 'Ends with this visit.'}
        </span>
      </p>
      <span className="heal-controls">
        <button
          type="button"
          className="button small"
          disabled={worn}
          onClick={() => wearStudent(student)}
          data-testid="student-wear"
        >
          {worn ? 'On' : 'Put on'}
        </button>
        <button
          type="button"
          className="button small quiet"
          onClick={() => (sure ? void deleteStudent(weights) : setSure(true))}
          onBlur={() => setSure(false)}
          data-testid="student-delete"
        >
          {sure ? 'Delete for good' : 'Delete'}
        </button>
      </span>
    </li>
  );
}
