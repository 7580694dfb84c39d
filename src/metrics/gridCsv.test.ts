import { describe, expect, it } from 'vitest';
import { gridCsv } from './gridCsv';

const figures = (psnr: number) => ({
  psnr,
  ssim: 0.5,
  errorContent: 1,
  errorMotion: 2,
  meanSquaredError: 3,
  motionDelta: null,
  flowEpe: 0,
});

describe('many clips as CSV', () => {
  it('has a column of pictures where clips begin with several', () => {
    const rows = ['cat', 'dog'].map((picture) => ({ prompt: '', seed: 1, picture, figures: [figures(20)] }));
    const lines = gridCsv(rows, { column: 'student', names: ['A'] }).split('\n');
    expect(lines.slice(3, 6)).toEqual([
      expect.stringMatching(/^prompt,seed,picture,student,psnr_db,/),
      expect.stringMatching(/^"",1,"cat","A",20,/),
      expect.stringMatching(/^"",1,"dog","A",20,/),
    ]);
  });

  it('has a row per take and candidate, and the summary of each before', () => {
    const rows = [
      { prompt: 'a "big" cat', seed: 1, figures: [figures(20)] },
      { prompt: 'b', seed: 2, figures: [figures(Infinity)] },
      { prompt: 'b', seed: 3, figures: [figures(30)] },
    ];
    expect(
      gridCsv(rows, { column: 'student', names: ['A'] })
        .trimEnd()
        .split('\n'),
    ).toEqual([
      '# mean of "A",25,0.5,1,2,3,,0',
      expect.stringMatching(/^# standard deviation of "A",7\.07106\d+,0,0,0,0,,0$/),
      '# worst of "A",20,0.5,1,2,3,,0',
      'prompt,seed,student,psnr_db,ssim,error_content,error_motion,mean_squared_error,motion_delta,flow_epe_px',
      '"a ""big"" cat",1,"A",20,0.5,1,2,3,,0',
      '"b",2,"A",identical,0.5,1,2,3,,0',
      '"b",3,"A",30,0.5,1,2,3,,0',
    ]);
  });
});
