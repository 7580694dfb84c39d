/**
 * A pruned student learns to do what its teacher does: end to end, from the teacher's own states, by the output's error and
 * individual content distillation. It is measured on states of other seeds before, while and after; the best is kept, the
 * untouched student included, because healing can harm. Closed-form repair, teacher-fed regions and the critic (MCA) are
 * not done here.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import { sha256Of } from '../../library/sha256';
import type { Tensor } from '../../onnx/model';
import type { GenerateSettings, Picture } from '../GenerateSettings';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import { type ClipCritic, type CriticState, createClipCritic } from './clipCritic';
import { decodeCheckpoint, encodeCheckpoint, type HealCheckpoint } from './healCheckpoint';
import type {
  CriticPoint,
  HealEnd,
  HealProgress,
  HealSettings,
  HealStage,
  HealSummary,
  HeldOutPoint,
  TrainingPoint,
} from './healData';
import { healingClip } from './healingClip';
import { learningRateAt, stageAt, WARM_UP_STEPS } from './healSchedule';
import { type HeldOut, heldOut } from './heldOut';
import type { OwnClip } from './ownClips';
import { repair } from './repair';
import { shuffledWeights } from './shuffledWeights';
import { createTrainer, type Trainer } from './trainer';
import type { TrainedStage } from './trainingGraphs';
import { type ClipOptions, type TrainingItem, type TrainingStates, trainingStates } from './trainingStates';

export interface HealOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: HealProgress) => void;
  /**
   * Awaited after every step, and before every call in between: lets what a person waits for go first, and pauses.
   * `beforePausing` writes the checkpoint: the person may be about to close the tab.
   */
  readonly turn?: (beforePausing: () => Promise<void>) => Promise<void>;
  /** Told around seconds of work in which no message is answered. */
  readonly onBusy?: (busy: boolean) => void;
  /** Looked at after every step: true ends it with what is best so far. */
  readonly finish?: () => boolean;
  readonly checkpoint?: CheckpointOptions;
  /** Bytes of a checkpoint of the same student and settings. */
  readonly resume?: Uint8Array;
  /** Clips of the student as it learns, after measurements, for a tenth of the time at most: told as progress. */
  readonly clip?: GenerateSettings;
  /** Learnt from in place of the teacher's sampling; named by `settings.ownClips`. */
  readonly clips?: readonly OwnClip[];
  /** Those that `settings.pictures` names, where the model begins with one. */
  readonly pictures?: readonly Picture[];
}

/** Written every so many steps, when `wanted` (looked at after every step), before a pause, and when the signal is aborted. */
export interface CheckpointOptions {
  readonly everySteps: number;
  wanted?(step: number): boolean;
  write(bytes: Uint8Array, at: { readonly step: number; readonly of: number }): Promise<void>;
}

