/** The shelf: students that were kept, to load, to put beside the one that is edited, to name, save and delete. */
import { useRef } from 'react';
import { samePlan } from '../../blocks/plan';
import { formatPercent, significant } from '../format';
import { Icon } from '../parts/Icon';
import {
  deleteStudentOnShelf,
  keepStudent,
  loadStudent,
  renameStudent,
  saveStudent,
  shelved,
  shelvePlanFiles,
  standBeside,
  undoDelete,
  useShelf,
} from '../store/shelf';
import type { ShelvedStudent } from '../store/shelfStorage';
import { useStudio } from '../store/state';
import { BlindTestButton } from './BlindTest';
import './shelf.css';

export function ShelfPanel() {
  const { students, deleted } = useShelf();
  const isOpen = useStudio((state) => state.open !== null);
  const plan = useStudio((state) => state.plan);
  const weights = useStudio((state) => state.weights);
  const second = useStudio((state) => state.second);
  const known = shelved(students, { plan, weights });
  return (
    <section className="shelf" aria-label="Shelf of students" data-testid="shelf">
      <header className="shelf-head">
        <p className="dim">
          {students.length === 0
            ? 'Students worth coming back to: name them, load them, and put one beside the student that you edit.'
            : 'Load one to edit it, or put one beside it as student B.'}
        </p>
        {second && (
          <button type="button" className="button small" onClick={() => standBeside(null)} data-testid="beside-none">
            Only one student
          </button>
        )}
        <BlindTestButton />
        <button
          type="button"
          className="button small"
          disabled={!isOpen || known !== undefined}
          onClick={keepStudent}
          data-testid="shelf-keep"
        >
          <Icon name="shelf" size={13} /> {known ? 'On the shelf' : 'Keep this student'}
        </button>
        <ImportButton disabled={!isOpen} />
      </header>
      {deleted && (
        <p className="shelf-deleted" role="status">
          {deleted.student.name} was deleted.{' '}
          <button type="button" className="button small" onClick={undoDelete} data-testid="shelf-undo">
            Undo
          </button>
        </p>
      )}
      {students.length > 0 && (
        <ul className="shelf-list">
          {students.map((student) => (
            <Student key={student.id} student={student} />
          ))}
        </ul>
      )}
    </section>
  );
}

function ImportButton({ disabled }: { readonly disabled: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        className="button small quiet"
        disabled={disabled}
        onClick={() => input.current?.click()}
        data-testid="shelf-import"
      >
        <Icon name="folder" size={13} /> Plan files
      </button>
      <input
        ref={input}
        type="file"
        accept=".json,application/json"
        multiple
        hidden
        onChange={(event) => {
          void shelvePlanFiles([...(event.target.files ?? [])]);
          event.target.value = '';
        }}
        data-testid="shelf-files"
      />
    </>
  );
}

function Student({ student }: { readonly student: ShelvedStudent }) {
  const { id, name, dropped, weights, thumbnail } = student;
  const loaded = useStudio((state) => samePlan(state.plan, { dropped }) && state.weights === weights);
  const beside = useStudio(
    ({ second }) => second !== null && samePlan(second.plan, { dropped }) && second.weights === weights,
  );
  return (
    <li
      className="shelf-student"
      data-loaded={loaded || undefined}
      data-beside={beside || undefined}
      data-testid="shelved"
    >
      {thumbnail ? (
        <img src={thumbnail} alt="" className="shelf-picture" />
      ) : (
        <span className="shelf-picture" aria-hidden="true" />
      )}
      <div className="shelf-about">
        <input
          className="field shelf-name"
          defaultValue={name}
          key={name}
          aria-label={`Name of ${name}`}
          maxLength={80}
          onBlur={(event) => {
            renameStudent(id, event.target.value);
            if (event.target.value.trim() === '') event.target.value = name;
          }}
          onKeyDown={(event) => event.key === 'Enter' && event.currentTarget.blur()}
          data-testid="shelf-name"
        />
        <Figures student={student} />
        <div className="shelf-actions">
          <button
            type="button"
            className="button small"
            aria-pressed={loaded}
            aria-label={loaded ? `${name} is loaded` : `Load ${name}`}
            onClick={() => loadStudent(student)}
            data-testid="shelf-load"
          >
            {loaded ? 'Loaded' : 'Load'}
          </button>
          <button
            type="button"
            className="button small"
            aria-pressed={beside}
            aria-label={beside ? `${name} no longer beside` : `Put ${name} beside`}
            onClick={() => standBeside(beside ? null : student)}
            data-testid="shelf-beside"
          >
            {beside ? 'Is B' : 'Beside'}
          </button>
          <span className="spacer" />
          <button
            type="button"
            className="button quiet icon small"
            aria-label={`Save ${name} as a plan file`}
            onClick={() => saveStudent(student)}
            data-testid="shelf-save"
          >
            <Icon name="download" size={14} />
          </button>
          <button
            type="button"
            className="button quiet icon small"
            aria-label={`Delete ${name} from the shelf`}
            onClick={() => deleteStudentOnShelf(id)}
            data-testid="shelf-delete"
          >
            <Icon name="close" size={14} />
          </button>
        </div>
      </div>
    </li>
  );
}

function Figures({ student: { macs, parameters, figures, weights } }: { readonly student: ShelvedStudent }) {
  const parts = [
    macs === null ? null : `${formatPercent(macs)} MACs`,
    parameters === null ? null : `${formatPercent(parameters)} parameters`,
    weights === 'original' ? null : 'healed',
  ].filter((part) => part !== null);
  return (
    <p className="shelf-figures">
      <span>{parts.length > 0 ? parts.join(' · ') : 'not counted yet'}</span>
      <span className="faint" title={figures ? `“${figures.prompt}”, seed ${figures.seed}` : undefined}>
        {figures
          ? `${figures.psnr === null ? 'identical' : `${figures.psnr.toFixed(1)} dB`}, content off by ${significant(Math.sqrt(figures.errorContent))}, motion by ${significant(Math.sqrt(figures.errorMotion))}`
          : 'not run yet'}
      </span>
    </p>
  );
}
