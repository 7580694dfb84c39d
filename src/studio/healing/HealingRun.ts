/**
 * One run of healing: the order of its stages and steps, what is measured on the way, what is kept. How a step is computed is
 * the trainer's, how states come about `trainingStates`, and when the next step may be taken the caller's.
 */
import { present } from '../../errors/present';
import { StudioError } from '../../errors/StudioError';
import type { Tensor } from '../../onnx/model';
import { openSize } from '../../pipeline/openSize';
import type { Pipeline } from '../Pipeline';
import type { Edit } from '../Variant';
import { type ClipCritic, type CriticState, createClipCritic } from './clipCritic';
import { encodeCheckpoint, type HealCheckpoint } from './healCheckpoint';
import { HealClock, TIMED_STEPS } from './healClock';
import type {
  CriticPoint,
  HealEnd,
  HealProgress,
  HealSettings,
  HealStage,
  HeldOutPoint,
  TrainingPoint,
} from './healData';
import { healingClip } from './healingClip';
import type { HealOptions, HealResult } from './healOptions';
import { learningRateAt, measuredEvery, stageAt } from './healSchedule';
import { type HeldOut, heldOut } from './heldOut';
import { repair } from './repair';
import { shuffledWeights } from './shuffledWeights';
import { createTrainer, type Trainer } from './trainer';
import type { TrainedStage } from './trainingGraphs';
import { type ClipOptions, type TrainingItem, type TrainingStates, trainingStates } from './trainingStates';

/** Tried where none is given. */
const RATES = [5e-4, 1e-3, 2e-3, 4e-3];
const RATE_STEPS = 15;
/** Clips that layers are fitted with in closed form. */
const REPAIR_CLIPS = 8;
/** Measurements in a row without a new best after which it ends. */
const PATIENCE = 6;
/** Of the time, what clips on the way may take. */
const CLIP_SHARE = 0.1;

export class HealingRun {
  private step = 0;
  /** Peak learning rate. */
  private rate: number | undefined;
  private stage: HealStage | null = null;
  private total: number | null;
  private readonly training: TrainingPoint[] = [];
  private readonly heldOut: HeldOutPoint[] = [];
  private best: HeldOutPoint | undefined;
  private bestWeights: Float32Array | undefined;
  /** Of the last checkpoint that this process wrote. */
  private keptStep: number | undefined;
  private readonly clock = new HealClock();
  private measured: HeldOut | undefined;
  private critic: ClipCritic | undefined;
  /** Of the checkpoint, until there is a critic to take it. */
  private savedCritic: CriticState | undefined;
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
      if (this.step % measuredEvery(this.planned()) === 0 || this.step === this.total) {
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
    this.clock.stepped(this.step);
    if (this.total === null && this.step === TIMED_STEPS) this.total = this.clock.stepsInTime(this.step, this.settings);
    this.tell('training', this.step, this.planned(), { training: point });
  }

  private planned(): number {
    return this.total ?? this.settings.steps;
  }

  /** The averaged weights on the held-out states, and whether they are the best so far. */
  private async measure(): Promise<void> {
    const startMs = performance.now();
    const point: HeldOutPoint = {
      step: this.step,
      stage: this.stage,
      ...(await present(this.measured).error(this.trainer, 'average')),
    };
    this.clock.measured(performance.now() - startMs);
    this.heldOut.push(point);
    if (this.best === undefined || point.total < this.best.total) {
      this.best = point;
      if (this.stage !== null) this.bestWeights = await this.trainer.readAverage();
    }
    this.tell('training', this.step, this.planned(), { heldOut: point });
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
      this.tell('training', this.step, this.planned(), { clip: { step: this.step, clip } });
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
    if (this.step >= this.planned()) return 'steps';
    if (this.options.finish?.()) return 'told';
    const { minutes } = this.settings;
    if (minutes !== undefined && this.clock.seconds() > 60 * minutes) return 'minutes';
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
    await checkpoint.write(bytes, { step: this.step, of: this.planned() });
  }

  private async saved(): Promise<HealCheckpoint> {
    return {
      key: this.key(),
      step: this.step,
      total: this.total,
      seconds: this.clock.seconds(),
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
    this.clock.goOn(saved.seconds);
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
    const size = openSize(this.pipeline.description);
    const own = size === undefined ? [] : [size];
    return JSON.stringify([this.fingerprint, [...plan.dropped].sort(), weights, this.settings, ...own]);
  }

  private tell(phase: HealProgress['phase'], done: number, of: number, more: Partial<HealProgress> = {}): void {
    const left = phase === 'training' ? { secondsLeft: this.clock.secondsLeft(this.step, this.planned()) } : {};
    this.options.onProgress?.({ phase, done, of, ...left, ...more });
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
      seconds: this.clock.seconds(),
      trainedWeights: trainer.layout.length,
      tensors,
    };
  }
}