export interface HealResult extends HealSummary {
  /** New weights by initializer; none where nothing was better than the untouched student. */
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Steps after which the time of one is known. */
const TIMED_STEPS = 8;
const MEASUREMENTS = 20;
/** Tried where none is given. */
const RATES = [5e-4, 1e-3, 2e-3, 4e-3];
const RATE_STEPS = 15;
/** Clips that layers are fitted with in closed form. */
const REPAIR_CLIPS = 8;
/** Measurements in a row without a new best after which it ends. */
const PATIENCE = 6;
/** Of the time, what clips on the way may take. */
const CLIP_SHARE = 0.1;

/**
 * Throws `passes/*` where the student cannot be trained, `library/missing-file` where the pictures that it learns from are not
 * given, `library/integrity` for a checkpoint of something else, and the signal's reason.
 */
export async function heal(
  pipeline: Pipeline,
  edit: Edit,
  settings: HealSettings,
  options: HealOptions = {},
): Promise<HealResult> {
  options.onProgress?.({ phase: 'graphs', done: 0, of: 1 });
  const fingerprint = await sha256Of([pipeline.denoiser.file.bytes]);
  const saved = options.resume ? decodeCheckpoint(options.resume) : undefined;
  if (settings.train === 'low-rank' && settings.stages.includes('repair'))
    throw new StudioError(
      'passes/nothing-to-train',
      'Repair changes whole layers: leave it out of the stages where a low-rank change is all that is trained.',
      {},
    );
  if (settings.fromScratch && (settings.train === 'low-rank' || settings.stages.includes('repair')))
    throw new StudioError(
      'passes/nothing-to-train',
      'From scratch whole weights are trained and none is repaired: leave out repair and low-rank.',
      {},
    );
  requirePictures(pipeline, settings, options.pictures ?? []);
  const first = stageAt(settings, saved?.step ?? 0, saved?.total ?? null);
  const trainer = await createTrainer(pipeline, edit, settings, first, options.onBusy);
  const healing = new Healing(pipeline, edit, settings, options, fingerprint, first, trainer);
  try {
    return await healing.run(saved);
  } finally {
    await healing.release();
  }
}

/** On a blank picture a model that begins with one does nothing that a student could learn from. */
function requirePictures({ picture }: Pipeline, settings: HealSettings, given: readonly Picture[]): void {
  const named = settings.pictures ?? [];
  if (picture && named.length === 0)
    throw new StudioError(
      'library/missing-file',
      'This model begins with a picture, and its folder has none to learn with: give one.',
      {},
    );
  const missing = named.find((key, index) => given[index]?.key !== key);
  if (missing !== undefined)
    throw new StudioError('library/missing-file', 'A picture that this run learns from is not at hand any more.', {
      picture: missing,
    });
}

class Healing {
  private step = 0;
  /** Peak learning rate. */
  private rate: number | undefined;
  private stage: HealStage | null = null;
  private total: number | null;
  private readonly training: TrainingPoint[] = [];
  private readonly heldOut: HeldOutPoint[] = [];
  private best: HeldOutPoint | undefined;
  private bestWeights: Float32Array | undefined;
  private secondsBefore = 0;
  /** Of the last checkpoint that this process wrote. */
  private keptStep: number | undefined;
  private readonly startMs = performance.now();
  private measured: HeldOut | undefined;
  private critic: ClipCritic | undefined;
  /** Of the checkpoint, until there is a critic to take it. */
  private savedCritic: CriticState | undefined;
  /** After the first update of this process: the first takes longer. */
  private pace: { readonly startMs: number; readonly step: number } | undefined;
  private measureMs = 0;
  /** What the last clip cost, and when it was there. */
  private clipMs = 0;
  private clipAtMs = 0;

  constructor(
    private readonly pipeline: Pipeline,
    private readonly edit: Edit,
    private readonly settings: HealSettings,
    private readonly options: HealOptions,
    /** Of the denoiser's file. */
    private readonly fingerprint: string,
    private trainedStage: TrainedStage,
    private trainer: Trainer,
  ) {
    const trains = settings.stages.some((stage) => stage !== 'repair');
    this.total = !trains ? 0 : settings.minutes === undefined ? settings.steps : null;
  }

  async run(saved: HealCheckpoint | undefined): Promise<HealResult> {
    const { settings } = this;
    const { signal, clips: own = [], pictures = [] } = this.options;
    const states = trainingStates(this.pipeline, settings, { own, pictures });
    const preparing = {
      ...(signal ? { signal } : {}),
      turn: () => this.giveWay(),
      onClip: (done: number, of: number) => this.tell('clips', done, of),
    };
    this.measured = await heldOut(this.pipeline, settings, pictures, this.trainer, preparing);
    if (saved) this.restore(saved);
    else {
      await this.measure();
      if (settings.fromScratch) await this.forget();
      if (settings.stages.includes('repair')) await this.repair(await states.first(REPAIR_CLIPS, preparing));
    }
    let end = this.ended();
    if (end === undefined) this.rate ??= settings.learningRate ?? (await this.bestRate(states, preparing));
    for (; end === undefined; end = this.ended()) {
      await this.enterStage();
      await states.prepare(this.step, preparing);
      await this.update(states.choose(this.step));
      if (this.step % this.measureEvery() === 0 || this.step === this.total) {
        await this.measure();
        await this.showClip();
      }
      await this.afterStep();
    }
    if (present(this.heldOut.at(-1)).step !== this.step && end !== 'not-finite') await this.measure();
    return this.result(end);
  }

  private async forget(): Promise<void> {
    const { trainer, settings } = this;
    trainer.writeWeights(shuffledWeights(await trainer.readWeights(), trainer.layout, settings.seed));
  }

  /** Goes on from the repaired weights where they are better than the untouched ones. */
  private async repair(items: readonly TrainingItem[]): Promise<void> {
    const { pipeline, edit, settings, options, trainer } = this;
    const untouched = await trainer.readWeights();
    const weights = { layout: trainer.layout, flat: untouched };
    const repaired = await repair(pipeline, edit, settings, weights, items, {
      ...options,
      turn: () => this.giveWay(),
      onLayer: (done, of) => this.tell('repair', done, of),
    });
    trainer.writeWeights(repaired);
    this.stage = 'repair';
    await this.measure();
    if (present(this.best).stage !== 'repair') trainer.writeWeights(untouched);
  }

