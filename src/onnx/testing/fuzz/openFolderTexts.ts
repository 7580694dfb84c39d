/** All that the studio does with the texts of a pipeline folder before anything runs: describe, schedule, read the prompt. */
import { memoryFolder } from '../../../library/testing/memoryFolder';
import { planDenoiserInputs } from '../../../pipeline/denoiserInputs';
import { describePipeline } from '../../../pipeline/describePipeline';
import { openTokenizer } from '../../../pipeline/openTokenizer';
import { createScheduler } from '../../../pipeline/schedulers/createScheduler';
import { bareModel } from '../../../pipeline/testing/graphs';
import type { FolderTexts } from './folderCases';
import { type Outcome, outcomeOf } from './openFile';

const denoiser = bareModel(
  { sample: [1, 4, 3, 8, 8], timestep: [1], encoder_hidden_states: [1, 'tokens', 16] },
  { out_sample: [1, 4, 3, 8, 8] },
  4,
);
const encoder = bareModel({ input_ids: ['b', 'n'], attention_mask: ['b', 'n'] }, { last_hidden_state: ['b', 'n', 16] });

/** Never rejects. */
export function openFolderTexts({ files, prompt }: FolderTexts): Promise<Outcome> {
  return outcomeOf(async () => {
    const graphs = ['text_encoder', 'text_encoder_2', 'unet', 'transformer'].map((part) => [`${part}/model.onnx`, '']);
    const folder = memoryFolder({ ...files, ...Object.fromEntries(graphs) });
    const description = await describePipeline(folder, async (path) =>
      path.startsWith('text_encoder') ? encoder : denoiser,
    );
    const tokenizer = await openTokenizer(folder, description);
    tokenizer?.encode(prompt);
    createScheduler(description.scheduler, description.defaults.steps);
    planDenoiserInputs(denoiser, description, description.textEncoder?.maxTokens);
  });
}