  /** Of a few, the one that gains most in a few steps from where the student is; then it is there again. */
  private async bestRate(states: TrainingStates, preparing: ClipOptions): Promise<number> {
    const start = await this.trainer.readState();
    const found: { rate: number; total: number }[] = [];
    await states.prepare(0, preparing);
    for (const rate of RATES) {
      for (let step = 0; step < RATE_STEPS; step++) {
        await this.trainer.step(states.choose(step), learningRateAt(step, null, rate));
        await this.giveWay();
      }
      const { total } = await present(this.measured).error(this.trainer, 'parameters');
      if (Number.isFinite(total)) found.push({ rate, total });
      this.trainer.writeState(start);
      this.tell('rates', found.length, RATES.length);
    }
    return found.reduce((a, b) => (b.total < a.total ? b : a), { rate: present(RATES[0]), total: Infinity }).rate;
  }

  /** The graphs of the stage that the next step belongs to, with the state as it is. */
  private async enterStage(): Promise<void> {
    const stage = stageAt(this.settings, this.step, this.total);
    if (stage === 'end' && this.settings.mcaWeight > 0) await this.openCritic();
    if (stage === this.trainedStage) return;
    const state = await this.trainer.readState();
    await this.trainer.release();
    this.trainer = await createTrainer(this.pipeline, this.edit, this.settings, stage, this.options.onBusy);
    this.trainedStage = stage;
    this.trainer.writeState(state);
  }

  private async openCritic(): Promise<void> {
    if (this.critic) return;
    this.critic = await createClipCritic(this.pipeline, this.edit, this.settings);
    if (this.savedCritic) this.critic.writeState(this.savedCritic);
  }

  async release(): Promise<void> {
    await this.critic?.release();
    await this.trainer.release();
  }

  /** One update, and the number of steps once their time is known. */
  private async update(items: readonly TrainingItem[]): Promise<void> {
    const rate = learningRateAt(this.step, this.total, present(this.rate));
    const { critic, step } = this;
    let judged: CriticPoint | undefined;
    const values = await this.trainer.step(
      items,
      rate,
      critic &&
        (async (teacher, student) => {
          const { point, direction } = await critic.judge(items, teacher, student, step);
          judged = point;
          return direction;
        }),
    );
    const point: TrainingPoint = { step, stage: this.trainedStage, ...values, ...(judged ? { critic: judged } : {}) };
    this.stage = point.stage;
    this.training.push(point);
    this.step++;
    this.pace ??= { startMs: performance.now(), step: this.step };
    if (this.total === null && this.step === TIMED_STEPS) this.total = this.stepsInTime();
    this.tell('training', this.step, this.total ?? this.settings.steps, { training: point });
  }

  private stepsInTime(): number {
    const { minutes, steps } = this.settings;
    const stepMs = this.stepMs();
    const leftMs = present(minutes) * 60_000 - 1000 * this.seconds() - MEASUREMENTS * this.measureMs;
    return Math.min(steps, Math.max(2 * WARM_UP_STEPS, TIMED_STEPS + Math.floor(leftMs / stepMs)));
  }

  private measureEvery(): number {
    return Math.max(WARM_UP_STEPS, Math.round((this.total ?? this.settings.steps) / MEASUREMENTS));
  }

  /** The averaged weights on the held-out states, and whether they are the best so far. */
  private async measure(): Promise<void> {
    const startMs = performance.now();
    const point: HeldOutPoint = {
      step: this.step,
      stage: this.stage,
      ...(await present(this.measured).error(this.trainer, 'average')),
    };
    this.measureMs = performance.now() - startMs;
    this.heldOut.push(point);
    if (this.best === undefined || point.total < this.best.total) {
      this.best = point;
      if (this.stage !== null) this.bestWeights = await this.trainer.readAverage();
    }
    this.tell('training', this.step, this.total ?? this.settings.steps, { heldOut: point });
  }

  /** The first at once, so that there is something to see; later ones when they have become cheap. */
  private async showClip(): Promise<void> {
    const { clip: settings, signal } = this.options;
    const startMs = performance.now();
    if (!settings || (this.clipMs > 0 && this.clipMs > CLIP_SHARE * (startMs - this.clipAtMs))) return;
    try {
      const clip = await healingClip(this.pipeline, this.trainer, settings, {
        ...(signal && { signal }),
        turn: () => this.giveWay(),
      });
      this.tell('training', this.step, this.total ?? this.settings.steps, { clip: { step: this.step, clip } });
    } catch (thrown) {
      // a student that gives no numbers has no clip; that the loss is none either is what ends the run, with its best kept
      if (!(thrown instanceof StudioError && thrown.code === 'engine/not-finite')) throw thrown;
    }
    this.clipAtMs = performance.now();
    this.clipMs = this.clipAtMs - startMs;
  }

  private ended(): HealEnd | undefined {
    const last = this.training.at(-1);
    if (last && !Number.isFinite(last.output + last.gradientNorm)) return 'not-finite';
    if (this.step >= (this.total ?? this.settings.steps)) return 'steps';
    if (this.options.finish?.()) return 'told';
    const { minutes } = this.settings;
    if (minutes !== undefined && this.seconds() > 60 * minutes) return 'minutes';
    const since = this.heldOut.length - 1 - this.heldOut.indexOf(present(this.best));
    return since >= PATIENCE && present(this.heldOut.at(-1)).step === this.step ? 'no-gain' : undefined;
  }

  private async afterStep(): Promise<void> {
    const { checkpoint } = this.options;
    if (checkpoint && (this.step % checkpoint.everySteps === 0 || checkpoint.wanted?.(this.step))) await this.keep();
    await this.giveWay();
  }

  /** Between any two calls; a run that waits or ends here is kept as after its last step. */
  private async giveWay(): Promise<void> {
    const { signal, turn } = this.options;
    try {
      signal?.throwIfAborted();
      await turn?.(() => this.keep());
      signal?.throwIfAborted();
    } catch (thrown) {
      if (signal?.aborted) await this.keep();
      throw thrown;
    }
  }

  /** Nothing before the rate is known, and nothing twice. */
  private async keep(): Promise<void> {
    const { checkpoint } = this.options;
    if (!checkpoint || this.rate === undefined || this.keptStep === this.step) return;
    this.keptStep = this.step;
    const bytes = encodeCheckpoint(await this.saved());
    await checkpoint.write(bytes, { step: this.step, of: this.total ?? this.settings.steps });
  }

  private async saved(): Promise<HealCheckpoint> {
    return {
      key: this.key(),
      step: this.step,
      total: this.total,
      seconds: this.seconds(),
      rate: present(this.rate),
      curves: { training: this.training, heldOut: this.heldOut },
      best: present(this.best),
      bestWeights: this.bestWeights,
      state: await this.trainer.readState(),
      critic: await this.critic?.readState(),
    };
  }

  private restore(saved: HealCheckpoint): void {
    if (saved.key !== this.key() || saved.state.parameters.length !== this.trainer.layout.length)
      throw new StudioError(
        'library/integrity',
        'The checkpoint belongs to another student or other settings. Start without it.',
        {},
      );
    this.step = saved.step;
    this.total = saved.total;
    this.rate = saved.rate;
    this.secondsBefore = saved.seconds;
    this.training.push(...saved.curves.training);
    this.heldOut.push(...saved.curves.heldOut);
    this.best = present(this.heldOut.find(({ step, stage }) => step === saved.best.step && stage === saved.best.stage));
    this.bestWeights = saved.bestWeights;
    this.savedCritic = saved.critic;
    this.trainer.writeState(saved.state);
  }

  /** Equal for runs that do the same. */
  private key(): string {
    const { plan, weights } = this.edit;
    return JSON.stringify([this.fingerprint, [...plan.dropped].sort(), weights, this.settings]);
  }

  private seconds(): number {
    return this.secondsBefore + (performance.now() - this.startMs) / 1000;
  }

  private tell(phase: HealProgress['phase'], done: number, of: number, more: Partial<HealProgress> = {}): void {
    const left = phase === 'training' ? { secondsLeft: this.secondsLeft() } : {};
    this.options.onProgress?.({ phase, done, of, ...left, ...more });
  }

  private secondsLeft(): number {
    return (this.stepMs() / 1000) * ((this.total ?? this.settings.steps) - this.step);
  }

  /** Clips and measurements in between included; 0 until two updates were done. */
  private stepMs(): number {
    const done = this.pace === undefined ? 0 : this.step - this.pace.step;
    return done === 0 ? 0 : (performance.now() - present(this.pace).startMs) / done;
  }

  private async result(end: HealEnd): Promise<HealResult> {
    const { edit, settings, best, heldOut, training, trainer } = this;
    this.options.onBusy?.(true);
    const tensors = this.bestWeights ? await trainer.tensorsOf(this.bestWeights) : new Map<string, Tensor>();
    this.options.onBusy?.(false);
    return {
      edit,
      settings,
      curves: { training, heldOut },
      before: present(heldOut[0]),
      best: present(best),
      end,
      learningRate: this.rate ?? null,
      steps: this.step,
      seconds: this.seconds(),
      trainedWeights: trainer.layout.length,
      tensors,
    };
  }
}
